"""Derivatives of control flow, which are control flow again.

A step of ``scan`` is (carry, x, constants) -> (carry, output). Its pullback takes the cotangents of
the next carry and of the output back to those of all three, so that the pullback of the loop is a
loop the other way round: it carries the cotangents of the carry, and the sums of those of the
constants. Each step is computed again from the carry it began with, of which the first run keeps
one a step: that is all the memory it takes. The tangents of a loop are carried along beside it.

``cond`` takes the derivative of the side that was chosen.

The derivative of the graph of a step or a side is ``vjp`` or ``pushforward``, which these are parts
of: they are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from optserve.graph.aval import aval_of, is_float
from optserve.graph.graph import Graph
from optserve.graph.primitive import Primitive, Value, listed
from optserve.primitives.loops import cond, cond_primitive, scan, scan_primitive
from optserve.transforms.overflow import Guard
from optserve.transforms.rules import Cotangents, Pull

__all__ = ["control_pull", "control_tangents"]

Differentiate = Callable[..., tuple[tuple[Value, ...], Any]]
"""``vjp`` or ``pushforward``: the outputs of a graph, and their pullback or their tangents."""

_STEP = Guard(active=False, levels_off=True)
"""Of a step or a branch nobody knows what becomes of its results: they may level off."""


def control_pull(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    vjp: Differentiate,
) -> tuple[tuple[Value, ...], Pull]:
    """The results of ``scan`` or ``cond``, and their pullback."""
    pull = _cond_pull if primitive is cond_primitive else _scan_pull
    return pull(operands, vjp, **attributes)


def control_tangents(
    primitive: Primitive,
    operands: Sequence[Value],
    directions: Sequence[Cotangents],
    attributes: Mapping[str, Any],
    pushforward: Differentiate,
) -> tuple[tuple[Value, ...], list[Cotangents]]:
    """The results of ``scan`` or ``cond``, and their tangents in each direction."""
    results = listed(primitive.bind(*operands, **attributes))
    push = _cond_push if primitive is cond_primitive else _scan_push
    return results, [
        (None,) * len(results)
        if all(tangent is None for tangent in direction)
        else push(operands, direction, pushforward, **attributes)
        for direction in directions
    ]


class _Parts(NamedTuple):
    """What belongs to the inputs of a step, by the part that these play."""

    carry: Sequence[Any]
    xs: Sequence[Any]
    constants: Sequence[Any]

    @staticmethod
    def of(inputs: Sequence[Any], carries: int, scanned: int) -> _Parts:
        rest = carries + scanned
        return _Parts(inputs[:carries], inputs[carries:rest], inputs[rest:])


def _scan_pull(
    operands: Sequence[Value],
    vjp: Differentiate,
    *,
    body: Graph,
    carries: int,
    scanned: int,
    length: Any,
    backward: bool,
) -> tuple[tuple[Value, ...], Pull]:
    given = _Parts.of(operands, carries, scanned)
    saving = Graph(body.inputs, body.equations, (*body.outputs, *body.inputs[:carries]))
    out = listed(
        scan_primitive.bind(
            *operands,
            body=saving,
            carries=carries,
            scanned=scanned,
            length=length,
            backward=backward,
        )
    )
    results, carry_of_each_step = out[: len(body.outputs)], out[len(body.outputs) :]
    smooth = [i for i, variable in enumerate(body.inputs) if is_float(variable.aval.dtype)]
    floating = _Parts(
        [i for i in smooth if i < carries],
        [i for i in smooth if carries <= i < carries + scanned],
        [i for i in smooth if i >= carries + scanned],
    )
    selects = any(equation.primitive.derivative.selects for equation in body.equations)

    def pull(cts: Cotangents, masked: bool) -> Cotangents:
        full = _dense(cts, results)

        def step(state: Sequence[Value], slices: Sequence[Value]) -> tuple[Value, Value]:
            carry, x, output_cts = _Parts.of(slices, carries, scanned)
            inputs = [*carry, *x, *given.constants]
            count = len(floating.carry)
            carry_cts = _placed(carries, floating.carry, state[:count])
            _, back = vjp(body, inputs, smooth, guard=_STEP)
            pulled = _placed(
                len(inputs), smooth, back([*carry_cts, *output_cts], masked or selects)
            )
            totals = [
                total if pulled[i] is None else total + pulled[i]
                for i, total in zip(floating.constants, state[count:], strict=True)
            ]
            before = [_or_zeros(pulled[i], inputs[i]) for i in floating.carry]
            return (*before, *totals), tuple(_or_zeros(pulled[i], inputs[i]) for i in floating.xs)

        begin = [
            *(full[i] for i in floating.carry),
            *(np.zeros_like(operands[i]) for i in floating.constants),
        ]
        sequences = (*carry_of_each_step, *given.xs, *full[carries:])
        end, x_cts = scan(step, tuple(begin), sequences, not backward)
        positions = [*floating.carry, *floating.constants, *floating.xs]
        return _placed(len(operands), positions, [*end, *x_cts])

    return tuple(results), pull


def _scan_push(
    operands: Sequence[Value],
    tangents: Cotangents,
    pushforward: Differentiate,
    *,
    body: Graph,
    carries: int,
    scanned: int,
    length: Any,
    backward: bool,
) -> Cotangents:
    del length
    given = _Parts.of(operands, carries, scanned)
    moving = [i for i in range(carries) if is_float(body.inputs[i].aval.dtype)]
    moving_xs = [i for i in range(carries, carries + scanned) if tangents[i] is not None]

    def step(state: Sequence[Value], slices: Sequence[Value]) -> tuple[Value, Value]:
        carry, carry_tangents = state[:carries], state[carries:]
        x, x_tangents = slices[:scanned], slices[scanned:]
        direction = (
            *_placed(carries + scanned, [*moving, *moving_xs], [*carry_tangents, *x_tangents]),
            *tangents[carries + scanned :],
        )
        out, [pushed] = pushforward(body, [*carry, *x, *given.constants], [direction], guard=_STEP)
        following = [_or_zeros(pushed[i], out[i]) for i in moving]
        return (*out[:carries], *following), _dense(pushed[carries:], out[carries:])

    begin = (*given.carry, *(_or_zeros(tangents[i], operands[i]) for i in moving))
    end, stacked = scan(step, begin, (*given.xs, *(tangents[i] for i in moving_xs)), backward)
    return (*_placed(carries, moving, end[carries:]), *stacked)


def _cond_pull(
    operands: Sequence[Value], vjp: Differentiate, *, if_true: Graph, if_false: Graph
) -> tuple[tuple[Value, ...], Pull]:
    condition, *values = operands
    results = listed(cond_primitive.bind(*operands, if_true=if_true, if_false=if_false))
    smooth = [i for i, value in enumerate(values) if is_float(aval_of(value).dtype)]

    def pull(cts: Cotangents, masked: bool) -> Cotangents:
        def branch(graph: Graph) -> Any:
            def pulled(*given: Value) -> tuple[Value, ...]:
                inputs, incoming = given[: len(values)], given[len(values) :]
                _, back = vjp(graph, inputs, smooth, guard=_STEP)
                return _dense(back(list(incoming), masked), [inputs[i] for i in smooth])

            return pulled

        full = _dense(cts, results)
        found = cond(condition, branch(if_true), branch(if_false), *values, *full)
        return (None, *_placed(len(values), smooth, found))

    return results, pull


def _cond_push(
    operands: Sequence[Value],
    tangents: Cotangents,
    pushforward: Differentiate,
    *,
    if_true: Graph,
    if_false: Graph,
) -> Cotangents:
    condition, *values = operands
    moving = [i for i, tangent in enumerate(tangents[1:]) if tangent is not None]

    def branch(graph: Graph) -> Any:
        def pushed(*given: Value) -> tuple[Value, ...]:
            inputs, incoming = given[: len(values)], given[len(values) :]
            direction = _placed(len(values), moving, incoming)
            out, [found] = pushforward(graph, inputs, [direction], guard=_STEP)
            return _dense(found, out)

        return pushed

    incoming = [tangents[i + 1] for i in moving]
    found: Cotangents = cond(condition, branch(if_true), branch(if_false), *values, *incoming)
    return found


def _placed(count: int, positions: Iterable[int], values: Iterable[Value | None]) -> Cotangents:
    """``count`` entries: the values at their positions, and nothing elsewhere."""
    found: list[Value | None] = [None] * count
    for position, value in zip(positions, values, strict=True):
        found[position] = value
    return tuple(found)


def _dense(cts: Iterable[Value | None], like: Sequence[Value]) -> tuple[Value, ...]:
    return tuple(_or_zeros(ct, value) for ct, value in zip(cts, like, strict=True))


def _or_zeros(ct: Value | None, like: Value) -> Value:
    return np.zeros_like(like) if ct is None else ct
