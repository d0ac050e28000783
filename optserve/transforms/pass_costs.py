"""What a finite sum costs: passes, bytes and operations a row, and what does not separate.

``explain`` prints it. Predictions count each operand of a pass read once a row, and each
elementwise result as one operation (a product of matrices as two a term).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from optserve.errors import Place
from optserve.graph.dim import Dim
from optserve.graph.graph import Equation, Graph
from optserve.primitives.map_reduce import map_reduce
from optserve.transforms.expand import expand
from optserve.transforms.finite_sum import finite_sum, row_counts
from optserve.transforms.marking import mark
from optserve.transforms.regions import regions
from optserve.transforms.simplify import simplify

__all__ = ["NeedsAllRows", "Pass", "passes", "whole"]


@dataclass(frozen=True)
class Pass:
    """One pass over the rows of ``table``; bytes and operations are those of one row."""

    table: str
    bytes_read: int
    operations: int
    reductions: Mapping[str, int]


@dataclass(frozen=True)
class NeedsAllRows:
    """An equation that needs all rows at once, why, and where it was written."""

    primitive: str
    reason: str
    place: Place | None


def passes(graph: Graph) -> list[Pass]:
    """The passes that ``graph`` takes, in order."""
    found = []
    for equation in finite_sum(graph).equations:
        if equation.primitive is map_reduce:
            body: Graph = equation.attributes["body"]
            rows: Dim = equation.attributes["rows"]
            kinds: list[str] = list(equation.attributes["reductions"])
            read = sum(
                variable.aval.dtype.itemsize * _row_entries(variable.aval.shape)
                for variable, axis in zip(body.inputs[1:], equation.attributes["axes"], strict=True)
                if axis is not None
            )
            operations = sum(_operations(inner) for inner in body.equations)
            counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
            found.append(Pass(rows.name, read, operations, counts))
    return found


def whole(graph: Graph) -> list[NeedsAllRows]:
    """The equations of ``graph`` that are evaluated on whole arrays."""
    graph = simplify(expand(graph))
    tables = row_counts(graph)
    return [
        NeedsAllRows(equation.primitive.name, reason, equation.place)
        for rows, region in zip(tables, regions(graph, tables), strict=True)
        for equation, reason in mark(region, rows).mixed
    ]


def _row_entries(shape: tuple[int | Dim, ...]) -> int:
    """Entries of one row."""
    return math.prod(size for size in shape if isinstance(size, int))


def _has_rows(shape: tuple[int | Dim, ...]) -> bool:
    return any(isinstance(size, Dim) for size in shape)


def _operations(equation: Equation) -> int:
    """Arithmetic operations of an equation for one row."""
    if not equation.operands:
        return 0
    sizes = [_row_entries(atom.aval.shape) for atom in equation.operands]
    facts = equation.primitive.facts
    if facts.contraction is not None:
        rows_meet = all(_has_rows(atom.aval.shape) for atom in equation.operands)
        return 2 * (math.prod(sizes) if rows_meet else max(sizes))
    entries = max(*sizes, *(_row_entries(variable.aval.shape) for variable in equation.results))
    return 0 if facts.moves else entries
