"""Type promotion: literals give way, integers take the floating dtype they meet.

The one difference from NumPy is that an integer array meeting a float32 array gives float32, so
that a label column does not turn a single-precision job into a double-precision one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optserve.graph.aval import DType, aval_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Literal
from optserve.graph.primitive import Primitive, Value

__all__ = ["are_whole", "common_dtype", "target_dtypes"]

_KINDS = "biufc"


def common_dtype(strong: Sequence[DType], weak: Sequence[DType], precision: DType) -> DType:
    """The dtype that arrays of dtypes ``strong`` and literals of dtypes ``weak`` are cast to.

    >>> single, double = np.dtype("float32"), np.dtype("float64")
    >>> common_dtype([np.dtype("int64"), single], [double], double)
    dtype('float32')
    """
    kind = max((dtype.kind for dtype in (*strong, *weak)), key=_KINDS.index)
    matching = [dtype for dtype in strong if dtype.kind == kind]
    if matching:
        return np.result_type(*matching)
    if kind == "f":
        return precision
    if kind == "c":
        return np.result_type(precision, np.complex64)
    return np.dtype(bool) if kind == "b" else np.dtype(np.int64)


def are_whole(values: Sequence[Value]) -> bool:
    """Whether there is a row count among them, and the others are integers, as it is then.

    >>> are_whole([7, Dim.rows("data")]), are_whole([7.0, Dim.rows("data")])
    (True, False)
    """
    others = [value for value in values if not isinstance(value, Dim)]
    return len(others) < len(values) and all(aval_of(one).dtype.kind in "iu" for one in others)


def target_dtypes(
    primitive: Primitive, operands: Sequence[Atom], precision: DType
) -> list[DType | None]:
    """For each operand the dtype it must be cast to before ``primitive`` sees it, else ``None``."""
    call = primitive.call
    if call.promotes and not call.keeps and _are_alike(operands):  # the usual case
        return [None] * len(operands)
    moved = [i for i in range(len(operands)) if i not in call.keeps]
    if not call.promotes or not moved:
        return [None] * len(operands)
    avals = [operands[i].aval for i in moved]
    weak = [isinstance(operands[i], Literal) for i in moved]
    [first, *others] = (aval.dtype for aval in avals)
    if first.kind == "f" and all(dtype == first for dtype in others) and not all(weak):
        return [None] * len(operands)  # the usual case
    target = common_dtype(
        [aval.dtype for aval, is_weak in zip(avals, weak, strict=True) if not is_weak],
        [aval.dtype for aval, is_weak in zip(avals, weak, strict=True) if is_weak],
        precision,
    )
    if call.floating and target.kind in "biu":
        target = precision
    result: list[DType | None] = [None] * len(operands)
    for i, aval in zip(moved, avals, strict=True):
        if aval.dtype != target:
            result[i] = target
    return result


def _are_alike(operands: Sequence[Atom]) -> bool:
    """Whether all are of one floating dtype, and not all of them literals."""
    dtype, known = None, False
    for operand in operands:
        own = operand.aval.dtype
        if own.kind != "f" or (dtype is not None and own != dtype):
            return False
        dtype, known = own, known or not isinstance(operand, Literal)
    return known
