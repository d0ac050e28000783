"""The forms of ``define``: an expression, a body of locals, a composition of functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from optserve.config.schema.section import ByKind, ExpressionWritten, Number, Section, Words, kind

__all__ = ["Composition", "Definition", "Pipe"]

Operands = Annotated[
    Annotated[str, Tag("text")] | Number | Annotated[list[ExpressionWritten], Tag("list")],
    ByKind,
    Words("an expression"),
]
Stage = Annotated[
    Annotated[str, Tag("text"), Words("a name")]
    | Annotated[
        dict[str, Operands], Field(min_length=1, max_length=1), Tag("mapping"), Words("a name")
    ],
    ByKind,
]
"""One function of a composition: ``exp``, or ``{add: 1}``, which is x + 1."""

Stages = Annotated[list[Stage], Words("a list of functions")]


class Composition(Section):
    """Functions applied one after another, the outermost first."""

    compose: Stages


class Pipe(Section):
    """Functions applied one after another, the innermost first."""

    pipe: Stages


def _form(value: Any) -> str | None:
    if isinstance(value, Mapping):
        return next((form for form in ("return", "compose", "pipe") if form in value), None)
    if isinstance(value, Section):
        return "compose" if isinstance(value, Composition) else "pipe"
    return "expression" if kind(value) in ("text", "number") else None


Definition = Annotated[
    Annotated[ExpressionWritten, Tag("expression")]
    | Annotated[
        dict[str, ExpressionWritten],
        Field(json_schema_extra={"required": ["return"]}),
        Tag("return"),
    ]
    | Annotated[Composition, Tag("compose")]
    | Annotated[Pipe, Tag("pipe")],
    Discriminator(_form),
    Words(
        "an expression; locals that end in `return`; `{compose: [...]}`, `{pipe: [...]}`",
        unlike="a mapping that does not say what it defines",
    ),
]
"""A value, or a function: an expression, locals of which the last is ``return``, a composition."""
