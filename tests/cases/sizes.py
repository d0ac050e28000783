"""Parameters whose size is far below the way that they come from their start."""

from __future__ import annotations

from math import exp

from tests.cases.case import case, inline

__all__ = ["SIZES"]

X = [*range(1, 11)]
SQUARES = inline(x=X, y=[round((0.3 * x) ** 2 + 1.0, 2) for x in X])
DECAY = inline(x=X, y=[2.0 * exp(-0.5 * x) + 0.3 for x in X])
GROWTH = inline(x=[*range(1, 21)], y=[exp(x - 20.0) for x in range(1, 21)])

SIZES = [
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
