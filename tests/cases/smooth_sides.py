"""Points that a descent reaches from a smooth side, and that are no minimum on the other; and
coordinates that are rounding of 0, which are no measure of anything."""

from __future__ import annotations

from tests.cases.case import Case, case, inline

__all__ = ["NEXT_TO_NOTHING", "SMOOTH_SIDES"]


def _of_one(name: str, loss: str, near: float, *, more: str = "") -> Case:
    config = f"parameters: {{x: 2}}\nloss: {loss}\noptimizer: lbfgs\n{more}"
    return case(name, config, 0, near={"parameters.x": near})


SMOOTH_SIDES = [
    _of_one("a cliff", "cosh(x - 1) - 50 * relu(1 - x)", -3.605270170991424),
    _of_one("a slope", "cosh(x - 1) - 0.5 * relu(1 - x)", 0.5187881749403971),
    _of_one("an infinite slope", "cosh(x - 1) - sqrt(relu(1 - x))", 0.39486309783229523),
    _of_one("a curvature of the other sign", "cosh(x - 1) - 2 * relu(1 - x)**2", -2.263796101543),
    _of_one("less than a curvature", "cosh(x) - 0.4 * relu(-x)**1.5", -0.3459736999547782),
    _of_one("a curvature that is seen late", "x**2 - 2*relu(-x)**2 + 0.1*x**4", -(5.0**0.5)),
    case(
        "a logarithm that is 0 at the kink",
        """
parameters: {m: {init: 2, transform: log}}
loss: m - log(m) - 0.5 * relu(1 - m)
optimizer: lbfgs
""",
        0,
        near={"parameters.m": 2.0 / 3.0},
    ),
    case(
        "one of sixty",
        """
parameters: {w: {shape: [60], init: 2}}
loss: sum(cosh(w - 1)) - 0.5 * relu(1 - w[7])
optimizer: lbfgs
""",
        0,
        near={"parameters.w[7]": 0.5187881749403971, "parameters.w[8]": 1.0},
    ),
    case(
        "residuals of which one ends",
        f"""
{inline(x=[0, 1, 2, 3, 4, 5], y=[1.5, 3.5, 5.5, 7.5, 9.5, 11.5])}
parameters: {{c: 1, k: 3}}
least_squares: {{data: y - c*x - relu(1 - k), prior: 0.5*(k**3 - 1)}}
""",
        0,
        near={"parameters.k": -0.423993, "parameters.c": 2.0207292},
    ),
    case(
        "a trade-off that leads across a kink to a lower loss",
        f"""
{inline(x=[0, 1, 2, 3, 4, 5], y=[0.1, 0.9, 2.1, 3.1, 3.8, 5.1])}
parameters: {{c: 0, a: 1, b: 0.25}}
least_squares: {{observed: y, predicted: c + a*relu(x + b)}}
""",
        0,
        near={"parameters.a": 1.01, "parameters.c": 0.1, "parameters.b": -0.1287129},
    ),
    case(
        "a trade-off on one side of a kink that is near the rows",
        f"""
{inline(x=[0, 1, 2, 3, 4, 5], y=[-0.3, 0.9, 2.1, 3.1, 3.8, 5.1])}
parameters: {{c: 0, a: 1, b: 0.25}}
least_squares: {{observed: y, predicted: c + a*relu(x + b)}}
""",
        0,
        near={"parameters.a": 1.0485714, "standard_errors.c": None, "standard_errors.b": None},
        says="do not determine c and b",
    ),
    case(
        "a likelihood",
        f"""
{inline(y=[1, 1, 1])}
parameters: {{k: 3}}
log_likelihood: normal_logpdf(y, relu(1 - k), 1) + 1 - cosh(k - 1)
""",
        0,
        near={"parameters.k": 0.5099269},
    ),
]

NEXT_TO_NOTHING = [
    case(
        "two parts of a mixture that are one, in the middle of the data",
        f"""
{inline(y=[-2, -2.1, -1.9, 2, 2.1, 1.9])}
parameters: {{m: [0.5, 0.5], s: {{init: 1, transform: log}}}}
log_likelihood: logaddexp(normal_logpdf(y, m[0], s), normal_logpdf(y, m[1], s))
""",
        0,
        near={"parameters.s": 0.0816496581, "parameters.m[0]": (2.0, -2.0)},
    ),
    case(
        "a kink beside it",
        "parameters: {p: 0, r: 1.0e-17}\nloss: (p + 30 - relu(-r))**2 + 100*p**2\n",
        0,
        near={"parameters.r": -30.0},
    ),
    case(
        "a curvature that is 0 there",
        "parameters: {x: 0, y: 1.0e-300}\nloss: (x - 2)**2 - y**4 + y**6\n",
        0,
        near={"loss": -4.0 / 27.0},
    ),
    case(
        "a saddle beside equal shares",
        """
parameters: {x: 0, w: {shape: [3], transform: simplex}}
loss: x**4 - x**2 + (w[0] - 0.5)**2
optimizer: lbfgs
""",
        0,
        near={"loss": -0.25, "parameters.w[0]": 0.5},
    ),
    case(
        "a saddle beside what nothing uses",
        "parameters: {x: 0, w: 0.5, u: 0}\nloss: x**4 - x**2 + 0*w*u\noptimizer: lbfgs\n",
        0,
        near={"loss": -0.25, "parameters.w": 0.5, "parameters.u": 0.0},
    ),
    case(
        "a unit of a network that has died, where all of it together lowers the loss",
        f"""
{inline(x=list(range(11)), y=[0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5])}
parameters: {{a: 0, d: 0, w: 0.2, b: -3, c: 0}}
loss: mean((y - a - d*x - c*relu(w*x + b))**2) + 0.1*(w**2 + b**2 + c**2)
optimizer: lbfgs
""",
        3,
    ),
    case(
        "squares of two weights that come to 0",
        f"""
{inline(x=[1, 2, 3, 4], y=[2, 4, 6, 8])}
define: {{w(r): "where(r > 0, 0.9, 0.1) * r**2"}}
parameters: {{a: 1, b: 1}}
loss: sum(w(2*x - y - a - b*x))
optimizer: lbfgs
""",
        0,
        near={"parameters.a": [0.0, 1e-12], "parameters.b": [0.0, 1e-12]},
    ),
]
