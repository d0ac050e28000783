"""Where an end stands beside the start: what did not change on the way tells what it cannot be."""

from __future__ import annotations

from itertools import compress
from math import inf

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.budget import SpentError
from optserve.jobs.evidence.direction_names import TAKES_PART, directed, listed
from optserve.jobs.evidence.evidence import Direction, DirectionKind
from optserve.jobs.evidence.ground import Ground, Noise
from optserve.jobs.evidence.quadratic import Quadratic
from optserve.jobs.evidence.reach import Reach
from optserve.jobs.evidence.surface import Surface
from optserve.jobs.evidence.switching import is_off_kinks
from optserve.jobs.evidence.weak_axes import PROFILES, hidden

__all__ = [
    "apart",
    "beyond_rows",
    "flat_at_start",
    "is_parabola",
    "jump_at",
    "may_be_kink",
    "moved",
    "unseen",
]

STILL = 1e-9
"""A coordinate that has changed by less than this share of itself was not moved."""

MATTERS = 1e-3
"""The share of a loss that no rounding makes of it."""

SAME = 1e-9
"""The same for a second derivative, or an entry of a Jacobian, in the sizes of coordinates."""

SEEN = 0.5
"""What a log-likelihood changes by over a standard error; rounding must let so much be seen."""

NEGATIVE = -0.6
"""A curvature, in units of those of the coordinates, that rounding does not make of 0."""

STEPS = (0.3, 1.0, -0.3, -1.0)
"""How far coordinates are moved of which no derivative tells, in their sizes."""

KINKED = 1e3
"""How many times what is expected a loss must turn by that is looked at beside a kink."""


def flat_at_start(surface: Surface) -> float:
    """How many directions were flat at the start already; infinite where none is known."""
    place = surface.at(surface.start)
    if not place.finite:
        return inf
    model = surface.quadratic(place)
    flat = hidden(surface, place, model, surface.sum_rounding(place))
    return int((flat & (model.values >= -model.noise)).sum())


def _bends(surface: Surface, place: Ground, model: Quadratic) -> Array:
    """The second derivatives by the free coordinates (q,), each in its size."""
    found: Array = np.square(model.scale * surface.reference(place)[model.free])
    return found


def may_be_kink(surface: Surface, place: Ground, model: Quadratic, noise: Noise) -> bool:
    """Whether the derivative may jump at ``place``: by the structure of the loss, as nothing was
    moved from the start, or as the loss turns by more than curvature and rounding make it.
    """
    if surface.evaluator.graphs.has_kinks and not is_off_kinks(surface, place):
        return True
    if surface.dense and np.array_equal(place.point, surface.start):
        return True
    smooth = surface.epsilon * float(_bends(surface, place, model).sum())
    return noise.turns > KINKED * max(noise.loss, smooth)


def jump_at(surface: Surface, place: Ground, model: Quadratic, noise: float) -> str:
    """What to say where rounding of the coordinates changes the loss by ``noise`` that matters,
    beside what it is here and was at the start, and what a coordinate changes by itself.
    """
    bends = _bends(surface, place, model)
    if noise <= MATTERS * max(abs(place.loss), float(0.5 * bends.max(initial=0.0))):
        return ""
    if noise <= MATTERS * abs(surface.at(surface.start).loss):
        return ""
    told = "the loss jumps here, or its terms cancel"
    return f"{told}: rounding of the parameters changes it by {noise:.2g}"


def unseen(
    surface: Surface,
    place: Ground,
    true: Quadratic,
    noise: float,
    *,
    by_tolerance: bool,
) -> str:
    """What to say where numbers end, or their rounding hides what a minimum would show.

    The curvature may not be negative beyond doubt, but where bounds allow no step along it, or a
    sum of squares is 0 but for rounding. Where no tolerance was met (``by_tolerance``), ``noise``
    of the loss must be less than a log-likelihood changes by over a standard error; for a loss that
    is no sum of squares, less than all that there is of it or that the descent
    has gained.
    """
    if told := _end_of_numbers(surface, place):
        return told
    exact = surface.constant is not None and place.loss - surface.constant <= noise
    if true.least < min(NEGATIVE, -true.noise) and not exact:
        axis = true.axis(int(np.argmin(true.values)))
        if not surface.at_bound(place)[axis != 0.0].any():
            return "the curvature is negative, and no step was found that lowers the loss"
    if not surface.dense and (told := _without_slopes(surface, place, noise)):
        return told
    if by_tolerance:
        return ""
    if surface.kind == "log_likelihood" and noise > SEEN:
        return "rounding of the log-likelihood hides a standard error: is a density infinite?"
    if surface.kind != "loss" or exact:
        return ""
    if noise > max(abs(place.loss), surface.seen(surface.start) - place.loss):
        return "rounding hides all that the descent has gained: has the loss a lower bound?"
    return ""


def _without_slopes(surface: Surface, place: Ground, noise: float) -> str:
    """What to say where the loss changes with coordinates, moved together, by which the derivative
    is 0 here, at the start and where they are moved to."""
    if surface.budget.left <= len(STEPS):
        return ""
    before = surface.plainly_at(surface.start).gradient
    still = (before == 0.0) & (place.gradient == 0.0) & ~surface.ignored
    if not still.any():
        return ""
    for share in STEPS:
        there = surface.plainly_at(
            place.point + np.where(still, share * surface.reference(place), 0)
        )
        if abs(there.loss - place.loss) > noise and not there.gradient[still].any():
            names = listed(tuple(compress(surface.evaluator.packing.labels, still)))
            return f"the loss changes with {names}, and no derivative tells how"
    return ""


def _end_of_numbers(surface: Surface, place: Ground) -> str:
    """What to say where a parameter is, but for a few digits, as small or large as any can be."""
    packing = surface.evaluator.packing
    limits, values = np.finfo(packing.dtype), packing.natural(place.point)
    found = []
    for one in packing.free:
        sizes = np.abs(np.ravel(values[one.parameter.name])[one.free])
        ends = sizes > limits.max * limits.eps
        if one.parameter.transform is not None:  # else it may be 0 but for rounding
            ends |= (sizes > 0.0) & (sizes < limits.tiny / limits.eps)
        if ends.any():
            found.append(one.parameter.name)
    if not found:
        return ""
    return f"{listed(found)} came to the end of what numbers can be: is a bound missing?"


def beyond_rows(surface: Surface, place: Ground, model: Quadratic) -> list[Direction]:
    """Directions in which no residual can change: there are fewer residuals than coordinates, on
    which they depend linearly, and just so many more axes have no curvature.

    Where there are many of them, the first stand for all.
    """
    if model.rest is None or not surface.evaluator.graphs.is_linear:
        return []
    if model.floor > model.noise:
        return []
    still = np.flatnonzero(model.values <= model.noise)
    if still.size != model.values.size - surface.evaluator.rows:
        return []
    sizes, labels = 1.0 / surface.reference(place), surface.evaluator.packing.labels
    axes = map(model.axis, still[:PROFILES].tolist())
    return [directed("flat", axis, sizes, labels) for axis in axes]


def moved(surface: Surface, place: Ground, direction: Array) -> bool:
    """Whether the descent has moved a coordinate of ``direction`` (p,)."""
    way = np.abs(place.point - surface.start)
    part = np.abs(direction) > TAKES_PART * np.abs(direction).max()
    return bool((way > STILL * surface.reference(place))[part].any())


def is_parabola(surface: Surface, place: Ground) -> bool:
    """Whether second derivatives are those at the start: such a loss has a minimum.

    So those of a linear model, of which the Jacobian is always the same.
    """
    there = surface.at(surface.start)
    if not surface.dense or not there.finite or np.array_equal(surface.start, place.point):
        return False
    if place.jacobian is not None and there.jacobian is not None:
        now, before = place.jacobian, there.jacobian
    else:
        now, before = surface.hessian(place), surface.hessian(there)
    with np.errstate(all="ignore"):
        largest = np.maximum(np.abs(now), np.abs(before)).max(axis=0, initial=0.0)
    return bool((np.abs(now - before) <= SAME * largest).all())


def apart(surface: Surface, reach: Reach, place: Ground) -> list[Direction]:
    """The coordinates that do not take part, those of a kind together; where nothing is left to be
    spent on it, those at a bound as far as they are known."""
    try:
        held = surface.held(place)
    except SpentError:
        held = surface.stopped(place)
    unit, labels = np.ones(surface.size), surface.evaluator.packing.labels
    kinds: tuple[tuple[DirectionKind, Array], ...] = (
        ("at bound", held),
        ("at start", reach.unreached),
        ("unused", reach.unused),
    )
    return [
        directed(kind, which.astype(np.float64), unit, labels)
        for kind, which in kinds
        if which.any()
    ]
