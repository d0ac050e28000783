"""``misjudged``: along which directions an error bar says of the loss what is not so.

An inverse curvature tells how far the loss rises by a unit, if it is a parabola as far as that. It
is none where the derivative of what was predicted vanishes: there the residual bends the loss, of
which Gauss and Newton's model knows nothing, or a power above the second does.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, sqrt

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.surface import SUMS
from optserve.jobs.evidence.uncertainty.covariance import Covariance
from optserve.jobs.evidence.uncertainty.minimum import FreeMinimum
from optserve.optimizers.projection import project

__all__ = ["LOOKED_AT", "is_misjudged", "misjudged"]

NEAR = (1e-2, 3e-3, 1e-3)
"""The shares of an error bar at which the loss is looked at: one that is bounded may be low at the
first by chance."""

TIMES = 1e3
"""How many times as far as an error bar says the loss rises where it is not believed."""

LOOKED_AT = 8
"""Axes along which the loss is looked at: those whose error bars are longest, beside estimates."""

TAKES_PART = 1e-3
"""The share of a coordinate in a direction from which it takes part."""

ROUNDING = 1e-12
"""Entries of a projection below which they are 0."""

BISECTIONS = 16


def misjudged(minimum: FreeMinimum, covariance: Covariance) -> Array | None:
    """Where the loss rises much farther than the ``covariance`` at a ``minimum`` says.

    Derivatives (n, q) times what is given (q, q) say nothing of these directions. Nothing is given
    where there are none.

    Only error bars that are longer than the estimates are looked at: others are of a loss that has
    been seen as far as they reach.
    """
    evaluator = minimum.evaluator
    if minimum.is_least_squares and evaluator.graphs.is_linear:
        return None
    information, variance = covariance.information, minimum.variance
    spread = 1.0 if covariance.kind == "score" else sqrt(variance)
    steps = spread * (information.known / information.singular) / information.scale[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        times = (np.abs(steps) / np.abs(minimum.coordinates)[:, None]).max(axis=0, initial=0.0)
    longest = np.argsort(-times, kind="stable")[:LOOKED_AT]
    unit = variance if minimum.is_least_squares else 0.5
    curvature = np.zeros((0, 0))
    for number in longest[times[longest] > 1.0]:
        step = steps[:, number]
        if is_misjudged(minimum, step, unit):
            there = _reached(_rise(minimum, step), unit) * step
            beside = [_curvature(minimum, sense * there) for sense in (1.0, -1.0)]
            curvature = sum(beside, start=curvature if curvature.size else np.zeros_like(beside[0]))
    if not curvature.size or not np.isfinite(curvature).all():
        return None
    along = information.scale[:, None] * information.known * information.singular
    told = (along @ along.T) * (variance if covariance.kind == "score" else 1.0)
    return _without(told, curvature)


def is_misjudged(minimum: FreeMinimum, step: Array, unit: float) -> bool:
    """Whether the loss rises much farther by the error bar ``step`` (q,) than by a ``unit``."""
    rise = _rise(minimum, step)
    return any(rise(share) > TIMES * share**2 * unit for share in NEAR)


def _rise(minimum: FreeMinimum, step: Array) -> Callable[[float], float]:
    """By how much the loss rises at a share of a ``step`` (q,), to the side where that is less, and
    beyond rounding."""
    evaluator, loss = minimum.evaluator, float(minimum.best.loss)
    noise = SUMS * minimum.epsilon * abs(loss)

    def rise(share: float) -> float:
        found = inf
        for sense in (1.0, -1.0):
            there = _moved(minimum, sense * share * step)
            risen = float(evaluator.gradient(there)[0]) - loss - noise
            found = min(found, inf if risen != risen else risen)
        return found

    return rise


def _reached(rise: Callable[[float], float], unit: float) -> float:
    """The share of an error bar at which the loss has risen by a ``unit``, about: the true one."""
    nearer, farther = 1e-300, max(NEAR)
    for _ in range(BISECTIONS):
        middle = sqrt(nearer) * sqrt(farther)
        nearer, farther = (middle, farther) if rise(middle) < unit else (nearer, middle)
    return farther


def _curvature(minimum: FreeMinimum, step: Array) -> Array:
    """The curvature (q, q) of the loss by ``step`` (q,) from the minimum."""
    point, free = _moved(minimum, step), minimum.free
    if not minimum.is_least_squares:
        found: Array = minimum.evaluator.hessian(point)[np.ix_(free, free)]
        return found
    jacobian = minimum.evaluator.linearized(point).jacobian[:, free].astype(np.float64)
    return np.asarray(jacobian.T @ jacobian)


def _moved(minimum: FreeMinimum, step: Array) -> Array:
    point = minimum.point.astype(np.float64)
    point[minimum.free] += step
    found: Array = project(point.astype(minimum.point.dtype), *minimum.evaluator.bounds)
    return found


def _without(told: Array, seen: Array) -> Array | None:
    """The projection (q, q) off the directions along which the curvature ``told`` (q, q) is next to
    nothing of that ``seen`` (q, q), in coordinates by which the latter is 1."""
    diagonal = np.diagonal(seen)
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    told, seen = (one / scale / scale[:, None] for one in (told, seen))
    _, axes = np.linalg.eigh(told)
    bends = np.sum(axes * (told @ axes), axis=0), np.sum(axes * (seen @ axes), axis=0)
    axes = axes[:, TIMES * bends[0] < bends[1]]
    axes = np.where(np.abs(axes) > TAKES_PART, axes, 0.0)
    if not axes.size:
        return None
    kept = np.eye(scale.size) - axes @ np.linalg.pinv(axes)
    kept = np.where(np.abs(kept) > ROUNDING, kept, 0.0)
    found: Array = kept * scale / scale[:, None]
    return found
