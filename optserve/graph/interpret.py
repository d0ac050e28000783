"""``interpret``: evaluate a graph, one equation after another. The oracle of every backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from optserve.errors import OptserveError, ShapeError
from optserve.graph.aval import Array
from optserve.graph.dim import Dim, resolve_size
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.primitive import listed

__all__ = ["applied", "bind_rows", "computed", "evaluated", "interpret", "resolved"]

Compute = Callable[[Equation, Sequence[Any], Mapping[str, int]], tuple[Any, ...]]
"""(equation, operands, row counts) -> its results."""


def interpret(graph: Graph, *arguments: Any) -> tuple[Any, ...]:
    """The outputs of ``graph`` at ``arguments``; no simplification, no tiling, no buffer reuse."""
    return evaluated(graph, arguments, bind_rows(graph.inputs, arguments), computed)


def applied(graph: Graph, *arguments: Any) -> tuple[Any, ...]:
    """The outputs of ``graph`` at ``arguments`` that may be traced: its equations are recorded
    again, loops and choices as what they are."""
    return evaluated(graph, arguments, bind_rows(graph.inputs, arguments), _applied)


def evaluated(
    graph: Graph, arguments: Sequence[Any], rows: Mapping[str, int], compute: Compute
) -> tuple[Any, ...]:
    """The outputs, each equation being ``compute(equation, operands, rows)``."""
    values: dict[Var, Any] = dict(zip(graph.inputs, arguments, strict=True))

    def read(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Literal) else values[atom]

    for equation in graph.equations:
        operands = [read(atom) for atom in equation.operands]
        results = compute(equation, operands, rows)
        values.update(zip(equation.results, results, strict=True))
    return tuple(read(atom) for atom in graph.outputs)


def computed(
    equation: Equation, operands: Sequence[Any], rows: Mapping[str, int]
) -> tuple[Any, ...]:
    """The results of one equation; what is raised gets its place."""
    try:
        out = equation.primitive.impl(*operands, **resolved(equation.attributes, rows))
    except OptserveError as error:
        raise error.at(equation.place) from None
    return listed(out)


def _applied(
    equation: Equation, operands: Sequence[Any], rows: Mapping[str, int]
) -> tuple[Any, ...]:
    return listed(equation.primitive.bind(*operands, **resolved(equation.attributes, rows)))


def bind_rows(inputs: Sequence[Var], arguments: Sequence[Array]) -> dict[str, int]:
    """The row count of every table, read off the arguments' shapes, which are checked."""
    rows: dict[str, int] = {}
    for position, (variable, argument) in enumerate(zip(inputs, arguments, strict=True)):
        label = variable.name or f"number {position}"
        found = argument.shape if hasattr(argument, "shape") else ()
        wanted = variable.aval.shape
        if len(found) != len(wanted):
            raise ShapeError(f"input {label} has shape {found}", expected=str(variable.aval))
        for size, entry in zip(wanted, found, strict=True):
            if isinstance(size, Dim) and size.is_rows:
                rows.setdefault(size.name, entry)
            if isinstance(size, int) and size != entry:
                raise ShapeError(f"input {label} has shape {found}", expected=str(variable.aval))
    for position, (variable, argument) in enumerate(zip(inputs, arguments, strict=True)):
        for size, entry in zip(variable.aval.shape, getattr(argument, "shape", ()), strict=True):
            if isinstance(size, Dim) and resolve_size(size, rows) != entry:
                raise ShapeError(
                    f"input {variable.name or f'number {position}'} has {entry} rows",
                    expected=f"{size} = {resolve_size(size, rows)} rows",
                )
    return rows


def resolved(attributes: Mapping[str, Any], rows: Mapping[str, int]) -> dict[str, Any]:
    """The attributes with every row count that ``rows`` names replaced by its number."""
    return {key: _resolved(value, rows) for key, value in attributes.items()}


def _resolved(value: Any, rows: Mapping[str, int]) -> Any:
    if type(value) is int:  # most entries of shapes
        return value
    if isinstance(value, Dim):
        return value.value(rows) if value.names <= rows.keys() else value
    if isinstance(value, tuple):
        return tuple(_resolved(entry, rows) for entry in value)
    if isinstance(value, Graph):
        return _resolved_graph(value, rows)
    return value


def _resolved_graph(graph: Graph, rows: Mapping[str, int]) -> Graph:
    """A body whose equations and values name row counts, with the numbers in their place."""
    known: dict[Atom, Var] = {}

    def sized(variable: Var) -> Var:
        shape = _resolved(variable.aval.shape, rows)
        if shape != variable.aval.shape:
            known[variable] = Var(replace(variable.aval, shape=shape), variable.name)
        return known.get(variable, variable)

    def read(atom: Atom) -> Atom:
        return known.get(atom, atom)

    inputs = tuple(map(sized, graph.inputs))
    equations = tuple(
        replace(
            equation,
            operands=tuple(map(read, equation.operands)),
            attributes=resolved(equation.attributes, rows),
            results=tuple(map(sized, equation.results)),
        )
        for equation in graph.equations
    )
    return Graph(inputs, equations, tuple(map(read, graph.outputs)))
