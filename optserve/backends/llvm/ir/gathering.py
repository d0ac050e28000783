"""Positions that are computed: counted from the end where they are negative, and held in range."""

from __future__ import annotations

import math

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.ir.nest import FunctionScope, load, store, sweep
from optserve.backends.llvm.ir.operations import add, convert
from optserve.backends.llvm.ir.types import register_type
from optserve.backends.llvm.ir.view import View
from optserve.graph.aval import DType
from optserve.graph.dim import Size

__all__ = ["add_where", "in_range", "missing"]


def missing(type_: str) -> IRValue:
    """What stands for an entry that there is not."""
    return constant(math.nan, type_)


def in_range(
    w: FunctionScope, index: IRValue, size: Size, dtype: DType, mask: IRValue | None = None
) -> tuple[IRValue, IRValue]:
    """Indices counted from the front, 0 where they are out of range; and where they are not.

    Of a ``dtype`` without NaN the function fails where an index in use is out of range.
    """
    b = w.b
    zero, count = constant(0, index.type), _count(w, index, size)
    wrapped = b.select(b.compare("slt", index, zero), b.binary("add", index, count), index)
    valid = b.compare("ult", wrapped, count)
    if dtype.kind != "f":
        bad = b.binary("xor", valid, constant(True, valid.type))
        b.fail_where(bad if mask is None else b.binary("and", bad, mask))
    return b.select(valid, wrapped, zero), valid


def _count(w: FunctionScope, index: IRValue, size: Size) -> IRValue:
    number = w.number(size)
    return constant(number, index.type) if isinstance(number, int) else number


def add_where(w: FunctionScope, valid: IRValue, source: View, target: View) -> None:
    """The entries of one view added to those of another, where a condition holds."""
    b: Builder = w.b
    type_ = register_type(target.dtype)
    for lane in sweep(w, source.shape):
        given = convert(b, load(w, source, source.strides, lane), type_)
        given = b.select(b.splat(valid, lane.lanes), given, constant(0, given.type))
        total = load(w, target, target.strides, lane)
        store(w, add(b, total, given), target, target.strides, lane)
