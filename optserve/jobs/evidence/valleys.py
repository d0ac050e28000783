"""Along the bent floor of a valley: does the loss stay what it is there, however far one goes?

A line leaves the floor soon. So it is followed step by step, in both senses: each step leads on in
the direction of the last, and Newton steps lead down to the floor again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import Literal, NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.profiles import Profile
from optserve.jobs.evidence.quadratic import Quadratic
from optserve.jobs.evidence.surface import Surface
from optserve.optimizers.lengths import norm

__all__ = ["followed"]

STEPS = 24
"""So many steps along the floor: each changes a coordinate by at most half of itself inward, and
by 2.25 times itself outward, so that those that change come a million times as far."""

FIRST, GROWTH = 0.03, 1.5
LONGEST, NOTHING = 0.5, 1e-3
DESCENTS = 5
SHORTER, RETRIES = 0.25, 2
BACK = 0.1
"""A step that Newton steps undo but for this share is no step along a floor."""

CLEARLY = 2.0
"""By how many times its rounding a loss must have fallen to be seen to."""

RISES = 3
"""So many places after the first at which the loss has risen tell how it does."""

SHRINKS = 0.9


class _Walk(NamedTuple):
    """The places along a floor (the first is where it began), and how it ended."""

    places: list[Ground]
    end: Literal["falls", "rises", "lost", "on"]


def followed(
    surface: Surface, place: Ground, valley: Profile, model: Quadratic, noise: float, let: float
) -> Profile:
    """What the loss does along the floor of a ``valley`` that was seen on a line from ``place``.

    ``floor`` where it is lower anywhere by more than ``let``; ``tail`` where it rises in one sense
    and comes to rest in the other, by less and less; ``rises`` where it does so in both. Else it is
    what it was seen to be, or nothing is followed as that would cost more than is left.
    """
    cost = 2 * STEPS * 3 * surface.prices.hessian
    if not surface.dense or cost > surface.budget.left:
        return valley
    unit = valley.direction
    walks = [_walk(surface, place, sense * unit, noise, let) for sense in (1.0, -1.0)]
    for walk in walks:
        if walk.end == "falls":
            there = surface.noise(walk.places[-1], model).loss
            if place.loss - walk.places[-1].loss <= CLEARLY * max(noise, there):
                return valley
            return Profile("floor", unit, walk.places[-1])
    [out, back] = walks if walks[0].end == "on" else walks[::-1]
    if out.end == "rises":
        return Profile("rises", unit)
    if back.end == "rises" and _fades(surface, back.places, noise):
        return Profile("tail", out.places[-1].point - place.point)
    return valley


def _walk(surface: Surface, place: Ground, unit: Array, noise: float, let: float) -> _Walk:
    """The floor from ``place``, as far as the loss is the same, and a few steps where it rises."""
    places, way, risen = [place], FIRST * unit, 0
    for _ in range(STEPS):
        here = places[-1]
        there = _onward(surface, here, _shortened(surface, here, way))
        if here.loss < place.loss - let and (there is None or there.loss >= here.loss):
            return _Walk(places, "falls")
        if there is None:
            return _Walk(places, "lost")
        places.append(there)
        risen += there.loss > place.loss + noise
        if risen > RISES:
            return _Walk(places, "rises")
        way = GROWTH * (there.point - here.point)
    if places[-1].loss < place.loss - let:
        return _Walk(places, "falls")
    return _Walk(places, "rises" if risen else "on")


def _shortened(surface: Surface, here: Ground, way: Array) -> Array:
    """``way`` (p,), so short that no coordinate comes nearer to 0 by more than half of itself, but
    for those that are next to nothing beside it."""
    nearer = (way * here.point < 0.0) & (np.abs(here.point) > NOTHING * np.abs(way))
    with np.errstate(all="ignore"):
        room = np.where(nearer, LONGEST * np.abs(here.point / way), inf)
    return way * min(1.0, float(room.min(initial=inf)))


def _onward(surface: Surface, here: Ground, way: Array) -> Ground | None:
    """The floor beside the end of ``way`` (p,), or of a shorter one."""
    sizes = surface.reference(here)
    for _ in range(RETRIES + 1):
        found = surface.at(here.point + way)
        for _ in range(DESCENTS):
            lower = _lower(surface, found) if found.finite else None
            if lower is None:
                break
            found = lower
        moved = (found.point - here.point) / sizes
        length = float(np.sum(np.square(way / sizes)))
        if found.finite and float(moved @ (way / sizes)) > BACK * length:
            return found
        way = SHORTER * way
    return None


def _lower(surface: Surface, place: Ground) -> Ground | None:
    """What a Newton step leads down to, or a part of one."""
    step = surface.quadratic(place).step
    for _ in range(RETRIES + 1):
        lower = surface.at(place.point + step)
        if lower.finite and lower.loss < place.loss:
            return lower
        step = SHORTER * step
    return None


def _fades(surface: Surface, places: Sequence[Ground], noise: float) -> bool:
    """Whether a loss that rises from the first of ``places`` on still fades there.

    Newton steps along the floor become no shorter then, from the place where it has risen most.
    """
    first, *_ = places
    sizes = surface.reference(first)
    risen = [one for one in places if one.loss > first.loss + noise]
    if len(risen) <= RISES:
        return False
    ways = [(after.point - before.point) / sizes for before, after in pairwise(risen)]
    lengths = np.array([norm(way) for way in ways])
    slopes = np.diff([one.loss for one in risen]) / lengths
    bends = np.diff(slopes) / (0.5 * (lengths[1:] + lengths[:-1]))
    steps = 0.5 * (slopes[1:] + slopes[:-1]) / bends
    return bool((bends > 0.0).all() and steps[0] >= SHRINKS * steps[-1] > 0.0)
