"""Whether a graph computes each row of a table from the same row of its columns, and from no other.

Then it may be evaluated on any block of rows at a time, wherever that is in the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optserve.graph.dim import Dim
from optserve.graph.graph import Equation, Graph
from optserve.transforms.expand import expand
from optserve.transforms.marking import mark
from optserve.transforms.simplify import simplify

__all__ = ["keeps_rows_apart", "outputs_keep_rows_apart"]


def keeps_rows_apart(graph: Graph, rows: Dim) -> bool:
    """Whether all that ``graph`` computes is one a row, or does not depend on the rows at all.

    >>> import numpy as np
    >>> from optserve.graph.aval import Aval
    >>> from optserve.primitives.tracing import trace
    >>> rows = Dim.rows("data")
    >>> x = Aval((rows,), np.dtype(float))
    >>> [keeps_rows_apart(trace(f, x).graph, rows) for f in (np.exp, np.mean, np.cumsum)]
    [True, False, False]
    """
    graph = expand(simplify(graph))
    if any(_counts_rows(equation, rows) for equation in graph.equations):
        return False
    marking = mark(graph, rows)
    alone = all(kind in ("fixed", "row") for kind in marking.kinds)
    return alone and all(
        (entry.axis is not None) == _has_rows(variable.aval.shape, rows)
        for variable, entry in marking.marks.items()
    )


def outputs_keep_rows_apart(graph: Graph, outputs: Sequence[int]) -> bool:
    """Whether those of ``outputs`` that have rows have those of one table, in front, and each of
    them depends on the same row of the table alone."""
    shapes = {index: graph.outputs[index].aval.shape for index in outputs}
    own = [i for i, shape in shapes.items() if any(isinstance(size, Dim) for size in shape)]
    tables = {size for i in own for size in shapes[i] if isinstance(size, Dim)}
    if len(tables) != 1 or any(shapes[i][0] not in tables for i in own):
        return False
    [rows] = tables
    only = replace(graph, outputs=tuple(graph.outputs[i] for i in own))
    return rows.is_rows and keeps_rows_apart(only, rows)


def _counts_rows(equation: Equation, rows: Dim) -> bool:
    """Whether it makes something of the number of rows, or of their positions, alone."""
    shapes = [variable.aval.shape for variable in equation.results]
    mentioned = [*equation.attributes.values(), *shapes]
    flat = [e for one in mentioned for e in (one if isinstance(one, tuple) else (one,))]
    return not equation.operands and _has_rows(flat, rows)


def _has_rows(sizes: object, rows: Dim) -> bool:
    assert isinstance(sizes, tuple | list)
    return any(isinstance(size, Dim) and rows.name in size.names for size in sizes)
