"""Derivatives of control flow, which are control flow again.

A loop runs backward over the carries that its forward run saved; each step is computed again from
its carry, so that memory is one carry a step. A choice takes the derivative of the chosen side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optserve.graph.aval import aval_of, is_float
from optserve.graph.graph import Graph
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.loops import cond, cond_primitive, scan, scan_primitive
from optserve.transforms.forward import pushforward
from optserve.transforms.overflow import Guard
from optserve.transforms.reverse import vjp
from optserve.transforms.rules import Cotangents, Pull

__all__ = ["control_pull", "control_tangents"]

_STEP = Guard(active=False, levels_off=True)
"""Of a step or a branch nobody knows what becomes of its results: they may level off."""


def control_pull(
    primitive: Primitive, operands: Sequence[Value], attributes: Mapping[str, Any]
) -> tuple[tuple[Value, ...], Pull]:
    """The results of ``scan`` or ``cond``, and their pullback."""
    if primitive is cond_primitive:
        return _cond_pull(operands, **attributes)
    return _scan_pull(operands, **attributes)


def control_tangents(
    primitive: Primitive,
    operands: Sequence[Value],
    directions: Sequence[Cotangents],
    attributes: Mapping[str, Any],
) -> tuple[tuple[Value, ...], list[Cotangents]]:
    """The results of ``scan`` or ``cond``, and their tangents in each direction."""
    out = primitive.bind(*operands, **attributes)
    results = out if isinstance(out, tuple) else (out,)
    push = _cond_push if primitive is cond_primitive else _scan_push
    return results, [
        (None,) * len(results)
        if all(tangent is None for tangent in direction)
        else push(operands, direction, **attributes)
        for direction in directions
    ]


def _scan_pull(
    operands: Sequence[Value],
    *,
    body: Graph,
    carries: int,
    scanned: int,
    length: Any,
    backward: bool,
) -> tuple[tuple[Value, ...], Pull]:
    saving = Graph(body.inputs, body.equations, (*body.outputs, *body.inputs[:carries]))
    out = scan_primitive.bind(
        *operands,
        body=saving,
        carries=carries,
        scanned=scanned,
        length=length,
        backward=backward,
    )
    results, saved = out[: len(body.outputs)], out[len(body.outputs) :]
    xs = operands[carries : carries + scanned]
    constants = operands[carries + scanned :]
    smooth = [i for i, variable in enumerate(body.inputs) if is_float(variable.aval.dtype)]
    smooth_carries = [i for i in smooth if i < carries]
    smooth_xs = [i for i in smooth if carries <= i < carries + scanned]
    smooth_constants = [i for i in smooth if i >= carries + scanned]
    selects = any(equation.primitive.selects for equation in body.equations)

    def pull(cts: Cotangents, masked: bool) -> Cotangents:
        full = [_or_zeros(ct, result) for ct, result in zip(cts, results, strict=True)]
        stacked = full[carries:]

        def step(state: Sequence[Value], slices: Sequence[Value]) -> tuple[Value, Value]:
            carry = slices[:carries]
            x = slices[carries : carries + scanned]
            out_cts = slices[carries + scanned :]
            _, back = vjp(body, [*carry, *x, *constants], smooth, guard=_STEP)
            carry_cts: list[Value | None] = [None] * carries
            for i, ct in zip(smooth_carries, state, strict=False):
                carry_cts[i] = ct
            pulled = dict(zip(smooth, back([*carry_cts, *out_cts], masked or selects), strict=True))
            inputs = [*carry, *x, *constants]
            following = [_or_zeros(pulled[i], inputs[i]) for i in smooth_carries]
            sums = [
                total if pulled[i] is None else total + pulled[i]
                for i, total in zip(smooth_constants, state[len(smooth_carries) :], strict=True)
            ]
            return (*following, *sums), tuple(_or_zeros(pulled[i], inputs[i]) for i in smooth_xs)

        initial = [
            *(full[i] for i in smooth_carries),
            *(np.zeros_like(operands[i]) for i in smooth_constants),
        ]
        final, x_cts = scan(step, tuple(initial), (*saved, *xs, *stacked), not backward)
        result: list[Value | None] = [None] * len(operands)
        for i, ct in zip([*smooth_carries, *smooth_constants], final, strict=True):
            result[i] = ct
        for i, ct in zip(smooth_xs, x_cts, strict=True):
            result[i] = ct
        return tuple(result)

    return tuple(results), pull


def _scan_push(
    operands: Sequence[Value],
    tangents: Cotangents,
    *,
    body: Graph,
    carries: int,
    scanned: int,
    length: Any,
    backward: bool,
) -> Cotangents:
    del length
    xs = operands[carries : carries + scanned]
    constants = operands[carries + scanned :]
    moving = [i for i in range(carries) if is_float(body.inputs[i].aval.dtype)]
    moving_xs = [i for i in range(carries, carries + scanned) if tangents[i] is not None]

    def step(state: Sequence[Value], slices: Sequence[Value]) -> tuple[Value, Value]:
        carry, x = state[:carries], slices[:scanned]
        direction: list[Value | None] = [None] * len(operands)
        for i, tangent in zip(moving, state[carries:], strict=True):
            direction[i] = tangent
        for i, tangent in zip(moving_xs, slices[scanned:], strict=True):
            direction[i] = tangent
        direction[carries + scanned :] = tangents[carries + scanned :]
        out, [pushed] = pushforward(body, [*carry, *x, *constants], [tuple(direction)], guard=_STEP)
        following = [_or_zeros(pushed[i], out[i]) for i in moving]
        outputs = zip(pushed[carries:], out[carries:], strict=True)
        return (*out[:carries], *following), tuple(_or_zeros(t, value) for t, value in outputs)

    initial = (*operands[:carries], *(_or_zeros(tangents[i], operands[i]) for i in moving))
    final, stacked = scan(step, initial, (*xs, *(tangents[i] for i in moving_xs)), backward)
    result: list[Value | None] = [None] * carries
    for i, tangent in zip(moving, final[carries:], strict=True):
        result[i] = tangent
    return (*result, *stacked)


def _cond_pull(
    operands: Sequence[Value], *, if_true: Graph, if_false: Graph
) -> tuple[tuple[Value, ...], Pull]:
    condition, *values = operands
    out = cond_primitive.bind(condition, *values, if_true=if_true, if_false=if_false)
    results = out if isinstance(out, tuple) else (out,)
    smooth = [i for i, value in enumerate(values) if is_float(aval_of(value).dtype)]

    def pull(cts: Cotangents, masked: bool) -> Cotangents:
        full = [_or_zeros(ct, result) for ct, result in zip(cts, results, strict=True)]

        def branch(graph: Graph) -> Any:
            def pulled(*given: Value) -> tuple[Value, ...]:
                inputs, incoming = given[: len(values)], given[len(values) :]
                _, back = vjp(graph, inputs, smooth, guard=_STEP)
                found = back(list(incoming), masked)
                return tuple(_or_zeros(ct, inputs[i]) for i, ct in zip(smooth, found, strict=True))

            return pulled

        found = cond(condition, branch(if_true), branch(if_false), *values, *full)
        result: list[Value | None] = [None] * len(operands)
        for i, ct in zip(smooth, found, strict=True):
            result[i + 1] = ct
        return tuple(result)

    return results, pull


def _cond_push(
    operands: Sequence[Value], tangents: Cotangents, *, if_true: Graph, if_false: Graph
) -> Cotangents:
    condition, *values = operands
    moving = [i for i, tangent in enumerate(tangents[1:]) if tangent is not None]

    def branch(graph: Graph) -> Any:
        def pushed(*given: Value) -> tuple[Value, ...]:
            inputs, incoming = given[: len(values)], given[len(values) :]
            direction: list[Value | None] = [None] * len(values)
            for i, tangent in zip(moving, incoming, strict=True):
                direction[i] = tangent
            out, [found] = pushforward(graph, inputs, [tuple(direction)], guard=_STEP)
            return tuple(_or_zeros(t, value) for t, value in zip(found, out, strict=True))

        return pushed

    incoming = [tangents[i + 1] for i in moving]
    found: Cotangents = cond(condition, branch(if_true), branch(if_false), *values, *incoming)
    return found


def _or_zeros(ct: Value | None, like: Value) -> Value:
    return np.zeros_like(like) if ct is None else ct
