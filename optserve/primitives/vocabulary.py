"""The built-in vocabulary: every primitive of this package, and NumPy's names for them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import TraceError
from optserve.graph.primitive import Primitive, Value
from optserve.graph.tracer import Tracer
from optserve.graph.vocabulary import Vocabulary
from optserve.primitives import (
    along_axis,
    arithmetic,
    composition,
    constants,
    elementary,
    indexing,
    loops,
    losses,
    ordering,
    products,
    reductions,
    selection,
    shaping,
    special,
    whole,
)

__all__ = ["builtin_macros", "builtin_primitives", "builtin_vocabulary", "vocabulary_of"]

_MODULES = (
    arithmetic,
    elementary,
    selection,
    reductions,
    ordering,
    shaping,
    indexing,
    along_axis,
    products,
    constants,
    composition,
    losses,
    special,
    whole,
)


def builtin_primitives() -> tuple[Primitive, ...]:
    """Every primitive that a module of this package lists in its ``__all__``."""
    listed = (getattr(module, name) for module in _MODULES for name in module.__all__)
    return tuple(entry for entry in listed if isinstance(entry, Primitive))


def builtin_macros() -> Mapping[str, Callable[..., Any]]:
    """Functions over primitives that expressions may call."""
    macros: tuple[Callable[..., Any], ...] = (
        constants.zeros,
        constants.ones,
        constants.full,
        constants.linspace,
        loops.scan,
        loops.cond,
    )
    return MappingProxyType({macro.__name__: macro for macro in macros})


@functools.cache
def builtin_vocabulary() -> Vocabulary:
    """The vocabulary of optserve itself, without plugins."""
    return vocabulary_of(builtin_primitives())


def vocabulary_of(primitives: Iterable[Primitive]) -> Vocabulary:
    """A sealed vocabulary of ``primitives``; NumPy's functions mean the built-in ones."""
    names = {primitive.name: primitive for primitive in primitives}
    return Vocabulary(
        primitives=MappingProxyType(names),
        macros=builtin_macros(),
        ufuncs=_UFUNCS,
        reductions=_REDUCTIONS,
        accumulations=_ACCUMULATIONS,
        functions=_FUNCTIONS,
    )


def _positive(x: Value) -> Value:
    return x


_UFUNCS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        **{
            primitive.impl: primitive
            for primitive in builtin_primitives()
            if isinstance(primitive.impl, np.ufunc)
        },
        np.reciprocal: arithmetic.reciprocal,
        np.fabs: arithmetic.absolute,
        np.positive: _positive,
        np.bitwise_and: selection.logical_and,
        np.bitwise_or: selection.logical_or,
        np.invert: selection.logical_not,
    }
)

_REDUCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.add: reductions.sum_,
        np.multiply: reductions.prod,
        np.maximum: reductions.max_,
        np.minimum: reductions.min_,
        np.logaddexp: reductions.logsumexp,
        np.logical_or: reductions.any_,
        np.logical_and: reductions.all_,
    }
)

_ACCUMULATIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {np.add: lambda x, axis=0: reductions.cumsum(x, axis=axis)}
)


def _clip(x: Value, low: Value | None = None, high: Value | None = None) -> Value:
    bounded = x if low is None else selection.maximum(x, low)
    return bounded if high is None else selection.minimum(bounded, high)


def _where(condition: Value, *branches: Value) -> Value:
    if len(branches) != 2:
        raise TraceError(
            "np.where with one argument gives a value whose shape is not known beforehand",
            expected="where(condition, x, y)",
        )
    return selection.where(condition, *branches)


def _dot(a: Value, b: Value) -> Value:
    scalar = not np.ndim(a) or not np.ndim(b)
    return a * b if scalar else products.matmul(a, b)


def _outer(a: Value, b: Value) -> Value:
    return np.ravel(a)[:, None] * np.ravel(b)[None, :]


def _expand_dims(x: Value, axis: int) -> Value:
    [at] = shaping.normal_axes(axis, np.ndim(x) + 1)
    shape = np.shape(x)
    return shaping.reshape(x, (*shape[:at], 1, *shape[at:]))


def _squeeze(x: Value, axis: int | Sequence[int] | None = None) -> Value:
    shape = np.shape(x)
    ones = tuple(i for i, size in enumerate(shape) if size == 1)
    dropped = ones if axis is None else shaping.normal_axes(axis, len(shape))
    return shaping.reshape(x, tuple(size for i, size in enumerate(shape) if i not in dropped))


def _full_like(x: Tracer, fill_value: Value, dtype: Any = None) -> Value:
    entry = x.dtype.type(fill_value) if dtype is None else np.dtype(dtype).type(fill_value)
    return constants.full(x.shape, x.trace.lift(entry))


def _zeros_like(x: Tracer, dtype: Any = None) -> Value:
    return _full_like(x, 0, dtype)


def _ones_like(x: Tracer, dtype: Any = None) -> Value:
    return _full_like(x, 1, dtype)


def _vstack(arrays: Sequence[Value]) -> Value:
    return shaping.concatenate([a if np.ndim(a) > 1 else a[None, :] for a in arrays], axis=0)


def _hstack(arrays: Sequence[Value]) -> Value:
    return shaping.concatenate(arrays, axis=1 if np.ndim(arrays[0]) > 1 else 0)


def _column_stack(arrays: Sequence[Value]) -> Value:
    return shaping.concatenate([a if np.ndim(a) > 1 else a[:, None] for a in arrays], axis=1)


_FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        operator.getitem: indexing.getitem,
        np.shape: lambda x: x.shape,
        np.ndim: lambda x: x.ndim,
        np.size: lambda x: x.size,
        np.sum: reductions.sum_,
        np.mean: reductions.mean,
        np.var: reductions.var,
        np.std: reductions.std,
        np.prod: reductions.prod,
        np.max: reductions.max_,
        np.min: reductions.min_,
        np.amax: reductions.max_,
        np.amin: reductions.min_,
        np.all: reductions.all_,
        np.any: reductions.any_,
        np.argmax: ordering.argmax,
        np.argmin: ordering.argmin,
        np.argsort: ordering.argsort,
        np.sort: ordering.sort,
        np.median: ordering.median,
        np.cumsum: reductions.cumsum,
        np.linalg.norm: lambda x, axis=None, keepdims=False: reductions.norm(
            x, axis=axis, keepdims=keepdims
        ),
        np.where: _where,
        np.clip: _clip,
        np.round: arithmetic.round_,
        np.reshape: shaping.reshape,
        np.ravel: lambda x: shaping.reshape(x, (-1,)),
        np.transpose: shaping.transpose,
        np.broadcast_to: shaping.broadcast_to,
        np.expand_dims: _expand_dims,
        np.squeeze: _squeeze,
        np.concatenate: shaping.concatenate,
        np.stack: shaping.stack,
        np.vstack: _vstack,
        np.hstack: _hstack,
        np.column_stack: _column_stack,
        np.take: indexing.take,
        np.take_along_axis: along_axis.take_along_axis,
        np.dot: _dot,
        np.outer: _outer,
        np.einsum: products.einsum,
        np.zeros_like: _zeros_like,
        np.ones_like: _ones_like,
        np.full_like: _full_like,
    }
)
