"""Units, origins, offsets, mixtures: the answer is the same, or it is said why there is none."""

from __future__ import annotations

from math import cos, sin

import numpy as np

from tests.cases.case import Case, case, inline

__all__ = ["OFFSETS", "ORIGINS", "UNITS"]

MINUTE = [20 + cos(i) + 0.3 * i for i in range(60)]


def polynomial(first: float, degree: int, kind: str, *options: str) -> Case:
    """A polynomial in the year, over 12 years from ``first``; the loss is that around its mean."""
    years = first + np.arange(12.0)
    y = [3 + 0.5 * i + 0.1 * sin(i) for i in range(12)]
    around = np.vander(years - years.mean(), degree + 1)
    residual = y - around @ np.linalg.lstsq(around, np.array(y))[0]
    loss = float(residual @ residual) / (1 if kind == "least_squares" else 12)
    model = " + ".join(["p0", "p1 * t", *(f"p{k} * t**{k}" for k in range(2, degree + 1))])
    objective = {
        "least_squares": f"least_squares: {{observed: y, predicted: {model}}}",
        "loss": f"loss: mean((y - ({model}))**2)",
    }[kind]
    names = ", ".join(f"p{k}: 0" for k in range(degree + 1))
    return case(
        f"a polynomial of degree {degree} in years from {first:g} as {kind} {' '.join(options)}",
        "\n".join(
            [inline(t=years.tolist(), y=y), f"parameters: {{{names}}}", objective, *options, ""]
        ),
        *((0,) if degree < 3 and kind == "least_squares" else (0, 3)),
        near={"loss": [loss, 1e-3 * loss]},
    )


ORIGINS = [
    case(
        "a line in unix seconds of one minute",
        f"""
{inline(s=[1.7e9 + i for i in range(60)], y=MINUTE)}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * s}}
""",
        0,
        near={"loss": [30.125002451076643, 3e-2]},
    ),
    case(
        "a line in unix milliseconds",
        f"""
{inline(s=[1.7e12 + 1000 * i for i in range(60)], y=MINUTE)}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * s}}
""",
        0,
        3,
        near={"loss": [30.125002451076643, 3e-2]},
    ),
    case(
        "a line in unix seconds by lbfgs",
        f"""
{inline(s=[1.7e9 + i for i in range(60)], y=MINUTE)}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * s}}
optimizer: lbfgs
""",
        0,
        3,
        near={"loss": [30.125002451076643, 3e-2]},
    ),
    case(
        "a line in julian days as a loss",
        f"""
{inline(s=[2460000.5 + i for i in range(40)], y=MINUTE[:40])}
parameters: {{a: 0, b: 0}}
loss: mean((y - a - b * s)**2)
""",
        0,
        near={"loss": [0.5011144335993953, 5e-3]},
    ),
    case(
        "two columns that differ in the ninth digit",
        f"""
{inline(x=[1, 2, 3, 4], z=[1 + 1e-9, 2 - 1e-9, 3 + 2e-9, 4], y=[1, 3, 2, 5])}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a * x + b * z}}
""",
        0,
        3,
        near={"loss": [0.32903226, 1e-3]},
    ),
    *(
        polynomial(first, degree, kind, *options)
        for first in (1900, 2000)
        for degree in (1, 2, 3, 4)
        for kind, *options in (
            ("least_squares",),
            ("least_squares", "optimizer: lbfgs"),
            ("loss",),
        )
    ),
]

CURRENT = "i: [2.1e-9, 3.9e-9, 6.2e-9, 7.8e-9, 10.1e-9]"

UNITS = [
    case(
        "nanoamperes, a mean square",
        f"""
data: {{inline: {{v: [1, 2, 3, 4, 5], {CURRENT}}}}}
parameters: {{g: 0, c: 0}}
loss: mean((i - g * v - c)**2)
optimizer: lbfgs
""",
        0,
        near={"parameters.g": [1.99e-9, 1e-14]},
    ),
    *(
        case(
            f"a mean square in a unit of {unit:g}",
            f"""
{inline(x=[1, 2, 3, 4, 5], y=[2.1 * unit, 3.9 * unit, 6.2 * unit, 7.8 * unit, 10.1 * unit])}
parameters: {{a: 0, b: 0}}
loss: mean((y - a * x - b)**2)
optimizer: lbfgs
""",
            0,
            near={"parameters.a": [1.99 * unit, 1e-5 * unit]},
        )
        for unit in (1e-30, 1e-15, 1e6, 1e15, 1e30)
    ),
    *(
        case(
            f"a rate in a unit of {unit:g} by {optimizer}",
            f"""
{inline(t=[i / unit for i in range(6)], y=[10.0, 6.1, 3.6, 2.3, 1.3, 0.9])}
parameters: {{A: 8, k: {{init: {unit!r}}}}}
least_squares: {{observed: y, predicted: A * exp(-k * t)}}
optimizer: {optimizer}
""".replace("1e-", "1.0e-").replace("1e+", "1.0e+"),
            0,
            near={
                "parameters.A": [10.000365, 1e-5],
                "parameters.k": [0.49932053 * unit, 1e-6 * unit],
            },
        )
        for unit in (1e-9, 1e9)
        for optimizer in ("levenberg_marquardt", "lbfgs")
    ),
    case(
        "squares that underflow",
        """
data: {inline: {x: [1, 2, 3], y: [1.0e-200, 2.0e-200, 3.1e-200]}}
parameters: {k: 5.0e-200}
least_squares: {observed: y, predicted: k * x}
""",
        0,
        3,
        5,
        near={"parameters.k": [1.0214285714285714e-200, 1e-206]},
    ),
    case(
        "squares that overflow",
        """
data: {inline: {x: [1, 2, 3], y: [1.0e+200, 2.0e+200, 3.1e+200]}}
parameters: {k: 5.0e+200}
least_squares: {observed: y, predicted: k * x}
""",
        0,
        3,
        5,
        near={"parameters.k": [1.0214285714285714e200, 1e194]},
    ),
    case(
        "single precision",
        f"""
{inline(x=[1, 2, 3, 4, 5], y=[2.1, 3.9, 6.2, 7.8, 10.1])}
precision: float32
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a * x + b}}
""",
        0,
        near={"parameters.a": [1.99, 1e-5]},
    ),
    case(
        "single precision, a loss",
        f"""
{inline(x=[1, 2, 3, 4, 5], y=[2.1, 3.9, 6.2, 7.8, 10.1])}
precision: float32
parameters: {{a: 0, b: 0}}
loss: mean((y - a * x - b)**2)
optimizer: lbfgs
""",
        0,
        near={"parameters.a": [1.99, 1e-3]},
    ),
    case(
        "single precision, in which unix seconds are one number",
        f"""
{inline(s=[1.7e9 + i for i in range(5)], y=[2.1, 3.9, 6.2, 7.8, 10.1])}
precision: float32
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * s}}
""",
        0,
        2,
        3,
        near={"standard_errors.a": None, "standard_errors.b": None},
    ),
    case(
        "single precision, Rosenbrock",
        """
precision: float32
parameters: {x: -1.2, y: 1}
loss: (1 - x)**2 + 100 * (y - x**2)**2
optimizer: lbfgs
""",
        0,
        near={"parameters.x": [1.0, 1e-3]},
    ),
]

OFFSETS = [
    *(
        case(
            f"a parabola on {offset:g}",
            f"parameters: {{x: 0}}\nloss: {offset:.1e} + (x - 1)**2\noptimizer: lbfgs\n",
            0,
            near={"parameters.x": [1.0, tolerance]},
        )
        for offset, tolerance in ((1e6, 1e-4), (1e9, 1e-2), (-1e9, 1e-2), (1e12, 0.05))
    ),
    case(
        "Rosenbrock on 1e9",
        """
parameters: {x: -1.2, y: 1}
loss: 1.0e+9 + (1 - x)**2 + 100 * (y - x**2)**2
optimizer: lbfgs
""",
        0,
        3,
        near={"parameters.x": [1.0, 0.05]},
    ),
    case(
        "least squares of what cannot be fitted",
        f"""
{inline(x=[-1, 0, 1], y=[1e6 - 2, 1e6, 1e6 + 2])}
parameters: {{b: 0}}
least_squares: {{observed: y, predicted: b * x}}
""",
        0,
        near={"parameters.b": [2.0, 1e-3]},
    ),
    case(
        "a log likelihood with a constant in every row",
        f"""
{inline(x=[1, 2, 3, 4, 5, 6], y=[0, 0, 1, 0, 1, 1])}
parameters: {{a: 0, b: 0}}
log_likelihood: 1.0e+6 + y * (a + b * x) - softplus(a + b * x)
""",
        0,
        near={"parameters.b": [1.2140275, 1e-3]},
    ),
    case(
        "a valley a million times longer than wide",
        """
parameters: {x: 3, y: -2}
loss: 1.0e+6 * (x + y)**2 + 1.0e-6 * (x - y - 1)**2
optimizer: lbfgs
""",
        0,
        3,
        near={"parameters.x": [0.5, 1e-3], "parameters.y": [-0.5, 1e-3]},
    ),
    case(
        "gradient descent that crawls",
        """
parameters: {x: 3, y: 2}
loss: x**2 + 1.0e-6 * (y - 1)**2
optimizer: {gradient_descent: {learning_rate: 0.1}}
stop: {gradient: 1.0e-8, steps: 3000}
""",
        0,
        3,
        near={"parameters.y": [1.0, 1e-3]},
    ),
    case(
        "adam that crawls",
        """
parameters: {x: 3, y: 2}
loss: x**2 + 1.0e-6 * (y - 1)**2
optimizer: {adam: {learning_rate: 0.001}}
stop: {gradient: 1.0e-8, steps: 500}
""",
        3,
    ),
    case(
        "a tolerance of the loss that a slow descent meets at once",
        """
parameters: {x: -1.2, y: 1}
loss: (1 - x)**2 + 100 * (y - x**2)**2
optimizer: {gradient_descent: {learning_rate: 0.00001}}
stop: {loss: 1.0e-3, steps: 5000}
""",
        3,
    ),
    case(
        "a tolerance of the step that a slow descent meets at once",
        """
parameters: {x: -1.2, y: 1}
loss: (1 - x)**2 + 100 * (y - x**2)**2
optimizer: {gradient_descent: {learning_rate: 0.00001}}
stop: {step: 1.0e-2, steps: 5000}
""",
        3,
    ),
    case(
        "a saddle at a coordinate of 0 whose unit is large",
        f"""
{inline(t=[0, 1e-6, 2e-6, 3e-6, 4e-6, 5e-6], v=[1e-6, 8e-7, 5e-7, 3e-7, 2.5e-7, 1e-7])}
parameters: {{a: 1.0e-6, k: 0}}
least_squares: {{observed: v, predicted: a * exp(-(k * t)**2)}}
""",
        0,
        near={"parameters.a": [9.30202e-7, 1e-11], "parameters.k": [340358.26, 1.0]},
    ),
    case(
        "a saddle at a coordinate of 0 whose unit is small",
        "parameters: {x: 0}\nloss: (1.0e+10 * x)**4 - (1.0e+10 * x)**2\noptimizer: lbfgs\n",
        0,
        near={"loss": -0.25},
    ),
    case(
        "a corner of two bounds where the curvature is negative",
        """
parameters: {a: {init: 1, bounds: [0, null]}, b: {init: 1, bounds: [0, null]}}
loss: a**2 + b**2 + 3 * a * b
optimizer: lbfgs
""",
        0,
        near={"parameters.a": 0.0, "parameters.b": 0.0},
    ),
]
