"""Where a loss uses given primitives, and the operands that they get there at the start."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np

from optserve.errors import PluginFailure
from optserve.frozen import frozen, replace
from optserve.graph.aval import Array, is_float
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Var
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.graph.streamed import Streamed
from optserve.jobs.suspects import not_finite
from optserve.transforms.check import equation_graph
from optserve.transforms.foreign import blamed

__all__ = ["Use", "uses_of"]

TILE = 1024
"""Rows of each table at which uses are looked at."""


@frozen
class Use:
    """A primitive with the operands of one evaluation.

    ``active`` are the operands by which it is differentiated: those that depend on what varies.
    """

    primitive: Primitive
    attributes: Mapping[str, Any]
    operands: tuple[Array, ...]
    active: tuple[int, ...]

    @cached_property
    def graph(self) -> Graph:
        return equation_graph(self.primitive, self.operands, self.attributes)

    @property
    def finite(self) -> bool:
        """Whether operands and results are."""
        with np.errstate(all="ignore"):
            results = interpret(self.graph, *self.operands)
        return not any(not_finite(value).any() for value in (*self.operands, *results))

    def shown(self) -> str:
        """The call, with the values of its operands."""
        options = [f"{key}={value}" for key, value in self.attributes.items()]
        return f"{self.primitive.name}({', '.join([*map(_shown, self.operands), *options])})"


def uses_of(
    graph: Graph,
    arguments: Sequence[Array],
    varying: Sequence[int],
    primitives: Collection[Primitive],
) -> list[Use]:
    """The uses of ``primitives`` through which derivatives are taken.

    ``varying`` are the inputs of ``graph`` by which they are taken. Each kind of use (attributes,
    shapes) is listed once, with the operands of its first evaluation at the first rows of each
    table; loops and choices are looked into. What comes after a value that fails is not looked at.
    """
    found: dict[Any, Use] = {}

    def note(use: Use) -> None:
        key = (use.graph.digest, use.active)
        if use.active and key not in found:
            found[key] = use

    watched = _watched(graph, {graph.inputs[index] for index in varying}, primitives, note)
    with np.errstate(all="ignore"), suppress(PluginFailure):
        interpret(watched, *_first_rows(graph, arguments))
    return list(found.values())


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
    primitive = equation.primitive

    def told(*operands: Any, **attributes: Any) -> Any:
        arrays = tuple(
            np.array(operand, atom.aval.dtype)
            for operand, atom in zip(operands, equation.operands, strict=True)
        )
        note(Use(primitive, attributes, arrays, positions))
        # On copies: what is wrong with it may be that it changes its operands in place.
        with blamed(primitive, "value"):
            return primitive.impl(*map(np.copy, arrays), **attributes)

    return told


def _first_rows(graph: Graph, arguments: Sequence[Array]) -> list[Array]:
    """The arguments at the first rows of each table."""
    return [
        argument[:TILE]
        if isinstance(argument, Streamed)
        else argument[
            tuple(slice(TILE) if _is_rows(size) else slice(None) for size in v.aval.shape)
        ]
        for v, argument in zip(graph.inputs, arguments, strict=True)
    ]


def _is_rows(size: Dim | int) -> bool:
    return isinstance(size, Dim) and size.is_rows


def _shown(operand: Array) -> str:
    """An operand's values; of a longer one the first few."""
    if operand.ndim == 0:
        return f"{operand.item():.6g}"
    entries = [f"{entry.item():.6g}" for entry in operand.reshape(-1)[:4]]
    more = ", ..." if operand.size > 4 else ""
    return f"{operand.dtype.name}{list(operand.shape)} [{', '.join(entries)}{more}]"
