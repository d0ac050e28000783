"""NumPy's reductions and orderings on traced values, under NumPy's own signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import shape_size
from optserve.graph.primitive import Primitive, Value
from optserve.primitives import ordering, reductions, sums
from optserve.primitives.numpy_options import check_options
from optserve.primitives.shaping import normal_axes, reshape
from optserve.primitives.sums import reduced_shape

__all__ = ["ACCUMULATIONS", "FUNCTIONS", "REDUCTIONS"]

Function = Callable[..., Any]


def _total(name: str, primitive: Primitive) -> Function:
    """A reduction with the signature of ``np.sum``."""

    def reduced(
        a: Value,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        check_options(name, dtype=dtype, out=out, initial=initial, where=where)
        return primitive(a, axis=axis, keepdims=keepdims)

    return reduced


def _extreme(name: str, primitive: Primitive) -> Function:
    """A reduction with the signature of ``np.max``."""

    def reduced(
        a: Value,
        axis: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        check_options(name, out=out, initial=initial, where=where)
        return primitive(a, axis=axis, keepdims=keepdims)

    return reduced


def _mean(
    a: Value,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    *,
    where: Any = True,
) -> Value:
    check_options("mean", dtype=dtype, out=out, where=where)
    return reductions.mean(a, axis=axis, keepdims=keepdims)


def _spread(name: str, primitive: Primitive, power: float) -> Function:
    """``np.var``, or ``np.std``, which is its square root: the ``power`` of what ``ddof`` does."""

    def reduced(
        a: Value,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Any = True,
        mean: Any = None,
        correction: float | None = None,
    ) -> Value:
        check_options(name, dtype=dtype, out=out, where=where, mean=mean)
        if correction is not None and ddof:
            raise ShapeError(f"np.{name} takes ddof or correction", expected="one of them")
        population = primitive(a, axis=axis, keepdims=keepdims)
        freedom = ddof if correction is None else correction
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


def _position(name: str, primitive: Primitive) -> Function:
    def reduced(a: Value, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Value:
        check_options(name, out=out)
        found = primitive(a, axis=axis)
        if not keepdims:
            return found
        return reshape(found, reduced_shape(np.shape(a), normal_axes(axis, np.ndim(a)), True))

    return reduced


def _ordered(name: str, primitive: Primitive) -> Function:
    """``np.sort`` or ``np.argsort``: ours are stable, which is a ``kind`` of both."""

    def arranged(
        a: Value, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
    ) -> Value:
        del kind, stable
        check_options(name, order=order)
        return primitive(a, axis=axis)

    return arranged


def _median(
    a: Value,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Value:
    check_options("median", out=out, overwrite_input=overwrite_input)
    return ordering.median(a, axis=axis, keepdims=keepdims)


def _cumsum(a: Value, axis: Any = None, dtype: Any = None, out: Any = None) -> Value:
    check_options("cumsum", dtype=dtype, out=out)
    return reductions.cumsum(a, axis=axis)


FUNCTIONS: Mapping[Any, Function] = MappingProxyType(
    {
        np.sum: _total("sum", sums.sum_),
        np.prod: _total("prod", reductions.prod),
        np.mean: _mean,
        np.var: _spread("var", reductions.var, 1.0),
        np.std: _spread("std", reductions.std, 0.5),
        np.max: _extreme("max", reductions.max_),
        np.min: _extreme("min", reductions.min_),
        np.amax: _extreme("amax", reductions.max_),
        np.amin: _extreme("amin", reductions.min_),
        np.all: _extreme("all", reductions.all_),
        np.any: _extreme("any", reductions.any_),
        np.argmax: _position("argmax", ordering.argmax),
        np.argmin: _position("argmin", ordering.argmin),
        np.argsort: _ordered("argsort", ordering.argsort),
        np.sort: _ordered("sort", ordering.sort),
        np.median: _median,
        np.cumsum: _cumsum,
    }
)

REDUCTIONS: Mapping[Any, Function] = MappingProxyType(
    {
        np.add: _total("add.reduce", sums.sum_),
        np.multiply: _total("multiply.reduce", reductions.prod),
        np.maximum: _total("maximum.reduce", reductions.max_),
        np.minimum: _total("minimum.reduce", reductions.min_),
        np.logaddexp: _total("logaddexp.reduce", reductions.logsumexp),
        np.logical_or: _total("logical_or.reduce", reductions.any_),
        np.logical_and: _total("logical_and.reduce", reductions.all_),
    }
)

ACCUMULATIONS: Mapping[Any, Function] = MappingProxyType(
    {np.add: lambda array, axis=0, dtype=None, out=None: _cumsum(array, axis, dtype, out)}
)
