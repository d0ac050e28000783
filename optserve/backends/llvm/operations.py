"""What each elementwise primitive is in IR, lane by lane; the table says what runs natively."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from optserve.backends.llvm.builder import Builder, IRValue, constant, element, lanes_of, vector

__all__ = ["OPERATIONS", "Operation", "convert", "select_zero"]

Operation = Callable[..., IRValue]
"""(builder, *operands) -> result; operands have one type, truth values are ``i1``.

What tests for truth takes operands of any types: what is not 0 is true, NaN too, as in NumPy.
"""


def _arithmetic(floating: str, integer: str) -> Operation:
    def operation(b: Builder, x: IRValue, y: IRValue) -> IRValue:
        return b.binary(floating if is_floating(x) else integer, x, y)

    return operation


def _add(b: Builder, x: IRValue, y: IRValue) -> IRValue:
    """The sum; of truth values whether either holds, as in NumPy."""
    whole = "or" if is_truth(x) else "add"
    return b.binary("fadd" if is_floating(x) else whole, x, y)


def is_truth(x: IRValue) -> bool:
    """Whether a value, or its lanes, are truth values."""
    return element(x.type) == "i1"


def _true(b: Builder, x: IRValue) -> IRValue:
    """Which lanes are not 0."""
    return convert(b, x, "i1")


def _ordered(predicate: str, x: IRValue) -> str:
    """A comparison of whole numbers, which are signed; the bit of a truth value is no sign."""
    return predicate.replace("s", "u", 1) if is_truth(x) else predicate


def is_floating(x: IRValue) -> bool:
    return element(x.type) in ("double", "float")


def _negative(b: Builder, x: IRValue) -> IRValue:
    return b.fneg(x) if is_floating(x) else b.binary("sub", constant(0, x.type), x)


def _absolute(b: Builder, x: IRValue) -> IRValue:
    if is_floating(x):
        return b.intrinsic("fabs", x)
    return b.select(b.compare("slt", x, constant(0, x.type)), _negative(b, x), x)


def _reciprocal(b: Builder, x: IRValue) -> IRValue:
    return b.binary("fdiv", constant(1.0, x.type), x)


def _square(b: Builder, x: IRValue) -> IRValue:
    return b.binary("fmul" if is_floating(x) else "mul", x, x)


def _sign(b: Builder, x: IRValue) -> IRValue:
    zero, one = constant(0, x.type), constant(1, x.type)
    above, below = ("ogt", "olt") if is_floating(x) else ("sgt", "slt")
    positive = b.select(b.compare(above, x, zero), one, zero)
    signed = b.select(b.compare(below, x, zero), constant(-1, x.type), positive)
    return b.select(b.compare("uno", x, x), x, signed) if is_floating(x) else signed


def _extreme(predicate: str, integer: str) -> Operation:
    """The larger or smaller of two; NaN where either is, as in NumPy."""

    def operation(b: Builder, x: IRValue, y: IRValue) -> IRValue:
        if not is_floating(x):
            return b.select(b.compare(_ordered(integer, x), x, y), x, y)
        chosen = b.select(b.compare(predicate, x, y), x, y)
        return b.select(b.compare("uno", x, x), x, chosen)

    return operation


def _comparison(floating: str, integer: str) -> Operation:
    def operation(b: Builder, x: IRValue, y: IRValue) -> IRValue:
        return b.compare(floating if is_floating(x) else _ordered(integer, x), x, y)

    return operation


def _logical(operation: str) -> Operation:
    return lambda b, x, y: b.binary(operation, _true(b, x), _true(b, y))


def _logical_not(b: Builder, x: IRValue) -> IRValue:
    truth = _true(b, x)
    return b.binary("xor", truth, constant(True, truth.type))


def _isnan(b: Builder, x: IRValue) -> IRValue:
    if not is_floating(x):
        return constant(False, vector("i1", lanes_of(x.type)))
    return b.compare("uno", x, x)


def _isfinite(b: Builder, x: IRValue) -> IRValue:
    if not is_floating(x):
        return constant(True, vector("i1", lanes_of(x.type)))
    return b.compare("olt", b.intrinsic("fabs", x), constant(float("inf"), x.type))


def _where(b: Builder, condition: IRValue, x: IRValue, y: IRValue) -> IRValue:
    return b.select(_true(b, condition), x, y)


def select_zero(b: Builder, keep: IRValue, x: IRValue) -> IRValue:
    """x where ``keep`` holds, else 0."""
    return b.select(keep, x, constant(0, x.type))


def _mulz(b: Builder, ct: IRValue, d: IRValue) -> IRValue:
    zero = constant(0.0, ct.type)
    return b.select(b.compare("oeq", ct, zero), zero, b.binary("fmul", ct, d))


def _tame(b: Builder, d: IRValue, x: IRValue) -> IRValue:
    zero = constant(0.0, x.type)
    infinite = b.compare("oeq", b.intrinsic("fabs", d), constant(float("inf"), d.type))
    return b.select(b.binary("and", b.compare("oeq", x, zero), infinite), zero, d)


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


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "add": _add,
        "subtract": _arithmetic("fsub", "sub"),
        "multiply": _arithmetic("fmul", "mul"),
        "divide": lambda b, x, y: b.binary("fdiv", x, y),
        "negative": _negative,
        "abs": _absolute,
        "reciprocal": _reciprocal,
        "square": _square,
        "sqrt": lambda b, x: b.intrinsic("sqrt", x),
        "floor": lambda b, x: b.intrinsic("floor", x),
        "ceil": lambda b, x: b.intrinsic("ceil", x),
        "round": lambda b, x: b.intrinsic("rint", x),
        "sign": _sign,
        "maximum": _extreme("ogt", "sgt"),
        "minimum": _extreme("olt", "slt"),
        "less": _comparison("olt", "slt"),
        "less_equal": _comparison("ole", "sle"),
        "greater": _comparison("ogt", "sgt"),
        "greater_equal": _comparison("oge", "sge"),
        "equal": _comparison("oeq", "eq"),
        "not_equal": _comparison("une", "ne"),
        "logical_and": _logical("and"),
        "logical_or": _logical("or"),
        "logical_not": _logical_not,
        "isnan": _isnan,
        "isfinite": _isfinite,
        "where": _where,
        "mulz": _mulz,
        "tame": _tame,
    }
)
