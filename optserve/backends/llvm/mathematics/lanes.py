"""Lanes of numbers that are computed with as in a formula, while the instructions are written.

The vector mathematics reads like the formulas in the literature; each operator appends one
instruction to the builder. Nothing is ever reordered: ``x - n * high - n * low`` is rounded as
it is written, which is what error-free transformations rely on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant, element, lanes_of, vector

__all__ = ["FORMATS", "FloatFormat", "Lanes", "fma", "polynomial", "rarely", "where"]

LaneConstant = float | int | bool


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point format of IEEE 754, with the integers of its size.

    >>> FORMATS["double"].magic == 1.5 * 2.0**52
    True
    """

    scalar: str
    integer: str
    size: int
    mantissa: int
    bias: int

    @property
    def magic(self) -> float:
        """Added to a number, it leaves the nearest integer in the last bits."""
        return 1.5 * 2.0**self.mantissa

    @property
    def smallest_normal(self) -> float:
        return 2.0 ** (1 - self.bias)


FORMATS: Mapping[str, FloatFormat] = MappingProxyType(
    {
        "double": FloatFormat("double", "i64", 64, 52, 1023),
        "float": FloatFormat("float", "i32", 32, 23, 127),
    }
)


class Lanes:
    """A value of the function that ``builder`` writes: reals, integers or truth values.

    Plain numbers beside it become constants of its type.

    >>> x = Lanes(Builder(), IRValue("%x", "<8 x double>"))
    >>> y = 2.0 * x + 1.0
    >>> [line.split(" = ")[1].split()[0] for line in x.builder.lines]
    ['fmul', 'fadd']
    """

    __slots__ = ("builder", "value")

    def __init__(self, builder: Builder, value: IRValue) -> None:
        self.builder = builder
        self.value = value

    # Types.

    @property
    def scalar(self) -> str:
        """``double``, ``float``, ``i64``, ``i32`` or ``i1``."""
        return element(self.value.type)

    @property
    def count(self) -> int:
        return lanes_of(self.value.type)

    @property
    def format(self) -> FloatFormat:
        return FORMATS[self.scalar]

    @property
    def is_real(self) -> bool:
        return self.scalar in FORMATS

    def like(self, number: LaneConstant) -> Lanes:
        """A constant of the type of these lanes."""
        return Lanes(self.builder, constant(number, self.value.type))

    def pick(self, double: float, single: float) -> float:
        """The first of two numbers for double lanes, the second for single ones."""
        return double if self.scalar == "double" else single

    def cast(self, operation: str, scalar: str) -> Lanes:
        type_ = vector(scalar, self.count)
        return Lanes(self.builder, self.builder.cast(operation, self.value, type_))

    def widened(self) -> Lanes:
        return self.cast("fpext", "double")

    def narrowed(self) -> Lanes:
        return self.cast("fptrunc", "float")

    def bits(self) -> Lanes:
        """The integers with the same bits."""
        return self.cast("bitcast", self.format.integer)

    def reals(self) -> Lanes:
        """The reals with the same bits."""
        return self.cast("bitcast", "double" if self.scalar == "i64" else "float")

    # Arithmetic, rounded to nearest.

    def _with(self, operation: str, other: Lanes | LaneConstant) -> Lanes:
        given = other if isinstance(other, Lanes) else self.like(other)
        return Lanes(self.builder, self.builder.binary(operation, self.value, given.value))

    def __add__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._with("fadd" if self.is_real else "add", other)

    def __radd__(self, other: LaneConstant) -> Lanes:
        return self.like(other) + self

    def __sub__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._with("fsub" if self.is_real else "sub", other)

    def __rsub__(self, other: LaneConstant) -> Lanes:
        return self.like(other) - self

    def __mul__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._with("fmul" if self.is_real else "mul", other)

    def __rmul__(self, other: LaneConstant) -> Lanes:
        return self.like(other) * self

    def __truediv__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._with("fdiv", other)

    def __rtruediv__(self, other: LaneConstant) -> Lanes:
        return self.like(other) / self

    def __neg__(self) -> Lanes:
        if not self.is_real:
            return 0 - self
        return Lanes(self.builder, self.builder.fneg(self.value))

    def __abs__(self) -> Lanes:
        return self._intrinsic("fabs")

    def sqrt(self) -> Lanes:
        return self._intrinsic("sqrt")

    def rint(self) -> Lanes:
        """The nearest integer, halves to even."""
        return self._intrinsic("rint")

    def floor(self) -> Lanes:
        return self._intrinsic("floor")

    def trunc(self) -> Lanes:
        """The integer part."""
        return self._intrinsic("trunc")

    def _intrinsic(self, name: str) -> Lanes:
        return Lanes(self.builder, self.builder.intrinsic(name, self.value))

    def quotient(self, divisor: Lanes) -> Lanes:
        """Of integers, rounded to 0; the divisor is neither 0 nor -1."""
        return self._with("sdiv", divisor)

    def modulo(self, divisor: Lanes) -> Lanes:
        """What the quotient of integers leaves, with the sign of the first."""
        return self._with("srem", divisor)

    def residue(self, divisor: Lanes) -> Lanes:
        """The same of integers without a sign."""
        return self._with("urem", divisor)

    # Bits.

    def __and__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._with("and", other)

    def __or__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._with("or", other)

    def __xor__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._with("xor", other)

    def __invert__(self) -> Lanes:
        return self._with("xor", True if self.scalar == "i1" else -1)

    def __lshift__(self, count: Lanes | int) -> Lanes:
        return self._with("shl", count)

    def __rshift__(self, count: Lanes | int) -> Lanes:
        """Zeros come in from the left, for negative numbers too: AVX2 has no other for 64 bits."""
        return self._with("lshr", count)

    def is_odd(self) -> Lanes:
        """Whether the last bit of the integers is set."""
        return self.cast("trunc", "i1")

    def sign_bit(self) -> Lanes:
        """The bits of -0.0 where the sign is negative, else of 0.0."""
        return self.bits() & self.like(-0.0).bits()

    def with_sign_of(self, other: Lanes) -> Lanes:
        """These lanes, which are not negative unless ``other`` is, with the signs of ``other``."""
        return (self.bits() | other.sign_bit()).reals()

    def negated_where(self, sign: Lanes) -> Lanes:
        """Negative where ``sign``, some ``sign_bit()``, says so."""
        return (self.bits() ^ sign).reals()

    # Comparisons: false where a lane is NaN, but for ``differs``.

    def _compared(self, real: str, integer: str, other: Lanes | LaneConstant) -> Lanes:
        given = other if isinstance(other, Lanes) else self.like(other)
        predicate = real if self.is_real else integer
        return Lanes(self.builder, self.builder.compare(predicate, self.value, given.value))

    def __lt__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._compared("olt", "slt", other)

    def __le__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._compared("ole", "sle", other)

    def __gt__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._compared("ogt", "sgt", other)

    def __ge__(self, other: Lanes | LaneConstant) -> Lanes:
        return self._compared("oge", "sge", other)

    def equals(self, other: Lanes | LaneConstant) -> Lanes:
        return self._compared("oeq", "eq", other)

    def differs(self, other: Lanes | LaneConstant) -> Lanes:
        return self._compared("une", "ne", other)

    def unordered(self, other: Lanes) -> Lanes:
        """Whether either is NaN."""
        return self._compared("uno", "", other)

    def at_most(self, high: Lanes | LaneConstant) -> Lanes:
        """``high`` where it is less, else these lanes: NaN stays NaN."""
        bound = high if isinstance(high, Lanes) else self.like(high)
        return where(bound < self, bound, self)

    def at_least(self, low: Lanes | LaneConstant) -> Lanes:
        """``low`` where it is more, else these lanes: NaN stays NaN."""
        bound = low if isinstance(low, Lanes) else self.like(low)
        return where(bound > self, bound, self)


def fma(x: Lanes, y: Lanes | LaneConstant, z: Lanes | LaneConstant) -> Lanes:
    """x * y + z, rounded once."""
    factor = y if isinstance(y, Lanes) else x.like(y)
    term = z if isinstance(z, Lanes) else x.like(z)
    return Lanes(x.builder, x.builder.fma(x.value, factor.value, term.value))


def where(condition: Lanes, x: Lanes | LaneConstant, y: Lanes | LaneConstant) -> Lanes:
    """``x`` where the condition holds, else ``y``; one of them may be a plain number."""
    if not isinstance(x, Lanes):
        assert isinstance(y, Lanes), "the type of a choice between two plain numbers"
        x = y.like(x)
    given = y if isinstance(y, Lanes) else x.like(y)
    builder = condition.builder
    return Lanes(builder, builder.select(condition.value, x.value, given.value))


def polynomial(x: Lanes, coefficients: Sequence[float], first: int = 0) -> Lanes:
    """The polynomial with ``coefficients``, lowest power first, by fused multiply-adds.

    Long ones as ``even(x**2) + x * odd(x**2)``, two chains that run side by side; but the
    ``first`` powers by Horner's rule, which is more precise, where they are most of the sum.
    """
    if first:
        return fma(polynomial(x, coefficients[1:], first - 1), x, coefficients[0])
    if len(coefficients) > 6:
        square = x * x
        even = polynomial(square, coefficients[0::2])
        odd = polynomial(square, coefficients[1::2])
        return fma(odd, x, even)
    *rest, highest = coefficients
    total = x.like(highest)
    for coefficient in reversed(rest):
        total = fma(total, x, coefficient)
    return total


def rarely(
    condition: Lanes, usual: Sequence[Lanes], otherwise: Callable[[], Sequence[Lanes]]
) -> list[Lanes]:
    """``usual``, or ``otherwise()`` where the condition holds in some lane: a branch, not a choice.

    ``otherwise`` is computed for all lanes, and has to be right for all of them.
    """
    builder = condition.builder
    chosen = builder.rarely(
        condition.value,
        [lanes.value for lanes in usual],
        lambda: [lanes.value for lanes in otherwise()],
    )
    return [Lanes(builder, value) for value in chosen]
