"""The keys of ``least_squares``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, NamedTuple

from optserve.config import nodes
from optserve.config.nodes import Node
from optserve.config.schema.decode import decode_section, wrong_kind
from optserve.config.schema.expression import Expression
from optserve.config.schema.section import Section

__all__ = ["Comparison", "LeastSquares"]


class Comparison(Section):
    """What was observed against what is predicted; the residual is their difference."""

    later: ClassVar[tuple[str, ...]] = ("robust",)

    observed: Annotated[Expression, "What was measured."]
    predicted: Annotated[Expression, "What the model says."]
    sigma: Annotated[
        Expression | None,
        "The known standard deviation of what was observed, infinite where it is not to count.",
    ] = None


class LeastSquares(NamedTuple):
    """The sum of squares of a comparison, or of residuals by name."""

    node: Node
    terms: Comparison | Mapping[str, Expression]

    @classmethod
    def describe(cls) -> str:
        """What it is, in words."""
        return "a residual, {name: residual}, or {observed: ..., predicted: ...}"

    @classmethod
    def accepts(cls, node: Node) -> bool:
        """Anything but null; ``from_node`` explains."""
        return Expression.accepts(node)

    @classmethod
    def from_node(cls, node: Node) -> LeastSquares:
        """Whichever of the three forms ``node`` has."""
        if not isinstance(node, nodes.Mapping):
            return cls(node, {"residual": Expression.from_node(node)})
        if {"observed", "predicted", "sigma", "robust"} & set(node.entries):
            return cls(node, decode_section(node, Comparison))
        if not len(node):
            raise wrong_kind(node, cls.describe(), got="an empty mapping")
        named = node.entries.items()
        return cls(node, {name: Expression.from_node(entry.value) for name, entry in named})
