"""What a body is lowered to: accesses to memory, nodes that compute, groups that share loops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.graph.dim import Size
from optserve.graph.graph import Equation, Literal, Var

__all__ = [
    "Access",
    "Computation",
    "LoopGroup",
    "Lowered",
    "Product",
    "Space",
    "operand",
    "result_space",
    "row_major",
    "static",
]

Space = tuple[int, ...]


@dataclass(frozen=True)
class Access:
    """Where the entries of a value are: entry i of row r of ``root`` is at
    ``offset + r * row + sum(i[a] * strides[a])``, counted in entries."""

    root: Var
    row: int
    strides: tuple[int, ...]
    offset: int
    space: Space

    def over(self, space: Space) -> tuple[int, ...]:
        """Strides along the axes of ``space``, 0 where this value is broadcast.

        A fixed value may have one more axis, of size 1, where others have their rows.
        """
        own = [
            0 if size == 1 else stride
            for stride, size in zip(self.strides, self.space, strict=True)
        ]
        missing = len(space) - len(own)
        return (0,) * missing + tuple(own[max(0, -missing) :])


@dataclass(eq=False)
class Computation:
    """One computation: ``kind`` is ``elementwise``, ``sum_rows``, ``reduce``, ``matvec``, ...

    ``space`` is what its loops run over; ``inputs`` are literals or accesses; ``result`` is the
    variable it defines; ``output`` the position of the output that it accumulates into or stores.
    """

    kind: str
    space: Space
    inputs: tuple[Access | Literal, ...]
    equation: Equation
    result: Var | None = None
    output: int | None = None
    detail: Any = None

    @property
    def fusable(self) -> bool:
        return self.kind in ("elementwise", "sum_rows", "store", "take", "iota", "copy")


@dataclass(frozen=True)
class Product:
    """A sum of products within a row: the letters of each operand, of the result, and summed."""

    labels: tuple[str, ...]
    kept: str
    summed: str
    sizes: Mapping[str, int]


@dataclass
class LoopGroup:
    """Nodes that share one nest of loops."""

    space: Space
    nodes: list[Computation] = field(default_factory=list)


@dataclass
class Lowered:
    """Groups in order, the row values kept in buffers, and the size of each in entries a row.

    With ``row_lanes`` rows run along the lanes everywhere, see ``row_lanes.py``.
    """

    groups: list[LoopGroup]
    buffers: dict[Var, int]
    row_lanes: bool = False


def row_major(space: Space) -> tuple[int, ...]:
    """The strides of entries that follow each other, the last axis fastest."""
    return tuple(math.prod(space[axis + 1 :]) for axis in range(len(space)))


def result_space(node: Computation) -> Space:
    """The shape within a row of what a node defines."""
    if node.kind != "reduce":
        return node.space
    _, axes = node.detail
    kept = node.equation.attributes["keepdims"]
    return tuple(
        1 if i in axes else size for i, size in enumerate(node.space) if kept or i not in axes
    )


def operand(node: Computation, position: int) -> Access:
    """An operand of a product, which is never a literal."""
    entry = node.inputs[position]
    if not isinstance(entry, Access):
        raise Unsupported("a product with a literal")
    return entry


def static(size: Size) -> int:
    """A size that is a number, as sizes within a row have to be."""
    if not isinstance(size, int):
        raise Unsupported(f"the size {size} within a row")
    return size
