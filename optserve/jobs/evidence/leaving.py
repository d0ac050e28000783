"""Ways off a point that is no minimum: along a curvature that is negative, and down without end."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.profiles import unit_along
from optserve.jobs.evidence.quadratic import Quadratic
from optserve.jobs.evidence.surface import NOTHING, Surface, signs
from optserve.jobs.evidence.weak_axes import MUCH, longer, shorter, true_model

__all__ = ["ahead", "beside", "beside_kink", "downwards", "inward", "is_endless", "leave"]

FIRST, GROWTH, LONGEST = 1e-7, 8.0, 2.0
"""The first step off a point, by how much longer the next is, and the longest: of coordinates."""

NEAREST, FARTHEST = 1e-30, 1e16
"""The same where a curvature is negative for sure: a coordinate of 0 has no size to go by."""

AXES = 4
"""Axes along which the curvature is negative, or rounding of 0, that are tried; and coordinates
that have come to next to nothing."""

SHORT = (1e-3, 1e-6, 1e-9, 1e-12)
"""Steps off a kink, of coordinates."""

PART = 2
"""The share of what may be spent that is left for other looks."""

LOWER, LADDER = 1e-6, 110
"""The share of a loss by which another is clearly lower; and evaluations that it takes to look
along a way at any length."""

CHANCES = 32
"""Directions by chance along coordinates that are next to nothing, as those of a unit of a network
are that has died: only what all of them do together may lower the loss."""

ALL_SIGNS = 4
"""Of so many coordinates at most all patterns of signs are looked along."""

FLAT, MIXTURES, ALONG, BACK = 2, 3, (-3.0, 3.0), 3
"""Flat directions that are followed, and mixtures of them, how far, in multiples of their
coordinates, and the most Newton steps that lead down again from there."""

AHEAD = 0.5
"""The share of a loss that one far ahead must be lower than, and by which it then rises."""

DOUBLINGS = 45
STEADY = 0.5
"""The slope may fall to this share of itself while a step doubles, and still the loss falls on."""


def leave(
    surface: Surface,
    place: Ground,
    direction: Array,
    noise: float,
    *,
    far: bool = False,
    anyhow: bool = False,
) -> Ground | None:
    """The lowest of ever longer steps along ``direction`` (p,), in both senses, if one lowers the
    loss by more than ``noise``; ``anyhow``, of steps of any length.

    Coordinates that have come to next to nothing from the start are no measure of a step: then
    one is as long as that way, where it may lead so ``far``."""
    unit = unit_along(surface, place, direction)
    if far and (more := longer(surface, place, unit)) > MUCH:
        unit = more * unit
    share, longest = (NEAREST, FARTHEST) if anyhow else (FIRST, LONGEST)
    return _lowest(surface, place, unit, noise, share, longest)


def _lowest(
    surface: Surface, place: Ground, unit: Array, noise: float, share: float, longest: float
) -> Ground | None:
    """The lowest of ever longer multiples of ``unit`` (p,), from ``share`` on, in both senses."""
    best: Ground | None = None
    while share <= longest:
        tried = [surface.plainly_at(place.point + sense * share * unit) for sense in (1.0, -1.0)]
        lowest = min(tried, key=lambda found: found.loss if found.finite else inf)
        fallen = lowest.finite and lowest.loss < place.loss - noise
        if fallen and (best is None or lowest.loss < best.loss):
            best = lowest
        elif best is not None:
            break
        share *= GROWTH
    return None if best is None else surface.at(best.point)


def downwards(surface: Surface, place: Ground, true: Quadratic, noise: float) -> Ground | None:
    """A place that is lower than ``place`` along a curvature that is negative, or rounding of 0."""
    if true.floor > 0.0:
        return None
    for number in np.flatnonzero(true.values < 0.0)[:AXES]:
        axis = true.axis(int(number))
        lower = leave(surface, place, axis, noise, far=True)
        if lower is None and true.values[number] < -true.noise:
            lower = leave(surface, place, axis, noise, anyhow=True)
        if lower is not None:
            return lower
    return None


def inward(surface: Surface, place: Ground) -> Ground | None:
    """A place that is clearly lower than ``place``, where coordinates that have come to next to
    nothing are 0, or one is any length off up to its way: it is no measure of itself."""
    come, let = np.abs(place.point - surface.start), LOWER * abs(place.loss)
    gone = (np.abs(place.point) <= NOTHING * come) & (come > 0.0) & ~surface.ignored
    if not gone.any():
        return None
    at_zero = surface.at(np.where(gone, 0.0, place.point))
    if at_zero.finite and at_zero.loss < place.loss - let:
        return at_zero
    for number in np.flatnonzero(gone)[:AXES]:
        if surface.budget.left // PART**2 < LADDER:
            return None
        axis = np.zeros(surface.size)
        axis[number] = 1.0
        least = max(FIRST * abs(place.point[number]), NEAREST * come[number])
        lower = _lowest(surface, place, axis, let, least, float(come[number]))
        if lower is not None:
            return lower
    return None


def ahead(surface: Surface, place: Ground, step: Array) -> Ground | None:
    """The lowest of ever longer multiples of ``step`` (p,), if the loss rises again beyond it.

    Newton steps down an exponential are of one length until its other terms count: they look as
    those to a minimum at infinity do. Only of a log likelihood it is known that 1 is not next to
    nothing, as what is left of a loss that falls for ever is.
    """
    if surface.kind != "log_likelihood" or not place.loss > 1.0:
        return None
    lowest, share = place, 1.0
    for _ in range(DOUBLINGS):
        found = surface.plainly_at(place.point + share * step)
        if not found.finite and found.loss != inf:  # which is higher than all others
            return None
        if found.loss < lowest.loss:
            lowest = found
        elif found.loss - lowest.loss > AHEAD * abs(lowest.loss):
            return surface.at(lowest.point) if lowest.loss < AHEAD * place.loss else None
        share *= 2.0
    return None


def beside_kink(surface: Surface, place: Ground, let: float) -> Ground | None:
    """A place that is lower than ``place`` by more than ``let``, found by short steps: where the
    derivative jumps, the loss may fall at once in some direction, though its derivative is 0.

    Steps are along patterns of signs, and along coordinates; of coordinates that have come to next
    to nothing, longer ones too, and by chance. Where that is too dear, there are fewer.
    """
    sizes = np.where(surface.ignored, 0.0, surface.reference(place))
    far = np.where(surface.ignored, 0.0, surface.far(place))
    scales = [sizes] if (far <= MUCH * sizes).all() else [sizes, far]
    patterns = signs(surface.size) if surface.size > ALL_SIGNS else _all_signs(surface.size)
    ways = [way for scale in scales for way in patterns * scale]
    gone = np.abs(place.point) < NOTHING
    if gone.sum() > 1:
        chance = np.random.default_rng(0).normal(size=(CHANCES, surface.size))
        ways += [way for way in chance * np.where(gone, far, 0.0) if way.any()]
    most = surface.budget.left // (2 * len(SHORT) * PART)
    if len(scales) * surface.size + len(ways) <= most:
        ways = [way for scale in scales for way in np.diag(scale) if way.any()] + ways
    ways = ways[:most]
    for way in ways:
        for share in (sense * short for short in SHORT for sense in (1.0, -1.0)):
            found = surface.plainly_at(place.point + share * way)
            if found.finite and found.loss < place.loss - let:
                return leave(surface, place, way, let) or surface.at(found.point)
    return None


def _all_signs(size: int) -> Array:
    """All patterns of signs, but for those with all signs turned."""
    numbers = np.arange(2 ** (size - 1))[:, None]
    return np.asarray(1 - 2 * (numbers >> np.arange(size) & 1))


def beside(surface: Surface, place: Ground, flat: Sequence[Array], noise: float) -> Ground | None:
    """A place that is lower than ``place``, from farther along ``flat`` directions (p,), and along
    mixtures of them.

    The loss is the same there, but it may be a saddle. So two exponentials with one rate: how they
    share their amplitude changes nothing, but where both are positive, rates that part lower the
    loss. And where all weights of a network are 0, it changes with none of them, but with products.
    Nothing is looked for where that would cost more than is left.
    """
    ways = [*flat[:FLAT]]
    if len(flat) > 1:
        ways += [*np.random.default_rng(0).normal(size=(MIXTURES, len(flat))) @ np.stack(flat)]
    cost = len(ways) * len(ALONG) * (BACK + 1) * surface.prices.hessian
    if not surface.dense or cost > surface.budget.left:
        return None
    for direction in ways:
        for share in ALONG:
            there = surface.at(place.point + share * direction)
            for _ in range(BACK):
                if there.loss > place.loss + noise:
                    there = surface.at(there.point + surface.quadratic(there).step)
            if not there.finite or there.loss > place.loss + noise:
                continue
            model = surface.quadratic(there)
            if there.loss < place.loss - max(noise, surface.noise(there, model).loss):
                return there
            true = true_model(surface, there, model)
            for number in np.flatnonzero(true.values < -true.noise):
                lower = leave(surface, there, true.axis(int(number)), noise)
                if lower is not None and lower.loss < place.loss - noise:
                    return lower
    return None


def is_endless(surface: Surface, place: Ground, model: Quadratic) -> bool:
    """Whether the loss falls without end along the gradient, or an axis not bent upwards."""
    [axes] = np.nonzero(model.values <= model.noise)
    if surface.constant is not None or not axes.size:
        return False
    steepest = -surface.unheld(place) * model.spread_scale**-2.0
    directions = [model.axis(int(number)) for number in axes[:2]]
    if np.isfinite(steepest).all():
        directions.insert(0, steepest)
    return any(no_bound_in_sight(surface, place, one) for one in directions)


def no_bound_in_sight(surface: Surface, place: Ground, direction: Array) -> bool:
    """Whether the loss falls along ``direction`` (p,) at no lesser rate, however far.

    Steps double until they are 1e13 times as long as the first, or the loss is minus infinity. It
    must have fallen by more than itself: a sum of squares never does.
    """
    unit = unit_along(surface, place, direction)
    unit = max(1.0, shorter(surface.far(place), unit)) * unit
    slope = float(place.gradient @ unit)
    unit = 1e-3 * (unit if slope <= 0.0 else -unit)
    share, before, steepest = 1.0, place.loss, 0.0
    length = 0.0
    for number in range(DOUBLINGS):
        found = surface.at(place.point + share * unit)
        if found.loss == -inf:
            return number > 0 or slope != 0.0
        if not isfinite(found.loss) or np.array_equal(found.point, place.point):
            return False
        rate = (before - found.loss) / (share - length)
        if not rate > STEADY * steepest or rate <= 0.0:
            return False
        length, before, steepest = share, found.loss, rate
        share *= 2.0
    return place.loss - before > abs(place.loss)
