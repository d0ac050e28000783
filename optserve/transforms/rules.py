"""One primitive at a time: its value together with its pullback, or with its tangents.

This is the one place that reads the forms in which a primitive may state its derivative. What it
returns works on arrays and tracers alike.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from optserve.errors import DerivativeError, Place
from optserve.graph.aval import Aval, aval_of, is_float, precision_of
from optserve.graph.primitive import Primitive, Value
from optserve.graph.tracer import TracedFunction, Tracer, trace
from optserve.primitives.arithmetic import mulz
from optserve.primitives.shaping import broadcast_to, cast, unbroadcast
from optserve.primitives.vocabulary import builtin_vocabulary
from optserve.transforms.foreign import blamed, is_foreign
from optserve.transforms.overflow import UNGUARDED, Guard

__all__ = ["Pull", "body_of", "fitted", "recorded_at", "value_and_pull", "value_and_tangents"]

Cotangents = tuple[Value | None, ...]
Pull = Callable[[Cotangents, bool], Cotangents]
"""(cotangents of the results, whether they are masked) -> cotangents of the operands."""


def value_and_pull(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    *,
    wanted: Sequence[bool] | None = None,
    known: Sequence[Value] | None = None,
    guard: Guard = UNGUARDED,
) -> tuple[tuple[Value, ...], Pull]:
    """The results, and the function that takes their cotangents back to the operands.

    ``wanted`` says which operands need one (all that are floating, if it is not given), ``known``
    gives the results where they were computed before, ``guard`` tells what may have overflowed.

    A cotangent is masked where it came through a primitive that selects: it is then exactly 0 for
    what was not selected, and a partial derivative is multiplied by ``mulz`` instead of ``*``.
    """
    if primitive.kind == "control":
        from optserve.transforms.loops import control_pull

        return control_pull(primitive, operands, attributes)
    if not is_foreign(primitive):
        return _value_and_pull(primitive, operands, attributes, wanted, known, guard)
    with blamed(primitive, "derivative rule"):
        results, pull = _value_and_pull(primitive, operands, attributes, wanted, known, guard)

    def blaming(cts: Cotangents, masked: bool) -> Cotangents:
        with blamed(primitive, "derivative rule"):
            return pull(cts, masked)

    return results, blaming


def _value_and_pull(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    wanted: Sequence[bool] | None,
    known: Sequence[Value] | None,
    guard: Guard,
) -> tuple[tuple[Value, ...], Pull]:
    if primitive.rule is not None:
        out, general = primitive.rule(*operands, **attributes)
        results = _results(out)
        return results, lambda cts, masked: general(_whole(cts, results))
    results = _computed(primitive, operands, attributes) if known is None else tuple(known)
    out = results[0] if len(results) == 1 else results
    if wanted is None:
        wanted = [is_float(aval_of(operand).dtype) for operand in operands]
    if primitive.partials is not None:
        return results, functools.partial(
            _pull_partials, primitive, out, operands, attributes, wanted, guard
        )
    if primitive.transpose is not None:
        factors = guard.factors(primitive, operands)
        return results, functools.partial(_pull_transposes, primitive, factors, attributes, wanted)
    if primitive.pullback is not None:
        pullback = primitive.pullback
        return results, lambda cts, masked: pullback(
            _whole(cts, results), out, *operands, **attributes
        )
    if primitive.body is not None:
        return results, functools.partial(_pull_body, primitive, operands, attributes, guard)
    return results, functools.partial(_no_rule, primitive)


def _whole(cts: Cotangents, results: Sequence[Value]) -> Value:
    """The cotangent as a rule sees it: of several results, a tuple without gaps."""
    if len(results) == 1:
        return cts[0]
    return tuple(
        np.zeros_like(result) if ct is None else ct for ct, result in zip(cts, results, strict=True)
    )


def _pull_partials(
    primitive: Primitive,
    out: Value,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    wanted: Sequence[bool],
    guard: Guard,
    cts: Cotangents,
    masked: bool,
) -> Cotangents:
    assert primitive.partials is not None
    [ct] = cts
    slopes = UNGUARDED if masked else guard
    partials = primitive.partials(out, *operands, **attributes)
    pulled: list[Value | None] = []
    for partial, asked in zip(partials, wanted, strict=True):
        slope = slopes.slope(partial, ct) if asked else None
        pulled.append(_scaled(guard.cotangent(ct, slope), slope, masked, primitive.selects))
    return tuple(pulled)


def _scaled(ct: Value, partial: Value | None, masked: bool, selects: bool) -> Value | None:
    """``ct * partial``, without the work where the rule says 1, -1 or 0 for every operand."""
    if partial is None:
        return None
    if type(partial) is float:  # a computed number is an np.float64, also where it happens to be 0
        if partial == 0.0:
            return None
        if abs(partial) == 1.0:
            return ct if partial > 0 else -ct
    if selects:
        return mulz(partial, ct)
    return mulz(ct, partial) if masked else ct * partial


def _pull_transposes(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    wanted: Sequence[bool],
    cts: Cotangents,
    masked: bool,
) -> Cotangents:
    assert primitive.transpose is not None
    return tuple(
        primitive.transpose(index, cts[0], *operands, **attributes) if asked else None
        for index, asked in enumerate(wanted)
    )


def _pull_body(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    guard: Guard,
    cts: Cotangents,
    masked: bool,
) -> Cotangents:
    from optserve.transforms.reverse import vjp

    traced = body_of(primitive, [aval_of(operand) for operand in operands], attributes)
    inputs = [*operands, *traced.captured]
    _, pull = vjp(traced.graph, inputs, range(len(operands)), guard=guard)
    return pull(cts, masked)


def _no_rule(primitive: Primitive, cts: Cotangents, masked: bool) -> Cotangents:
    raise DerivativeError(
        f"{primitive.name} has no derivative rule",
        remedy="give it a pullback, or do not let a differentiated value depend on it",
    )


def body_of(
    primitive: Primitive, avals: Sequence[Aval], attributes: Mapping[str, Any]
) -> TracedFunction:
    """The body of a composite (or of an elementwise primitive) as a graph."""
    assert primitive.body is not None
    return trace(
        functools.partial(primitive.body, **attributes),
        *avals,
        vocabulary=builtin_vocabulary(),
        precision=precision_of(avals),
        rewrites=False,
    )


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
        from optserve.transforms.loops import control_tangents

        return control_tangents(primitive, operands, directions, attributes)
    results = _computed(primitive, operands, attributes) if known is None else tuple(known)
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
) -> Callable[[Cotangents], Cotangents]:
    if primitive.jvp is not None:
        jvp = primitive.jvp
        return lambda tangents: _results(jvp(operands, tangents, **attributes)[1])
    if primitive.partials is not None:
        partials = primitive.partials(out, *operands, **attributes)
        return functools.partial(_push_partials, partials, primitive.selects, guard)
    if primitive.transpose is not None:
        return functools.partial(_push_linear, primitive, operands, attributes, guard)
    if primitive.rule is None and primitive.pullback is None and primitive.body is not None:
        return functools.partial(_push_body, primitive, operands, attributes, guard)
    return functools.partial(_push_transposed, primitive, operands, attributes)


def _push_partials(
    partials: Sequence[Value | None], selects: bool, guard: Guard, tangents: Cotangents
) -> Cotangents:
    terms: list[Value | None] = []
    for index, (partial, tangent) in enumerate(zip(partials, tangents, strict=True)):
        if tangent is not None and partial is not None:
            slope = guard.slope(partial, tangent)
            terms.append(_scaled(guard.tangent(index, tangent, slope), slope, False, selects))
    return (_sum(terms),)


def _push_linear(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    guard: Guard,
    tangents: Cotangents,
) -> Cotangents:
    if primitive.joint:
        full = [
            np.zeros_like(operand) if tangent is None else tangent
            for operand, tangent in zip(operands, tangents, strict=True)
        ]
        return (primitive.bind(*full, **attributes),)
    factors, moving = guard.factors(primitive, operands), guard.factors(primitive, tangents)
    return (
        _sum(
            primitive.bind(*factors[:index], tangent, *factors[index + 1 :], **attributes)
            for index, tangent in enumerate(moving)
            if tangent is not None
        ),
    )


def _push_body(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    guard: Guard,
    tangents: Cotangents,
) -> Cotangents:
    from optserve.transforms.forward import pushforward

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
    from optserve.transforms.reverse import vjp

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
        vocabulary=builtin_vocabulary(),
        precision=precision_of([*avals, *map(aval_of, operands)]),
        rewrites=False,
    )
    # Where the pullback is transposed does not matter, since it is linear: at the results.
    _, transposed = vjp(traced.graph, [*results, *traced.captured], wrt=range(len(avals)))
    return transposed(tuple(tangents[i] for i in wanted), False)


def fitted(value: Value, aval: Aval) -> Value:
    """``value`` as something of ``aval``: un-broadcast, broadcast and cast as far as needed."""
    shape = np.shape(value)
    if shape != aval.shape:
        value = unbroadcast(value, aval.shape) if _covers(shape, aval.shape) else value
        if np.shape(value) != aval.shape:
            value = broadcast_to(value, aval.shape)
    return cast(value, dtype=aval.dtype) if aval_of(value).dtype != aval.dtype else value


def _covers(shape: Sequence[Any], target: Sequence[Any]) -> bool:
    """Whether ``target`` broadcasts to ``shape``, so that ``shape`` must be summed down."""
    tail = shape[len(shape) - len(target) :] if target else ()
    return len(shape) >= len(target) and all(
        want == have or want == 1 for want, have in zip(target, tail, strict=True)
    )


@contextmanager
def recorded_at(values: Sequence[Value], place: Place | None) -> Iterator[None]:
    """Equations that are made inside from tracers among ``values`` carry ``place``, as they are.

    Inside of another place that one stays: the body of a primitive was written by nobody's config.
    """
    traces = [value.trace for value in values if isinstance(value, Tracer)]
    if not traces:
        yield
        return
    innermost = max(traces, key=lambda entry: entry.serial)
    with innermost.at(innermost.place or place), innermost.as_written():
        yield


def _computed(
    primitive: Primitive, operands: Sequence[Value], attributes: Mapping[str, Any]
) -> tuple[Value, ...]:
    return _results(primitive.bind(*operands, **attributes))


def _results(out: Value) -> tuple[Value, ...]:
    return out if isinstance(out, tuple) else (out,)


def _sum(values: Iterable[Value | None]) -> Value | None:
    total: Value | None = None
    for value in values:
        if value is not None:
            total = value if total is None else total + value
    return total
