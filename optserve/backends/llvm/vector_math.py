"""Mathematical functions on vectors, as IR: range reduction, polynomial, special values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from optserve.backends.llvm.builder import Builder, IRValue, constant, lanes_of, vector
from optserve.backends.llvm.operations import Operation

__all__ = ["FUNCTIONS"]


def polynomial(b: Builder, x: IRValue, coefficients: Sequence[float]) -> IRValue:
    """Horner's rule, highest power first, each step a fused multiply-add."""
    total = constant(coefficients[0], x.type)
    for coefficient in coefficients[1:]:
        total = b.fma(total, x, constant(coefficient, x.type))
    return total


def exp(b: Builder, x: IRValue) -> IRValue:
    """exp(x) = 2**n exp(r), n the nearest integer to x / log 2; the Taylor polynomial of exp(r)."""
    if "float" in x.type:
        wide = b.cast("fpext", x, vector("double", lanes_of(x.type)))
        return b.cast("fptrunc", exp(b, wide), x.type)
    type_ = x.type
    integers = vector("i64", lanes_of(type_))
    high, low = constant(710.0, type_), constant(-746.0, type_)
    x = b.select(b.compare("ogt", x, high), high, x)
    x = b.select(b.compare("olt", x, low), low, x)
    magic = constant(1.5 * 2.0**52, type_)
    shifted = b.fma(x, constant(1.0 / math.log(2.0), type_), magic)
    n = b.binary("fsub", shifted, magic)
    r = b.fma(n, constant(-6.93147180369123816490e-01, type_), x)
    r = b.fma(n, constant(-1.90821492927058770002e-10, type_), r)
    p = polynomial(b, r, [1.0 / math.factorial(k) for k in range(13, -1, -1)])
    bits = b.cast("bitcast", shifted, integers)
    k = b.binary("sub", bits, b.cast("bitcast", magic, integers))
    half = b.binary("ashr", k, constant(1, integers))
    rest = b.binary("sub", k, half)
    return b.binary("fmul", b.binary("fmul", p, _two_to(b, half)), _two_to(b, rest))


def _two_to(b: Builder, k: IRValue) -> IRValue:
    """2**k by its bits, for k from -1022 to 1023."""
    biased = b.binary("add", k, constant(1023, k.type))
    bits = b.binary("shl", biased, constant(52, k.type))
    return b.cast("bitcast", bits, vector("double", lanes_of(k.type)))


FUNCTIONS: Mapping[str, Operation] = MappingProxyType({"exp": exp})
