"""The minimizer of a Gauss-Newton model within a trust region and a box, in its own units."""

from __future__ import annotations

import numpy as np

from optserve.optimizers.base import Value
from optserve.optimizers.block_angular import AngularTriangle
from optserve.optimizers.lengths import norm
from optserve.optimizers.linearization import Model, triangular
from optserve.optimizers.tall import upper_triangle

__all__ = ["damped_gain", "model_step"]

ROOT_ITERATIONS = 30
RADIUS_PRECISION = 0.1
FIRST_LOWERING = 1e-3
"""By how much the damping is lowered where Newton's iteration fails; then by the square of that."""

ACTIVE_SET_ITERATIONS = 10
LEAST_DAMPING = 1e-200


def model_step(
    model: Model,
    weights: Value,
    radius: float,
    damping: float,
    room_below: Value | None = None,
    room_above: Value | None = None,
) -> tuple[Value, float]:
    """The minimizer (p,) of the model over ``norm(weights * z) <= radius`` and the box.

    ``room_below <= 0 <= room_above`` (p,) are the distances to the bounds in the units of the
    model, ``None`` where there are none; ``damping`` is a first guess, and that which gave the step
    is returned with it. Which components stop at a bound is found by a primal-dual active set
    (Hintermueller, Ito & Kunisch 2003): those that the step takes out of the box, and those that
    are held against a force out of it. It may cycle, so the best of the projected steps counts.
    """
    if room_below is None or room_above is None:
        return _within_radius(model, weights, radius, damping)
    slope = model.cosines
    low, high = (room_below >= 0) & (slope > 0), (room_above <= 0) & (slope < 0)
    best, most = np.zeros_like(weights), 0.0
    fitted = False
    for _ in range(weights.size + ACTIVE_SET_ITERATIONS):
        free = ~(low | high)
        step = np.where(low, room_below, np.where(high, room_above, 0.0))
        rest = model if free.all() else _restricted(model, free, step)
        if free.any() and not fitted:
            step[free], damping = _within_radius(rest, weights[free], radius, damping)
            fitted = True
        elif free.any():
            step[free] = _damped(rest, weights[free], damping)[0]
        inside = np.clip(step, room_below, room_above)
        gained = model.reduction(inside) - damping * float(np.sum((weights * inside) ** 2))
        if gained > most:
            best, most = inside, gained
        force = slope + model.factor.T @ (model.factor @ step) + damping * weights**2 * step
        before = low, high
        low = (step < room_below) | (low & (force > 0))
        high = (step > room_above) | (high & (force < 0))
        if np.array_equal(before, (low, high)):
            break
    return best, damping


def damped_gain(model: Model, weights: Value, damping: float, held: Value | None) -> float:
    """By how much of itself the damped step lowers the sum of squares and the damping together.

    What bounds hold, truth values (p,), does not move. The square root is a norm of the slope in
    which damped steps that converge do so at every step, as the offset does without damping.
    """
    if held is not None and held.any():
        model, weights = _restricted(model, ~held, np.zeros_like(weights)), weights[~held]
    if damping == 0:
        return model.gauss_newton.offset**2
    step, _ = _damped(model, weights, damping)
    return -float(model.cosines @ step)


def _restricted(model: Model, free: Value, step: Value) -> Model:
    """The model of the ``free`` components (p,) where the others take their ``step`` (p,)."""
    target = model.target + model.factor @ np.where(free, 0.0, step)
    factor, target = triangular(model.factor[:, free], target)
    return Model(factor, target, 0.0, model.lengths[free], model.size, model.precision)


def _within_radius(
    model: Model, weights: Value, radius: float, guess: float
) -> tuple[Value, float]:
    """The step and its damping by the safeguarded Newton iteration of Moré (1978, sec. 5)."""
    newton = model.gauss_newton
    weighted = weights * newton.step
    length = norm(weighted)
    if length <= (1.0 + RADIUS_PRECISION) * radius:
        return newton.step, 0.0
    least = 0.0
    if newton.full and np.isfinite(length):
        slope = _norm_slope(model.factor, weights * (weighted / length))
        least = (length - radius) / (radius * slope) if slope > 0 else 0.0
    columns = model.factor / weights
    most = norm(columns.T @ model.target) / radius if radius > 0 else np.inf
    damping = min(max(guess, least), most) or most
    step, lower = newton.step, FIRST_LOWERING
    for _ in range(ROOT_ITERATIONS):
        step, triangle = _weighted(columns, model.target, max(damping, LEAST_DAMPING))
        length = norm(step)
        excess = length - radius
        if abs(excess) <= RADIUS_PRECISION * radius or damping <= LEAST_DAMPING:
            break
        if excess > 0:
            least = max(least, damping)
        else:
            most = min(most, damping)
        slope = radius * _norm_slope(triangle, step / length) if length > 0 else 0.0
        damping = damping + excess / slope if slope > 0 else most
        if not least < damping < most:
            # Columns of very different lengths lie between: the root is sought among powers.
            damping = np.sqrt(least) * np.sqrt(most) if least > 0 else lower * most
            lower *= lower
    return step / weights, damping


def _damped(model: Model, weights: Value, damping: float) -> tuple[Value, Value | AngularTriangle]:
    """The minimizer of ``norm(R z + q)**2 + damping * norm(weights * z)**2``, and its triangle."""
    if damping == 0:
        return model.gauss_newton.step, model.factor
    step, triangle = _weighted(model.factor / weights, model.target, damping)
    return step / weights, triangle


def _weighted(
    columns: Value | AngularTriangle, target: Value, damping: float
) -> tuple[Value, Value | AngularTriangle]:
    """The minimizer of ``norm(columns @ y + q)**2 + damping * norm(y)**2``, and its triangle."""
    if isinstance(columns, AngularTriangle):
        angular, reached = columns.damped(target, damping)
        return angular.solved(-reached), angular
    size = len(target)
    stacked = np.zeros((2 * size, size + 1))
    # The rows of the damping come first: no column, however short, is drowned by the target.
    stacked.reshape(-1)[: size * (size + 1) : size + 2] = np.sqrt(damping)
    stacked[size:, :size] = columns
    stacked[size:, size] = target
    reduced = upper_triangle(stacked)
    triangle = reduced[:size, :size]
    return np.linalg.solve(triangle, -reduced[:size, size]), triangle


def _norm_slope(triangle: Value | AngularTriangle, direction: Value) -> float:
    """Minus the logarithmic slope of the length of the step in the damping, over that length."""
    if isinstance(triangle, AngularTriangle):
        solved = triangle.solved_transposed(direction)
    else:
        solved = np.linalg.solve(triangle.T, direction)
    return float(solved @ solved)
