"""Axes along which a quadratic model says nothing sure: what the loss itself does there."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, sqrt
from types import MappingProxyType

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.afar import MOST, seen_afar
from optserve.jobs.evidence.direction_names import TAKES_PART, plainest
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.profiles import Profile, profile, unit_along
from optserve.jobs.evidence.quadratic import WEAK, Quadratic, of_hessian
from optserve.jobs.evidence.surface import Surface
from optserve.jobs.evidence.valleys import followed

__all__ = ["MUCH", "PROFILES", "hidden", "longer", "profiles_of", "shorter", "true_model"]

CLEARLY = 100.0
"""How many times its noise a change of the loss must be to be seen clearly."""

GRANTED = 1e4
"""The same for what is not looked at."""

DOUBTFUL = 1e-3
"""Curvatures by differences, of least squares, below which exact ones are asked for."""

MUCH = 1e3
"""How many times its own size a coordinate must have come for its start to be much farther."""

LOOK = 40
"""Hessians that there must be left for a look farther off, which takes half of them at most."""

FREED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rises": ("falls", "floor", "tail", "edge"),
        "edge": ("falls", "floor", "tail"),
        "falls": ("falls",),
    }
)
"""What the loss does along an axis that is looked along again, freed of others, and what it must do
there for that to count."""

PROFILES = 8
"""Axes along which the loss is looked at; where there are more, these stand for all."""


def true_model(surface: Surface, place: Ground, model: Quadratic) -> Quadratic:
    """The model by the Hessian itself.

    Its curvatures may be negative, while those of Gauss and Newton's never are. A partial model
    knows those that the gradient leads to: from a saddle's ridge, not the ones that lead off. So
    the same number of products is made from a direction by chance.
    """
    if model.partial:
        chance = np.random.default_rng(0).normal(size=model.free.size)
        return surface.spanned(place.point, chance * model.spread_scale, model.free)
    if model.rest is None or not surface.dense:
        return model
    if place.point[model.free].all():  # of one at 0 differences do not know how wide to be
        root = sqrt(surface.epsilon)
        found = of_hessian(surface.differences(place), place.gradient, model.free, root)
        if found.least >= DOUBTFUL:
            return found
    return of_hessian(surface.hessian(place), place.gradient, model.free, surface.epsilon)


def hidden(surface: Surface, place: Ground, model: Quadratic, noise: float) -> Array:
    """Along which axes (q,) rounding hides the curvature, or the loss does not show it.

    A curvature is taken for granted that shows, and more than just so, where coordinates are twice
    as large. Another is looked for as far off as it should show: on a plateau it does not. Of a
    partial model there is no telling.
    """
    if model.partial:
        return np.zeros(model.values.size, bool)
    if _all_show(surface, place, model, noise):
        return np.zeros(model.scale.size, bool)
    found = model.values <= model.noise
    if not found.size:
        return found
    shows = 0.5 * model.values * _doublings(surface, place, model) ** 2 >= GRANTED * noise
    for number in np.flatnonzero(~found & ~shows):
        axis, bend = model.axis(int(number)), float(model.values[number])
        move = axis * sqrt(2.0 * CLEARLY * noise / bend)
        rises = [surface.at(place.point + sense * move).loss - place.loss for sense in (1.0, -1.0)]
        found[number] = not all(0.5 <= rise / (CLEARLY * noise) <= 2.0 for rise in rises)
    return found


def _all_show(surface: Surface, place: Ground, model: Quadratic, noise: float) -> bool:
    """Whether all axes surely show where coordinates are twice as large, without a look at them.

    An axis of curvature k has a share of at most k times the variance of a coordinate in its
    square, so that as far along it as changes that by its size, the loss rises by no less than half
    the square of the size over the variance.
    """
    variances = model.variances
    if variances is None:
        return False
    sizes = surface.reference(place)[model.free] * model.scale
    return bool((0.5 * np.square(sizes) >= GRANTED * noise * variances).all())


def _doublings(surface: Surface, place: Ground, model: Quadratic) -> Array:
    """How far along each axis (q,), free of units, a coordinate changes by as much as itself, and
    none by more."""
    sizes = surface.reference(place)[model.free][:, None]
    steps = np.abs(model.axes) / model.scale[:, None]
    part = steps > 1e-3 * np.maximum.reduce(steps, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = np.where(part, sizes / steps, inf)
    found: Array = np.minimum.reduce(lengths, axis=0)
    return found


def profiles_of(
    surface: Surface,
    place: Ground,
    model: Quadratic,
    which: Array,
    noise: float,
    let: float,
) -> list[Profile]:
    """What the loss does along the axes ``which`` (q,), in as few coordinates each as can be.

    Coordinates that have come to next to nothing from their start are no measure of what they may
    be: where the loss rises as far off as that, it rises. If it falls along no axis, it is
    looked as far off for a place that is lower.
    """
    found, unclear = [], []
    vectors = plainest(model.axes[:, which])[:, :PROFILES]
    for vector in vectors.T:
        direction = np.zeros(model.free.size)
        direction[model.free] = vector / model.scale
        one = _seen(surface, place, direction, model, noise, let)
        if one.kind in FREED:
            straight = _straight(surface, place, direction, model, which)
            again = _seen(surface, place, straight, model, noise, let)
            one = again if again.kind in FREED[one.kind] else one
        more = longer(surface, place, one.direction)
        if one.kind not in ("rises", "falls", "floor"):
            unclear.append(one)
            if more > MUCH and _rises(surface, place, more * one.direction, model, noise):
                one = Profile("rises", one.direction)
        if one.kind in ("flat", "edge", "rises") and vectors.shape[1] <= MOST:
            far = max(1.0, more) * one.direction
            one = seen_afar(surface, place, far, model, noise, let) or one
        found.append(one)
    if not any(one.kind in ("falls", "floor", "tail") for one in found):
        lower = (_lower(surface, place, one, model, noise, let) for one in unclear)
        if fallen := next(filter(None, lower), None):
            return [fallen]
    return found + _weakest(surface, place, model, which, noise, let)


def _straight(
    surface: Surface, place: Ground, direction: Array, model: Quadratic, which: Array
) -> Array:
    """``direction`` (p,), freed of what rounding of the model has left in it of axes other than
    ``which`` (q,): along these the loss would rise, and hide what it does along the direction.

    A derivative along it has more digits than the Hessian, in which large terms cancel.
    """
    others = model.sure & ~which
    if not others.any():
        return direction
    if place.jacobian is not None:
        bent = 2.0 * (place.jacobian @ direction) @ place.jacobian
    else:
        bent = surface.product(place.point, direction)
    slopes = model.axes.T @ (bent[model.free] / model.scale)
    stray = np.where(others, slopes / np.where(others, model.values, 1.0), 0.0)
    found = direction - model.turned(stray)
    return found if np.isfinite(found).all() else direction


def _seen(
    surface: Surface,
    place: Ground,
    direction: Array,
    model: Quadratic,
    noise: float,
    let: float,
    times: float = 1.0,
) -> Profile:
    """What the loss does along ``direction`` (p,), so many ``times`` as far as coordinates are
    large; a valley is followed."""
    found = profile(surface, place, direction, noise, let, times=times)
    found = _believed(found, surface, place, model)
    return followed(surface, place, found, model, noise, let) if found.kind == "valley" else found


def _lower(
    surface: Surface,
    place: Ground,
    seen: Profile,
    model: Quadratic,
    noise: float,
    let: float,
) -> Profile | None:
    """Where the loss falls along what was ``seen``, farther off than coordinates are large that
    have come to next to nothing; ``None`` where it does not, or where a look is too dear."""
    unit = unit_along(surface, place, seen.direction)
    more = shorter(surface.far(place), unit)
    if not MUCH < more < inf or LOOK * surface.prices.hessian > surface.budget.left:
        return None
    found = _seen(surface, place, unit, model, noise, let, times=more)
    return found if found.kind in ("falls", "floor") else None


def _weakest(
    surface: Surface, place: Ground, model: Quadratic, which: Array, noise: float, let: float
) -> list[Profile]:
    """Whether the loss falls along the floor of the least curvature that shows, where it is weak.

    A line shows how sharply it rises beside the floor, and not that the floor falls on.
    """
    number = int(np.argmin(model.values)) if model.values.size else 0
    if model.partial or which.all() or which[number] or not model.values[number] < WEAK:
        return []
    unit = unit_along(surface, place, model.axis(number))
    seen = followed(surface, place, Profile("rises", unit), model, noise, let)
    return [seen] if seen.kind in ("floor", "tail") else []


def _believed(seen: Profile, surface: Surface, place: Ground, model: Quadratic) -> Profile:
    """What was ``seen``, but for a fall that is rounding where the loss has fallen."""
    if seen.kind != "falls" or seen.lowest is None:
        return seen
    noise = surface.noise(seen.lowest, model).loss
    return seen if place.loss - seen.lowest.loss > noise else Profile("edge", seen.direction)


def _rises(surface: Surface, place: Ground, far: Array, model: Quadratic, noise: float) -> bool:
    """Whether the loss rises by ``far`` (p,) in both senses, beyond its noise here and there."""
    beside = [surface.at(place.point + sense * far) for sense in (1.0, -1.0)]
    least = min(found.loss if found.finite else inf for found in beside) - place.loss
    if not noise < least < inf:  # coordinates are larger there, and so are their roundings
        return least > noise
    return least > max(surface.noise(found, model).loss for found in beside if found.finite)


def longer(surface: Surface, place: Ground, unit: Array) -> float:
    """By how many times ``unit`` (p,) is shorter than the way from the start."""
    start = surface.start
    sizes = np.maximum(np.abs(place.point - start), surface.reference(place._replace(point=start)))
    return shorter(sizes, unit)


def shorter(sizes: Array, unit: Array) -> float:
    """By how many times ``unit`` (p,) is shorter than ``sizes`` (p,), where it is longest."""
    part = np.abs(unit) > TAKES_PART * np.abs(unit).max()
    return float((sizes[part] / np.abs(unit)[part]).min(initial=inf))
