"""Forward mode: tangents pushed through a graph, in any number of directions at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from optserve.errors import DerivativeError
from optserve.graph.aval import Aval, aval_of, is_float, precision_of
from optserve.graph.graph import Graph, Var
from optserve.graph.interpret import resolved
from optserve.graph.primitive import Primitive, Value
from optserve.graph.trace import Trace
from optserve.primitives.constants import arange
from optserve.primitives.shaping import reshape, stack
from optserve.primitives.sums import unbroadcast
from optserve.primitives.tracing import body_of, trace
from optserve.transforms.foreign import blamed
from optserve.transforms.loop_derivatives import control_tangents
from optserve.transforms.overflow import UNGUARDED, Guard, guards
from optserve.transforms.reverse import Environment, value_and_pull, vjp
from optserve.transforms.rules import (
    Cotangents,
    Push,
    computed,
    fitted,
    recorded,
    recorded_at,
    stated_push,
)
from optserve.transforms.simplify import simplify

__all__ = ["jacobian_graph", "pushforward", "value_and_tangents"]


def pushforward(
    graph: Graph,
    arguments: Sequence[Value],
    directions: Sequence[Cotangents],
    *,
    known: Mapping[Var, Value] | None = None,
    guard: Guard = UNGUARDED,
) -> tuple[tuple[Value, ...], list[Cotangents]]:
    """The outputs, and for each direction (a tangent or ``None`` an input) the outputs' tangents.

    The value of each equation is computed once for all directions, and a direction that does not
    reach an equation costs nothing there. ``known`` are values of variables at these arguments,
    which then are not computed again. ``guard`` is that of the equation whose body ``graph`` is, if
    it is one.
    """
    environment = Environment(graph, arguments, known)
    tangents: list[dict[Var, Value]] = [
        {v: t for v, t in zip(graph.inputs, direction, strict=True) if t is not None}
        for direction in directions
    ]
    for equation, own in zip(graph.equations, guards(graph, guard), strict=True):
        operands = [environment.read(atom) for atom in equation.operands]
        pushed = [
            tuple(known.get(a) if isinstance(a, Var) else None for a in equation.operands)
            for known in tangents
        ]
        with recorded_at(operands, equation.place):
            if all(tangent is None for direction in pushed for tangent in direction):
                results = environment.bind(equation, operands)
                out: list[Cotangents] = []
            else:
                results, out = value_and_tangents(
                    equation.primitive,
                    operands,
                    pushed,
                    resolved(equation.attributes, environment.rows),
                    known=environment.known(equation),
                    guard=own,
                )
        environment.values.update(zip(equation.results, results, strict=True))
        for known, direction in zip(tangents, out, strict=False):
            for variable, tangent in zip(equation.results, direction, strict=True):
                if tangent is not None and is_float(variable.aval.dtype):
                    known[variable] = tangent
    outputs = tuple(environment.read(atom) for atom in graph.outputs)
    return outputs, [
        tuple(known.get(a) if isinstance(a, Var) else None for a in graph.outputs)
        for known in tangents
    ]


def value_and_tangents(
    primitive: Primitive,
    operands: Sequence[Value],
    directions: Sequence[Cotangents],
    attributes: Mapping[str, Any],
    *,
    known: Sequence[Value] | None = None,
    guard: Guard = UNGUARDED,
) -> tuple[tuple[Value, ...], list[Cotangents]]:
    """The results, and for each direction (a tangent or ``None`` an operand) their tangents.

    ``known`` gives the results where they were computed before, ``guard`` tells what may have
    overflowed.
    """
    if primitive.kind == "control":
        return control_tangents(primitive, operands, directions, attributes, pushforward)
    results = computed(primitive, operands, attributes, known)
    out = results[0] if len(results) == 1 else results
    if not any(is_float(aval_of(result).dtype) for result in results):
        return results, [(None,) * len(results) for _ in directions]
    with blamed(primitive, "derivative rule"):
        push = _push_of(primitive, out, operands, attributes, guard)
    pushed: list[Cotangents] = []
    for direction in directions:
        if all(tangent is None for tangent in direction):
            pushed.append((None,) * len(results))
            continue
        with blamed(primitive, "derivative rule"):
            tangents = push(direction)
        pushed.append(
            tuple(
                None if tangent is None else fitted(tangent, aval_of(result))
                for tangent, result in zip(tangents, results, strict=True)
            )
        )
    return results, pushed


def _push_of(
    primitive: Primitive,
    out: Value,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    guard: Guard,
) -> Push:
    stated = stated_push(primitive, out, operands, attributes, guard)
    if stated is not None:
        return stated
    own = primitive.derivative
    if own.rule is not None or own.pullback is not None or primitive.body is None:
        return partial(_push_transposed, primitive, operands, attributes)
    return partial(_push_body, primitive, operands, attributes, guard)


def _push_body(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    guard: Guard,
    tangents: Cotangents,
) -> Cotangents:
    traced = body_of(primitive, [aval_of(operand) for operand in operands], attributes)
    inputs, more = [*operands, *traced.captured], (None,) * len(traced.captured)
    _, [out] = pushforward(traced.graph, inputs, [(*tangents, *more)], guard=guard)
    return out


def _push_transposed(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    tangents: Cotangents,
) -> Cotangents:
    """The jvp as the transpose of the pullback, which is linear in the cotangent."""
    results, pull = value_and_pull(primitive, operands, attributes)
    avals = [aval_of(result) for result in results]
    wanted = [i for i, tangent in enumerate(tangents) if tangent is not None]

    def pulled(*cts: Value) -> tuple[Value, ...]:
        back = pull(cts, False)
        return tuple(
            np.zeros_like(operands[i])
            if back[i] is None
            else unbroadcast(back[i], np.shape(operands[i]))
            for i in wanted
        )

    traced = trace(
        pulled,
        *avals,
        precision=precision_of([*avals, *map(aval_of, operands)]),
        rewrites=False,
    )
    # Where the pullback is transposed does not matter, since it is linear: at the results.
    _, transposed = vjp(traced.graph, [*results, *traced.captured], wrt=range(len(avals)))
    return transposed(tuple(tangents[i] for i in wanted), False)


def jacobian_graph(graph: Graph, outputs: Sequence[int], wrt: Sequence[int]) -> Graph:
    """All outputs of ``graph``, then for each output of ``outputs`` its Jacobian.

    The Jacobian of an output of shape (n, ...) has the shape (n, ..., p), where p counts the
    entries of the inputs ``wrt``, flattened and joined in order. Each entry is one forward
    direction.
    """
    precision = precision_of(atom.aval for atom in graph.outputs)
    graph = simplify(graph)

    def walk(*arguments: Value) -> list[Value]:
        recorder: Trace = arguments[0].trace
        directions = [
            tuple(unit if i == index else None for i in range(len(arguments)))
            for index in wrt
            for unit in _units(graph.inputs[index].aval, recorder)
        ]
        values, pushed = pushforward(graph, arguments, directions)
        zero = recorder.lift(precision.type(0.0))

        def column(output: int, tangents: Cotangents) -> Value:
            tangent = zero if tangents[output] is None else tangents[output]
            return fitted(tangent, aval_of(values[output]))

        return [
            *values,
            *(stack([column(i, tangents) for tangents in pushed], axis=-1) for i in outputs),
        ]

    return recorded(walk, graph.inputs, precision)


def _units(aval: Aval, recorder: Trace) -> list[Value]:
    """The unit tangents of an input, one an entry, recorded as equations (not array constants)."""
    one = recorder.lift(aval.dtype.type(1.0))
    if not aval.shape:
        return [one]
    count = aval.size
    if not isinstance(count, int):
        raise DerivativeError(f"a Jacobian with respect to rows: {aval}")
    position = recorder.bind(arange, (), {"size": count, "dtype": np.dtype(np.int64)})
    flat = [np.where(position == entry, one, aval.dtype.type(0.0)) for entry in range(count)]
    return [reshape(unit, aval.shape) for unit in flat]
