"""The keys of one of ``parameters``."""

from __future__ import annotations

from typing import Annotated, ClassVar

from optserve.config.nodes import Node, Sequence
from optserve.config.schema.decode import decode, not_supported_yet
from optserve.config.schema.expression import Expression, Named
from optserve.config.schema.section import AtLeast, NameOf, Section

__all__ = ["Fixed", "Parameter", "Penalty"]


class Penalty(Section):
    """What is added to the loss for the size of a parameter."""

    later: ClassVar[tuple[str, ...]] = ("l1",)

    l2: Annotated[float, AtLeast(0), "Adds this times the sum of the squares."] = 0.0


class Fixed:
    """``fixed``: all of a parameter or none of it; which entries of it is not built yet."""

    @classmethod
    def describe(cls) -> str:
        """What it is, in words."""
        return "true or false"

    @classmethod
    def accepts(cls, node: Node) -> bool:
        """Anything; ``from_node`` explains."""
        return True

    @classmethod
    def from_node(cls, node: Node) -> bool:
        """Whether the parameter is held at its start."""
        if isinstance(node, Sequence) or "[" in getattr(node, "text", ""):
            raise not_supported_yet(node, "holding some entries of a parameter")
        return bool(decode(node, bool))


class Parameter(Section):
    """A parameter of the loss; everything written is on its natural scale."""

    sugar: ClassVar[str] = "init"
    later: ClassVar[tuple[str, ...]] = ("prior",)

    init: Annotated[
        float | Sequence | Annotated[Named, NameOf("initializers")] | None,
        "The start: a number, a nested list, or an initializer such as glorot_uniform.",
    ] = None
    shape: Annotated[
        tuple[Annotated[int, AtLeast(1)] | Expression, ...] | None, "Its shape; default: of init."
    ] = None
    bounds: Annotated[tuple[float | None, float | None], "[low, high]; null: none."] = (None, None)
    fixed: Annotated[Fixed, "Hold it at its start."] = False  # type: ignore[assignment]
    transform: Annotated[
        Annotated[Named, NameOf("transforms")] | None,
        "How the method sees it; log keeps it positive.",
    ] = None
    penalty: Annotated[Penalty | None, "What is added to the loss for its size."] = None
