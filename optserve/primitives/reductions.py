"""Reductions over axes: sums, products, extremes, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Array, Aval, shape_size
from optserve.graph.axes import Mixed, Reduced, Reduction
from optserve.graph.domain import Example, boolean
from optserve.graph.facts import Facts
from optserve.graph.leading import shifted
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.arithmetic import mulz
from optserve.primitives.constructors import composite, linear, opaque
from optserve.primitives.shaping import reshape
from optserve.primitives.sums import (
    REDUCTION_EXAMPLES,
    along,
    in_64_bits,
    one_axis,
    over_axes,
    reduced_shape,
    spread,
    sum_,
)

__all__ = [
    "all_",
    "any_",
    "cumsum",
    "entry_count",
    "even_share",
    "logsumexp",
    "max_",
    "mean",
    "min_",
    "norm",
    "prod",
    "std",
    "var",
]

_grows = Facts(at_infinity="grows", batched=shifted)
_nonempty = (*REDUCTION_EXAMPLES, Example(((1, 3),), {"axis": (0,), "keepdims": False}))


def _cumsum(x: Value, *, axis: int, reverse: bool) -> Value:
    wide = np.float64 if x.dtype == np.float32 else None
    along = np.flip(x, axis) if reverse else x
    total = np.cumsum(along, axis=axis, dtype=wide)
    total = np.flip(total, axis) if reverse else total
    return total.astype(np.float32) if wide else total


def _cumsum_arguments(x: Value, axis: int | None = None, reverse: bool = False) -> Any:
    operand, only = one_axis(x, axis)
    return (operand,), {"axis": only, "reverse": bool(reverse)}


cumsum: Primitive = linear(
    "cumsum",
    _cumsum,
    shape=lambda x, *, axis, reverse: Aval(
        x.shape, np.dtype(np.int64) if x.dtype.kind == "b" else x.dtype
    ),
    transposes=[lambda ct, x, axis, reverse: cumsum(ct, axis=axis, reverse=not reverse)],
    axes=along(Mixed("each sum needs the rows before it"), keeps=True),
    arguments=_cumsum_arguments,
    examples=(
        Example(((4,),), {"axis": 0, "reverse": False}),
        Example(((2, 3),), {"axis": 1, "reverse": True}),
        Example(((0, 3),), {"axis": 0, "reverse": False}),
    ),
    facts=Facts(cost=10.0, wraps=True, batched=shifted),
    doc="Sums of the entries up to each one along an axis; with ``reverse``, from each one on.",
)


def _extreme_shape(x: Aval, *, axis: tuple[int, ...], keepdims: bool) -> Aval:
    if any(x.shape[i] == 0 for i in axis):
        raise ShapeError(f"no largest or smallest entry along an axis of size 0 in {x}")
    return Aval(reduced_shape(x.shape, axis, keepdims), x.dtype)


def even_share(chosen: Value, axis: tuple[int, ...]) -> Value:
    """1 shared evenly by the chosen entries along ``axis``, 0 for the others; NaN where none is."""
    ones = np.where(chosen, 1.0, 0.0)
    return ones / sum_(ones, axis=axis, keepdims=True)


def _extreme_pullback(
    ct: Value, out: Value, x: Value, *, axis: tuple[int, ...], keepdims: bool
) -> tuple[Value]:
    shape = np.shape(x)
    share = even_share(x == spread(out, shape, axis, keepdims), axis)
    return (mulz(share, spread(ct, shape, axis, keepdims)),)


def _extreme(name: str, function: Callable[..., Value], kind: Reduction, word: str) -> Primitive:
    return opaque(
        name,
        lambda x, *, axis, keepdims: function(x, axis=axis, keepdims=keepdims),
        shape=_extreme_shape,
        pullback=_extreme_pullback,
        axes=along(Reduced(kind)),
        arguments=over_axes,
        examples=_nonempty,
        selects=True,
        floating=False,
        facts=Facts(cost=10.0, counts=True, batched=shifted),
        doc=f"The {word} entry along axes (of all by default); ties split the derivative evenly.",
    )


max_ = _extreme("max", np.max, "max", "largest")
min_ = _extreme("min", np.min, "min", "smallest")


def _logsumexp(x: Value, *, axis: tuple[int, ...], keepdims: bool) -> Value:
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    base = np.where(np.isfinite(top), top, 0.0).astype(x.dtype)
    total = np.log(np.sum(np.exp(x - base), axis=axis, keepdims=True)) + base
    return total if keepdims else np.reshape(total, reduced_shape(x.shape, axis, False))


def _logsumexp_body(x: Value, *, axis: tuple[int, ...], keepdims: bool) -> Value:
    top = np.max(x, axis=axis, keepdims=True)
    base = np.where(np.isfinite(top), top, 0.0)
    total = np.log(np.sum(np.exp(x - base), axis=axis, keepdims=True)) + base
    return total if keepdims else np.squeeze(total, axis)


def _logsumexp_pullback(
    ct: Value, out: Value, x: Value, *, axis: tuple[int, ...], keepdims: bool
) -> tuple[Value]:
    base = spread(out, np.shape(x), axis, keepdims)
    weight = np.exp(x - np.where(base == -np.inf, 0.0, base))
    return (weight * spread(ct, np.shape(x), axis, keepdims),)


logsumexp = opaque(
    "logsumexp",
    _logsumexp,
    shape=lambda x, *, axis, keepdims: Aval(reduced_shape(x.shape, axis, keepdims), x.dtype),
    pullback=_logsumexp_pullback,
    axes=along(Reduced("logsumexp")),
    arguments=over_axes,
    examples=REDUCTION_EXAMPLES,
    facts=Facts(
        jumps_at="nowhere",
        at_infinity="grows",
        batched=shifted,
        stable_body=_logsumexp_body,
        cost=10.0,
        large_code=True,
    ),
    doc="""
    log(sum(exp(x))) over axes without overflow. Where every entry is -inf the value is -inf and
    the derivative 0.
    """,
)


def entry_count(x: Value, axis: tuple[int, ...]) -> Value:
    """The number of entries along axes, as a value; a row count is recorded where x is."""
    count = shape_size(np.shape(x)[i] for i in axis)
    return float(count) if isinstance(count, int) else x.trace.lift(count)


def _mean(x: Array, *, axis: tuple[int, ...], keepdims: bool) -> Value:
    count = math.prod([x.shape[i] for i in axis])
    return sum_.impl(x, axis=axis, keepdims=keepdims) / float(count)


mean = composite(
    "mean",
    lambda x, *, axis, keepdims: sum_(x, axis=axis, keepdims=keepdims) / entry_count(x, axis),
    impl=_mean,
    arguments=over_axes,
    examples=REDUCTION_EXAMPLES,
    facts=replace(_grows, strict=True),
    doc="Arithmetic mean over axes (of all entries by default).",
)


def _squared_deviations(x: Value, axis: tuple[int, ...]) -> Value:
    deviation = x - mean(x, axis=axis, keepdims=True)
    return deviation * deviation


var = composite(
    "var",
    lambda x, *, axis, keepdims: mean(_squared_deviations(x, axis), axis=axis, keepdims=keepdims),
    arguments=over_axes,
    examples=_nonempty,
    facts=_grows,
    doc="Population variance over axes (divided by n, not by n - 1).",
)


def _norm_pullback(
    ct: Value, out: Value, x: Value, *, axis: tuple[int, ...], keepdims: bool
) -> tuple[Value]:
    length = spread(out, np.shape(x), axis, keepdims)
    scale = np.where(length == 0, 0.0, 1.0 / np.where(length == 0, 1.0, length))
    return (x * scale * spread(ct, np.shape(x), axis, keepdims),)


norm = composite(
    "euclidean_norm",
    lambda x, *, axis, keepdims: np.sqrt(sum_(x * x, axis=axis, keepdims=keepdims)),
    pullback=_norm_pullback,
    arguments=over_axes,
    examples=_nonempty,
    internal=True,
    facts=_grows,
    doc="Euclidean length over axes; its derivative at 0 is 0, the subgradient of least norm.",
)

std = composite(
    "std",
    lambda x, *, axis, keepdims: (
        norm(x - mean(x, axis=axis, keepdims=True), axis=axis, keepdims=keepdims)
        / entry_count(x, axis) ** 0.5
    ),
    arguments=over_axes,
    examples=_nonempty,
    facts=_grows,
    doc="Population standard deviation over axes; the derivative of a constant's is 0.",
)


def _prod_along(x: Value, axis: int) -> Value:
    """Pairwise products along one axis: exact with any number of zeros, no division."""
    size = np.shape(x)[axis]
    if not isinstance(size, int):
        raise ShapeError(
            "a product over rows is not supported", remedy="use exp(sum(log(x))) for positive x"
        )
    before = (slice(None),) * axis
    if size == 0:
        return sum_(x, axis=axis) + 1
    while size > 1:
        half = size // 2
        product = x[(*before, slice(0, half))] * x[(*before, slice(half, 2 * half))]
        rest = x[(*before, slice(2 * half, size))]
        x = np.concatenate([product, rest], axis=axis) if size % 2 else product
        size = np.shape(x)[axis]
    return x[(*before, 0)]


def _prod(x: Value, *, axis: tuple[int, ...], keepdims: bool) -> Value:
    shape = np.shape(x)
    x = in_64_bits(x)
    for i in sorted(axis, reverse=True):
        x = _prod_along(x, i)
    return reshape(x, reduced_shape(shape, axis, keepdims))


prod = composite(
    "prod",
    _prod,
    impl=lambda x, *, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims),
    arguments=over_axes,
    examples=REDUCTION_EXAMPLES,
    floating=False,
    facts=Facts(at_infinity="grows", wraps=True, batched=shifted),
    doc="Product over axes; its derivative is exact where entries are zero.",
)


def _test(name: str, function: Callable[..., Value], kind: Reduction, doc: str) -> Primitive:
    return opaque(
        name,
        lambda x, *, axis, keepdims: function(x, axis=axis, keepdims=keepdims),
        shape=lambda x, *, axis, keepdims: Aval(
            reduced_shape(x.shape, axis, keepdims), np.dtype(bool)
        ),
        axes=along(Reduced(kind)),
        arguments=over_axes,
        examples=REDUCTION_EXAMPLES,
        domain=boolean,
        floating=False,
        facts=Facts(batched=shifted),
        doc=doc,
    )


all_ = _test("all", np.all, "all", "Whether all entries along axes are true.")
any_ = _test("any", np.any, "any", "Whether any entry along axes is true.")
