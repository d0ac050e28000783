"""Primitives that compute entry by entry: one instruction, a few, or a function of mathematics.

What is written here serves values in registers, lanes of arrays in memory and lanes of rows alike.
"""

from __future__ import annotations

from optserve.backends.llvm.ir import operations as ir
from optserve.backends.llvm.ir.builder import Builder, IRValue, constant, lanes_of, vector
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.operations import IROperation, convert, is_floating, truth
from optserve.backends.llvm.ir.types import register_type
from optserve.backends.llvm.lowerings.lookup import Site
from optserve.backends.llvm.mathematics import FUNCTIONS, of_order
from optserve.backends.llvm.mathematics.polygamma import HIGHEST
from optserve.backends.lowering import Lowering
from optserve.graph.primitive import Primitive
from optserve.primitives import arithmetic, bits, comparisons, elementary, shaping, special, whole

__all__ = ["LOWERINGS"]

BEYOND = 2.0**63
"""The first whole number that 64 bits do not hold."""


def _instruction(primitive: Primitive, operation: IROperation) -> Lowering:
    def entries(site: Site, *operands: IRValue) -> IRValue:
        return operation(site.b, *operands)

    return Lowering(primitive, entries=entries)


def _function(primitive: Primitive, name: str, whole_numbers: bool = False) -> Lowering:
    """A function of ``mathematics``, which is written once where there are many calls of it."""
    operation = FUNCTIONS[name]

    def entries(site: Site, *operands: IRValue) -> IRValue:
        if not (whole_numbers or is_floating(operands[-1])):
            raise Unsupported(f"{name} of whole numbers")
        return _called(site, name, operation, *operands)

    return Lowering(primitive, entries=entries, function=True)


def _polygamma(site: Site, x: IRValue) -> IRValue:
    order = site.equation.attributes["n"]
    if order == 0:
        return _called(site, "digamma", FUNCTIONS["digamma"], x)
    if order not in range(1, HIGHEST + 1):
        raise Unsupported(f"a derivative of digamma of order {order}")
    return _called(site, f"polygamma{order}", of_order(order), x)


def _called(site: Site, name: str, operation: IROperation, *operands: IRValue) -> IRValue:
    if site.outlined:
        return site.b.outlined(name, operation, *operands)
    return operation(site.b, *operands)


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


def _logical_not(b: Builder, x: IRValue) -> IRValue:
    holds = truth(b, x)
    return b.binary("xor", holds, constant(True, holds.type))


def _isnan(b: Builder, x: IRValue) -> IRValue:
    if not is_floating(x):
        return constant(False, vector("i1", lanes_of(x.type)))
    return b.compare("uno", x, x)


def _isfinite(b: Builder, x: IRValue) -> IRValue:
    if not is_floating(x):
        return constant(True, vector("i1", lanes_of(x.type)))
    return b.compare("olt", b.intrinsic("fabs", x), constant(float("inf"), x.type))


def _where(b: Builder, condition: IRValue, x: IRValue, y: IRValue) -> IRValue:
    return b.select(truth(b, condition), x, y)


def _mulz(b: Builder, ct: IRValue, d: IRValue) -> IRValue:
    zero = constant(0.0, ct.type)
    return b.select(b.compare("oeq", ct, zero), zero, b.binary("fmul", ct, d))


def _tame(b: Builder, d: IRValue, x: IRValue) -> IRValue:
    zero = constant(0.0, x.type)
    infinite = b.compare("oeq", b.intrinsic("fabs", d), constant(float("inf"), d.type))
    return b.select(b.binary("and", b.compare("oeq", x, zero), infinite), zero, d)


def _invert(b: Builder, x: IRValue) -> IRValue:
    return b.binary("xor", x, constant(-1, x.type))


def _shift(operation: str, most: int) -> IROperation:
    """By 64 bits and more as NumPy does, which LLVM leaves open: nothing is left but the sign."""

    def shifted(b: Builder, x: IRValue, count: IRValue) -> IRValue:
        few = b.compare("ult", count, constant(64, count.type))
        made = b.binary(operation, x, b.select(few, count, constant(most, count.type)))
        return made if most else b.select(few, made, constant(0, x.type))

    return shifted


def _cast(site: Site, x: IRValue) -> IRValue:
    return convert(site.b, x, register_type(site.equation.results[0].aval.dtype))


# Whole numbers that may not exist: 64 bits do not hold them, or they are not whole. Native code
# cannot raise. It notes that it failed, goes on with anything, and says so when it returns; what it
# computed is void, and NumPy computes it again and says where it fails.


def _unwrapped(site: Site, exact: IRValue, rough: IRValue) -> IRValue:
    b = site.b
    found, wanted = (convert(b, x, "double") for x in (exact, rough))
    off = b.intrinsic("fabs", b.binary("fsub", found, wanted))
    _hold(site, b.compare("olt", off, constant(BEYOND, off.type)))
    return convert(b, exact, "i64")


def _integer(site: Site, x: IRValue) -> IRValue:
    b = site.b
    if not is_floating(x):
        return convert(b, x, "i64")
    is_whole = b.compare("oeq", b.intrinsic("rint", x), x)
    above = b.compare("oge", x, constant(-BEYOND, x.type))
    below = b.compare("olt", x, constant(BEYOND, x.type))
    held = b.binary("and", is_whole, b.binary("and", above, below))
    _hold(site, held)
    return convert(b, b.select(held, x, constant(0, x.type)), "i64")


def _hold(site: Site, held: IRValue) -> None:
    """Fail where a condition does not hold in some lane that is in use."""
    b, mask = site.b, site.mask
    bad = b.binary("xor", held, constant(True, held.type))
    if mask is not None and lanes_of(held.type) > 1:
        bad = b.binary("and", bad, mask)
    b.fail_where(bad)


def _intrinsic(name: str) -> IROperation:
    return lambda b, x: b.intrinsic(name, x)


def _binary(name: str) -> IROperation:
    return lambda b, x, y: b.binary(name, x, y)


LOWERINGS: tuple[Lowering, ...] = (
    _instruction(arithmetic.add, ir.add),
    _instruction(arithmetic.subtract, ir.subtract),
    _instruction(arithmetic.multiply, ir.multiply),
    _instruction(arithmetic.divide, _binary("fdiv")),
    _instruction(arithmetic.negative, ir.negative),
    _instruction(arithmetic.absolute, ir.absolute),
    _instruction(arithmetic.reciprocal, _reciprocal),
    _instruction(arithmetic.square, _square),
    _instruction(arithmetic.floor, _intrinsic("floor")),
    _instruction(arithmetic.ceil, _intrinsic("ceil")),
    _instruction(arithmetic.round_, _intrinsic("rint")),
    _instruction(arithmetic.sign, _sign),
    _instruction(arithmetic.mulz, _mulz),
    _instruction(arithmetic.tame, _tame),
    _function(arithmetic.floor_divide, "floor_divide", whole_numbers=True),
    _function(arithmetic.remainder, "remainder", whole_numbers=True),
    _function(arithmetic.power, "power"),
    _instruction(comparisons.maximum, ir.maximum),
    _instruction(comparisons.minimum, ir.minimum),
    _instruction(comparisons.less, ir.less),
    _instruction(comparisons.less_equal, ir.less_equal),
    _instruction(comparisons.greater, ir.greater),
    _instruction(comparisons.greater_equal, ir.greater_equal),
    _instruction(comparisons.equal, ir.equal),
    _instruction(comparisons.not_equal, ir.not_equal),
    _instruction(comparisons.logical_and, ir.logical_and),
    _instruction(comparisons.logical_or, ir.logical_or),
    _instruction(comparisons.logical_not, _logical_not),
    _instruction(comparisons.isnan, _isnan),
    _instruction(comparisons.isfinite, _isfinite),
    _instruction(comparisons.where, _where),
    _instruction(bits.bitwise_and, _binary("and")),
    _instruction(bits.bitwise_or, _binary("or")),
    _instruction(bits.bitwise_xor, _binary("xor")),
    _instruction(bits.invert, _invert),
    _instruction(bits.left_shift, _shift("shl", 0)),
    _instruction(bits.right_shift, _shift("ashr", 63)),
    _instruction(elementary.sqrt, _intrinsic("sqrt")),
    _function(elementary.exp, "exp"),
    _function(elementary.expm1, "expm1"),
    _function(elementary.log, "log"),
    _function(elementary.log1p, "log1p"),
    _function(elementary.logaddexp, "logaddexp"),
    _function(elementary.softplus, "softplus"),
    _function(elementary.sigmoid, "sigmoid"),
    _function(elementary.cbrt, "cbrt"),
    _function(elementary.hypot, "hypot"),
    _function(elementary.sin, "sin"),
    _function(elementary.cos, "cos"),
    _function(elementary.tan, "tan"),
    _function(elementary.arcsin, "arcsin"),
    _function(elementary.arccos, "arccos"),
    _function(elementary.arctan, "arctan"),
    _function(elementary.arctan2, "arctan2"),
    _function(elementary.sinh, "sinh"),
    _function(elementary.cosh, "cosh"),
    _function(elementary.tanh, "tanh"),
    _function(special.erf, "erf"),
    _function(special.erfc, "erfc"),
    _function(special.gammaln, "gammaln"),
    _function(special.digamma, "digamma"),
    Lowering(special.polygamma, entries=_polygamma, function=True),
    Lowering(shaping.cast, entries=_cast),
    Lowering(whole.integer, entries=_integer),
    Lowering(whole.unwrapped, entries=_unwrapped),
)
