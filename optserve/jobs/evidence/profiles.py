"""What the loss does along an axis whose curvature rounding hides: looked at in both senses."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite, nan, sqrt
from typing import Literal, NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.surface import Surface

__all__ = ["Profile", "beyond", "change_of", "profile", "unit_along"]

NEAR = (1e-3, 1e-2)
FAR = (1e-3, 3e-2, 0.3, 0.6, 1.0)
"""By how much of themselves coordinates are changed."""

OUTWARD = (10.0, 1e3)
"""The same, to see whether a loss that does not change stays so."""

INWARD = (0.0, 0.1, 0.5)
"""Shares of the way out at which a loss has risen that comes to rest there."""
BEFORE = 0.01
"""The share by which the place is passed from where the way leads out."""

ALIKE = 1.5
GRAINY = 0.5
"""The share of a rise that is left ten times nearer where it is none but rounding."""
CLEARLY = 10.0
"""How many times such rounding is clearly no rounding."""

VALLEY = (1e-3, -1e-3, 3e-2, -3e-2)
DESCENTS = 4
CLOSEST, APART = 1e-9, 0.1
BISECTIONS = 40
SECANTS = 9
STEPS_IN = 0.9
TINY = 1e-60
FAINT, FAINTEST = 1e-4, 1e-12
FADED = 1e-9
TAIL_STEPS = 3
SAME, SHRINKS = 0.9, 0.9


class Profile(NamedTuple):
    """What was seen along ``direction`` (p,), and where the loss was lowest, if it falls.

    flat
        the loss does not change
    rises
        it rises in both senses, as at a minimum
    kink
        it rises in both senses, from the first: its derivative jumps
    valley
        it rises on a line, but not where that is bent into the floor of a valley
    floor
        the same, and followed along the floor it falls
    falls
        it falls, in one sense at least
    tail
        it rises in one sense, and in the other it comes to rest at infinity
    edge
        it rises in one sense, and in the other it does not change
    afar
        it rises in both senses, which shows far off only
    """

    kind: Literal["flat", "rises", "kink", "valley", "floor", "falls", "tail", "edge", "afar"]
    direction: Array
    lowest: Ground | None = None


def profile(
    surface: Surface,
    place: Ground,
    direction: Array,
    noise: float,
    let: float = 0.0,
    *,
    near: bool = False,
    times: float = 1.0,
) -> Profile:
    """Look along ``direction`` (p,) from ``place``.

    Changes of the loss within ``noise`` are none; it is let fall by ``let``. ``near`` looks no
    farther than a hundredth of the coordinates; else it is looked so many ``times`` as far as these
    are large.
    """
    let = max(let, noise)
    unit = times * unit_along(surface, place, direction)
    seen = {0.0: place} | {
        sense * share: surface.at(place.point + sense * share * unit)
        for share in (NEAR if near else FAR)
        for sense in (1.0, -1.0)
    }
    changes = {share: change_of(found, place) for share, found in seen.items()}
    if min(changes.values()) < -let:
        if -inf in changes.values():
            return Profile("falls", unit, min(seen.values(), key=lambda one: change_of(one, place)))
        farthest = min(changes, key=changes.__getitem__)
        if abs(farthest) == max(changes) and _is_faint(changes[farthest], changes[-farthest]):
            tail = beyond(surface, place, farthest * unit, let)
            if tail.kind == "tail":
                return tail
        return Profile("falls", unit, _bottom(surface, place, unit, seen))
    rises = [
        [change for share, change in changes.items() if sense * share > 0 and change > noise]
        for sense in (1.0, -1.0)
    ]
    up, down = map(bool, rises)
    if up and down and (ends := [min(side) == inf for side in rises]) in ([0, 1], [1, 0]):
        up, down = not ends[0], not ends[1]  # where numbers end, the loss has not risen
    if not up and not down:
        return Profile("flat", unit)
    if (up and down) or min(changes.values()) < -noise:
        return _bowl(surface, place, unit, seen, noise, let)
    return Profile("edge", unit) if near else beyond(surface, place, -unit if up else unit, let)


def _bowl(
    surface: Surface,
    place: Ground,
    unit: Array,
    seen: Mapping[float, Ground],
    noise: float,
    let: float,
) -> Profile:
    """What it is that rises in both senses: told by how it does, as close as it is seen to."""
    sides = [_sides(place, seen[-share], seen[share], unit, share) for share in seen if share > 0.0]
    sides = sorted(one for one in sides if one.rise > noise)
    while sides and sides[0].share > CLOSEST:
        share = 0.1 * sides[0].share
        below, above = (surface.at(place.point + sense * share * unit) for sense in (-1.0, 1.0))
        closer = _sides(place, below, above, unit, share)
        if closer.rise < -let:  # in one sense it falls first, down to a kink
            ends = {-share: below, 0.0: place, share: above}
            return Profile("falls", unit, _bottom(surface, place, unit, ends))
        if not closer.rise > noise:
            break
        sides.insert(0, closer)
    if len(sides) < 2 or sides[0].share >= APART:
        return _wall(surface, place, unit, seen, let)
    near, far = sides[:2]
    if near.rise > GRAINY * far.rise:
        # Ten times nearer it has not risen less: that is rounding, of which the place is free.
        return profile(surface, place, unit, CLEARLY * max(near.both, far.both), let)
    if far.is_line and near.jump > 0.5 * far.jump:
        return Profile("kink", unit)
    if not far.bend / ALIKE < near.bend < far.bend * ALIKE:
        return _floor(surface, place, unit, noise, let)
    ends = {share: surface.at(place.point + share * unit) for share in (-near.share, near.share)}
    lowest = _bottom(surface, place, unit, ends)
    if change_of(lowest, place) < -let:
        return Profile("falls", unit, lowest)
    return Profile("rises", unit)


def _wall(
    surface: Surface, place: Ground, unit: Array, seen: Mapping[float, Ground], let: float
) -> Profile:
    """What it is that rises in both senses, but in one of them only at the end: nothing more than
    rounding has risen there, if farther out it has risen no more."""
    rises = {sense: change_of(seen[sense], place) for sense in (1.0, -1.0)}
    sense = min(rises, key=rises.__getitem__)
    farther = change_of(surface.at(place.point + OUTWARD[0] * sense * unit), place)
    if not farther <= rises[sense]:
        return Profile("edge", unit)
    return beyond(surface, place, sense * unit, max(let, CLEARLY * rises[sense]))


def _floor(surface: Surface, place: Ground, unit: Array, noise: float, let: float) -> Profile:
    """What the floor of a valley does along which the loss rises only where it bends.

    A little off, Newton steps lead down to it again: back to ``place`` where it is a minimum.
    """
    back = []
    for share in VALLEY:
        found = surface.at(place.point + share * unit)
        for _ in range(DESCENTS):
            step = surface.quadratic(found).step
            lower = surface.at(found.point + step)
            if not lower.finite or lower.loss > found.loss:
                break
            found = lower
        if change_of(found, place) < -let:
            return Profile("falls", unit, found)
        away = float((found.point - place.point) @ unit) / float(unit @ unit)
        back.append(abs(away) < 0.5 * abs(share) or change_of(found, place) > noise)
    return Profile("rises" if all(back) else "valley", unit)


class _Sides(NamedTuple):
    """What is seen at ``share`` of a direction to both sides of a place.

    ``rise`` is the lesser of the two rises, ``both`` their sum; ``jump`` is by how much the slope
    is larger on the one side than on the other.
    """

    share: float
    rise: float
    both: float
    jump: float

    @property
    def bend(self) -> float:
        """The curvature of a parabola of these slopes."""
        return self.jump / (2.0 * self.share)

    @property
    def is_line(self) -> bool:
        """Whether it rises at these slopes from the first; a parabola rises half as much."""
        return 0.8 < self.both / (self.share * self.jump) < 1.25 if self.jump > 0.0 else False


def _sides(place: Ground, below: Ground, above: Ground, unit: Array, share: float) -> _Sides:
    rises = change_of(below, place), change_of(above, place)
    jump = float(above.gradient @ unit - below.gradient @ unit)
    return _Sides(share, min(rises), sum(rises), jump)


def _bottom(surface: Surface, place: Ground, unit: Array, seen: Mapping[float, Ground]) -> Ground:
    """The lowest place along ``unit`` between those ``seen``: where the slope is 0 by secants."""
    shares = sorted(seen)
    lowest = min(shares, key=lambda share: change_of(seen[share], place))
    slopes = {share: float(found.gradient @ unit) for share, found in seen.items()}
    number = shares.index(lowest)
    ends = shares[number : number + 2] if slopes[lowest] < 0.0 else shares[max(0, number - 1) :][:2]
    best = seen[lowest]
    if len(ends) < 2 or not slopes[ends[0]] < 0.0 < slopes[ends[1]]:
        return best
    (left, falling), (right, rising) = ((end, slopes[end]) for end in ends)
    for number in range(SECANTS):
        middle = (left * rising - right * falling) / (rising - falling)
        middle = 0.5 * (left + right) if number % 3 == 2 else middle
        found = surface.at(place.point + middle * unit)
        slope = float(found.gradient @ unit)
        if change_of(found, best) < 0.0:
            best = found
        if slope < 0.0:
            left, falling = middle, slope
        elif slope > 0.0:
            right, rising = middle, slope
        else:
            break
    return best


def beyond(surface: Surface, place: Ground, outward: Array, let: float) -> Profile:
    """What lies ``outward``, where the loss rises inward and does not change."""
    inner = place.point - outward
    rises = [change_of(surface.at(inner + share * outward), place) for share in INWARD]
    risen = max((one for one in rises if one < inf), default=0.0)
    if max(rises[1:]) <= FADED * risen and rises[0] < inf:
        before = change_of(surface.at(inner - BEFORE * outward), place)
        if before < 0.5 * risen:  # it is larger at that one place alone, as where 0 is divided by
            return Profile("edge", outward)
    if risen <= let:
        return Profile("edge", outward)  # it does not rise inward, it ends there, as 0 / 0 does
    lower: Ground | None = None
    for share in OUTWARD:
        found = surface.at(place.point + share * outward)
        if (change := change_of(found, place)) < -let:
            lower = found
            if change == -inf:
                return Profile("falls", outward, found)
            if not _is_faint(change_of(found, place), risen):
                return Profile("falls", outward, found)
            break
    reached = _last_slope(surface, inner, outward)
    last = surface.at(inner + reached * outward)
    if float(last.gradient @ outward) > 0.0:
        # The loss comes to rest from below: farther in it is lower, if by no more than its noise.
        places = [surface.at(inner + reached * STEPS_IN**step * outward) for step in range(20)]
        lowest = min(places, key=lambda found: change_of(found, place))
        fallen = change_of(lowest, place) < -let
        return Profile("falls" if fallen else "tail", outward, lowest if fallen else None)
    if _is_tail(surface, inner, reached, outward):
        return Profile("tail", outward)
    return Profile("edge" if lower is None else "falls", outward, lower)


def _is_faint(fall: float, rise: float) -> bool:
    """Whether a loss falls outward by next to nothing of what it rises by inward."""
    return 0.0 < -fall < FADED * rise < inf


def unit_along(surface: Surface, place: Ground, direction: Array) -> Array:
    """``direction`` so long that it changes a coordinate by as much as itself, and none by more."""
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = surface.reference(place) / np.abs(direction)
    part = np.abs(direction) > 1e-3 * np.abs(direction).max()
    found: Array = direction * float(lengths[part].min(initial=inf))
    return found


def change_of(found: Ground, place: Ground) -> float:
    """By how much the loss is larger there than at ``place``; what is no number is infinite."""
    change = found.loss - place.loss
    return change if isfinite(change) or change < 0.0 else inf


def _is_tail(surface: Surface, inner: Array, reached: float, outward: Array) -> bool:
    """Whether Newton steps from there along ``outward`` do not shrink.

    Towards a minimum that is attained they do, or they step onto the flat part at once.
    """
    before = bend_before = nan
    for number in range(TAIL_STEPS):
        found = surface.at(inner + reached * outward)
        slope = float(found.gradient @ outward)
        bend = float(outward @ surface.product(found.point, outward))
        if not (slope < 0.0 and bend > 0.0):
            return False
        step = -slope / bend
        if number and not (step >= SHRINKS * before and bend < SAME * bend_before):
            return False
        before, bend_before = step, bend
        reached += step
    return True


def _last_slope(surface: Surface, inner: Array, outward: Array) -> float:
    """How far out from ``inner`` a slope is still seen that is small, beside those farther in."""

    def slope(share: float) -> float:
        found = surface.at(inner + share * outward)
        return abs(float(found.gradient @ outward)) if found.finite else inf

    seen, away = 0.0, 1.0
    largest = slope(seen)
    if not 0.0 < largest < inf:
        seen, largest = max(
            ((one, slope(one)) for one in (1e-3, 0.1, 0.5)), key=lambda pair: pair[1]
        )
    for _ in range(BISECTIONS):
        middle = sqrt(max(seen, TINY) * away)
        now = slope(middle)
        if now > FAINT * largest:
            seen = middle
        elif now > FAINTEST * largest:
            return middle
        else:
            away = middle
    return seen
