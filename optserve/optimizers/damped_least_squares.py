"""The Gauss-Newton model of a sum of squares, and its minimizer within a trust region.

Around a point the residual is taken as linear, ``J s + r``. With ``[J r] = Q [R q]`` all that a
step needs is ``R`` (p, p) and ``q`` (p,): they do not grow with the data, and a rejected step is
shortened without another Jacobian. Nothing here forms ``J' J``, whose condition is squared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optserve.optimizers.base import Value
from optserve.optimizers.verdict import NOISE

__all__ = ["Model", "linearize", "model_step"]

ROOT_ITERATIONS = 10
RADIUS_PRECISION = 0.1
ACTIVE_SET_ITERATIONS = 10


class Model(NamedTuple):
    """The linearized residual in triangular form: ``factor`` R (p, p), ``target`` q (p,)."""

    factor: Value
    target: Value

    def gradient(self) -> Value:
        """The gradient (p,) of the sum of squares, ``2 J' r``."""
        return 2 * (self.factor.T @ self.target)

    def reduction(self, step: Value) -> float:
        """By how much the model says that ``step`` (p,) lowers the sum of squares."""
        change = self.factor @ step
        return -float(self.gradient() @ step + change @ change)

    def cosine(self, gradient: Value, loss: float) -> float:
        """The largest cosine between the residual and a column of the Jacobian.

        ``gradient`` (p,) is that of ``loss``, with 0 for the columns that do not count.
        """
        lengths = 2 * np.linalg.norm(self.factor, axis=0) * np.sqrt(loss)
        return float(np.max(np.abs(gradient) / np.where(lengths == 0, 1.0, lengths), initial=0.0))

    def rounding(self, point: Value, loss: float, precision: float) -> float:
        """The change of ``loss`` that rounding makes: in its own sum, and in the parameters."""
        of_parameters = float(np.linalg.norm(self.factor, axis=0) @ np.abs(point))
        return precision * (NOISE * loss + 4 * float(np.sqrt(loss)) * of_parameters)


def linearize(jacobian: Value, residual: Value) -> Model:
    """The model from ``jacobian`` (n, p) and ``residual`` (n,), in float64.

    >>> model = linearize(np.array([[3.0], [4.0]]), np.array([5.0, 10.0]))
    >>> model.gradient().round(12), round(model.reduction(np.array([-2.2])), 12)
    (array([110.]), 121.0)
    """
    rows, columns = jacobian.shape
    stacked = np.zeros((max(rows, columns + 1), columns + 1))
    stacked[:rows, :columns] = jacobian
    stacked[:rows, columns] = residual
    triangle: Value = np.linalg.qr(stacked, mode="r")
    return Model(triangle[:columns, :columns].copy(), triangle[:columns, columns].copy())


def model_step(
    model: Model,
    scale: Value,
    radius: float,
    damping: float,
    room_below: Value,
    room_above: Value,
) -> tuple[Value, float]:
    """The minimizer (p,) of the model over ``norm(scale * step) <= radius`` and the box.

    ``room_below <= 0 <= room_above`` (p,) are the distances to the bounds, ``damping`` a first
    guess; the damping that gave the step is returned with it. Which components stop at a bound
    is found by a primal-dual active set (Hintermueller, Ito & Kunisch 2003): those that the step
    takes out of the box, and those that are held against a force out of it. It may cycle, so the
    best of the projected steps counts.
    """
    gradient = model.gradient()
    low, high = (room_below >= 0) & (gradient > 0), (room_above <= 0) & (gradient < 0)
    best, most = np.zeros_like(scale), 0.0
    fitted = False
    for _ in range(scale.size + ACTIVE_SET_ITERATIONS):
        free = ~(low | high)
        step = np.where(low, room_below, np.where(high, room_above, 0.0))
        rest = model
        if not free.all():
            rest = linearize(model.factor[:, free], model.target + model.factor @ step)
        if free.any() and not fitted:
            step[free], damping = _within_radius(rest, scale[free], radius, damping)
            fitted = True
        elif free.any():
            step[free] = _damped(rest, scale[free], damping)[0]
        inside = np.clip(step, room_below, room_above)
        gained = model.reduction(inside) - damping * float(np.sum((scale * inside) ** 2))
        if gained > most:
            best, most = inside, gained
        force = gradient + 2 * (model.factor.T @ (model.factor @ step) + damping * scale**2 * step)
        before = low, high
        low = (step < room_below) | (low & (force > 0))
        high = (step > room_above) | (high & (force < 0))
        if np.array_equal(before, (low, high)):
            break
    return best, damping


def _within_radius(model: Model, scale: Value, radius: float, guess: float) -> tuple[Value, float]:
    """The step and its damping by the safeguarded Newton iteration of Moré (1978, sec. 5)."""
    step, full_rank = _undamped(model)
    length = float(np.linalg.norm(scale * step))
    excess = length - radius
    if excess <= RADIUS_PRECISION * radius:
        return step, 0.0
    least = 0.0
    if full_rank:
        slope = _norm_slope(model.factor, scale, step, length)
        least = excess / (radius * slope) if slope > 0 else 0.0
    most = float(np.linalg.norm(model.factor.T @ model.target / scale)) / radius
    damping = min(max(guess, least), most) or most / max(length, 1.0)
    for _ in range(ROOT_ITERATIONS):
        damping = max(damping, 1e-3 * most, np.finfo(float).tiny)
        step, triangle = _damped(model, scale, damping)
        length = float(np.linalg.norm(scale * step))
        excess = length - radius
        if abs(excess) <= RADIUS_PRECISION * radius or length == 0:
            break
        if excess > 0:
            least = max(least, damping)
        else:
            most = min(most, damping)
        correction = excess / (radius * _norm_slope(triangle, scale, step, length))
        damping = max(least, damping + correction)
    return step, damping


def _undamped(model: Model) -> tuple[Value, bool]:
    """The Gauss-Newton step, of least norm in equilibrated columns where the rank is deficient."""
    norms = np.linalg.norm(model.factor, axis=0)
    norms[norms == 0] = 1.0
    cutoff = np.finfo(float).eps * max(model.factor.shape)
    solution, _, rank, _ = np.linalg.lstsq(model.factor / norms, -model.target, rcond=cutoff)
    return solution / norms, bool(rank == len(norms))


def _damped(model: Model, scale: Value, damping: float) -> tuple[Value, Value]:
    """The minimizer of ``norm(R s + q)**2 + damping * norm(scale * s)**2``, and its triangle."""
    if damping == 0:
        return _undamped(model)[0], model.factor
    rows, columns = model.factor.shape
    stacked = np.zeros((rows + columns, columns + 1))
    stacked[:rows, :columns] = model.factor
    stacked[:rows, columns] = model.target
    stacked[rows:, :columns] = np.diag(np.sqrt(damping) * scale)
    reduced: Value = np.linalg.qr(stacked, mode="r")
    triangle = reduced[:columns, :columns]
    return np.linalg.solve(triangle, -reduced[:columns, columns]), triangle


def _norm_slope(triangle: Value, scale: Value, step: Value, length: float) -> float:
    """Minus the logarithmic slope of ``norm(scale * step)`` in the damping, over its length."""
    scaled = scale * (scale * step) / length
    solved = np.linalg.solve(triangle.T, scaled)
    return float(solved @ solved)
