"""``Aval``: what is known of a value before it has one, its shape and its dtype."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.dim import Size, resolve_size

__all__ = [
    "Array",
    "Aval",
    "DType",
    "Shape",
    "aval_like",
    "aval_of",
    "broadcast_shapes",
    "is_float",
    "is_traced",
    "precision_of",
    "resolve_shape",
    "shape_of",
    "shape_size",
]

Array = np.ndarray[Any, np.dtype[Any]]
DType = np.dtype[Any]
Shape = tuple[Size, ...]


@dataclass(frozen=True)
class Aval:
    """A shape whose entries are ``int`` or ``Dim``, and a dtype.

    >>> from optserve.graph.dim import Dim
    >>> Aval((Dim.rows("data"), 3), np.dtype("float64"))
    float64[data, 3]
    """

    shape: Shape
    dtype: DType

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Size:
        return shape_size(self.shape)

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{', '.join(map(repr, self.shape))}]"


def aval_of(value: Any) -> Aval:
    """The aval of an array, a scalar, an aval, or anything that has one (``value.aval``)."""
    if type(value) in (np.ndarray, np.float64):  # the usual case
        return aval_like(value.shape, value.dtype)
    known = value if isinstance(value, Aval) else getattr(value, "aval", None)
    if isinstance(known, Aval):
        return known
    array = np.asarray(value)
    return aval_like(array.shape, array.dtype)


@lru_cache(maxsize=4096)
def aval_like(shape: Shape, dtype: DType) -> Aval:
    """The aval of this shape and dtype; one that was made is given again.

    >>> aval_like((3,), np.dtype("float64")) is aval_like((3,), np.dtype("float64"))
    True
    """
    return Aval(shape, dtype)


def shape_of(value: Any) -> Shape:
    """What ``np.shape`` gives, which NumPy asks a traced value for in a roundabout way.

    >>> shape_of(1.0), shape_of(np.zeros(3))
    ((), (3,))
    """
    try:
        shape: Shape = value.shape
    except AttributeError:
        shape = np.shape(value)
    return shape


def is_traced(value: Any) -> bool:
    """Whether ``value`` stands for an array in a trace; arrays of other libraries may have an aval.

    >>> is_traced(1.0), is_traced(np.zeros(3))
    (False, False)
    """
    return isinstance(getattr(value, "aval", None), Aval)


def is_float(dtype: DType) -> bool:
    """Whether values of this dtype can be differentiated."""
    return dtype.kind in "fc"


def precision_of(avals: Iterable[Aval]) -> DType:
    """The floating dtype that ``avals`` compute in; float64 where none of them is floating.

    >>> precision_of([Aval((3,), np.dtype("int64")), Aval((), np.dtype("float32"))])
    dtype('float32')
    """
    floats = set()
    for aval in avals:
        if aval.dtype.kind in "fc":
            floats.add(aval.dtype)
    if len(floats) == 1:
        return floats.pop()
    return np.result_type(*floats) if floats else np.dtype(np.float64)


def shape_size(shape: Iterable[Size]) -> Size:
    """The number of entries of an array of this shape."""
    product: Size = 1
    for size in shape:
        product = product * size
    return product


def resolve_shape(shape: Shape, rows: Mapping[str, int]) -> tuple[int, ...]:
    """The shape in numbers, given the row counts."""
    return tuple(resolve_size(size, rows) for size in shape)


def broadcast_shapes(*shapes: Shape) -> Shape:
    """NumPy's broadcasting rule over shapes that may hold row counts.

    >>> from optserve.graph.dim import Dim
    >>> n = Dim.rows("data")
    >>> broadcast_shapes((n, 1), (3,))
    (data, 3)
    """
    if shapes and all(shape == shapes[0] for shape in shapes[1:]):  # the usual case
        return shapes[0]
    ndim = max((len(shape) for shape in shapes), default=0)
    result: list[Size] = []
    for axis in range(-ndim, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        if len(sizes) > 1:
            listed = " and ".join(str(shape) for shape in shapes)
            raise ShapeError(
                f"shapes {listed} do not broadcast together",
                expected=f"equal sizes (or 1) along axis {axis}, got "
                + " and ".join(sorted(map(str, sizes))),
            )
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)
