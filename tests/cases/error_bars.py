"""Error bars: where the data determine, and nowhere else."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["BOUNDS", "ERROR_BARS", "SIGMA"]

LINE = inline(x=[0, 1, 2, 3], y=[1, 3, 5.2, 7])

ERROR_BARS = [
    case(
        "a perfect line",
        f"""
{inline(x=[0, 1, 2, 3], y=[1, 2, 3, 4])}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * x}}
""",
        0,
        near={"standard_errors.a": [0.0, 1e-12], "standard_errors.b": [0.0, 1e-12]},
        never="RuntimeWarning|divide",
    ),
    case(
        "a perfect mean",
        f"""
{inline(y=[2, 2, 2])}
parameters: {{m: 0}}
least_squares: {{observed: y, predicted: m + 0 * y}}
""",
        0,
        near={"standard_errors.m": [0.0, 1e-12]},
        never="RuntimeWarning|divide",
    ),
    case(
        "fewer rows than parameters, with sigma",
        f"""
{inline(x=[0, 1], y=[1, 3])}
parameters: {{a: 0, b: 0, c: 0}}
least_squares: {{observed: y, predicted: a + b * x + c * x**2, sigma: 0.5}}
""",
        0,
        near={"standard_errors.a": 0.5, "standard_errors.b": None, "standard_errors.c": None},
    ),
    case(
        "fewer rows than parameters, without sigma",
        f"""
{inline(x=[0, 1], y=[1, 3])}
parameters: {{a: 0, b: 0, c: 0}}
least_squares: {{observed: y, predicted: a + b * x + c * x**2}}
""",
        0,
        near={f"standard_errors.{name}": None for name in "abc"},
    ),
    case(
        "as many rows as parameters",
        f"""
{inline(x=[0, 1], y=[1, 3])}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * x}}
""",
        0,
        near={"standard_errors.a": None, "standard_errors.b": None, "parameters.b": 2.0},
    ),
    case(
        "one row",
        f"""
{inline(y=[4.5])}
parameters: {{a: 0}}
least_squares: {{observed: y, predicted: a + 0 * y}}
""",
        0,
        near={"standard_errors.a": None, "parameters.a": 4.5},
    ),
    case(
        "one row with sigma",
        f"""
{inline(y=[4.5])}
parameters: {{a: 0}}
least_squares: {{observed: y, predicted: a + 0 * y, sigma: 0.25}}
""",
        0,
        near={"standard_errors.a": 0.25, "parameters.a": 4.5},
    ),
    case(
        "two parameters of which only the sum counts, beside one that is determined",
        f"""
{inline(x=[0, 1, 2, 3], y=[1.1, 2.9, 5.2, 6.8])}
parameters: {{a: 0, b: 0, c: 0}}
least_squares: {{observed: y, predicted: a + b + c * x}}
""",
        0,
        near={
            "standard_errors.a": None,
            "standard_errors.b": None,
            "standard_errors.c": [0.09055385138137417, 1e-6],
            "parameters.c": 1.94,
        },
        says=(r"\ba\b", r"\bb\b"),
    ),
    case(
        "the degrees of freedom count what is determined",
        f"""
{inline(x=[0, 1, 2, 3], y=[1.1, 2.9, 5.2, 6.8])}
parameters: {{a: 0, b: 0, c: 0}}
least_squares: {{observed: y, predicted: a + b + c * x}}
""",
        0,
        near={"fit.degrees_of_freedom": 2},
    ),
    case(
        "two parameters of which only the product counts",
        f"""
{inline(x=[1, 2, 3, 4], y=[2, 4.1, 5.9, 8])}
parameters: {{a: 1, b: 1}}
least_squares: {{observed: y, predicted: a * b * x}}
""",
        0,
        near={
            "standard_errors.a": None,
            "standard_errors.b": None,
            "loss": [0.019666666666666666, 1e-8],
        },
    ),
    case(
        "softmax with a weight too many",
        """
data:
  inline: {x: [1, 2, 3, 4, 5, 6], y: [0, 1, 0, 2, 1, 2]}
  columns: {x: x, y: {take: y, as: integer}}
parameters: {w: {shape: [3], init: 0}, c: {shape: [3], init: 0}}
log_likelihood: -cross_entropy(x[:, None] * w + c, y)
""",
        0,
        near={"standard_errors.w[0]": None, "standard_errors.c[0]": None},
    ),
    case(
        "a column twice: the others keep their error bars",
        f"""
{inline(x=[0, 1, 2, 3], y=[1.1, 2.9, 5.2, 6.8])}
parameters: {{a: 0, b1: 0, b2: 0}}
least_squares: {{observed: y, predicted: a + b1 * x + b2 * x}}
""",
        0,
        near={
            "standard_errors.a": [0.169410743, 1e-6],
            "standard_errors.b1": None,
            "standard_errors.b2": None,
        },
    ),
    case(
        "a log likelihood with a parameter that it does not use",
        f"""
{inline(y=[1, 2, 3, 2])}
parameters: {{m: 0, unused: 1}}
log_likelihood: -0.5 * (y - m)**2
""",
        0,
        near={"standard_errors.m": 0.5, "standard_errors.unused": None},
    ),
    case(
        "adam without a tolerance, far from the minimum",
        f"""
{LINE}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * x}}
optimizer: {{adam: {{learning_rate: 0.001}}}}
stop: {{steps: 5}}
""",
        0,
        near={"standard_errors.a": None, "standard_errors.b": None},
    ),
    case(
        "gradient descent of a log likelihood without a step",
        f"""
{inline(y=[1, 2, 3, 2])}
parameters: {{m: 0}}
log_likelihood: -0.5 * (y - m)**2
optimizer: {{gradient_descent: {{learning_rate: 0.01}}}}
stop: {{steps: 1}}
""",
        0,
        near={"standard_errors.m": None},
    ),
    case(
        "a parameter on the scale of its logarithm has a positive interval",
        f"""
{inline(t=[0, 1, 2, 3], y=[1.0, 0.5, 0.9, 0.1])}
parameters: {{A: 1, k: {{init: 0.5, transform: log}}}}
least_squares: {{observed: y, predicted: A * exp(-k * t)}}
""",
        0,
        near={"intervals.k[0]": [0.0085855486, 1e-5], "intervals.k[1]": [13.475108, 1e-2]},
    ),
    case(
        "a small error bar is not printed as 0",
        f"""
{inline(x=[1, 2, 3, 4, 5], y=[1.0000001, 2.0, 3.0, 4.0, 5.0000001])}
parameters: {{b: {{init: 1}}}}
least_squares: {{observed: y, predicted: 1.0e+9 * b * x * 1.0e-9}}
""",
        0,
        never=r"\b0\.0000\b",
    ),
    case(
        "a kink at the minimum has no curvature",
        f"""
{inline(y=[1, 2, 4])}
parameters: {{m: 0}}
log_likelihood: -abs(y - m)
""",
        0,
        3,
        near={"standard_errors.m": None},
    ),
]

SIGMA = [
    case(
        "negative in one row",
        f"""
{inline(x=[0, 1, 2, 3], y=[1, 3, 5.2, 7], s=[0.1, -0.1, 0.1, 0.1])}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * x, sigma: s}}
""",
        2,
        5,
        says=("sigma", r"row 1\b|row 2\b|\[1\]"),
    ),
    case(
        "zero in one row",
        f"""
{inline(x=[0, 1, 2, 3], y=[1, 3, 5.2, 7], s=[0.1, 0.1, 0.1, 0])}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * x, sigma: s}}
""",
        2,
        5,
        says=("sigma", r"row 3\b|row 4\b|\[3\]"),
    ),
    case(
        "a number that is negative",
        f"""
{LINE}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * x, sigma: -1}}
""",
        2,
        5,
        says="sigma",
    ),
    case(
        "a parameter",
        f"""
{LINE}
parameters: {{a: 0, b: 0, s: 1}}
least_squares: {{observed: y, predicted: a + b * x, sigma: s}}
""",
        2,
        says=("sigma", "log_likelihood"),
    ),
    case(
        "a function of a parameter, through a definition",
        f"""
{LINE}
parameters: {{a: 0, b: 0, s: {{init: 1, transform: log}}}}
define: {{noise: s * (1 + x)}}
least_squares: {{observed: y, predicted: a + b * x, sigma: noise}}
""",
        2,
        says=("sigma", "log_likelihood"),
    ),
    case(
        "of the prediction itself",
        f"""
{LINE}
parameters: {{a: 1, b: 1}}
define: {{mu: a + b * x}}
least_squares: {{observed: y, predicted: mu, sigma: 0.1 * mu}}
""",
        2,
        says=("sigma", "log_likelihood"),
    ),
    case(
        "of a column that is negative in one row, by an expression",
        f"""
{inline(x=[0, 1, 2, 3], y=[1, 3, 5.2, 7])}
parameters: {{a: 0, b: 0}}
least_squares: {{observed: y, predicted: a + b * x, sigma: 2.5 - x}}
""",
        2,
        5,
        says="sigma",
    ),
]

BOUNDS = [
    case(
        "counts that have no more zeros than a Poisson number",
        f"""
{inline(k=[0, 1, 1, 2, 3, 3, 4, 2])}
parameters: {{mean: {{init: 3, bounds: [0, null]}}, inflation: {{init: 0.1, bounds: [0, 1]}}}}
log_likelihood: zero_inflated_poisson_logpmf(k, mean, inflation)
""",
        0,
        near={"parameters.mean": 2.0, "parameters.inflation": 0.0, "standard_errors.mean": 0.5},
    ),
    case(
        "every parameter at a bound",
        f"""
{inline(x=[0, 1, 2, 3], y=[10, 11, 12, 13])}
parameters: {{b: {{init: 0, bounds: [-1, 0]}}}}
least_squares: {{observed: y, predicted: b * x}}
""",
        0,
        near={"parameters.b": 0.0, "standard_errors.b": None},
        says="bound",
    ),
    case(
        "two parameters at opposite bounds",
        f"""
{inline(x=[0, 1, 2, 3], y=[10, 20, 30, 40])}
parameters: {{a: {{init: 0, bounds: [-1, 1]}}, b: {{init: 0, bounds: [0, 2]}}}}
least_squares: {{observed: y, predicted: a + b * x}}
""",
        0,
        near={"parameters.a": 1.0, "parameters.b": 2.0, "standard_errors.b": None},
        says="bound",
    ),
    case(
        "one at its bound, the other determined",
        f"""
{inline(x=[0, 1, 2, 3], y=[1.1, 2.9, 5.2, 6.8])}
parameters: {{a: 0, b: {{init: 0, bounds: [0, 1]}}}}
least_squares: {{observed: y, predicted: a + b * x}}
""",
        0,
        near={"parameters.a": 2.5, "parameters.b": 1.0, "standard_errors.b": None},
        says="bound",
    ),
    case(
        "the minimum lies on the bound exactly",
        "parameters: {x: {init: 3, bounds: [1, 5]}}\nloss: (x - 1)**2\noptimizer: lbfgs\n",
        0,
        near={"parameters.x": 1.0},
    ),
    case(
        "a start at the bound that leads inward",
        "parameters: {x: {init: 5, bounds: [0, 5]}}\nloss: (x - 1)**2\noptimizer: lbfgs\n",
        0,
        near={"parameters.x": 1.0},
    ),
    case(
        "a stationary start between bounds that is a maximum",
        "parameters: {x: {init: 0, bounds: [-2, 2]}}\nloss: -x**2\noptimizer: lbfgs\n",
        0,
        3,
        near={"parameters.x": (2.0, -2.0)},
    ),
    case(
        "an interval does not cross a bound in silence",
        f"""
{inline(x=[1, 2, 3, 4], y=[0.3, -0.2, 0.4, 0.1])}
parameters: {{b: {{init: 1, bounds: [0, null]}}}}
least_squares: {{observed: y, predicted: b * x}}
""",
        0,
        near={"parameters.b": [0.05, 1e-6]},
        says="bound",
    ),
]
