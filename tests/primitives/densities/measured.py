"""The largest errors of densities and their derivatives, in units in the last place.

An error is relative to the size of what is computed and of how it changes with its operands: a
value f of operands x is right to a unit where it is that of operands which differ by rounding, so
the unit is that of |f| + sum |x df/dx|. The unit of a derivative is likewise that of its size and
of the derivatives that it is made of, over the operands; what is less than 1e-150 is 0.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from mpmath import mpf

from optserve.graph.axes import aligned
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import density_primitives
from optserve.transforms.functions import jvp, vjp
from tests.primitives.densities.exact import Point, derivatives
from tests.primitives.densities.formulas import EXACT

__all__ = ["DENSITIES", "Worst", "measured", "row"]


def _of_numbers(primitive: Primitive) -> bool:
    """Whether it is a density of numbers, not of vectors, and no part of one."""
    return primitive.kind == "composite" and primitive.axes is aligned


DENSITIES: Mapping[str, Primitive] = MappingProxyType(
    {one.name: one for one in density_primitives() if _of_numbers(one)}
)

NEGLIGIBLE = mpf(10) ** -150


@dataclass(frozen=True)
class Worst:
    """The largest error, and where it is."""

    error: float
    name: str
    key: tuple[int, ...] = ()
    point: Point = ()
    found: float = 0.0
    exact: float = 0.0

    def __str__(self) -> str:
        by = f" by {', '.join(map(str, self.key))}" if self.key else ""
        return (
            f"{self.name}{by} at {self.point}: {self.found!r}, not {self.exact!r} "
            f"({self.error:.3g} units)"
        )


@functools.cache
def measured(name: str, every: int = 1) -> tuple[Worst, Worst, Worst]:
    """The largest errors of the value, of the first and of the second derivatives.

    Of the points only those with a number that ``every`` divides are looked at.
    """
    exact = EXACT[name]
    points = list(exact.points())[::every]
    found = _computed(name, points)
    worst = [Worst(0.0, name)] * 3
    for number, point in enumerate(points):
        right = derivatives(exact, point)
        for key, ball in right.items():
            value = float(found[key][number])
            error = _error(value, ball, _unit(right, key, point))
            if error > worst[len(key)].error:
                worst[len(key)] = Worst(error, name, key, point, value, float(ball))
    return worst[0], worst[1], worst[2]


def _unit(right: Mapping[tuple[int, ...], Any], key: tuple[int, ...], point: Point) -> Any:
    """What an error counts in: the sizes of the derivative and of how operands change it."""
    size = abs(right[key])
    for other, value in right.items():
        extra = list(other)
        if len(other) == len(key) + 1 and all(_taken(extra, i) for i in key):
            size += abs(value * mpf(point[extra[0]]))
    for i in set(key):
        rest = list(key)
        rest.remove(i)
        size += abs(right[tuple(rest)] / mpf(point[i])) if point[i] and len(key) == 2 else 0
    if len(key) == 2 and right[key[:1]]:  # as much as the first derivative changes
        changes = (
            abs(mpf(point[other[1]]) * value)
            for other, value in right.items()
            if len(other) == 2 and other[0] == key[0]
        )
        size += abs(right[key] / right[key[:1]]) * sum(changes, mpf(0))
    return size * mpf(2) ** -52 + NEGLIGIBLE


def _taken(entries: list[int], entry: int) -> bool:
    if entry not in entries:
        return False
    entries.remove(entry)
    return True


def _error(value: float, ball: Any, unit: Any) -> float:
    if math.isnan(value):
        return math.inf
    if math.isinf(value) or abs(float(ball)) == math.inf:
        return 0.0 if value == float(ball) else math.inf
    return float(abs(mpf(value) - ball) / unit)


def _computed(name: str, points: Sequence[Point]) -> dict[tuple[int, ...], Any]:
    """Value and derivatives at all points at once; first derivatives by reverse mode."""
    density, exact = DENSITIES[name], EXACT[name]
    operands = [np.array(column) for column in zip(*points, strict=True)]
    one = np.ones(len(points))
    found: dict[tuple[int, ...], Any] = {(): density(*operands)}
    wrt = exact.wrt()

    def gradient(*some: Any) -> Any:
        def of_some(*inner: Any) -> Any:
            full: list[Any] = list(operands)
            for i, value in zip(wrt, inner, strict=True):
                full[i] = value
            return density(*full)

        return vjp(of_some, *some)[1](one)

    own = [operands[i] for i in wrt]
    with np.errstate(all="ignore"):
        for i, slope in zip(wrt, gradient(*own), strict=True):
            found[(i,)] = slope
        for place, i in enumerate(wrt):
            along = [one if k == place else np.zeros(len(points)) for k in range(len(own))]
            for j, tangent in zip(wrt, jvp(gradient, own, along)[1], strict=True):
                if j >= i:
                    found[i, j] = tangent
    return found


def row(name: str) -> str:
    """The line of docs/accuracy.md that tells them."""
    return f"| {name} | {' | '.join(f'{one.error:.1f}' for one in measured(name))} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(map(row, sorted(EXACT))) + "\n")
