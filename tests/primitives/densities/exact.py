"""Value, gradient and second derivatives of the densities, by mpmath, to fifty digits.

``EXACT`` holds for each density the function of exact numbers and the points at which it is
compared: in the middle, far in both tails, at the ends of the support. Derivatives are mpmath's
differences of that function, taken with three hundred digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import mpmath
from mpmath import mp, mpf

__all__ = ["EXACT", "Exact", "derivatives"]

DIGITS = 60
Point = tuple[float, ...]


@dataclass(frozen=True)
class Exact:
    """A density in exact arithmetic, and operands to try. ``by`` are those to differentiate by."""

    function: Callable[..., Any]
    operands: Sequence[Sequence[float]]
    by: Sequence[int] = ()

    def points(self) -> Iterator[Point]:
        """Every combination of the operands."""
        yield from itertools.product(*self.operands)

    def wrt(self) -> Sequence[int]:
        """The operands that there are derivatives by."""
        return self.by or range(len(self.operands))


def derivatives(exact: Exact, point: Point) -> dict[tuple[int, ...], Any]:
    """The value, under (), and derivatives under the operands that they are taken by."""
    wrt = exact.wrt()
    found: dict[tuple[int, ...], Any] = {(): _value(exact, point)}
    if mpmath.isinf(found[()]):
        return found
    pairs = itertools.combinations_with_replacement(wrt, 2)
    for key in [*((i,) for i in wrt), *pairs]:
        orders = tuple(key.count(i) for i in range(len(point)))
        found[key] = _derivative(exact, point, orders)
    return found


def _value(exact: Exact, point: Sequence[Any]) -> Any:
    with mp.workdps(2 * DIGITS):
        return +exact.function(*map(mpf, point))


def _derivative(exact: Exact, point: Point, orders: tuple[int, ...]) -> Any:
    """Central differences with a step so small that fifty digits are right."""
    with mp.workdps(5 * DIGITS):
        steps = [mpf(10) ** -DIGITS * (abs(mpf(x)) or 1) for x in point]
        axes = [_STENCILS[order] for order in orders]
        total = mpf(0)
        for entries in itertools.product(*axes):
            weight = mpf(1)
            moved = []
            for x, step, (place, share) in zip(point, steps, entries, strict=True):
                moved.append(mpf(x) + place * step)
                weight *= share
            total += weight * exact.function(*moved)
        for step, order in zip(steps, orders, strict=True):
            total /= step**order
        return total


_HALF = mpf(1) / 2
_STENCILS: Mapping[int, Sequence[tuple[int, Any]]] = MappingProxyType(
    {
        0: ((0, mpf(1)),),
        1: ((-1, -_HALF), (1, _HALF)),
        2: ((-1, mpf(1)), (0, mpf(-2)), (1, mpf(1))),
    }
)


def _log_normal_below(z: Any) -> Any:
    u = z / mp.sqrt(2)
    return mp.log(mp.erfc(-u) / 2) if z < 0 else mp.log1p(-mp.erfc(u) / 2)


def _log1mexp(u: Any) -> Any:
    return mp.log(-mp.expm1(-u)) if u < 1 else mp.log1p(-mp.exp(-u))


def _normal(x: Any, mean: Any, std: Any) -> Any:
    return -(((x - mean) / std) ** 2) / 2 - mp.log(std) - mp.log(2 * mp.pi) / 2


def _log_normal_size(z: Any) -> Any:
    u = z / mp.sqrt(2)
    return mp.log(mp.erf(u)) if z < 1 else mp.log1p(-mp.erfc(u))


def _inside(holds: Any, value: Callable[[], Any], outside: Any = -mp.inf) -> Any:
    return value() if holds else outside


SPREAD = (-1e8, -400.0, -40.0, -3.0, -0.1, 1e-9, 0.3, 2.0, 37.0, 1e4)
SIZES = (1e-30, 1e-9, 0.02, 0.7, 1.0, 3.0, 40.0, 600.0, 1e6)
LOCATIONS = (0.0, 0.25)
SCALES = (0.5, 3.0)
RATES = (1e-3, 0.7, 5.0)

EXACT: Mapping[str, Exact] = MappingProxyType(
    {
        "normal_logpdf": Exact(_normal, (SPREAD, LOCATIONS, SCALES)),
        "normal_logcdf": Exact(
            lambda x, m, s: _log_normal_below((x - m) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "normal_logsf": Exact(
            lambda x, m, s: _log_normal_below((m - x) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "half_normal_logpdf": Exact(
            lambda x, s: _inside(x >= 0, lambda: _normal(x, 0, s) + mp.log(2)),
            ((-1.0, *SIZES), SCALES),
        ),
        "half_normal_logcdf": Exact(
            lambda x, s: _inside(x > 0, lambda: _log_normal_size(x / s)),
            ((-1.0, *SIZES), SCALES),
        ),
        "half_normal_logsf": Exact(
            lambda x, s: _inside(x > 0, lambda: mp.log(mp.erfc(x / s / mp.sqrt(2))), mpf(0)),
            ((-1.0, *SIZES), SCALES),
        ),
        "lognormal_logpdf": Exact(
            lambda x, m, s: _inside(x > 0, lambda: _normal(mp.log(x), m, s) - mp.log(x)),
            ((-1.0, *SIZES), LOCATIONS, SCALES),
        ),
        "lognormal_logcdf": Exact(
            lambda x, m, s: _inside(x > 0, lambda: _log_normal_below((mp.log(x) - m) / s)),
            ((-1.0, *SIZES), LOCATIONS, SCALES),
        ),
        "lognormal_logsf": Exact(
            lambda x, m, s: _inside(x > 0, lambda: _log_normal_below((m - mp.log(x)) / s), mpf(0)),
            ((-1.0, *SIZES), LOCATIONS, SCALES),
        ),
        "exponential_logpdf": Exact(
            lambda x, r: _inside(x >= 0, lambda: mp.log(r) - r * x), ((-1.0, *SIZES), RATES)
        ),
        "exponential_logcdf": Exact(
            lambda x, r: _inside(x > 0, lambda: _log1mexp(r * x)), ((-1.0, *SIZES), RATES)
        ),
        "exponential_logsf": Exact(
            lambda x, r: _inside(x > 0, lambda: -r * x, mpf(0)), ((-1.0, *SIZES), RATES)
        ),
        "laplace_logpdf": Exact(
            lambda x, m, s: -abs(x - m) / s - mp.log(2 * s), (SPREAD, LOCATIONS, SCALES)
        ),
        "laplace_logcdf": Exact(
            lambda x, m, s: _laplace_below((x - m) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "laplace_logsf": Exact(
            lambda x, m, s: _laplace_below((m - x) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "logistic_logpdf": Exact(
            lambda x, m, s: -abs(x - m) / s - 2 * mp.log1p(mp.exp(-abs(x - m) / s)) - mp.log(s),
            (SPREAD, LOCATIONS, SCALES),
        ),
        "logistic_logcdf": Exact(
            lambda x, m, s: _logistic_below((x - m) / s), (SPREAD, LOCATIONS, SCALES)
        ),
        "logistic_logsf": Exact(
            lambda x, m, s: _logistic_below((m - x) / s), (SPREAD, LOCATIONS, SCALES)
        ),
    }
)


def _laplace_below(z: Any) -> Any:
    return z - mp.log(2) if z < 0 else mp.log1p(-mp.exp(-z) / 2)


def _logistic_below(z: Any) -> Any:
    return z - mp.log1p(mp.exp(z)) if z < 0 else -mp.log1p(mp.exp(-z))
