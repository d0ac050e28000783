"""Value, gradient and second derivatives of a function, by mpmath, to fifty digits.

Derivatives are differences of the function, taken with three hundred digits.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import mpmath
from mpmath import mp, mpf

__all__ = ["Exact", "Point", "derivatives"]

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
