"""A Python function, traced at values for its derivatives, and what these take and give."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import aval_of, is_float, is_traced, precision_of
from optserve.graph.graph import Graph, Var
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Value
from optserve.graph.trace import Trace, Tracer
from optserve.primitives.tracing import run
from optserve.transforms.chosen_arguments import own
from optserve.transforms.concrete import pulled_back
from optserve.transforms.overflow import Guard
from optserve.transforms.reverse import vjp as graph_vjp
from optserve.transforms.rules import Cotangents

__all__ = [
    "TracedAt",
    "filled",
    "guard_of",
    "matching",
    "pair_of",
    "positions_of",
    "pullback_of",
    "traced_at",
]


def pair_of(result: Any) -> tuple[Value, Any]:
    """What a function with further results returned."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise ShapeError(
            f"with has_aux, the function returned a {type(result).__name__}",
            expected="a pair (value, further results)",
        )
    return result


def positions_of(argnums: int | Sequence[int], count: int) -> tuple[int, ...]:
    """``argnums`` counted from the front of ``count`` arguments."""
    if type(argnums) is int and 0 <= argnums < count:  # the usual case
        return (argnums,)
    try:
        given = argnums if isinstance(argnums, Sequence) else (argnums,)
        listed = tuple(map(operator.index, given))
    except TypeError:
        raise ShapeError(
            f"argnums {argnums!r} name no argument", expected="a whole number, or a tuple of them"
        ) from None
    for position in listed:
        if not -count <= position < count:
            raise ShapeError(
                f"there is no argument {position} to differentiate by: {count} are given",
                remedy="argnums count from 0, and mean arguments that are given by position",
            )
    positions = tuple(position % count for position in listed)
    if len(set(positions)) != len(positions):
        raise ShapeError(f"argnums {listed} name one argument twice", expected="each of them once")
    return positions


class TracedAt:
    """What a function did with arguments whose values are at hand, and what it gave.

    ``graph`` is made of it where it is asked for.
    """

    def __init__(self, trace: Trace, outputs: Sequence[Tracer], single: bool) -> None:
        self.trace = trace
        self.outputs = outputs
        self.single = single

    @cached_property
    def graph(self) -> Graph:
        return self.trace.graph_of([output.atom for output in self.outputs])

    @cached_property
    def values(self) -> Mapping[Var, Value]:
        """What each result is."""
        return self.trace.values

    @property
    def captured(self) -> Sequence[Value]:
        """The values from outside, for the last inputs of the graph."""
        return self.trace.captured


def traced_at(function: Callable[..., Value], arguments: Sequence[Value]) -> TracedAt:
    """``function`` of these arguments, whose values are at hand."""
    precision = precision_of(map(aval_of, arguments))
    return TracedAt(*run(function, *arguments, precision=precision, concrete=True))


def pullback_of(
    traced: TracedAt, chosen: Sequence[Value]
) -> tuple[tuple[Value, ...], Callable[[Sequence[Value | None], bool], Cotangents]]:
    """The outputs, and their pullback to what is differentiated by."""

    of_graph: Callable[[Sequence[Value | None], bool], Cotangents] | None = None

    def pullback(cotangents: Sequence[Value | None], masked: bool = False) -> Cotangents:
        nonlocal of_graph
        if of_graph is None:
            found = pulled_back(traced.trace, traced.outputs, cotangents)
            if found is not None:
                return found
            arguments, guard = [*chosen, *traced.captured], guard_of(traced, chosen)
            wrt, known = range(len(chosen)), traced.values
            _, of_graph = graph_vjp(traced.graph, arguments, wrt, known=known, guard=guard)
        return of_graph(cotangents, masked)

    return tuple([output.known_value for output in traced.outputs]), pullback


def guard_of(traced: TracedAt, chosen: Sequence[Value]) -> Guard:
    """What was captured was computed elsewhere, and may have overflowed there."""
    overflowed = [*(False for _ in chosen), *map(_may_be_infinite, traced.captured)]
    return Guard(active=False, overflowed=overflowed)


def _may_be_infinite(value: Value) -> bool:
    """Whether it is infinite somewhere, as far as its numbers are known."""
    while isinstance(value, Tracer):
        value = value.known_value
    return value is None or bool(np.isinf(value).any())


def matching(what: str, given: Sequence[Value], wanted: Sequence[Value]) -> list[Value]:
    """``given`` as arrays of the shapes and dtypes of ``wanted``."""
    if len(given) != len(wanted):
        raise ShapeError(f"{len(given)} {what}s for {len(wanted)} values", expected="one each")
    result: list[Value] = []
    for value, like in zip(given, wanted, strict=True):
        aval = aval_of(like)
        array = as_operand(value)
        if array.size == 1 == aval.size:
            array = value = np.reshape(array, aval.shape)
        if array.shape != aval.shape:
            raise ShapeError(
                f"a {what} of shape {array.shape}", expected=f"the shape of the value, {aval}"
            )
        traced = array is value and is_traced(value)
        result.append(
            value if traced or not is_float(aval.dtype) else np.asarray(array, aval.dtype)
        )
    return result


def filled(cotangents: Cotangents, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """Cotangents as arrays of their own; zeros where there is none."""
    found = []
    for argument, ct in zip(arguments, cotangents, strict=True):
        if type(ct) is np.ndarray:  # the usual case
            found.append(ct.copy() if ct.ndim else ct[()])
        else:
            found.append(own(np.zeros_like(argument) if ct is None else ct))
    return tuple(found)
