"""Minima at which the derivative of what is predicted vanishes: no error bar tells of these."""

from __future__ import annotations

from tests.cases.case import Case, case, inline

__all__ = ["VANISHING"]

NONE = "the data do not determine"


def _alone(
    name: str, predicted: str, init: float, y: list[float], optimizer: str = "levenberg_marquardt"
) -> Case:
    return case(
        f"{name}, by {optimizer}",
        f"""
{inline(y=y)}
parameters: {{b: {init}}}
least_squares: {{observed: y, predicted: {predicted}}}
optimizer: {optimizer}
stop: {{steps: 100000, gradient: 1.0e-8}}
""",
        0,
        near={"standard_errors.b": None},
        says=f"{NONE} b",
    )


def _two(name: str, columns: str, predicted: str, b: float, c: float, optimizer: str) -> Case:
    return case(
        f"{name}, by {optimizer}",
        f"""
{columns}
parameters: {{b: {b}, c: {c}}}
least_squares: {{observed: y, predicted: {predicted}}}
optimizer: {optimizer}
stop: {{steps: 100000, gradient: 1.0e-8}}
""",
        0,
        near={"standard_errors.b": None, "standard_errors.c": None},
        says=f"{NONE} b and c",
    )


DOUBLE = inline(x=[0.2, 2.6, 5], y=[-1.78565, -2.96871, -7.26357])
SYMMETRIC = inline(x=[0, 1, 2], y=[4, 6.1, 7.9])

VANISHING = [
    *(
        _alone("a square that is to be negative", "b**2", 1, [-1, -1.2], optimizer)
        for optimizer in ("levenberg_marquardt", "lbfgs", "gradient_descent", "adam", "momentum")
    ),
    *(
        _alone("a cube about 0", "b**3", 1, [-0.1, 0.1], optimizer)
        for optimizer in ("levenberg_marquardt", "lbfgs")
    ),
    *(
        _alone("a square about 0", "(b - 1)**2", 2, [-0.1, 0.1], optimizer)
        for optimizer in ("levenberg_marquardt", "lbfgs", "momentum")
    ),
    _alone("a square about 0, far off", "(b - 1000)**2", 1001, [-0.1, 0.1]),
    _alone("a cosine beyond 1", "cos(3 * b)", 0.2, [1.1, 1.3]),
    *(
        _two("a double root", DOUBLE, "(b + c) * x - 2 * b * c", 0.2, -1, optimizer)
        for optimizer in ("levenberg_marquardt", "adam", "momentum")
    ),
    *(
        _two("two that may be exchanged", SYMMETRIC, "b * c + (b + c) * x", 1, 0.9, optimizer)
        for optimizer in ("levenberg_marquardt", "adam", "momentum")
    ),
    *(
        case(
            f"a slope that is a square, beside an intercept, by {optimizer}",
            f"""
{inline(x=[0, 1, 2], y=[1, 0.5, -0.2])}
parameters: {{b: 1, c: 0}}
least_squares: {{observed: y, predicted: b**2 * x + c}}
optimizer: {optimizer}
""",
            0,
            near={"standard_errors.b": None, "standard_errors.c": 0.3480102169636851},
            says=f"{NONE} b:",
        )
        for optimizer in ("levenberg_marquardt", "lbfgs")
    ),
    *(
        case(
            f"a mean that is a square about 0, by {optimizer}",
            f"""
{inline(y=[-0.1, 0.1])}
parameters: {{b: 2}}
log_likelihood: normal_logpdf(y, (b - 1)**2, 1)
optimizer: {optimizer}
stop: {{steps: 100000, gradient: 1.0e-8}}
""",
            0,
            near={"standard_errors.b": None},
            says=f"{NONE} b",
        )
        for optimizer in ("lbfgs", "momentum")
    ),
    case(
        "the exact curvature does tell of a square that is to be negative",
        f"""
{inline(y=[-1, -1.2])}
parameters: {{b: 1}}
least_squares: {{observed: y, predicted: b**2}}
uncertainty: {{method: hessian}}
""",
        0,
        near={"standard_errors.b": 0.7446780878644507},
    ),
    case(
        "an error bar that is longer than its estimate, of a rate",
        f"""
{inline(x=[0, 1, 2, 3], y=[1, 1.4, 0.8, 1.1])}
parameters: {{a: 1, b: 0.1}}
least_squares: {{observed: y, predicted: a * exp(-b * x)}}
""",
        0,
        near={"standard_errors.b": [0.1259694627648, 1e-7]},
        never=NONE,
    ),
    case(
        "a network of which all weights are 0, and no derivative of second order tells",
        f"""
{inline(x=[-1, -1, 1, 1], u=[-1, 1, -1, 1], y=[0, 1, 1, 0])}
parameters:
  a: {{shape: [2], init: 0}}
  b: {{shape: [2], init: 0}}
  c: {{shape: [2], init: 0}}
  v: {{shape: [2], init: 0}}
  d: 0
define:
  hidden: tanh(x[:, None] * a + u[:, None] * b + c)
loss: sum((hidden @ v + d - y)**2)
optimizer: lbfgs
""",
        0,
        3,
        near={"loss": [0.0, 1e-20]},
    ),
    case(
        "shares of squares, whose loss does not change with how large all of them are",
        """
parameters: {x: {shape: [3], init: 1}}
define: {w: x**2 / sum(x**2)}
loss: 2*w[0]**2 + w[1]**2 + 3*w[2]**2 + 0.8*w[0]*w[1] + 0.4*w[1]*w[2] - 0.5*w[0] - 0.6*w[1] + w[2]
""",
        0,
        near={"loss": 0.2625},
        never="run away",
    ),
]
