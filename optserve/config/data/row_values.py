"""``RowValues``: what ``derive`` and ``where`` compute from the columns of one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from optserve.config.data.rowwise import RowWise
from optserve.config.declarations import DeclaredValue
from optserve.config.expressions import Function, Scope, build, described
from optserve.config.mistakes import Mistakes
from optserve.config.used_names import mentions
from optserve.errors import OptserveError, Place, ShapeError
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.trace import Trace, Tracer
from optserve.primitives.tracing import new_trace
from optserve.primitives.vocabulary import Vocabulary
from optserve.transforms.simplify import prune, reads

__all__ = ["ChosenValues", "RowValues"]


class ChosenValues(NamedTuple):
    """Some of the values: their names, the columns that they need, how they are computed."""

    names: tuple[str, ...]
    columns: tuple[str, ...]
    captured: tuple[Array, ...]
    row_wise: RowWise

    def statistics(self, columns: Mapping[str, Array]) -> tuple[Array, ...]:
        """What they need of all rows, from ``columns`` by name."""
        return self.row_wise.statistics(self._arguments(columns))

    def of(self, columns: Mapping[str, Array], statistics: Sequence[Array]) -> Mapping[str, Array]:
        """The values by name; ``statistics`` may be those of other rows."""
        values = self.row_wise.rows(self._arguments(columns), statistics)
        return {name: np.asarray(value) for name, value in zip(self.names, values, strict=True)}

    def _arguments(self, columns: Mapping[str, Array]) -> list[Array]:
        return [*(columns[name] for name in self.columns), *self.captured]


class RowValues:
    """Expressions over the columns of a table, in order; each may use those before it.

    All is computed in float64. ``columns`` are the avals of the columns by name, ``rows`` the
    table's row count. What is wrong, as what is not computed row by row (statistics of all rows
    aside), is ``found`` and left out.
    """

    def __init__(
        self,
        values: Sequence[DeclaredValue],
        columns: Mapping[str, Aval],
        rows: Dim,
        functions: Mapping[str, Function],
        vocabulary: Vocabulary,
        found: Mistakes,
    ) -> None:
        trace = new_trace(precision=np.dtype(np.float64))
        inputs = {name: trace.input(aval, name) for name, aval in columns.items()}
        made: dict[str, Tracer] = {}
        later = {value.name: value.place for value in values}
        scope = Scope(
            vocabulary=vocabulary,
            columns=dict(inputs),
            functions=functions,
            values=made,
            later=later,
        )
        for value in values:
            if mentions(value.expression, found.names, functions):
                found.names.add(value.name)
                continue
            with found.declaring(value.name):
                made[value.name] = _row_value(value, scope, trace, rows)
                del later[value.name]
        self.avals = {name: tracer.aval for name, tracer in made.items()}
        self.places: Mapping[str, Place] = {v.name: v.place for v in values if v.name in made}
        self.rows = rows
        self._count = len(inputs)
        self._captured = tuple(np.asarray(array) for array in trace.captured)
        self._graph = trace.graph(list(made.values()))
        try:
            self.chosen(made)  # what cannot be computed is told at once
        except OptserveError:
            for name in made:
                with found.declaring(name):
                    self.chosen([name])

    def chosen(self, names: Iterable[str]) -> ChosenValues:
        """Those of ``names`` alone, and what they need."""
        wanted = frozenset(names)
        pairs = zip(self.avals, self._graph.outputs, strict=True)
        outputs = {name: output for name, output in pairs if name in wanted}
        graph = prune(replace(self._graph, outputs=tuple(outputs.values())))
        used = reads(graph)
        columns = [one for one in graph.inputs[: self._count] if one in used]
        kept = Graph((*columns, *graph.inputs[self._count :]), graph.equations, graph.outputs)
        return ChosenValues(
            tuple(outputs),
            tuple(column.name for column in columns),
            self._captured,
            RowWise(kept, self.rows),
        )


def _row_value(value: DeclaredValue, scope: Scope, trace: Trace, rows: Dim) -> Tracer:
    """The value as an array with a row for each row of the table, or none."""
    built = build(value.expression, scope, trace)
    place = value.expression.place
    if isinstance(built, int | float | Dim):
        with trace.at(place):
            built = trace.lift(built)
    if not isinstance(built, Tracer):
        raise ShapeError(
            f"the value is {described(built)}", place=place, expected="an array or a number"
        )
    counted = [axis for axis, size in enumerate(built.shape) if isinstance(size, Dim)]
    if counted and (counted != [0] or built.shape[0] != rows):
        raise ShapeError(
            f"the value has the shape {built.shape}",
            place=place,
            expected=f"a first axis of {rows} rows and no other, or no rows at all",
        )
    return built
