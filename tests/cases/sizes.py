"""Parameters whose size is far below the way that they come from their start."""

from __future__ import annotations

from math import exp

from tests.cases.case import case, inline

__all__ = ["SIZES"]

X = [*range(1, 11)]
SQUARES = inline(x=X, y=[round((0.3 * x) ** 2 + 1.0, 2) for x in X])
DECAY = inline(x=X, y=[2.0 * exp(-0.5 * x) + 0.3 for x in X])
GROWTH = inline(x=[*range(1, 21)], y=[exp(x - 20.0) for x in range(1, 21)])

COUNTS = inline(y=[5, 4, 6, 5, 3, 5, 7, 4, 5, 6, 5, 4, 6, 5, 5, 3, 6, 5, 4, 5])

SIZES = [
    case(
        "counts that vary too little for a negative binomial, which a bound holds",
        f"""
{COUNTS}
parameters: {{b: 1.0, a: {{init: 0.5, bounds: [0, null]}}}}
log_likelihood: "negative_binomial_logpmf(y, exp(b), 1 / a)"
""",
        0,
        near={"parameters.b": 1.5892352051165808, "standard_errors.b": 0.10101525445522108},
        says="at bound: a",
    ),
    case(
        "a minimum far below its start, beside a bound where the loss is no number",
        """
parameters: {a: {init: 0.5, bounds: [0, null]}}
loss: "(a * 1.0e+20 - 1)**2 + 0 * log(a)"
""",
        0,
        near={"parameters.a": [1e-20, 1e-24]},
        never="at bound",
    ),
    *(
        case(
            f"a square of {unit} times a parameter, as {kind}",
            f"""
{SQUARES}
parameters: {{a: 1, b: 1}}
{declared.format(f"(a * {unit} * x)**2 + b")}
""",
            0,
            near={"parameters.b": 1.0, "loss": [0.0, 1e-20]},
        )
        for unit in ("1.0e+15", "1.0e+17", "1.0e+20")
        for kind, declared in (
            ("residuals", "least_squares: {{observed: y, predicted: {} }}"),
            ("a loss", 'loss: "sum((y - ({}))**2)"'),
        )
    ),
    case(
        "a decay whose height has a unit of 1e20",
        f"""
{DECAY}
parameters: {{a: 1, b: 1, c: 0}}
least_squares: {{observed: y, predicted: a * 1.0e+20 * exp(-b * x) + c}}
""",
        0,
        near={"parameters.b": 0.5, "parameters.c": 0.3},
    ),
    case(
        "growth from a rate that makes astronomic numbers",
        f"""
{GROWTH}
parameters: {{a: 1, b: 3}}
least_squares: {{observed: y, predicted: a * exp(b * x)}}
""",
        0,
        near={"parameters.b": 1.0, "loss": [0.0, 1e-20]},
    ),
]
