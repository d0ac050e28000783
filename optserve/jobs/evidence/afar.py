"""A curvature that rounding hides near by, and that shows far off.

Far along such an axis, and after Newton steps along all the others, a parabola has risen as the
square of the way, while rounding has grown as the way itself at most. What is flat has not risen.
"""

from __future__ import annotations

from math import inf

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.profiles import Profile
from optserve.jobs.evidence.quadratic import Quadratic
from optserve.jobs.evidence.surface import Surface

__all__ = ["MOST", "seen_afar"]

AFAR = (1e9, 1e6, 1e3, 1.0)
"""By how many times themselves coordinates are changed."""

NEARER = 0.25
CLEARLY = 10.0
"""A parabola is one to a fifth, at a share of the way; a rise is seen beyond so many noises."""

CORRECTIONS = 2
MOST = 3
"""Axes that are looked along: where more are hidden, they stand for a symmetry."""


def seen_afar(
    surface: Surface, place: Ground, unit: Array, model: Quadratic, noise: float, let: float
) -> Profile | None:
    """What the loss does along ``unit`` (p,) where that is a parabola far off, else ``None``."""

    def at(share: float) -> Ground:
        return _beside(surface, place.point + share * unit, model)

    def rise(found: Ground) -> float:
        return found.loss - place.loss if found.finite else inf

    lowest = None
    for far in AFAR:
        above, below = at(far), at(-far)
        up, down = rise(above), rise(below)
        both = up + down
        if not both < inf:
            continue
        rounding = CLEARLY * surface.noise(above, model).loss
        if both <= rounding:
            if max(abs(up), abs(down)) <= rounding:
                break  # nearer there is less to be seen
            continue
        near = rise(at(NEARER * far)) + rise(at(-NEARER * far))
        if 0.8 < near / (NEARER**2 * both) < 1.25:
            found = at(0.5 * far * (down - up) / both)
            lowest = found if lowest is None or found.loss < lowest.loss else lowest
    if lowest is None:
        return None
    fallen = rise(lowest) < -max(let, noise)
    return Profile("falls" if fallen else "afar", unit, lowest if fallen else None)


def _beside(surface: Surface, point: Array, model: Quadratic) -> Ground:
    """The lowest place beside ``point`` (p,), along all other axes."""
    found = surface.at(point)
    for _ in range(CORRECTIONS):
        if not found.finite:
            break
        near = surface.quadratic(found) if surface.by_jacobian else model.at(found.gradient)
        lower = surface.at(found.point + near.step)
        if not lower.loss < found.loss or not np.isfinite(lower.gradient).all():
            break
        found = lower
    return found
