"""The keys of one of ``parameters``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from annotated_types import Ge
from pydantic import Field, Strict, Tag

from optserve.config.schema.section import (
    ByKind,
    Listed,
    Nested,
    Section,
    Tolerance,
    Words,
    installed,
)

__all__ = ["Parameter", "ParameterWritten", "Penalty"]


class Penalty(Section):
    """What is added to the loss for the size of a parameter."""

    later: ClassVar[Mapping[str, str]] = {
        "l1": "two parameters p and m with `bounds: [0, null]`, `w: p - m` under `define`, and a "
        "multiple of sum(p + m) in the loss"
    }

    l2: Tolerance = Field(default=0.0, description="Adds this times the sum of the squares.")


Initial = (
    Annotated[float, Tag("number")]
    | Annotated[list[Any], Tag("list")]
    | Annotated[str, Tag("text"), Words("an expression"), installed("initializers", "word")]
    | Annotated[dict[str, Any], Tag("mapping"), Words("a name"), installed("initializers", "one")]
)
SizeWritten = (
    Annotated[Annotated[int, Ge(1)], Tag("number")]
    | Annotated[str, Tag("text"), Words("an expression")]
)


Bound = Annotated[Nested, ByKind] | None
Fixed = (
    Annotated[bool, Tag("truth value")]
    | Annotated[str, Tag("text"), Words("entries")]
    | Annotated[list[Any], Tag("list")]
)


class Parameter(Section):
    """A parameter of the loss; everything written is on its natural scale."""

    later: ClassVar[Mapping[str, str]] = {"random": ""}
    sugar: ClassVar[str] = "init"

    init: Annotated[Initial, ByKind] | None = Field(
        default=None,
        description="The start: a number, a nested list, an initializer such as glorot_uniform, or "
        "an expression of data such as mean(y).",
    )
    shape: Listed[Annotated[SizeWritten, ByKind]] | None = Field(
        default=None, description="Its shape; default: of init."
    )
    bounds: Annotated[tuple[Bound, Bound], Strict(False)] = Field(
        default=(None, None),
        description="[low, high]: a number, null for none, or a nested list of these by entry.",
    )
    fixed: Annotated[Fixed, ByKind] = Field(
        default=False, description='Hold it at its start, or entries of it: "[0, :6]".'
    )
    transform: (
        Annotated[
            Annotated[str, Tag("text"), installed("transforms", "name")]
            | Annotated[dict[str, Any], Tag("mapping"), installed("transforms", "one")],
            ByKind,
            Words("a name"),
        ]
        | None
    ) = Field(default=None, description="What keeps it where it must be: log, logit, simplex, ...")
    penalty: Penalty | None = Field(
        default=None, description="What is added to the loss for its size."
    )
    prior: (
        Annotated[
            Annotated[dict[str, Any], Tag("mapping"), installed("primitives", "density")],
            ByKind,
            Words("a density with its parameters, {normal: {mean: 0, std: 1}}"),
        ]
        | None
    ) = Field(default=None, description="Its density before the data: of normal, gamma, ...")


ParameterWritten = Annotated[
    Annotated[float, Tag("number")]
    | Annotated[list[Any], Tag("list")]
    | Annotated[str, Tag("text"), Words("an expression"), installed("initializers", "word")]
    | Annotated[Parameter, Tag("mapping")],
    ByKind,
]
"""A parameter, or its start alone."""
