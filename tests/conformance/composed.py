"""Which primitives are made of others and state no rule of their own."""

from __future__ import annotations

from optserve.graph.primitive import Primitive

__all__ = ["is_composed"]


def is_composed(primitive: Primitive) -> bool:
    """Whether all that it does is done by its parts, each of which is tested by itself."""
    own = primitive.derivative
    return primitive.kind == "composite" and not any(
        (own.partials, own.transpose, own.pullback, own.rule)
    )
