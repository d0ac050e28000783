"""Bodies for native code: primitives that have no instruction of their own, written out."""

from __future__ import annotations

from optserve.backends.llvm.instructions import INSTRUCTIONS
from optserve.graph.graph import Graph
from optserve.graph.primitive import Primitive
from optserve.transforms.expand import expand, with_stable_bodies
from optserve.transforms.simplify import simplify

__all__ = ["expanded"]


def expanded(graph: Graph) -> Graph:
    """``graph`` over primitives that have instructions, as far as bodies lead there."""
    return simplify(expand(with_stable_bodies(graph), _needs_body))


def _needs_body(primitive: Primitive) -> bool:
    return primitive.body is not None and primitive.name not in INSTRUCTIONS
