"""Derivatives measured from values alone, by extrapolated differences.

Central differences of ever smaller steps are extrapolated to a step of zero, entry by entry
(Ridders 1982, Advances in Engineering Software 4, 75), so that each comes with an estimate of its
own error, and an entry beside a kink or at the end of a domain is known to be inconclusive instead
of wrong. How noisy the values are is measured by their fourth differences, which vanish where a
function is smooth (Moré & Wild 2011, SIAM J. Sci. Comput. 33, 1292).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optserve.graph.aval import Array

__all__ = ["Differences", "differences", "taylor_order"]

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Differences:
    """A derivative along a line, measured from values alone, each entry for itself.

    ``conclusive`` tells the entries that could be measured; at the others the function has a kink,
    is not finite, or is too rough. At a kink, where the slopes of both sides could be measured
    (``kinked``), they are ``low`` and ``high``, the smaller first.
    """

    slope: Array
    uncertainty: Array
    conclusive: Array
    low: Array
    high: Array
    kinked: Array

    def among(self, entries: Array) -> Differences:
        """The same, where only some ``entries`` take part."""
        return replace(self, conclusive=self.conclusive & entries, kinked=self.kinked & entries)


def differences(
    function: Callable[[float], Array], *, epsilon: float = EPSILON, tolerance: float = 0.0
) -> Differences:
    """The derivative at 0 of ``function``, which maps a step of order 1 to an array of float64.

    ``epsilon`` is the relative precision with which ``function`` computes, ``tolerance`` that to
    which its results are right, relative to the largest of them.

    >>> found = differences(lambda h: np.array([np.exp(h), abs(h)]))
    >>> abs(found.slope[0] - 1.0) < 1e-10, found.conclusive.tolist()
    (np.True_, [True, False])
    >>> found.kinked.tolist(), found.low[1].round(6), found.high[1].round(6)
    ([False, True], np.float64(-1.0), np.float64(1.0))
    """
    found = _ridders(function, epsilon, tolerance, step=2.0**-5)
    if found.conclusive.all():
        return found
    # Too rough at that scale, perhaps not at a smaller one.
    finer = _ridders(function, epsilon, tolerance, step=2.0**-20)
    better = finer.conclusive & ~found.conclusive
    kinked = found.kinked | finer.kinked
    return Differences(
        np.where(better, finer.slope, found.slope),
        np.where(better, finer.uncertainty, found.uncertainty),
        found.conclusive | better,
        np.where(found.kinked, found.low, finer.low),
        np.where(found.kinked, found.high, finer.high),
        kinked & ~better & ~found.conclusive,
    )


def _ridders(
    function: Callable[[float], Array],
    epsilon: float,
    tolerance: float,
    *,
    step: float,
    levels: int = 8,
) -> Differences:
    with np.errstate(all="ignore"):
        middle = function(0.0)
        steps = [step / 2.0**level for level in range(levels)]
        above, below = [function(h) for h in steps], [function(-h) for h in steps]
        declared = tolerance * np.max(np.abs(middle[np.isfinite(middle)]), initial=0.0)
        rounding = epsilon * np.abs(middle) + declared
        # What is declared is a bound, what is measured one draw of many.
        noise = 8.0 * epsilon * np.abs(middle) + 0.25 * declared + _noise(middle, above, below)
        slope, uncertainty = _extrapolated(above, below, steps, noise)
        bends = [np.abs(up - 2.0 * middle + down) for up, down in zip(above, below, strict=True)]
        # Where the function is smooth, the bend shrinks with the step: by 8 over three halvings.
        kinked = (bends[-1] / steps[-1] > 0.5 * bends[-4] / steps[-4]) & (
            bends[-1] > np.maximum(1e-6 * np.abs(slope) * steps[-1], 1e3 * rounding)
        )
        slack = np.maximum(1e-8 * np.abs(middle), 1e3 * rounding)
        sharp = uncertainty <= 1e-4 * np.abs(slope) + slack
        # Of a staircase, or a wave that is shorter than a step, larger steps measure another slope.
        steady = np.ones(middle.shape, np.bool_)
        for h in (steps[-1], steps[-1] / 2.0**15):
            finest = (function(h) - function(-h)) / (2.0 * h)
            steady &= np.abs(finest - slope) <= 1e-2 * np.abs(slope) + 8.0 * noise / h
        low, high, sided = _sides(middle, above, below, steps, rounding)
    finite = np.isfinite(middle)
    return Differences(
        slope, uncertainty, sharp & steady & ~kinked & finite, low, high, kinked & sided & finite
    )


def _extrapolated(
    above: Sequence[Array], below: Sequence[Array], steps: Sequence[float], noise: Array
) -> tuple[Array, Array]:
    """Ridders' tableau: the best slope of each entry, and its uncertainty."""
    slope, uncertainty = np.zeros_like(noise), np.full_like(noise, np.inf)
    previous: list[Array] = []
    for up, down, h in zip(above, below, steps, strict=True):
        row = [(up - down) / (2.0 * h)]
        for order, coarse in enumerate(previous, start=1):
            fine = row[-1]
            row.append(fine + (fine - coarse) / (4.0**order - 1.0))
            error = np.maximum(np.abs(row[-1] - fine), np.abs(row[-1] - coarse))
            error = np.maximum(error, noise / h)
            better = error < uncertainty  # never where one of them is NaN
            slope = np.where(better, row[-1], slope)
            uncertainty = np.where(better, error, uncertainty)
        previous = row
    return slope, uncertainty


def _noise(middle: Array, above: Sequence[Array], below: Sequence[Array]) -> Array:
    """How far the values of each entry scatter: fourth differences at the smallest steps."""
    found = np.zeros_like(middle)
    for level in (-1, -2, -3, -4, -5):
        near, far = above[level] + below[level], above[level - 1] + below[level - 1]
        fourth = np.abs(far - 4.0 * near + 6.0 * middle) / 8.0  # of noise 1: sqrt(70) / 8
        found = np.fmax(found, np.where(np.isfinite(fourth), fourth, 0.0))
    # An entry may be lucky in all of them; most are not.
    relative = found[middle != 0.0] / np.abs(middle[middle != 0.0])
    typical = float(np.median(relative)) if relative.size else 0.0
    return np.fmax(found, typical * np.abs(middle))


def _sides(
    middle: Array,
    above: Sequence[Array],
    below: Sequence[Array],
    steps: Sequence[float],
    rounding: Array,
) -> tuple[Array, Array, Array]:
    """The slopes of the two sides, the smaller first, and where both could be measured."""
    slopes, sharp = [], np.ones(middle.shape, np.bool_)
    for values, sign in ((above, 1.0), (below, -1.0)):
        one, two, three = (sign * (values[i] - middle) / steps[i] for i in (-3, -2, -1))
        first, second = 2.0 * two - one, 2.0 * three - two
        best = (4.0 * second - first) / 3.0
        error = np.abs(best - second) + 8.0 * rounding / steps[-1]
        slopes.append(best)
        sharp &= error <= 1e-5 * (np.abs(best) + np.abs(three)) + 1e-9 * np.abs(middle)
    return np.minimum(*slopes), np.maximum(*slopes), sharp


def taylor_order(along: Callable[[float], float], slope: float) -> float:
    """The order in h to which f(h) - f(0) - h * slope vanishes; infinite where it is rounding.

    2 for the true slope of a smooth function, 1 for any other.

    >>> round(taylor_order(np.exp, 1.0), 2), round(taylor_order(np.exp, 1.1), 2)
    (2.0, 0.99)
    """
    at_zero = along(0.0)
    remainders = [abs(along(h) - at_zero - h * slope) for h in (2.0**-9, 2.0**-10)]
    if remainders[1] <= 1e3 * EPSILON * (abs(at_zero) + abs(slope) * 2.0**-9):
        return np.inf
    return float(np.log2(remainders[0] / remainders[1]))
