"""What the loss does where it falls up to a place, and not an inch farther: ``edge_of`` a domain,
or ``onto_bounds``; and whether its slope ``turns`` there."""

from __future__ import annotations

from math import isfinite

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.direction_names import listed
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.profiles import change_of, unit_along
from optserve.jobs.evidence.surface import Surface

__all__ = ["edge_of", "onto_bounds", "turns"]

SHARES = tuple(10.0**power for power in range(-15, 1))
"""By how much of themselves coordinates are changed until the loss is higher, nearest first."""

BISECTIONS = 60

BITS = 4.0
"""Rounding errors by which a sum may miss a bound that it is to reach."""

HARDLY, TURNED = 1e-3, 0.5
"""A part of a step over which its slope hardly changes, and a change that only a kink makes."""

CLEARLY = 1e3
"""How many times its noise, or what its slope makes of it, the loss must change by at once."""


def edge_of(surface: Surface, place: Ground, way: Array, noise: float) -> str:
    """What to say where the loss, which falls from ``place`` along ``way`` (p,), jumps up, or is no
    number beyond a point; nothing where neither is seen.

    Both are looked for between two points next to each other, by bisection.
    """
    unit = unit_along(surface, place, way)

    def at(share: float) -> Ground:
        return surface.plainly_at(place.point + share * unit)

    below, above, seen, beyond = 0.0, 0.0, place, place
    for share in SHARES:
        found = at(share)
        if change_of(found, place) > noise:
            above, beyond = share, found
            break
        below, seen = share, found
    else:
        return ""
    for _ in range(BISECTIONS):
        middle = 0.5 * (below + above)
        found = at(middle)
        if np.array_equal(found.point, seen.point) or np.array_equal(found.point, beyond.point):
            break
        if change_of(found, place) > noise:
            above, beyond = middle, found
        else:
            below, seen = middle, found
    risen = change_of(beyond, seen)
    names = listed(_crossing(surface, seen, beyond, 0.5 * risen))
    if not isfinite(risen):
        what = f"it is {beyond.loss:g} just beyond, along {names}; a bound there can hold a minimum"
        return f"the loss falls up to where it ends: {what}"
    slopes = float(np.abs(seen.gradient) @ np.abs(beyond.point - seen.point))
    if not risen > CLEARLY * max(noise, slopes):
        return ""
    what = f"it is {risen:.2g} higher just beyond, along {names}"
    return f"the loss falls up to where it jumps: {what}"


def onto_bounds(surface: Surface, place: Ground) -> Ground:
    """``place``, or if it is no higher, the bounds that it is next to: a sum that is to reach one
    may miss it by a bit, and no bound holds what is beside it."""
    there = place.point
    bit = BITS * surface.epsilon * np.maximum(np.abs(there), np.abs(surface.start))
    for bound in surface.evaluator.bounds:
        if bound is not None:
            there = np.where(np.abs(there - bound) <= bit, bound, there)
    if np.array_equal(there, place.point):
        return place
    found = surface.at(there)
    return found if found.loss <= place.loss else place


def turns(surface: Surface, place: Ground, way: Array) -> bool:
    """Whether the slope along a Newton step ``way`` (p,), which is to be 0 at its end, has changed
    by half of itself when it has hardly begun."""
    slope = float(place.gradient @ way)
    near = surface.plainly_at(place.point + HARDLY * way)
    return near.finite and float(near.gradient @ way) - slope > TURNED * abs(slope)


def _crossing(surface: Surface, seen: Ground, beyond: Ground, much: float) -> list[str]:
    """The coordinates whose change alone makes the loss rise by ``much``; where none does, all."""
    labels = surface.evaluator.packing.labels
    changed = np.flatnonzero(seen.point != beyond.point).tolist()
    alone = []
    for one in changed if len(changed) <= surface.budget.left else ():
        point = np.array(seen.point)
        point[one] = beyond.point[one]
        if change_of(surface.plainly_at(point), seen) >= much:
            alone.append(labels[one])
    return alone or [labels[one] for one in changed]
