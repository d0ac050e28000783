"""What maxima, medians and absolute values select, and where a descent ends on them."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["KINKS"]

KINKS = [
    case(
        "lasso by absolute values, which has its minimum at a kink",
        f"""
{inline(x=[1, 2, 3, 4, 5, 6], z=[2, -1, 0, 1, -2, 1], y=[2.1, 3.9, 6.2, 7.8, 10.1, 12.0])}
parameters: {{a: 1, b: 1}}
loss: sum((y - a * x - b * z)**2) + 4 * (abs(a) + abs(b))
""",
        0,
        3,
        never="conditioning",
    ),
    *(
        case(
            f"the largest of a function of the rows by {backend}",
            f"""
{inline(x=[0.3, 1.2, 0.7])}
parameters: {{a: 1.2}}
backend: {backend}
loss: max(digamma(a * x))
optimizer: none
""",
            0,
            near={"gradient.a": [1.184637279, 1e-6]},
        )
        for backend in ("numpy", "llvm")
    ),
    *(
        case(
            f"the largest error of three rows by {backend}",
            f"""
data:
  inline:
    x1: [-1.738, -1.361, -2.313]
    x2: [-1.337, -0.352, -0.189]
    y: [-0.957, 0.894, 0.957]
    k: [1, 0, 1]
  columns: {{X: {{take: [x1, x2]}}, y: y, k: {{take: k, as: integer}}}}
parameters: {{v: [0.3, -0.2], M: [[0.1, 0.25], [0.3, 0.45]]}}
loss: max(abs(y - X @ v - M[k][:, 1]))
optimizer: none
backend: {backend}
""",
            0,
            near={"gradient.v[0]": 2.313, "gradient.v[1]": 0.189},
        )
        for backend in ("numpy", "llvm")
    ),
    case(
        "least absolute deviations",
        f"""
{inline(x=[0, 1, 2, 3, 4], y=[1, 3.1, 4.9, 20, 9])}
parameters: {{a: 0, b: 0}}
loss: sum(abs(y - a - b * x))
optimizer: lbfgs
""",
        0,
        3,
        near={"loss": [13.2, 1e-3]},
    ),
    case(
        "the median as the end of a descent",
        f"""
{inline(y=[1, 2, 4])}
parameters: {{m: 0}}
loss: mean(abs(y - m))
optimizer: lbfgs
""",
        0,
        3,
        near={"parameters.m": [2.0, 1e-3]},
    ),
    case(
        "Chebyshev's line",
        f"""
{inline(x=[0, 1, 2, 3], y=[0, 1.5, 1.8, 3.1])}
parameters: {{a: 0, b: 0}}
loss: max(abs(y - a - b * x))
optimizer: lbfgs
""",
        0,
        3,
        near={"loss": [0.25, 0.01]},
    ),
    case(
        "a kink that is not a minimum is left",
        "parameters: {x: 3}\nloss: abs(x - 2) + (x + 1)**2\noptimizer: lbfgs\n",
        0,
        near={"parameters.x": [-0.5, 1e-5]},
    ),
    case(
        "the minimum lies on a kink",
        "parameters: {x: 3}\nloss: abs(x - 2) + 0.1 * (x + 1)**2\noptimizer: lbfgs\n",
        0,
        3,
        near={"parameters.x": [2.0, 1e-4]},
        says="kink|not converged",
    ),
    case(
        "the start is the tip of an absolute value",
        "parameters: {x: 0}\nloss: -abs(x) + x**2\noptimizer: lbfgs\n",
        0,
        3,
        near={"parameters.x": (0.5, -0.5)},
    ),
    case(
        "a hinge loss",
        f"""
{inline(x=[-2, -1, 1, 2], y=[-1, -1, 1, 1])}
parameters: {{w: 0}}
loss: mean(relu(1 - y * w * x)) + 0.05 * w**2
optimizer: lbfgs
""",
        0,
        3,
        near={"parameters.w": [1.0, 1e-3]},
    ),
    case(
        "two classes that begin alike, each row in the likelier",
        f"""
{inline(y=[1, 1.2, 0.8, 5, 5.3, 4.8])}
parameters: {{m: [0, 0]}}
log_likelihood: maximum(normal_logpdf(y, m[0], 1), normal_logpdf(y, m[1], 1))
""",
        0,
        near={"log_likelihood": -5.61696453},
    ),
    case(
        "a unit that begins where it starts to work",
        f"""
{inline(x=[0, 1, 2, 3, 4, 5], y=[1.5, 3.5, 5.5, 7.5, 9.5, 11.5])}
parameters: {{c: 1, k: {{init: 0, prior: {{normal: {{mean: 0, std: 2}}}}}}}}
log_likelihood: normal_logpdf(y, c * x + relu(k), 0.5)
""",
        0,
        near={"parameters.c": [2.012968, 1e-5], "parameters.k": [1.452450, 1e-5]},
    ),
    case(
        "the tip of a larger of two",
        "parameters: {x: 0, y: 0}\nloss: (x-1)**2+(y-1)**2-maximum(x, y)\noptimizer: lbfgs\n",
        0,
        near={"loss": -1.25},
    ),
    case(
        "a tip that no coordinate alone leads off",
        """
parameters: {x: 0, y: 0}
loss: -abs(x * y) + 0.1 * (x**2 + y**2) + x**4 + y**4
optimizer: lbfgs
""",
        0,
        near={"loss": -0.08},
    ),
    case(
        "a tip of which each coordinate is to leave",
        "parameters: {x: {shape: [2], init: 0}}\nloss: sum(x**2) - sum(abs(x))\noptimizer: lbfgs\n",
        0,
        near={"loss": -0.5},
    ),
    case(
        "a tip a thousandth wide",
        "parameters: {x: 0}\nloss: (1.0e+3 * x)**2 - abs(1.0e+3 * x)\noptimizer: lbfgs\n",
        0,
        near={"loss": -0.25},
    ),
    case(
        "a jump at 0",
        "parameters: {x: -1}\nloss: x**2 - (x > 0)\noptimizer: lbfgs\n",
        3,
        says="the loss jumps here",
    ),
    case(
        "a point at 0 that is lower than all around it",
        "parameters: {x: 1}\nloss: x**2 - 0.1 * (x != 0)\noptimizer: lbfgs\n",
        3,
        says="the loss jumps here",
    ),
    case(
        "a root whose slope is infinite at its bound",
        "parameters: {x: {init: 4, bounds: [1, null]}}\nloss: sqrt(x - 1)\noptimizer: lbfgs\n",
        0,
        near={"parameters.x": 1.0},
    ),
    case(
        "a step up in the way of a parabola",
        "parameters: {a: 0}\nloss: (a - 3)**2 + 10 * (a > 2)\noptimizer: lbfgs\n",
        3,
        says="jumps: it is 10 higher just beyond, along a",
        never="conditioning",
    ),
    *(
        case(
            f"a likelihood that rises up to the edge of its support: {likelihood}",
            f"""
{inline(y=[0.3, 0.9, 1.4, 2.2, 2.9])}
parameters: {parameters}
log_likelihood: {likelihood}
""",
            3,
            says=f"where it ends: it is inf just beyond, along {name};",
            never="conditioning",
        )
        for likelihood, parameters, name in (
            ("uniform_logpdf(y, 0, b)", "{b: 4}", "b"),
            ("exponential_logpdf(y - c, r)", "{c: 0.1, r: 1}", "c"),
            ("pareto_logpdf(y, m, a)", "{m: 0.2, a: 1}", "m"),
        )
    ),
]
