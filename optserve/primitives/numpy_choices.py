"""NumPy's functions that choose entries, and look at which there are, on traced values.

Those whose result has a shape that depends on the numbers need them to be known.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError, TraceError
from optserve.graph.aval import is_traced
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Value
from optserve.primitives.known import known, numbers_of
from optserve.primitives.numpy_options import signed_all

__all__ = ["FUNCTIONS"]


def _select(condlist: Sequence[Value], choicelist: Sequence[Value], default: Value = 0) -> Value:
    if len(condlist) != len(choicelist) or not condlist:
        raise ShapeError(
            f"np.select of {len(condlist)} conditions and {len(choicelist)} choices",
            expected="a choice for each condition",
        )
    chosen = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        chosen = np.where(condition, choice, chosen)
    return chosen


def _piecewise(x: Value, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Value:
    """Each function of those entries of x alone where its condition holds; of several the last.

    Where the conditions are not known each function sees all of x, and must go entry by entry.
    """
    conditions = list(condlist) if isinstance(condlist, list | tuple) else [condlist]
    if np.ndim(conditions[0]) < np.ndim(x):
        conditions = [condlist]
    if len(funclist) not in (len(conditions), len(conditions) + 1):
        raise ShapeError(
            f"np.piecewise of {len(conditions)} conditions and {len(funclist)} functions",
            expected="a function for each condition, and one more for all else",
        )
    x = as_operand(x)
    if len(funclist) > len(conditions):
        others = np.logical_not(functools.reduce(np.logical_or, conditions))
        conditions.append(others)
    chosen = np.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        if not callable(function):
            chosen = np.where(condition, as_operand(function).astype(x.dtype), chosen)
        elif numbers_of(condition) is None:
            value = _entry_by_entry(x, lambda x, f=function: f(x, *args, **kw))
            chosen = np.where(condition, value.astype(x.dtype), chosen)
        else:
            chosen = _replaced(chosen, x, known(condition, "conditions"), function, args, kw)
    return chosen


def _replaced(chosen: Value, x: Value, mask: Any, function: Any, args: Any, keywords: Any) -> Value:
    """``chosen`` with what ``function`` gives of the entries of x under a known mask."""
    places = np.flatnonzero(np.broadcast_to(mask, np.shape(x)))
    if not places.size:
        return chosen
    entries = np.take(np.ravel(x), places)
    value = np.broadcast_to(as_operand(function(entries, *args, **keywords)), np.shape(entries))
    flat = np.concatenate([np.ravel(chosen), value.astype(x.dtype)])
    order = np.arange(np.size(x))
    order[places] = np.size(x) + np.arange(places.size)
    return np.reshape(np.take(flat, order), np.shape(x))


def _entry_by_entry(x: Value, function: Callable[..., Value]) -> Value:
    before = len(x.trace.equations)
    value = as_operand(function(x))
    for equation in x.trace.equations[before:]:
        if equation.operands and not equation.primitive.aligns:
            raise TraceError(
                f"np.piecewise with conditions that are computed: {equation.primitive.name} looks "
                "at several entries, and would see all of x",
                remedy="use np.where",
            )
    return value


def _choose(a: Value, choices: Any, out: Any = None, mode: str = "raise") -> Value:
    listed = list(choices)
    count = len(listed)
    if mode == "wrap":
        a = np.remainder(a, count)
    elif mode == "clip":
        a = np.clip(a, 0, count - 1)
    elif (numbers := numbers_of(a)) is None:
        raise ShapeError("np.choose of computed numbers", remedy="give mode='clip' or 'wrap'")
    elif ((numbers < 0) | (numbers >= count)).any():
        raise ShapeError("np.choose: a number names no choice", expected=f"0 to {count - 1}")
    chosen = listed[-1]
    for number in range(count - 2, -1, -1):
        chosen = np.where(np.equal(a, number), listed[number], chosen)
    return np.broadcast_to(chosen, np.broadcast_shapes(np.shape(a), *map(np.shape, listed)))


def _compress(condition: Any, a: Value, axis: int | None = None) -> Value:
    mask = known(condition, "conditions").astype(bool)
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take(a, np.flatnonzero(mask), axis=axis)


def _extract(condition: Any, arr: Value) -> Value:
    return np.take(np.ravel(arr), np.flatnonzero(known(condition, "conditions")))


def _of_known(function: Any, what: str = "numbers") -> Callable[..., Any]:
    """``function`` of numbers that are known, whose result has no derivative."""

    def of_numbers(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(map(of_numbers, value))
        return known(value, what) if is_traced(value) else value

    def applied(*arguments: Any, **keywords: Any) -> Any:
        named = {key: of_numbers(one) for key, one in keywords.items()}
        return function(*of_numbers(arguments), **named)

    return applied


def _unique(
    ar: Value,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
) -> Any:
    """The values that occur, which keep their derivatives, and what is said of them."""
    find: Any = np.unique
    _, first, *more = find(
        known(ar, "values"),
        return_index=True,
        return_inverse=return_inverse,
        return_counts=return_counts,
        axis=axis,
    )
    found = [first, *more] if return_index else more
    taken = np.take(np.ravel(ar) if axis is None else ar, first, axis=axis or 0)
    return (taken, *found) if found else taken


def _count_nonzero(a: Value, axis: Any = None, keepdims: bool = False) -> Value:
    return np.sum((as_operand(a) != 0).astype(np.int64), axis=axis, keepdims=keepdims)


def _isclose(
    a: Value, b: Value, rtol: Value = 1e-5, atol: Value = 1e-8, equal_nan: bool = False
) -> Value:
    a, b = as_operand(a), as_operand(b)
    near = np.abs(np.subtract(a, b)) <= atol + rtol * np.abs(b)
    close = (near & np.isfinite(b)) | np.equal(a, b)
    return close | (np.isnan(a) & np.isnan(b)) if equal_nan else close


def _allclose(
    a: Value, b: Value, rtol: Value = 1e-5, atol: Value = 1e-8, equal_nan: bool = False
) -> Value:
    return np.all(_isclose(a, b, rtol, atol, equal_nan))


def _array_equal(a1: Value, a2: Value, equal_nan: bool = False) -> Value:
    a1, a2 = as_operand(a1), as_operand(a2)
    if np.shape(a1) != np.shape(a2):
        return False
    same = np.equal(a1, a2)
    return np.all(same | (np.isnan(a1) & np.isnan(a2)) if equal_nan else same)


def _array_equiv(a1: Value, a2: Value) -> Value:
    try:
        np.broadcast_shapes(np.shape(a1), np.shape(a2))
    except ValueError:
        return False
    return np.all(np.equal(a1, a2))


def _digitize(x: Value, bins: Value, right: bool = False) -> Value:
    """The number of the bin of each entry: a count of edges, whichever way they go."""
    bins = as_operand(bins)
    if np.ndim(bins) != 1:
        raise ShapeError(f"np.digitize with bins of {np.shape(bins)}", expected="a vector")
    edges = numbers_of(bins)
    if edges is not None and edges.size and edges[0] > edges[-1]:
        return edges.size - np.searchsorted(bins[::-1], x, side="right" if right else "left")
    return np.searchsorted(bins, x, side="left" if right else "right")


def _isin(
    element: Value, test_elements: Value, assume_unique: bool = False, invert: bool = False
) -> Value:
    del assume_unique
    found = np.any(np.equal(as_operand(element)[..., None], np.ravel(test_elements)), axis=-1)
    return np.logical_not(found) if invert else found


def _partition(a: Value, kth: Any, axis: int | None = -1) -> Value:
    """All sorted: NumPy leaves the order on both sides of ``kth`` open."""
    del kth
    return np.sort(a, axis=axis)


def _argpartition(a: Value, kth: Any, axis: int | None = -1) -> Value:
    del kth
    return np.argsort(a, axis=axis)


def _nanarg(position: Any, fill: float) -> Callable[..., Value]:
    def found(a: Value, axis: int | None = None, keepdims: bool = False) -> Value:
        return position(np.where(np.isnan(a), fill, a), axis=axis, keepdims=keepdims)

    return found


def _bincount(x: Value, weights: Value | None = None, minlength: int = 0) -> Value:
    groups = known(x, "numbers of bins")
    count = max(int(groups.max(initial=-1)) + 1, minlength)
    if weights is None:
        return np.bincount(groups, minlength=minlength)
    return np.sum(np.where(groups == np.arange(count)[:, None], weights, 0.0), axis=1)


FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.argwhere: _of_known(np.argwhere),
        np.flatnonzero: _of_known(np.flatnonzero),
        np.nonzero: _of_known(np.nonzero),
        np.piecewise: _piecewise,
        np.unravel_index: _of_known(np.unravel_index, "positions"),
        np.ravel_multi_index: _of_known(np.ravel_multi_index, "positions"),
        np.lexsort: _of_known(np.lexsort),
        **signed_all(
            {
                np.allclose: _allclose,
                np.argpartition: _argpartition,
                np.array_equal: _array_equal,
                np.array_equiv: _array_equiv,
                np.bincount: _bincount,
                np.choose: _choose,
                np.compress: _compress,
                np.count_nonzero: _count_nonzero,
                np.digitize: _digitize,
                np.extract: _extract,
                np.isclose: _isclose,
                np.isin: _isin,
                np.nanargmax: _nanarg(np.argmax, -np.inf),
                np.nanargmin: _nanarg(np.argmin, np.inf),
                np.partition: _partition,
                np.select: _select,
                np.unique: _unique,
            }
        ),
    }
)
