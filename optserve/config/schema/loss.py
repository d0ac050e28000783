"""The keys of ``least_squares``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Discriminator, Field, Tag

from optserve.config.schema.section import Expression, Section, Words, kind

__all__ = ["Comparison", "LeastSquares"]


class Comparison(Section):
    """What was observed against what is predicted; the residual is their difference."""

    later: ClassVar[tuple[str, ...]] = ("robust",)

    observed: Expression = Field(description="What was measured.")
    predicted: Expression = Field(description="What the model says.")
    sigma: Expression | None = Field(
        default=None,
        description="The known standard deviation of what was observed; infinite: does not count.",
    )


def _form(value: Any) -> str | None:
    if isinstance(value, Comparison):
        return "comparison"
    if isinstance(value, Mapping):
        return (
            "comparison" if {"observed", "predicted", "sigma", "robust"} & set(value) else "named"
        )
    return "residual" if kind(value) in ("text", "number") else None


LeastSquares = Annotated[
    Annotated[Expression, Tag("residual")]
    | Annotated[Comparison, Tag("comparison")]
    | Annotated[dict[str, Expression], Field(min_length=1), Tag("named")],
    Discriminator(_form),
    Words("a residual, {name: residual}, or {observed: ..., predicted: ...}"),
]
"""A residual, residuals by name, or a comparison."""
