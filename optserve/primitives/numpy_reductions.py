"""NumPy's reductions and orderings on traced values, under NumPy's own signatures."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.graph.aval import shape_size
from optserve.graph.primitive import ArrayFunction, Primitive, Value
from optserve.primitives import ordering, reductions, sums
from optserve.primitives.numpy_options import freedom_of, signed, signed_all
from optserve.primitives.numpy_where import chosen, extreme_of, mean_of, spread_of
from optserve.primitives.shaping import normal_axes, reshape
from optserve.primitives.sums import reduced_shape

__all__ = ["ACCUMULATIONS", "FUNCTIONS", "REDUCTIONS"]


def _over_axes(primitive: Primitive) -> ArrayFunction:
    def reduced(a: Value, axis: Any = None, keepdims: bool = False) -> Value:
        return primitive(a, axis=axis, keepdims=keepdims)

    return reduced


def _summed(primitive: Primitive) -> ArrayFunction:
    """A sum or a product in ``dtype``, to which all entries are cast first."""
    is_sum = primitive is sums.sum_

    def reduced(
        a: Value,
        axis: Any = None,
        dtype: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        a = chosen(a if dtype is None else a.astype(dtype), where, 0 if is_sum else 1)
        found = primitive(a, axis=axis, keepdims=keepdims)
        if initial is None:
            return found
        return found + initial if is_sum else found * initial

    return reduced


def _mean(a: Value, axis: Any = None, keepdims: bool = False, where: Any = True) -> Value:
    if where is True:
        return reductions.mean(a, axis=axis, keepdims=keepdims)
    return mean_of(a, axis, keepdims, where)


def _extreme(primitive: Primitive) -> ArrayFunction:
    def reduced(
        a: Value, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Value:
        return extreme_of(primitive, a, axis, keepdims, initial, where)

    return reduced


def _all(a: Value, axis: Any = None, keepdims: bool = False, where: Any = True) -> Value:
    if where is not True:
        a = np.logical_or(a, np.logical_not(chosen(np.ones(np.shape(a), bool), where, False)))
    return reductions.all_(a, axis=axis, keepdims=keepdims)


def _any(a: Value, axis: Any = None, keepdims: bool = False, where: Any = True) -> Value:
    if where is not True:
        a = np.logical_and(a, chosen(np.ones(np.shape(a), bool), where, False))
    return reductions.any_(a, axis=axis, keepdims=keepdims)


def _spread(name: str, primitive: Primitive, power: float) -> ArrayFunction:
    """``np.var``, or ``np.std``, which is its square root: the ``power`` of what ``ddof`` does."""

    def reduced(
        a: Value,
        axis: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        correction: float | None = None,
        where: Any = True,
    ) -> Value:
        freedom = freedom_of(name, ddof, correction)
        if where is not True:
            return spread_of(a, axis, freedom, keepdims, where, power < 1.0)
        population = primitive(a, axis=axis, keepdims=keepdims)
        if not freedom:
            return population
        count = shape_size(np.shape(a)[i] for i in normal_axes(axis, np.ndim(a)))
        if not isinstance(count, int):
            size = a.trace.lift(count)
            return population * (size / (size - freedom)) ** power
        # Divided by 0 where there is no freedom left, as in NumPy: infinite or not a number.
        with np.errstate(divide="ignore", invalid="ignore"):
            return population * float(np.divide(count, max(count - freedom, 0.0)) ** power)

    return reduced


def _position(primitive: Primitive) -> ArrayFunction:
    def found(a: Value, axis: Any = None, keepdims: bool = False) -> Value:
        position = primitive(a, axis=axis)
        if not keepdims:
            return position
        return reshape(position, reduced_shape(np.shape(a), normal_axes(axis, np.ndim(a)), True))

    return found


def _ordered(primitive: Primitive) -> ArrayFunction:
    """``np.sort`` or ``np.argsort``: ours are stable, which is a ``kind`` of both."""

    def arranged(a: Value, axis: Any = -1, kind: Any = None, stable: Any = None) -> Value:
        del kind, stable
        return primitive(a, axis=axis)

    return arranged


def _cumsum(a: Value, axis: Any = None, dtype: Any = None) -> Value:
    return reductions.cumsum(a if dtype is None else a.astype(dtype), axis=axis)


FUNCTIONS: Mapping[Any, ArrayFunction] = signed_all(
    {
        np.sum: _summed(sums.sum_),
        np.prod: _summed(reductions.prod),
        np.mean: _mean,
        np.var: _spread("var", reductions.var, 1.0),
        np.std: _spread("std", reductions.std, 0.5),
        np.max: _extreme(reductions.max_),
        np.min: _extreme(reductions.min_),
        np.amax: _extreme(reductions.max_),
        np.amin: _extreme(reductions.min_),
        np.all: _all,
        np.any: _any,
        np.argmax: _position(ordering.argmax),
        np.argmin: _position(ordering.argmin),
        np.argsort: _ordered(ordering.argsort),
        np.sort: _ordered(ordering.sort),
        np.median: _over_axes(ordering.median),
        np.cumsum: _cumsum,
    }
)

REDUCTIONS: Mapping[Any, ArrayFunction] = MappingProxyType(
    {
        ufunc: signed(np.sum, _over_axes(primitive), f"{ufunc.__name__}.reduce")
        for ufunc, primitive in (
            (np.add, sums.sum_),
            (np.multiply, reductions.prod),
            (np.maximum, reductions.max_),
            (np.minimum, reductions.min_),
            (np.logaddexp, reductions.logsumexp),
            (np.logical_or, reductions.any_),
            (np.logical_and, reductions.all_),
        )
    }
)

ACCUMULATIONS: Mapping[Any, ArrayFunction] = MappingProxyType(
    {np.add: signed(np.cumsum, lambda a, axis=0: reductions.cumsum(a, axis=axis))}
)
