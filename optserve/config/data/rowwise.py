"""``RowWise``: a graph over the rows of a table, taken apart into statistics and the rest.

``x - mean(x)`` is two things: the mean, which is one number for all rows, and a subtraction, which
is done row by row. Taken apart, the mean can be that of the training rows, and the subtraction be
done to any others. The parts are found by the axis rules of the primitives, as the passes of a
finite sum are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.graph.dim import Dim
from optserve.graph.graph import Equation, Graph, Var
from optserve.graph.interpret import interpret
from optserve.primitives.constants import arange
from optserve.transforms.expand import expand
from optserve.transforms.marking import mark
from optserve.transforms.simplify import simplify

__all__ = ["RowWise"]


class RowWise:
    """``graph``, whose inputs are columns (rows, ...) and whose outputs are too, or have no rows.

    Raises ``ConfigError``, placed at the operation, where an output needs other rows than its own
    for anything that is not a statistic, such as a sum, of all of them.

    >>> from optserve.graph.aval import Aval
    >>> from optserve.primitives.tracing import new_trace
    >>> rows, trace = Dim.rows("data"), new_trace()
    >>> x = trace.input(Aval((rows,), np.dtype(float)), "x")
    >>> centred = RowWise(trace.graph([x - np.mean(x)]), rows)
    >>> mean = centred.statistics([np.array([1.0, 3.0])])
    >>> centred.rows([np.array([5.0])], mean)
    (array([3.]),)
    """

    def __init__(self, graph: Graph, rows: Dim) -> None:
        graph = simplify(expand(graph))
        self._marking = mark(graph, rows)
        self._made = {
            variable: number
            for number, equation in enumerate(graph.equations)
            for variable in equation.results
        }
        self._whole = graph
        statistics: dict[Var, None] = {}
        needed: set[int] = set()
        pending = [atom for atom in graph.outputs if isinstance(atom, Var)]
        while pending:
            variable = pending.pop()
            if variable not in self._made:  # a column itself
                continue
            if self._is_statistic(variable):
                statistics[variable] = None
                continue
            number = self._made[variable]
            equation = graph.equations[number]
            self._check_rows(number, equation)
            if number not in needed:
                needed.add(number)
                pending += [atom for atom in equation.operands if isinstance(atom, Var)]
        self._statistics = Graph(graph.inputs, graph.equations, tuple(statistics))
        equations = tuple(graph.equations[number] for number in sorted(needed))
        self._rows = Graph((*graph.inputs, *statistics), equations, graph.outputs)

    @property
    def looks_around(self) -> Place | None:
        """Where more than one row is looked at, if anywhere."""
        return next(self._reductions(), None)

    def statistics(self, columns: Sequence[Array]) -> tuple[Array, ...]:
        """All that is not row by row, of these rows."""
        with np.errstate(all="ignore"):
            return interpret(self._statistics, *columns)

    def rows(self, columns: Sequence[Array], statistics: Sequence[Array]) -> tuple[Array, ...]:
        """The outputs for these rows."""
        with np.errstate(all="ignore"):
            return interpret(self._rows, *columns, *statistics)

    def _is_statistic(self, variable: Var) -> bool:
        counted = any(isinstance(size, Dim) for size in variable.aval.shape)
        return not counted and self._marking.marks[variable].axis is None

    def _check_rows(self, number: int, equation: Equation) -> None:
        if self._marking.kinds[number] == "row" and equation.primitive is not arange:
            return  # arange makes rows that know their own position
        raise ConfigError(
            f"{equation.primitive.name} looks at other rows than its own",
            place=equation.place,
            expected="what is computed row by row, or a sum, mean or the like over all rows",
            remedy="compute it before, and write it into a column of the file",
            code="not-row-wise",
        )

    def _reductions(self) -> Iterator[Place | None]:
        for equation, kind in zip(self._whole.equations, self._marking.kinds, strict=True):
            counts = any(isinstance(value, Dim) for value in equation.attributes.values())
            if kind not in ("row", "fixed") or (kind == "fixed" and counts):
                yield equation.place or Place("")
