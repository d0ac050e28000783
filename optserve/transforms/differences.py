"""Derivatives measured from values alone, by extrapolated differences.

Central differences of ever smaller steps are extrapolated to a step of zero, entry by entry
(Ridders 1982, Advances in Engineering Software 4, 75), so that each comes with an estimate of its
own error, and an entry beside a kink or at the end of a domain is known to be inconclusive instead
of wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optserve.frozen import frozen
from optserve.graph.aval import Array

__all__ = ["Differences", "differences", "taylor_order"]


@frozen
class Differences:
    """A derivative along a line, measured from values alone, each entry for itself.

    ``conclusive`` tells the entries that could be measured; at the others the function has a kink,
    is not finite, or is too rough.
    """

    slope: Array
    uncertainty: Array
    conclusive: Array


def differences(
    function: Callable[[float], Array], *, epsilon: float = float(np.finfo(np.float64).eps)
) -> Differences:
    """The derivative at 0 of ``function``, which maps a step of order 1 to an array of float64.

    ``epsilon`` is the relative precision with which ``function`` computes.

    >>> found = differences(lambda h: np.array([np.exp(h), abs(h)]))
    >>> abs(found.slope[0] - 1.0) < 1e-10, found.conclusive.tolist()
    (np.True_, [True, False])
    """
    found = _ridders(function, epsilon, step=2.0**-5)
    if not found.conclusive.all():  # too rough at that scale, perhaps not at a smaller one
        finer = _ridders(function, epsilon, step=2.0**-20)
        better = finer.conclusive & ~found.conclusive
        found = Differences(
            np.where(better, finer.slope, found.slope),
            np.where(better, finer.uncertainty, found.uncertainty),
            found.conclusive | better,
        )
    return found


def _ridders(
    function: Callable[[float], Array], epsilon: float, *, step: float, levels: int = 8
) -> Differences:
    with np.errstate(all="ignore"):
        middle = function(0.0)
        slope, uncertainty = np.zeros_like(middle), np.full_like(middle, np.inf)
        previous: list[Array] = []
        bends: list[Array] = []
        for level in range(levels):
            h = step / 2.0**level
            above, below = function(h), function(-h)
            row = [(above - below) / (2.0 * h)]
            for order, coarse in enumerate(previous, start=1):
                fine = row[-1]
                row.append(fine + (fine - coarse) / (4.0**order - 1.0))
                error = np.maximum(np.abs(row[-1] - fine), np.abs(row[-1] - coarse))
                error = np.maximum(error, 8.0 * epsilon * np.abs(middle) / h)
                better = error < uncertainty  # never where one of them is NaN
                slope = np.where(better, row[-1], slope)
                uncertainty = np.where(better, error, uncertainty)
            bends.append(np.abs(above - 2.0 * middle + below) / h)
            previous = row
        # Where the function is smooth, the bend shrinks with the step: by 8 over three halvings.
        kinked = (bends[-1] > 0.5 * bends[-4]) & (bends[-1] > 1e-6 * np.abs(slope))
        kinked &= bends[-1] > 1e3 * epsilon * np.abs(middle) / h
        noise = max(1e-8, 1e3 * epsilon) * np.abs(middle)
        sharp = uncertainty <= 1e-4 * np.abs(slope) + noise
    return Differences(slope, uncertainty, sharp & ~kinked & np.isfinite(middle))


def taylor_order(along: Callable[[float], float], slope: float) -> float:
    """The order in h to which f(h) - f(0) - h * slope vanishes; infinite where it is rounding.

    2 for the true slope of a smooth function, 1 for any other.

    >>> round(taylor_order(np.exp, 1.0), 2), round(taylor_order(np.exp, 1.1), 2)
    (2.0, 0.99)
    """
    at_zero = along(0.0)
    epsilon = float(np.finfo(np.float64).eps)
    remainders = [abs(along(h) - at_zero - h * slope) for h in (2.0**-9, 2.0**-10)]
    if remainders[1] <= 1e3 * epsilon * (abs(at_zero) + abs(slope) * 2.0**-9):
        return np.inf
    return float(np.log2(remainders[0] / remainders[1]))
