"""Where a graph uses given primitives, and the operands that they get there at the start."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from optserve.errors import PluginFailure
from optserve.graph.aval import Array, is_float
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Var
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.graph.streamed import Streamed
from optserve.jobs.evidence.suspects import not_finite
from optserve.transforms.derivative_check import equation_graph
from optserve.transforms.foreign import Faults, Watching

__all__ = ["Use", "uses_of"]

TILE = 1024
"""Rows of each table at which uses are looked at, at most."""

LARGEST_SEARCH = 10_000_000
"""Entries of a column up to which the rows of its extreme values are looked for."""


@dataclass(frozen=True)
class Use:
    """A primitive with the operands of one evaluation.

    ``active`` are the operands by which it is differentiated: those that depend on what varies.
    ``equation`` is where it stands, with row counts in its shapes and attributes.
    """

    equation: Equation
    attributes: Mapping[str, Any]
    operands: tuple[Array, ...]
    active: tuple[int, ...]

    @property
    def primitive(self) -> Primitive:
        return self.equation.primitive

    @cached_property
    def graph(self) -> Graph:
        return equation_graph(self.primitive, self.operands, self.attributes)

    @property
    def finite(self) -> bool:
        """Whether operands and results are."""
        with np.errstate(all="ignore"):
            results = interpret(self.graph, *self.operands)
        return not any(not_finite(value).any() for value in (*self.operands, *results))

    @property
    def carried(self) -> tuple[int | None, ...]:
        """The axis of each operand that holds the rows, where those are of one table."""
        axes = [
            [axis for axis, size in enumerate(atom.aval.shape) if isinstance(size, Dim)]
            for atom in self.equation.operands
        ]
        pairs = zip(self.equation.operands, axes, strict=True)
        sizes = {atom.aval.shape[axis] for atom, own in pairs for axis in own}
        if len(sizes) != 1 or not all(map(_is_rows, sizes)) or any(len(own) > 1 for own in axes):
            return (None,) * len(axes)
        return tuple(own[0] if own else None for own in axes)

    def at(self, operands: Sequence[Array]) -> str:
        """The call with these operands, as a person reads it."""
        options = [f"{key}={value}" for key, value in self.attributes.items()]
        return f"{self.primitive.name}({', '.join([*map(_shown, operands), *options])})"


def uses_of(
    graph: Graph,
    arguments: Sequence[Array],
    varying: Sequence[int],
    primitives: Collection[Primitive],
) -> list[list[Use]]:
    """The uses of ``primitives`` through which derivatives are taken.

    ``varying`` are the inputs of ``graph`` by which they are taken. Uses of one kind (primitive,
    attributes, shapes) stand together, each with the operands of its first evaluation, and of its
    last one in a loop, at some rows of each table; loops and choices are looked into. What comes
    after a value that fails is not looked at.
    """
    found: dict[Any, dict[Any, Use]] = {}

    def note(use: Use) -> None:
        if use.active:
            kind = found.setdefault((use.primitive, use.graph.digest, use.active), {})
            first = id(use.equation), "first"
            kind[first if first not in kind else (id(use.equation), "last")] = use

    watched = _watched(graph, {graph.inputs[index] for index in varying}, primitives, note)
    with np.errstate(all="ignore"), suppress(PluginFailure):
        interpret(watched, *_some_rows(graph, arguments))
    return [list(kind.values()) for kind in found.values()]


def _watched(
    graph: Graph, varying: set[Var], watching: Collection[Primitive], note: Callable[[Use], None]
) -> Graph:
    """``graph`` with primitives that tell what they are given."""
    active: set[Atom] = {variable for variable in varying if is_float(variable.aval.dtype)}
    equations = []
    for equation in graph.equations:
        attributes = {
            key: _watched(value, set(value.inputs), watching, note)
            if isinstance(value, Graph)
            else value
            for key, value in equation.attributes.items()
        }
        primitive = equation.primitive
        if primitive in watching:
            primitive = replace(primitive, impl=_telling(equation, active, note))
        equations.append(replace(equation, primitive=primitive, attributes=attributes))
        if not active.isdisjoint(equation.operands):
            active.update(v for v in equation.results if is_float(v.aval.dtype))
    return Graph(graph.inputs, tuple(equations), graph.outputs)


def _telling(
    equation: Equation, active: set[Atom], note: Callable[[Use], None]
) -> Callable[..., Any]:
    """The implementation of a primitive, which notes its operands first."""
    positions = tuple(i for i, atom in enumerate(equation.operands) if atom in active)
    compute = Watching(equation, Faults())

    def told(*operands: Any, **attributes: Any) -> Any:
        arrays = tuple(
            np.array(operand, atom.aval.dtype)
            for operand, atom in zip(operands, equation.operands, strict=True)
        )
        note(Use(equation, attributes, arrays, positions))
        # On copies: what is wrong with it may be that it changes its operands in place.
        return compute(*map(np.copy, arrays), **attributes)

    return told


def _some_rows(graph: Graph, arguments: Sequence[Array]) -> list[Array]:
    """The arguments at the first and last rows of each table, and at those where a column is
    extreme or 0; of a streamed table, at the first rows."""
    chosen: dict[Dim | int, Array | slice] = {}
    for variable, argument in zip(graph.inputs, arguments, strict=True):
        for size in filter(_is_rows, variable.aval.shape):
            if isinstance(argument, Streamed):
                chosen[size] = slice(TILE)
            elif size not in chosen:
                chosen[size] = _telling_rows(size, graph, arguments)
    found = []
    for variable, argument in zip(graph.inputs, arguments, strict=True):
        part = argument[:TILE] if isinstance(argument, Streamed) else argument
        for axis, size in enumerate(variable.aval.shape):
            if size in chosen and not isinstance(argument, Streamed):
                part = part[(*(slice(None),) * axis, chosen[size])]
        found.append(part)
    return found


def _telling_rows(table: Dim | int, graph: Graph, arguments: Sequence[Array]) -> Array | slice:
    """Numbers of rows, in order; all of a short table."""
    columns = [
        argument.reshape(len(argument), -1)
        for variable, argument in zip(graph.inputs, arguments, strict=True)
        if variable.aval.shape[:1] == (table,) and not isinstance(argument, Streamed)
    ]
    count = len(columns[0]) if columns else 0
    if count <= TILE:
        return slice(TILE)
    ends = TILE // 2 - 32
    rows = [*range(ends), *range(count - ends, count)]
    extremes: list[int] = []
    for column in columns:
        if column.shape[1] and column.dtype.kind in "fi" and column.size <= LARGEST_SEARCH:
            one = column[:, 0]
            extremes += [int(one.argmin()), int(one.argmax()), int((one == 0).argmax())]
    return np.unique([*rows, *extremes[: TILE - len(rows)]])


def _is_rows(size: Dim | int) -> bool:
    return isinstance(size, Dim) and size.is_rows


def _shown(operand: Array) -> str:
    """An operand's values; of a longer one the first few."""
    if operand.ndim == 0:
        return f"{operand.item():.6g}"
    entries = [f"{entry.item():.6g}" for entry in operand.reshape(-1)[:4]]
    more = ", ..." if operand.size > 4 else ""
    return f"{operand.dtype.name}{list(operand.shape)} [{', '.join(entries)}{more}]"
