"""Whether a descent came to rest only because what it went down vanishes far out.

There the curvature is still seen, and so is what a Newton step would gain; both are below anything
that matters. What tells is the loss as far out again, and farther: at a minimum it rises there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import inf, isfinite
from types import MappingProxyType

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.direction_names import TAKES_PART
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.profiles import Profile, beyond, change_of
from optserve.jobs.evidence.quadratic import Quadratic
from optserve.jobs.evidence.surface import Surface
from optserve.optimizers.lengths import norm

__all__ = ["Let", "came_down", "far_along", "outward"]

Let = Callable[[], float]
"""By how much the loss may fall along a way that counts as flat."""

FAINT = 1e-4
"""A coordinate is looked at that may change by as much as it has, and the loss by less than this
share of what it has."""

NOISES = 1e3
"""The same: by so many times its noise."""

NOTHING = 1e-9
FEW = 6
ROUNDINGS = 16.0
"""So many rounding errors of a coordinate are no way that it has come."""

INWARD, FAR = np.array([-0.5, -1.0]), 10.0
"""Parts of a way at which the loss has risen on the way back, and how far off it may not have."""

FARTHER, ALIKE = 1.5, 0.999
"""By how much longer each way must be, and how alike in cosine, that leads ever farther."""


AWAY = MappingProxyType({"edge": 1e6, "flat": 1e10, "valley": 1e10})
"""How many times its size at the start a coordinate is that has run away, by what is seen there."""


def came_down(fell: Sequence[Array], seen: Profile, surface: Surface, place: Ground) -> bool:
    """Whether the loss ``fell`` along what was ``seen``, ever farther, until noise hid how much.

    The ways (p,) that led down are compared in the sizes of coordinates. One step may have led so
    far from the start that nothing is left to be seen.
    """
    sizes = surface.reference(place)
    ways = [way / sizes for way in (*fell[-2:], seen.direction)]
    pairs = [(one, other, norm(one), norm(other)) for one, other in pairwise(ways)]
    if seen.kind in AWAY and _ran(surface, place, seen.direction) > AWAY[seen.kind]:
        return True
    return (
        seen.kind in ("flat", "edge")
        and len(pairs) == 2
        and all(far > FARTHER * near for _, _, near, far in pairs)
        and all(abs(one @ other) > ALIKE * near * far for one, other, near, far in pairs)
    )


def _ran(surface: Surface, place: Ground, way: Array) -> float:
    """How many times as large as at the start each coordinate of ``way`` (p,) is.

    A logarithm is taken for what it is of.
    """
    sizes = surface.reference(place._replace(point=surface.start))
    part = np.abs(way) > TAKES_PART * np.abs(way).max()
    times = np.maximum(np.abs(way) / sizes, _grown(surface, place.point))
    return float(times[part].min(initial=inf))


def _grown(surface: Surface, point: Array) -> Array:
    """How many times as large or small as at the start transformed parameters are (p,).

    It is 0 for one without a transform.
    """
    found = np.zeros(surface.size)
    if not surface.evaluator.packing.transformed:
        return found
    packing = surface.evaluator.packing
    now, before = map(packing.natural, (point, surface.start))
    for one in packing.free:
        name = one.parameter.name
        times = np.ravel(np.abs(now[name] / before[name]))[one.free]
        if one.parameter.transform is not None:
            found[one.start : one.start + one.count] = np.maximum(times, 1.0 / times)
    return np.where(np.isfinite(found), found, 0.0)


def outward(
    surface: Surface,
    place: Ground,
    model: Quadratic,
    noise: float,
    let: Let,
) -> Profile | None:
    """What the loss does as far beyond ``place`` as that is from the start, and farther.

    ``None`` where it rises there, or never fell on the way: along all coordinates at once, and
    along one of a few.
    """
    whole = _faint(surface, place, model, noise)
    [part] = np.nonzero(whole)
    ways = [whole] if part.size else []
    if 1 < part.size <= FEW:
        ways += list(
            np.where(np.eye(whole.size, dtype=bool)[part], place.point - surface.start, 0.0)
        )
    return _along(surface, place, ways, model, noise, let)


def far_along(
    surface: Surface, place: Ground, model: Quadratic, weak: Array, noise: float, let: Let
) -> list[Profile]:
    """The same along what the axes that are ``weak`` (q,) have of the way from the start, and from
    0, if the loss does not rise much farther off: where a class has vanished, it does along each
    of its parameters, and not along all of them."""
    if not weak.any() or weak.all():
        return []
    ways = []
    for way in (place.point - surface.start, place.point):
        along = np.where(weak, model.axes.T @ (way[model.free] * model.scale), 0.0)
        turned = model.turned(along)
        if along.any() and _stays(surface, place, FAR * turned, model, noise, INWARD[-1:] / FAR):
            ways.append(turned)
    found = _along(surface, place, ways, model, noise, let)
    return [] if found is None else [found]


def _along(
    surface: Surface,
    place: Ground,
    ways: Sequence[Array],
    model: Quadratic,
    noise: float,
    let: Let,
) -> Profile | None:
    """What lies beyond ``place`` along the first of ``ways`` (p,) at which that is seen."""
    for way in ways:
        if _stays(surface, place, way, model, noise):
            found = beyond(surface, place, way, let())
            if found.kind != "edge":
                return found
    return None


def _stays(
    surface: Surface,
    place: Ground,
    way: Array,
    model: Quadratic,
    noise: float,
    inward: Array = INWARD,
) -> bool:
    """Whether the loss does not rise beyond ``place``, and does on the way back."""

    def change(share: float) -> float:
        found = surface.at(place.point + share * way)
        if not np.array_equal(found.point, place.point + share * way):
            return inf  # a bound is there
        return change_of(found, place)

    out, back = change(1.0), max(map(change, inward))
    if noise < out <= NOTHING * back:  # coordinates are larger there, and so are their roundings
        noise = max(noise, surface.noise(surface.at(place.point + way), model).loss)
    return out <= noise < back


def _faint(surface: Surface, place: Ground, model: Quadratic, noise: float) -> Array:
    """The way from the start (p,), as far as the model says that the loss hardly depends on it."""
    way = (place.point - surface.start).astype(np.float64)[model.free]
    way[np.abs(way) <= ROUNDINGS * surface.epsilon * np.abs(place.point[model.free])] = 0.0
    nowhere = np.zeros(model.free.size)
    if model.partial or not way.any():
        return nowhere
    fallen = surface.seen(surface.start) - place.loss
    faint = max(FAINT * fallen if isfinite(fallen) else 0.0, NOISES * noise)
    if (known := model.variances) is not None:
        part = 0.5 * np.square(way * model.scale) <= faint * known
        if not part.any():
            return nowhere
    shares = np.square(model.axes / model.scale[:, None])
    curved = model.values > model.noise
    spread = shares[:, curved] @ (1.0 / model.values[curved])
    open_ = shares[:, ~curved].sum(axis=1) > 1e-6 * shares.sum(axis=1)
    with np.errstate(all="ignore"):
        part = open_ | (0.5 * way**2 <= faint * spread)
    along = model.axes.T @ (np.where(part, way, 0.0) * model.scale)
    along[0.5 * model.values * along**2 > faint] = 0.0
    return model.turned(along)
