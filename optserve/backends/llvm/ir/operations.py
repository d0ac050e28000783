"""Arithmetic, comparisons and conversions of scalars or lanes, whatever their type."""

from __future__ import annotations

from collections.abc import Callable

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant, element, lanes_of, vector

__all__ = [
    "IROperation",
    "absolute",
    "add",
    "convert",
    "equal",
    "greater",
    "greater_equal",
    "is_floating",
    "is_truth",
    "less",
    "less_equal",
    "logical_and",
    "logical_or",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "subtract",
    "truth",
]

IROperation = Callable[..., IRValue]
"""(builder, *operands) -> result; operands have one type, truth values are ``i1``.

What tests for truth takes operands of any types: what is not 0 is true, NaN too, as in NumPy.
"""


def _arithmetic(floating: str, integer: str) -> IROperation:
    def operation(b: Builder, x: IRValue, y: IRValue) -> IRValue:
        """Of two values of one type."""
        return b.binary(floating if is_floating(x) else integer, x, y)

    return operation


def add(b: Builder, x: IRValue, y: IRValue) -> IRValue:
    """The sum; of truth values whether either holds, as in NumPy."""
    whole = "or" if is_truth(x) else "add"
    return b.binary("fadd" if is_floating(x) else whole, x, y)


def is_truth(x: IRValue) -> bool:
    """Whether a value, or its lanes, are truth values."""
    return element(x.type) == "i1"


def truth(b: Builder, x: IRValue) -> IRValue:
    """Which lanes are not 0."""
    return convert(b, x, "i1")


def _ordered(predicate: str, x: IRValue) -> str:
    """A comparison of whole numbers, which are signed; the bit of a truth value is no sign."""
    return predicate.replace("s", "u", 1) if is_truth(x) else predicate


def is_floating(x: IRValue) -> bool:
    """Whether a value, or its lanes, are floats."""
    return element(x.type) in ("double", "float")


def negative(b: Builder, x: IRValue) -> IRValue:
    """With the other sign."""
    return b.fneg(x) if is_floating(x) else b.binary("sub", constant(0, x.type), x)


def absolute(b: Builder, x: IRValue) -> IRValue:
    """Without a sign."""
    if is_floating(x):
        return b.intrinsic("fabs", x)
    return b.select(b.compare("slt", x, constant(0, x.type)), negative(b, x), x)


def _extreme(predicate: str, integer: str) -> IROperation:
    def operation(b: Builder, x: IRValue, y: IRValue) -> IRValue:
        """The larger or smaller of two; NaN where either is, as in NumPy."""
        if not is_floating(x):
            return b.select(b.compare(_ordered(integer, x), x, y), x, y)
        chosen = b.select(b.compare(predicate, x, y), x, y)
        return b.select(b.compare("uno", x, x), x, chosen)

    return operation


def _comparison(floating: str, integer: str) -> IROperation:
    def operation(b: Builder, x: IRValue, y: IRValue) -> IRValue:
        """Which lanes compare so; none where either is NaN, but for ``not_equal``."""
        return b.compare(floating if is_floating(x) else _ordered(integer, x), x, y)

    return operation


def _logical(operation: str) -> IROperation:
    def joined(b: Builder, x: IRValue, y: IRValue) -> IRValue:
        """Of which lanes are not 0."""
        return b.binary(operation, truth(b, x), truth(b, y))

    return joined


def convert(b: Builder, x: IRValue, scalar: str) -> IRValue:
    """``x`` with lanes of another scalar type."""
    source = element(x.type)
    target = vector(scalar, lanes_of(x.type))
    if source == scalar:
        return x
    if scalar == "i1":
        return b.compare("une" if is_floating(x) else "ne", x, constant(0, x.type))
    if source in ("double", "float"):
        if scalar in ("double", "float"):
            return b.cast("fpext" if scalar == "double" else "fptrunc", x, target)
        return b.cast("fptosi", x, target)
    if scalar in ("double", "float"):
        return b.cast("uitofp" if source in ("i1", "i8") else "sitofp", x, target)
    widens = int(scalar[1:]) > int(source[1:])
    if not widens:
        return b.cast("trunc", x, target)
    return b.cast("zext" if source in ("i1", "i8") else "sext", x, target)


multiply = _arithmetic("fmul", "mul")
subtract = _arithmetic("fsub", "sub")
maximum = _extreme("ogt", "sgt")
minimum = _extreme("olt", "slt")
less = _comparison("olt", "slt")
less_equal = _comparison("ole", "sle")
greater = _comparison("ogt", "sgt")
greater_equal = _comparison("oge", "sge")
equal = _comparison("oeq", "eq")
not_equal = _comparison("une", "ne")
logical_and = _logical("and")
logical_or = _logical("or")
