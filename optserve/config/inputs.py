"""``Inputs``: parameters and columns as the inputs of a graph, those that are used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from optserve.config.config_scope import Tables, scope_of
from optserve.config.declarations import Declarations
from optserve.config.declarations import DeclaredValue as DeclaredValue
from optserve.config.expressions import Asked, Expression, Scope, Value, build
from optserve.config.mistakes import Mistakes
from optserve.graph.aval import Array, Aval, DType
from optserve.graph.graph import Graph
from optserve.graph.trace import Tracer
from optserve.primitives.tracing import new_trace
from optserve.primitives.vocabulary import Vocabulary
from optserve.transforms.simplify import prune, reads

__all__ = ["BoundGraph", "Inputs", "sizes_of"]


class BoundGraph(NamedTuple):
    """A graph whose inputs are the parameters, then the columns that are used, by name, then
    ``captured``.

    ``unused`` names the parameters that no output depends on.
    """

    graph: Graph
    columns: tuple[str, ...]
    captured: tuple[Array, ...]
    unused: tuple[str, ...]

    def arrays(self, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arrays of the inputs after the parameters, in order, ``columns`` being by name."""
        used = {name: columns[name] for name in self.columns}
        captured = {f"constant {number}": one for number, one in enumerate(self.captured, 1)}
        return {**used, **captured}


class Inputs:
    """A trace in which parameters and columns have their names; ``shapes`` are the parameters'.
    ``further`` are known by name beside the columns."""

    def __init__(
        self,
        shapes: Mapping[str, tuple[int, ...]],
        tables: Tables,
        vocabulary: Vocabulary,
        precision: DType,
        further: Mapping[str, Aval] = MappingProxyType({}),
    ) -> None:
        self.vocabulary = vocabulary
        self.trace = new_trace(precision=precision)
        self.parameters = {
            name: self.trace.input(Aval(shape, precision), name) for name, shape in shapes.items()
        }
        self._hidden = tables.hidden()
        self._arrays = {
            column.name: self.trace.input(column.aval(precision), column.name)
            for column in tables.columns()
        }
        self._arrays |= {name: self.trace.input(one, name) for name, one in further.items()}
        self._numbers = {
            table: self.trace.input(column.aval(precision), column.name)
            for table, column in tables.row_numbers().items()
        }
        self._sizes = sizes_of(tables, self._numbers)

    def scope(self, declared: Declarations, found: Mistakes) -> Scope:
        """Where expressions find what is declared; the values of ``define`` are built."""
        return scope_of(
            declared,
            self._arrays,
            self.parameters,
            self.vocabulary,
            self.trace,
            self._hidden,
            self._sizes,
            found,
        )

    def of_data(self, declared: Declarations, expression: Expression) -> Scope:
        """Where an expression of data alone finds what it uses: no parameter, nor a value of
        ``define`` that depends on one."""
        return self._scope(declared, declared.free(expression), self._arrays, {})

    @property
    def columns(self) -> frozenset[str]:
        """The names of the columns."""
        return frozenset(self._arrays)

    def at(
        self, declared: Declarations, expression: Expression, given: Mapping[str, Value]
    ) -> Scope:
        """Where an expression finds what it uses, with ``given`` arrays in the place of columns of
        their names; the values of ``define`` that it is made of are made of these."""
        columns = {**self._arrays, **given}
        return self._scope(declared, declared.needed(expression), columns, self.parameters)

    def _scope(
        self,
        declared: Declarations,
        needed: Iterable[DeclaredValue],
        columns: Mapping[str, Value],
        parameters: Mapping[str, Value],
    ) -> Scope:
        """What an expression may use, with the values of ``define`` that it needs made of it."""
        values: dict[str, Value] = {}
        scope = Scope(
            vocabulary=self.vocabulary,
            columns=columns,
            parameters=parameters,
            values=values,
            functions=declared.functions,
            hidden=self._hidden,
            sizes=self._sizes,
        )
        for one in needed:
            values[one.name] = build(one.expression, scope, self.trace)
        return scope

    def graph(self, outputs: Sequence[Tracer]) -> BoundGraph:
        """The graph of ``outputs``, without the columns that they do not depend on."""
        graph = prune(self.trace.graph(outputs))
        used = reads(graph)
        count = len(self.parameters)
        parameters, rest = graph.inputs[:count], graph.inputs[count:]
        kept = [variable for variable in rest if variable in used]
        columns = {tracer.atom: name for name, tracer in self._arrays.items()}
        columns |= {tracer.atom: f"row({name})" for name, tracer in self._numbers.items()}
        captured = zip(rest[len(columns) :], self.trace.captured, strict=True)
        return BoundGraph(
            graph=replace(graph, inputs=(*parameters, *kept)),
            columns=tuple(columns[variable] for variable in kept if variable in columns),
            captured=tuple(np.asarray(value) for variable, value in captured if variable in used),
            unused=tuple(variable.name for variable in parameters if variable not in used),
        )


def sizes_of(tables: Tables, numbers: Mapping[str, Value]) -> Asked | None:
    """What answers ``rows(t)``, ``row(t)`` and ``levels(g)``; nothing without tables."""
    if not tables.tables:
        return None
    from optserve.config.data.sizes import Sizes  # a config without data does without it

    return Sizes(tables, numbers)
