"""Whether residuals, in the order of the rows, look like independent numbers."""

from __future__ import annotations

from math import erfc, sqrt
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.primitives.densities.gamma import chi2_logsf
from optserve.primitives.densities.incomplete import log_beta_tails

__all__ = ["Randomness", "chance_of_larger_f", "chance_of_more", "randomness_of"]

FEW = 8
"""Residuals from which on they are looked at."""


class Randomness(NamedTuple):
    """``runs`` is how many stretches of one sign there are, and ``runs_p`` how likely a number as
    far from what is expected would be, of independent signs (Wald & Wolfowitz 1940; by the normal
    approximation). ``durbin_watson`` is the sum of the squared differences of neighbours over that
    of the squares (Durbin & Watson 1950): about 2 (1 - ``autocorrelation``), which is the
    correlation of neighbours.
    """

    runs: int
    runs_p: float | None
    autocorrelation: float
    durbin_watson: float


def randomness_of(residual: Array) -> Randomness | None:
    """Of residuals (n,), in their order; nothing where there are few, or all are 0.

    >>> found = randomness_of(np.array([1.0, 2.0, 1.0, 3.0, -1.0, -2.0, -3.0, -1.0, -2.0]))
    >>> found.runs, round(found.runs_p, 4), round(found.durbin_watson, 4)
    (2, 0.0128, 0.8529)
    """
    largest = np.max(np.abs(residual), initial=0.0)
    if residual.size < FEW or not largest:
        return None
    unit = residual / largest
    squares = float(unit @ unit)
    signs = unit[unit != 0.0] > 0.0
    above = int(signs.sum())
    below, count = signs.size - above, signs.size
    runs, chance = 1 + int(np.count_nonzero(signs[1:] != signs[:-1])), None
    if above and below:
        twice = 2.0 * above * below
        variance = twice * (twice - count) / (count**2 * (count - 1.0))
        away = abs(runs - 1.0 - twice / count)
        chance = erfc(away / sqrt(2.0 * variance)) if variance > 0.0 else None
    return Randomness(
        runs,
        chance,
        float(unit[1:] @ unit[:-1]) / squares,
        float(np.sum(np.square(np.diff(unit)))) / squares,
    )


def chance_of_more(chi_square: float, dof: int) -> float | None:
    """How likely a larger chi-square with so many degrees of freedom is.

    >>> round(chance_of_more(18.307, 10), 5)
    0.05
    """
    if dof <= 0 or not np.isfinite(chi_square):
        return None
    with np.errstate(all="ignore"):
        return float(np.exp(chi2_logsf(np.float64(chi_square), np.float64(dof))))


def chance_of_larger_f(ratio: float, dof: int, residual_dof: int) -> float:
    """How likely a larger F with so many degrees of freedom is.

    >>> round(chance_of_larger_f(4.1028, 2, 10), 5), chance_of_larger_f(0.0, 2, 10)
    (0.05, 1.0)
    """
    if ratio <= 0.0:
        return 1.0
    rest = 1.0 / (1.0 + dof / residual_dof * ratio)
    with np.errstate(all="ignore"):
        halves = np.float64(0.5 * residual_dof), np.float64(0.5 * dof)
        below, _ = log_beta_tails(*halves, np.float64(rest), np.float64(1.0 - rest))
        return float(np.exp(below))
