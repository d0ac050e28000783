"""The derivative that a primitive states: its value together with its pullback, or its tangents.

This is the one place that reads the forms in which a primitive may state it. What it returns works
on arrays and tracers alike. Where none is stated, ``reverse`` and ``forward`` take that of the
body, as they take that of any graph.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from optserve.errors import DerivativeError, Place
from optserve.graph.aval import Aval, DType, aval_of, is_float, shape_of
from optserve.graph.graph import Graph, Var
from optserve.graph.primitive import Primitive, Value, listed
from optserve.graph.trace import Trace, Tracer
from optserve.primitives.arithmetic import mulz, mulz_both
from optserve.primitives.shaping import cast
from optserve.primitives.sums import broadcast_to, unbroadcast
from optserve.primitives.tracing import trace
from optserve.transforms.overflow import UNGUARDED, Guard
from optserve.transforms.simplify import simplify

__all__ = [
    "Cotangents",
    "Pull",
    "Push",
    "computed",
    "fitted",
    "recorded",
    "recorded_at",
    "stated_pull",
    "stated_push",
]

Cotangents = tuple[Value | None, ...]
Pull = Callable[[Cotangents, bool], Cotangents]
"""(cotangents of the results, whether they are masked) -> cotangents of the operands."""

Push = Callable[[Cotangents], Cotangents]
"""Tangents of the operands -> tangents of the results."""


def stated_pull(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    wanted: Sequence[bool] | None,
    known: Sequence[Value] | None,
    guard: Guard,
) -> tuple[tuple[Value, ...], Pull | None]:
    """The results, and the pullback that the primitive states, if it states one.

    The arguments are those of ``reverse.value_and_pull``. A cotangent is masked where it came
    through a primitive that selects: it is then exactly 0 for what was not selected, and a partial
    derivative is multiplied by ``mulz`` instead of ``*``.
    """
    own = primitive.derivative
    if own.rule is not None:
        out, general = own.rule(*operands, **attributes)
        results = listed(out)
        return results, lambda cts, masked: general(_whole(cts, results))
    results = computed(primitive, operands, attributes, known)
    out = results[0] if len(results) == 1 else results
    if wanted is None:
        wanted = [is_float(aval_of(operand).dtype) for operand in operands]
    if own.partials is not None:
        return results, functools.partial(
            _pull_partials, primitive, out, operands, attributes, wanted, guard
        )
    if own.transpose is not None:
        factors = guard.factors(primitive, operands)
        return results, functools.partial(_pull_transposes, primitive, factors, attributes, wanted)
    if own.pullback is not None:
        pullback = own.pullback
        return results, lambda cts, masked: pullback(
            _whole(cts, results), out, *operands, **attributes
        )
    if own.transposed is not None:
        return results, _pull_called(own.transposed, results, operands, attributes, wanted)
    return results, None


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
    own = primitive.derivative
    assert own.partials is not None
    [ct] = cts
    slopes = UNGUARDED if masked else guard
    partials = own.partials(out, *operands, **attributes)
    pulled: list[Value | None] = []
    for partial, asked in zip(partials, wanted, strict=True):
        slope = slopes.slope(partial, ct) if asked else None
        pulled.append(_scaled(guard.cotangent(ct, slope), slope, masked, own.selects))
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
    if selects:  # what is masked may be NaN where it is not taken
        return mulz_both(partial, ct) if masked else mulz(partial, ct)
    return mulz(ct, partial) if masked else ct * partial


def _pull_transposes(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    wanted: Sequence[bool],
    cts: Cotangents,
    masked: bool,
) -> Cotangents:
    assert primitive.derivative.transpose is not None
    return tuple(
        primitive.derivative.transpose(index, cts[0], *operands, **attributes) if asked else None
        for index, asked in enumerate(wanted)
    )


def _pull_called(
    transposed: Primitive,
    results: Sequence[Value],
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    wanted: Sequence[bool],
) -> Pull | None:
    """The transpose of a pullback that is called, where only its cotangents vary."""
    count = attributes["results"]
    if any(wanted[count:]):
        return None
    others = operands[count:]

    def pull(cts: Cotangents, masked: bool) -> Cotangents:
        tangents = listed(_whole(cts, results))
        moved = listed(transposed.bind(*others, *tangents, **attributes))
        return (*moved, *(None for _ in others))

    return pull


def stated_push(
    primitive: Primitive,
    out: Value,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    guard: Guard,
) -> Push | None:
    """The tangents of the results as a function of those of the operands, where it is stated."""
    own = primitive.derivative
    if own.jvp is not None:
        jvp = own.jvp
        return lambda tangents: listed(jvp(operands, tangents, **attributes)[1])
    if own.partials is not None:
        partials = own.partials(out, *operands, **attributes)
        return functools.partial(_push_partials, partials, own.selects, guard)
    if own.transpose is not None:
        return functools.partial(_push_linear, primitive, operands, attributes, guard)
    return None


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
    if primitive.derivative.joint:
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


def fitted(value: Value, aval: Aval) -> Value:
    """``value`` as something of ``aval``: un-broadcast, broadcast and cast as far as needed."""
    shape = shape_of(value)
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


def recorded(
    function: Callable[..., Sequence[Value]], inputs: Sequence[Var], precision: DType
) -> Graph:
    """The graph of what ``function`` makes of stand-ins for ``inputs``, simplified."""
    avals, names = [one.aval for one in inputs], [one.name for one in inputs]
    traced = trace(function, *avals, precision=precision, names=names, rewrites=False)
    if traced.captured:
        raise DerivativeError("a derivative rule holds an array constant; make it an operand")
    return simplify(traced.graph)


_UNRECORDED = nullcontext()


def recorded_at(values: Sequence[Value], place: Place | None) -> AbstractContextManager[None]:
    """Equations that are made inside from tracers among ``values`` carry ``place``, as they are.

    Inside of another place that one stays: the body of a primitive was written by nobody's config.
    """
    traces = [value.trace for value in values if isinstance(value, Tracer)]
    if not traces:  # the usual case of a gradient of arrays
        return _UNRECORDED
    return _recorded_in(max(traces, key=lambda entry: entry.serial), place)


@contextmanager
def _recorded_in(trace: Trace, place: Place | None) -> Iterator[None]:
    with trace.at(trace.place or place), trace.as_written():
        yield


def computed(
    primitive: Primitive,
    operands: Sequence[Value],
    attributes: Mapping[str, Any],
    known: Sequence[Value] | None = None,
) -> tuple[Value, ...]:
    """The results, which may be known."""
    return listed(primitive.bind(*operands, **attributes)) if known is None else tuple(known)


def _sum(values: Iterable[Value | None]) -> Value | None:
    total: Value | None = None
    for value in values:
        if value is not None:
            total = value if total is None else total + value
    return total
