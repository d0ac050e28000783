"""``outputs``: what is computed of the estimates, with its errors."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge, Le
from pydantic import Field, Tag

from optserve.config.schema.section import ByKind, ExpressionWritten, Number, Section, Words

__all__ = ["Output", "OutputWritten"]


class Output(Section):
    """A number or an array that is computed of the estimates."""

    sugar: ClassVar[str] = "value"

    value: ExpressionWritten = Field(description="What it is: an expression, as those of define.")
    at: dict[str, ExpressionWritten] = Field(
        default_factory=dict,
        description="Arrays to compute it at, by name; one of a column's name stands for it.",
    )
    band: Annotated[float, Ge(0.5), Le(0.9999)] = Field(
        default=0.95, description="The probability of its interval, at each entry."
    )


OutputWritten = Annotated[
    Annotated[str, Tag("text")] | Number | Annotated[Output, Tag("mapping")],
    ByKind,
    Words("an expression, or {value: ..., at: {...}, band: 0.95}"),
]
"""An output, or its value alone."""
