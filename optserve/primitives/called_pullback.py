"""The pullback of an opaque primitive where it cannot be traced: a primitive that calls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from optserve.graph.aval import Array, aval_of, is_float, is_traced
from optserve.graph.primitive import Calling, Derivative, Primitive, Value, listed

__all__ = ["Pullback", "traced_or_called"]

Pullback = Callable[..., tuple[Value | None, ...]]


def traced_or_called(name: str, pullback: Pullback) -> Pullback:
    """``pullback`` itself on arrays; on tracers, traced where it can be, else called out to."""
    called = _called(name, pullback)

    def pull(
        ct: Value, out: Value, *operands: Value, **attributes: Any
    ) -> tuple[Value | None, ...]:
        cts, outs = (ct, out) if isinstance(out, tuple) else ((ct,), (out,))
        try:
            return pullback(ct, out, *operands, **attributes)
        except Exception:  # foreign code fails on tracers in ways of its own; arrays will tell
            if not any(is_traced(value) for value in (*cts, *outs, *operands)):
                raise
        pulled = listed(called.bind(*cts, *outs, *operands, results=len(outs), **attributes))
        return tuple(
            cotangent if is_float(aval_of(operand).dtype) else None
            for cotangent, operand in zip(pulled, operands, strict=True)
        )

    return pull


def _called(name: str, pullback: Pullback) -> Primitive:
    """The pullback as a primitive of the cotangents, the results and the operands.

    It is linear in the cotangents, and by nothing else is its derivative known. What it is
    transposed takes tangents of the operands to those of the results: so forward mode gets them.
    """

    def call(*values: Value, results: int, **attributes: Any) -> Value:
        cts, outs, operands = values[:results], values[results : 2 * results], values[2 * results :]
        ct, out = (cts, outs) if results > 1 else (cts[0], outs[0])
        cotangents = pullback(ct, out, *operands, **attributes)
        return _result([*map(_fitted, cotangents, operands)])

    last: list[Any] = [(None, ())]  # a Jacobian asks for many tangents at one point

    def push(*values: Value, results: int, **attributes: Any) -> Value:
        count = (len(values) - results) // 2
        known, tangents = values[: results + count], values[results + count :]
        key = tuple((one.dtype, one.shape, one.tobytes()) for one in map(np.asarray, known))
        before, rows = last[0]
        if before != (key, attributes):
            rows = _rows(partial(call, results=results, **attributes), known, results)
            last[0] = (key, attributes), rows
        return _result([_pushed(each, tangents) for each in rows])

    pushforward = Primitive(
        name=f"{name}.pushforward",
        kind="opaque",
        impl=push,
        shape=lambda *avals, results, **attributes: _result(avals[:results]),
        call=Calling(promotes=False),
        doc=f"The tangents of {name}: a call of its pullback for each entry of its results.",
    )
    return Primitive(
        name=f"{name}.pullback",
        kind="opaque",
        impl=call,
        shape=lambda *avals, results, **attributes: avals[2 * results :],
        derivative=Derivative(transposed=pushforward),
        call=Calling(promotes=False),
        doc=f"The pullback of {name}, called out to because it cannot be traced.",
    )


def _rows(call: Callable[..., Value], known: Sequence[Value], results: int) -> list[Array]:
    """For each result, an array of its shape of the cotangents of all operands by each entry."""
    zeros, found = [*map(np.zeros_like, known[:results])], []
    for basis in zeros:
        rows = np.empty(basis.shape, object)
        for at in np.ndindex(basis.shape):
            basis[at] = 1.0
            rows[at] = listed(call(*zeros, *known))
            basis[at] = 0.0
        found.append(rows)
    return found


def _pushed(rows: Array, tangents: Sequence[Value]) -> Array:
    """The tangent of one result."""
    found = [sum(map(np.vdot, row, tangents)) for row in rows.flat]
    return np.array(found, np.result_type(*tangents)).reshape(rows.shape)


def _result(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else (*values,)


def _fitted(cotangent: Value | None, operand: Value) -> Value:
    """A cotangent that was called out for, as an array like its operand."""
    given, shape = np.asarray(0.0 if cotangent is None else cotangent), np.shape(operand)
    added = max(given.ndim - len(shape), 0)
    given = np.sum(given, axis=tuple(range(added))) if added else given
    pairs = zip(given.shape, shape[len(shape) - given.ndim :], strict=True)
    grown = tuple(axis for axis, (have, want) in enumerate(pairs) if want == 1 != have)
    given = np.sum(given, axis=grown, keepdims=True) if grown else given
    return np.array(np.broadcast_to(given, shape), operand.dtype)
