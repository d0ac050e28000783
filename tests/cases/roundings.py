"""Ends at which nothing is left but rounding: answers all the same."""

from __future__ import annotations

from tests.cases.case import case, inline

__all__ = ["ROUNDINGS"]

X = [round(0.2 + 0.48 * number, 2) for number in range(11)]


def _line(slope: float) -> str:
    return inline(x=X, y=[slope * x for x in X])


ROUNDINGS = [
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
