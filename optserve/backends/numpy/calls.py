"""The quickest call of NumPy for one equation, where its implementation is not that already.

Values are the same to rounding. NumPy reduces slowly along one axis of two where the last is short,
as that of a row of a few columns is: a sum is a product with ones there, and an extreme is taken of
the transpose.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.graph.aval import Array, DType, resolve_shape
from optserve.graph.dim import Dim
from optserve.graph.graph import Equation
from optserve.graph.primitive import Primitive
from optserve.primitives import arithmetic
from optserve.primitives.indexing import slice_
from optserve.primitives.reductions import max_, min_
from optserve.primitives.shaping import reshape, stack, transpose
from optserve.primitives.sums import sum_

__all__ = ["quick_call"]

NumpyCall = Callable[..., Any]

SHORT = 32
"""Entries of the last axis up to which an extreme of the transpose is quicker."""
MOST = 1 << 16
"""Entries of the first axis up to which a product with ones is tried in place of a sum."""
MOST_WIDENED = 1 << 22
"""Entries of a single-precision value up to which it is copied in double precision to be summed."""
LONGEST = 1024
"""Entries of the last axis up to which a product with ones is tried in place of a sum."""


def quick_call(
    equation: Equation, attributes: Mapping[str, Any], rows: Mapping[str, int]
) -> NumpyCall | None:
    """A function of the operands; the sizes in ``attributes`` are numbers."""
    find = _CALLS.get(equation.primitive)
    return None if find is None else find(equation, attributes, rows)


_SCALAR_OPERATORS: Mapping[Primitive, NumpyCall] = MappingProxyType(
    {
        arithmetic.add: operator.add,
        arithmetic.subtract: operator.sub,
        arithmetic.multiply: operator.mul,
        arithmetic.divide: operator.truediv,
        arithmetic.negative: operator.neg,
        arithmetic.square: lambda x: x * x,
    }
)


def _on_scalars(
    equation: Equation, _attributes: Mapping[str, Any], _rows: Mapping[str, int]
) -> NumpyCall | None:
    """Python's operators, which on NumPy scalars give the bits of the ufuncs much sooner."""
    avals = [atom.aval for atom in (*equation.operands, *equation.results)]
    floats = all(aval.shape == () and aval.dtype.kind == "f" for aval in avals)
    return _SCALAR_OPERATORS[equation.primitive] if floats else None


def _reshape(
    equation: Equation, attributes: Mapping[str, Any], rows: Mapping[str, int]
) -> NumpyCall | None:
    [before] = [atom.aval.shape for atom in equation.operands]
    if equation.results[0].aval.shape == ():
        return operator.itemgetter((0,) * len(before)) if before else None
    return operator.methodcaller("reshape", attributes["shape"]) if before else None


def _transpose(
    _equation: Equation, attributes: Mapping[str, Any], _rows: Mapping[str, int]
) -> NumpyCall | None:
    return operator.methodcaller("transpose", attributes["axes"])


def _slice(
    equation: Equation, attributes: Mapping[str, Any], _rows: Mapping[str, int]
) -> NumpyCall | None:
    """Without the check of the bounds, where the shape rule has made it."""
    if any(isinstance(size, Dim) for size in equation.operands[0].aval.shape):
        return None
    return operator.itemgetter(tuple(_bound(*one) for one in attributes["bounds"]))


def _bound(start: int, stop: int, step: int) -> slice:
    """Backwards to the front, Python would count a stop of -1 from the end."""
    return slice(start, None if stop < 0 else stop, step)


def _extreme(
    equation: Equation, attributes: Mapping[str, Any], rows: Mapping[str, int]
) -> NumpyCall | None:
    columns = _columns(equation, attributes, rows)
    if not 1 < columns <= SHORT:
        return None
    reduce = (np.maximum if equation.primitive is max_ else np.minimum).reduce
    shape = resolve_shape(equation.results[0].aval.shape, rows)

    def call(x: Array) -> Any:
        return reduce(x.reshape(-1, columns).T.copy(), axis=0).reshape(shape)

    return call


def _sum(
    equation: Equation, attributes: Mapping[str, Any], rows: Mapping[str, int]
) -> NumpyCall | None:
    dtype = equation.results[0].aval.dtype
    if dtype not in (np.float64, np.float32):
        return None
    shape = resolve_shape(equation.results[0].aval.shape, rows)
    columns = _columns(equation, attributes, rows)
    count = _rows(equation, attributes, rows)
    small = prod(resolve_shape(equation.operands[0].aval.shape, rows)) <= MOST_WIDENED
    if 1 < columns <= LONGEST and (small or dtype == np.float64):
        return partial(_product_with_ones, columns, np.ones(columns), dtype, shape)
    if 0 < count <= MOST and (small or dtype == np.float64):
        return partial(_ones_times, count, np.ones(count), dtype, shape)
    axis = attributes["axis"][0] if len(attributes["axis"]) == 1 else attributes["axis"]
    add = partial(np.add.reduce, axis=axis, keepdims=attributes["keepdims"])
    return add if dtype == np.float64 else lambda x: add(x, dtype=np.float64).astype(dtype)


def _product_with_ones(
    columns: int, ones: Array, dtype: DType, shape: tuple[int, ...], x: Array
) -> Any:
    """Sums along the last axis, which are those of single precision in double precision."""
    if dtype == np.float64:
        return np.matmul(x.reshape(-1, columns), ones).reshape(shape)
    wide = x.reshape(-1, columns).astype(np.float64)
    return np.matmul(wide, ones).astype(dtype).reshape(shape)


def _ones_times(count: int, ones: Array, dtype: DType, shape: tuple[int, ...], x: Array) -> Any:
    """The same along the first axis."""
    if dtype == np.float64:
        return np.matmul(ones, x.reshape(count, -1)).reshape(shape)
    return np.matmul(ones, x.reshape(count, -1).astype(np.float64)).astype(dtype).reshape(shape)


def _stack(
    equation: Equation, attributes: Mapping[str, Any], rows: Mapping[str, int]
) -> NumpyCall | None:
    """Into memory at hand: of short arrays a quarter of the time of ``np.stack``."""
    [result] = equation.results
    shape, axis = resolve_shape(result.aval.shape, rows), attributes["axis"]
    if len(shape) == 1:
        return None
    places = [(*(slice(None),) * axis, number) for number in range(shape[axis])]
    return partial(_side_by_side, shape, result.aval.dtype, places)


def _side_by_side(
    shape: tuple[int, ...], dtype: DType, places: Sequence[tuple[Any, ...]], *arrays: Array
) -> Array:
    made = np.empty(shape, dtype)
    for place, array in zip(places, arrays, strict=True):
        made[place] = array
    return made


def _rows(equation: Equation, attributes: Mapping[str, Any], rows: Mapping[str, int]) -> int:
    """Entries along the first axis of a matrix or more, where it alone is reduced; else 0."""
    shape = resolve_shape(equation.operands[0].aval.shape, rows)
    reduces = len(shape) > 1 and attributes["axis"] == (0,) and 0 not in shape
    return shape[0] if reduces else 0


def _columns(equation: Equation, attributes: Mapping[str, Any], rows: Mapping[str, int]) -> int:
    """Entries along the last axis of a matrix or more, where it alone is reduced; else 0."""
    shape = resolve_shape(equation.operands[0].aval.shape, rows)
    last = len(shape) - 1
    return shape[last] if last > 0 and attributes["axis"] == (last,) else 0


_CALLS: Mapping[
    Primitive, Callable[[Equation, Mapping[str, Any], Mapping[str, int]], NumpyCall | None]
] = MappingProxyType(
    {
        **dict.fromkeys(_SCALAR_OPERATORS, _on_scalars),
        reshape: _reshape,
        transpose: _transpose,
        max_: _extreme,
        min_: _extreme,
        sum_: _sum,
        slice_: _slice,
        stack: _stack,
    }
)
