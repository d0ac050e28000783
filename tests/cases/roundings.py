"""Ends at which nothing is left but rounding: answers all the same."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["ROUNDINGS"]

X = [round(0.2 + 0.48 * number, 2) for number in range(11)]


def _line(slope: float) -> str:
    return inline(x=X, y=[slope * x for x in X])


PROPORTIONAL = inline(x=[1, 2, 3], y=[1, 2, 3])
PRIOR = "{p: {init: 0.5, prior: {normal: {mean: 0, std: 1}}}}"

ROUNDINGS = [
    case(
        "terms cancel at 0 beside a prior",
        f"""
{PROPORTIONAL}
parameters: {PRIOR}
least_squares: {{observed: y, predicted: exp(p) * x, sigma: 0.1}}
""",
        0,
        near={"parameters.p": [0.0, 1e-12], "standard_errors.p": 0.026716584257263247},
    ),
    case(
        "terms cancel at 0 beside a penalty, where numbers are round",
        f"""
{PROPORTIONAL}
parameters: {{p: {{init: 0.5, penalty: {{l2: 0.1}}}}}}
least_squares: {{observed: y, predicted: (2 * p + 1)**2 * x}}
""",
        0,
        near={"parameters.p": [0.0, 1e-12]},
    ),
    case(
        "terms cancel at 0 beside a residual that does not",
        "parameters: {p: 0.5}\nleast_squares: {a: (1 + p)**2 - 1, b: p}\n",
        0,
        near={"parameters.p": [0.0, 1e-12]},
    ),
    case(
        "terms cancel at 0 beside one more parameter",
        "parameters: {p: 0.77, q: 1.3}\nleast_squares: {a: exp(p + q) - 1, b: p, c: 3 * q}\n",
        0,
        near={"parameters.p": [0.0, 1e-12], "parameters.q": [0.0, 1e-12]},
    ),
    *(
        case(
            f"squares of a loss cancel at 0, by {optimizer}",
            f"parameters: {{p: 0.34}}\nloss: ((2 * p + 1)**2 - 1)**2 + 0.1 * p**2\n"
            f"optimizer: {optimizer}\nstop: {{steps: 50000, gradient: 1.0e-8}}\n",
            0,
            near={"parameters.p": [0.0, 1e-12]},
        )
        for optimizer in ("lbfgs", "adam")
    ),
    case(
        "squares that hardly matter beside those of the start still count",
        f"""
{inline(x=[1, 2, 3], y=[1.0, 2.1, 2.9])}
parameters: {{a: 1.0e+13}}
least_squares: {{observed: y, predicted: a * x}}
""",
        0,
        near={"parameters.a": 13.9 / 14, "standard_errors.a": [0.0262445329584, 1e-8]},
    ),
    case(
        "the same of a model that bends",
        f"""
{inline(x=[1, 2, 3], y=[1.2, 2.1, 2.9])}
parameters: {{a: 30}}
least_squares: {{observed: y, predicted: exp(a) * x + a}}
""",
        0,
        near={"parameters.a": [0.0102705409, 1e-8]},
    ),
    *(
        case(
            f"a line of float32 that starts at the truth, {slope:g}, as {written.split(':')[0]}",
            f"""
precision: float32
{_line(slope)}
parameters: {{a: {slope}}}
{written}
""",
            0,
            near={"parameters.a": [slope, 1e-6 * abs(slope)]},
        )
        for slope in (0.3, 1.1, 1.56, 7.7, -3.3, 0.001)
        for written in (
            "least_squares: {observed: y, predicted: a * x}",
            "loss: mean((y - a * x)**2)",
        )
    ),
]
