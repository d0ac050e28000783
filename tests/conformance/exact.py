"""Value and derivatives, to second order, of every elementwise primitive, by ball arithmetic.

Each entry of ``EXACT`` takes exact numbers (balls of Arb, through python-flint) and gives the
value, the derivative by each operand, and the second derivatives by each pair of them, in the order
00, 01, 11. Where there is none (a kink, a pole, outside of the domain) it raises
``ArithmeticError``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from flint import arb, ctx

from tests.conformance.exact_densities import OF_DENSITIES
from tests.conformance.exact_hyperbolic import HYPERBOLIC, need

__all__ = ["EXACT", "exact"]

Ball = Any
Derivatives = tuple[Ball, ...]

PRECISIONS = (320, 1300, 5000)
"""Bits, tried in turn until enough digits are certain."""

CERTAIN = 70
"""Bits of a result that must be certain; or it is less than the least positive number."""

NEGLIGIBLE = arb(2) ** -1200


def exact(name: str, point: Sequence[float]) -> Derivatives | None:
    """The value and all derivatives at a point; ``None`` where one of them does not exist."""
    for bits in PRECISIONS:
        ctx.prec = bits
        try:
            found = EXACT[name](*map(arb, point))
        except ArithmeticError:
            return None
        if all(map(_certain, found)):
            return found
    raise AssertionError(f"{name} at {point} takes more than {PRECISIONS[-1]} bits: {found}")


def _certain(ball: Ball) -> bool:
    if not ball.is_finite():
        return False
    return bool(ball.rel_accuracy_bits() > CERTAIN or ball.abs_upper() < NEGLIGIBLE)


def _bounded(x: Ball) -> Ball:
    """What an exponential of is neither 0 nor infinite as a float, and computed in short time."""
    return x if abs(x) < 100000 else 100000 * x.sgn()


def _exp(x: Ball) -> Ball:
    return _bounded(x).exp()


def _linear(*slopes: float) -> Callable[..., Derivatives]:
    def derivatives(*x: Ball) -> Derivatives:
        value = sum((slope * one for slope, one in zip(slopes, x, strict=True)), arb(0))
        count = len(slopes)
        return (value, *map(arb, slopes), *(arb(0) for _ in range(count * (count + 1) // 2)))

    return derivatives


def _multiply(x: Ball, y: Ball) -> Derivatives:
    return x * y, y, x, arb(0), arb(1), arb(0)


def _divide(x: Ball, y: Ball) -> Derivatives:
    need(y != 0)
    return x / y, 1 / y, -x / y**2, arb(0), -1 / y**2, 2 * x / y**3


def _reciprocal(x: Ball) -> Derivatives:
    need(x != 0)
    return 1 / x, -1 / x**2, 2 / x**3


def _abs(x: Ball) -> Derivatives:
    need(x != 0)
    return abs(x), x.sgn(), arb(0)


def _power(x: Ball, y: Ball) -> Derivatives:
    if x <= 0:
        need(x < 0 and y.is_integer())
        raise ArithmeticError
    log = x.log()

    def to_the(exponent: Ball) -> Ball:
        return _exp(exponent * log)

    return (
        to_the(y),
        y * to_the(y - 1),
        log * to_the(y),
        y * (y - 1) * to_the(y - 2),
        (1 + y * log) * to_the(y - 1),
        log**2 * to_the(y),
    )


def _integer(x: Ball, y: Ball) -> Ball:
    """The quotient rounded down, away from its jumps."""
    need(y != 0)
    quotient = x / y
    floor = quotient.floor()
    need(floor.is_integer() and not (quotient - floor).contains(0))
    return floor


def _remainder(x: Ball, y: Ball) -> Derivatives:
    floor = _integer(x, y)
    return x - y * floor, arb(1), -floor, arb(0), arb(0), arb(0)


def _expm1(x: Ball) -> Derivatives:
    return _bounded(x).expm1(), _exp(x), _exp(x)


def _log(x: Ball) -> Derivatives:
    need(x > 0)
    return x.log(), 1 / x, -1 / x**2


def _log1p(x: Ball) -> Derivatives:
    need(x > -1)
    return x.log1p(), 1 / (1 + x), -1 / (1 + x) ** 2


def _sqrt(x: Ball) -> Derivatives:
    need(x > 0)
    return x.sqrt(), 1 / (2 * x.sqrt()), -1 / (4 * x * x.sqrt())


def _tan(x: Ball) -> Derivatives:
    slope = x.sec() ** 2
    return x.tan(), slope, 2 * x.tan() * slope


def _arcsin(x: Ball) -> Derivatives:
    need(abs(x) < 1)
    rest = (1 - x) * (1 + x)
    return x.asin(), 1 / rest.sqrt(), x / (rest * rest.sqrt())


def _arccos(x: Ball) -> Derivatives:
    _, first, second = _arcsin(x)
    return x.acos(), -first, -second


def _arctan(x: Ball) -> Derivatives:
    return x.atan(), 1 / (1 + x * x), -2 * x / (1 + x * x) ** 2


def _lorentzian(x: Ball) -> Derivatives:
    value = 1 / (1 + x * x)
    return value, -2 * x * value**2, (6 * x * x - 2) * value**3


def _sinh(x: Ball) -> Derivatives:
    z = _bounded(x)
    return z.sinh(), z.cosh(), z.sinh()


def _cosh(x: Ball) -> Derivatives:
    z = _bounded(x)
    return z.cosh(), z.sinh(), z.cosh()


def _tanh(x: Ball) -> Derivatives:
    z = _bounded(x)
    slope = 1 / z.cosh() ** 2
    return z.tanh(), slope, -2 * z.tanh() * slope


def _sech_square(x: Ball) -> Derivatives:
    _, slope, second = _tanh(x)
    return slope, second, slope * (4 - 6 * slope)


def _sigmoid(x: Ball) -> Derivatives:
    z = _bounded(x)
    up, down = 1 / (1 + (-z).exp()), 1 / (1 + z.exp())
    return up, up * down, -up * down * (z / 2).tanh()


def _logistic_slope(x: Ball) -> Derivatives:
    _, slope, second = _sigmoid(x)
    return slope, second, slope * (1 - 6 * slope)


def _softplus(x: Ball) -> Derivatives:
    value = (x if x > 0 else arb(0)) + _exp(-abs(x)).log1p()
    return value, *_sigmoid(x)[:2]


def _occupation(x: Ball) -> Derivatives:
    need(x > 0)
    rest = 1 / _bounded(x).expm1()
    slope = -rest * (1 + rest)
    return rest, slope, -slope * (1 + 2 * rest)


def _log1mexp(x: Ball) -> Derivatives:
    need(x > 0)
    value = (-_exp(-x)).log1p()
    return value, *_occupation(x)[:2]


def _logaddexp(x: Ball, y: Ball) -> Derivatives:
    up, slope, _ = _sigmoid(x - y)
    down, _, _ = _sigmoid(y - x)
    value = (x if x > y else y) + _exp(-abs(x - y)).log1p()
    return value, up, down, slope, -slope, slope


def _hypot(x: Ball, y: Ball) -> Derivatives:
    length = (x * x + y * y).sqrt()
    need(length > 0)
    cube = length**3
    return length, x / length, y / length, y * y / cube, -x * y / cube, x * x / cube


def _direction(x: Ball, y: Ball) -> Derivatives:
    length = (x * x + y * y).sqrt()
    need(length > 0)
    cosine, sine = x / length, y / length
    square = length**2
    return (
        cosine,
        sine**2 / length,
        -cosine * sine / length,
        -3 * cosine * sine**2 / square,
        sine * (2 * cosine**2 - sine**2) / square,
        cosine * (2 * sine**2 - cosine**2) / square,
    )


def _arctan2(y: Ball, x: Ball) -> Derivatives:
    square = x * x + y * y
    need(square > 0 and not (y == 0 and x < 0))
    return (
        arb.atan2(y, x),
        x / square,
        -y / square,
        -2 * x * y / square**2,
        (y - x) * (y + x) / square**2,
        2 * x * y / square**2,
    )


def _xlogy(x: Ball, y: Ball) -> Derivatives:
    need(y > 0)
    return x * y.log(), y.log(), x / y, arb(0), 1 / y, -x / y**2


def _erf(x: Ball) -> Derivatives:
    slope = 2 / arb.pi().sqrt() * _exp(-x * x)
    return x.erf(), slope, -2 * x * slope


def _gaussian(x: Ball) -> Derivatives:
    value = _exp(-x * x)
    return value, -2 * x * value, (4 * x * x - 2) * value


def _erfc(x: Ball) -> Derivatives:
    _, first, second = _erf(x)
    return _bounded(x).erfc(), -first, -second


def _hazard(x: Ball) -> Derivatives:
    """exp(-x**2) / erfc(x), times 2 / sqrt(pi), by the scaled function where both are small."""
    if x > 100:
        scaled = x**2
        # erfc(x) exp(x**2) = U(1/2, 1/2, x**2) / sqrt(pi)
        hazard = 2 / scaled.hypgeom_u(arb(1) / 2, arb(1) / 2)
    else:
        hazard = 2 / arb.pi().sqrt() * _exp(-x * x) / x.erfc()
    first = hazard * (hazard - 2 * x)
    return hazard, first, first * (2 * hazard - 2 * x) - 2 * hazard


def _log_erfc(x: Ball) -> Derivatives:
    hazard, slope, _ = _hazard(x)
    value = (2 / (arb.pi().sqrt() * hazard)).log() - x * x if x > 1 else (-x.erf()).log1p()
    return value, -hazard, -slope


def _ndtr(x: Ball) -> Derivatives:
    root = arb(2).sqrt()
    slope = _exp(-x * x / 2) / (2 * arb.pi()).sqrt()
    return _bounded(-x / root).erfc() / 2, slope, -x * slope


def _polygamma(n: int, x: Ball) -> Ball:
    """By the Hurwitz zeta function, or the digamma function and its reflection."""
    if n == 0:
        return x.digamma()
    sign = 1 if n % 2 else -1
    return sign * arb(n).fac() * arb(n + 1).zeta(x)


def _gammaln(x: Ball) -> Derivatives:
    need(x > 0)
    return x.lgamma(), _polygamma(0, x), _polygamma(1, x)


def _of_polygamma(n: int) -> Callable[[Ball], Derivatives]:
    def derivatives(x: Ball) -> Derivatives:
        need(x > 0)
        return _polygamma(n, x), _polygamma(n + 1, x), _polygamma(n + 2, x)

    return derivatives


def _relu(x: Ball) -> Derivatives:
    need(x != 0)
    return (x, arb(1), arb(0)) if x > 0 else (arb(0), arb(0), arb(0))


def _of_two(larger: bool) -> Callable[[Ball, Ball], Derivatives]:
    def derivatives(x: Ball, y: Ball) -> Derivatives:
        need(x != y)
        first = (x > y) == larger
        return (x if first else y, arb(first), arb(not first), arb(0), arb(0), arb(0))

    return derivatives


EXACT: Mapping[str, Callable[..., Derivatives]] = MappingProxyType(
    {
        "abs": _abs,
        "add": _linear(1, 1),
        "subtract": _linear(1, -1),
        "negative": _linear(-1),
        "multiply": _multiply,
        "mulz": _multiply,
        "mulz_both": _multiply,
        "divide": _divide,
        "reciprocal": _reciprocal,
        "square": lambda x: (x * x, 2 * x, arb(2)),
        "power": _power,
        "remainder": _remainder,
        "exp": lambda x: (_exp(x), _exp(x), _exp(x)),
        "expm1": _expm1,
        "log": _log,
        "log1p": _log1p,
        "sqrt": _sqrt,
        "sin": lambda x: (x.sin(), x.cos(), -x.sin()),
        "cos": lambda x: (x.cos(), -x.sin(), -x.cos()),
        "tan": _tan,
        "arcsin": _arcsin,
        "arccos": _arccos,
        "arctan": _arctan,
        "arctan2": _arctan2,
        "sinh": _sinh,
        "cosh": _cosh,
        "tanh": _tanh,
        "sigmoid": _sigmoid,
        "softplus": _softplus,
        "occupation": _occupation,
        "log1mexp": _log1mexp,
        "logaddexp": _logaddexp,
        "hypot": _hypot,
        "xlogy": _xlogy,
        "relu": _relu,
        "direction": _direction,
        "gaussian": _gaussian,
        "logistic_slope": _logistic_slope,
        **OF_DENSITIES,
        "lorentzian": _lorentzian,
        "sech_square": _sech_square,
        "one_minus_square": lambda x: (1 - x * x, -2 * x, arb(-2)),
        "maximum": _of_two(True),
        "minimum": _of_two(False),
        "erf": _erf,
        "erfc": _erfc,
        "erfc_hazard": _hazard,
        "log_erfc": _log_erfc,
        "ndtr": _ndtr,
        **HYPERBOLIC,
        "gammaln": _gammaln,
        "digamma": _of_polygamma(0),
        "polygamma": _of_polygamma(1),
    }
)
