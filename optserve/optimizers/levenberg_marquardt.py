"""Levenberg-Marquardt: least squares by Gauss-Newton steps within a trust region."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optserve.graph.aval import DType
from optserve.optimizers.base import Evaluation, Optimizer, State, Value
from optserve.optimizers.bounds import projected_gradient
from optserve.optimizers.damped_least_squares import Model, linearize, model_step
from optserve.optimizers.options import positive
from optserve.optimizers.verdict import NOISE, PRECISION, STALLED, VERDICTS

__all__ = ["levenberg_marquardt"]

ACCEPTED_RATIO = 1e-4
POOR_RATIO, GOOD_RATIO = 0.25, 0.75
SHRINKS_WITHOUT_EVALUATION = 40
PATIENCE = 3
"""How many trials in a row may come to nothing where the loss is noise."""


class _State(NamedTuple):
    """The base point, the model there, and the trust region; every field an array.

    ``radius`` bounds the norm of ``scale * step``; ``predicted`` is the reduction of the loss that
    the model expects of the trial point, ``failures`` how many trials from this base came to
    nothing; ``verdict`` is an index into ``VERDICTS``.
    """

    base: Value
    factor: Value
    target: Value
    scale: Value
    loss: Value
    radius: Value
    damping: Value
    predicted: Value
    accepted: Value
    failures: Value
    verdict: Value

    @property
    def model(self) -> Model:
        return Model(self.factor, self.target)

    def ended(self, verdict: str) -> _State:
        return self._replace(verdict=np.int64(VERDICTS.index(verdict)))


class _Trial(NamedTuple):
    """The point just evaluated, in float64; ``model`` is ``None`` where it is not finite.

    ``dtype`` is that of the parameters, whose ``precision`` is the relative spacing of its numbers.
    """

    point: Value
    loss: float
    model: Model | None
    lower: Value
    upper: Value
    dtype: DType
    precision: float


def levenberg_marquardt(radius: float = 10.0) -> Optimizer:
    """Minimize a sum of squares by the method of Levenberg and Marquardt, as of Moré (1978).

    The step minimizes the linearized sum of squares within ``norm(D * step) <= delta``, where D
    holds the largest norm that each column of the Jacobian has had, which makes the method
    indifferent to the units of the parameters. The first delta is ``radius`` times the norm of the
    residual, which has the unit of ``D * step`` and, unlike that of the start, is never 0. Steps
    come from orthogonal factorizations; where the rank is deficient, the shortest is taken. Bounds
    are met by projection: a component at its bound is held while the gradient points out, and a
    step that leaves the box is bent along its face.

    A change of the loss below its rounding error decides nothing; there, a step is taken
    while it lowers the gradient, so that the estimate is good to the last digits that the
    residuals carry. Where no step does, the verdict is ``"precision"``; it is ``"stalled"`` where
    the loss refuses to fall although its gradient says otherwise, as at a kink.

    >>> method = levenberg_marquardt()
    >>> params = np.array([5.0])
    >>> jacobian = np.array([[1.0], [2.0]])
    >>> residual = jacobian @ params - np.array([1.0, 2.0])
    >>> evaluation = Evaluation(
    ...     residual @ residual, 2 * jacobian.T @ residual, residual, jacobian
    ... )
    >>> updates, _ = method.update(evaluation, method.init(params), params)
    >>> (params + updates).round(12)
    array([1.])
    """
    radius = positive("levenberg_marquardt", "radius", radius, such_as=10.0)

    @np.errstate(all="ignore")  # what overflows is found out, and stepped back from
    def update(evaluation: Evaluation, state: State, params: Value) -> tuple[Value, State]:
        now = _State(*state)
        trial = _trial(evaluation, params)
        if now.accepted == 0:
            now = _first(now, trial, radius)
        elif now.verdict == 0:
            now = _judged(now, trial)
        step = np.zeros_like(trial.point)
        if now.verdict == 0:
            step, now = _proposal(now, trial)
        return (now.base + step - trial.point).astype(params.dtype), tuple(now)

    return Optimizer(
        name="levenberg_marquardt",
        init=_init,
        update=update,
        needs="jacobian",
        traced=False,
        verdict=lambda state: VERDICTS[int(_State(*state).verdict)],
        gradient_tolerance=1e-8,
    )


def _init(params: Value) -> State:
    vector, scalar, integer = np.zeros(params.shape), np.zeros(()), np.zeros((), dtype=np.int64)
    return tuple(
        _State(
            base=vector,
            factor=np.zeros((params.size, params.size)),
            target=vector,
            scale=vector,
            loss=scalar,
            radius=scalar,
            damping=scalar,
            predicted=scalar,
            accepted=integer,
            failures=integer,
            verdict=integer,
        )
    )


def _trial(evaluation: Evaluation, params: Value) -> _Trial:
    point = np.asarray(params, dtype=np.float64)
    residual = np.ravel(np.asarray(evaluation.residual, dtype=np.float64))
    jacobian = np.asarray(evaluation.jacobian, dtype=np.float64).reshape(-1, point.size)
    loss = float(residual @ residual)
    model = None
    if np.isfinite(loss) and np.isfinite(jacobian).all():
        model = linearize(jacobian, residual)
        if not np.isfinite(model.gradient()).all():
            model = None
    unbounded = np.full_like(point, np.inf)
    return _Trial(
        point,
        loss,
        model,
        -unbounded if evaluation.lower is None else np.asarray(evaluation.lower, np.float64),
        unbounded if evaluation.upper is None else np.asarray(evaluation.upper, np.float64),
        params.dtype,
        float(np.finfo(params.dtype).eps),
    )


def _first(now: _State, trial: _Trial, radius: float) -> _State:
    """The state at the start; from one that is not finite there is no way down."""
    if trial.model is None:
        return now._replace(base=trial.point).ended(STALLED)
    now = _adopted(now, trial, trial.model)
    return now._replace(radius=np.float64(radius * np.sqrt(trial.loss)))


def _adopted(now: _State, trial: _Trial, model: Model) -> _State:
    """The trial point as the new base."""
    scale = np.maximum(now.scale, np.linalg.norm(model.factor, axis=0))
    return now._replace(
        base=trial.point,
        factor=model.factor,
        target=model.target,
        scale=np.where(scale == 0, 1.0, scale),
        loss=np.float64(trial.loss),
        accepted=now.accepted + 1,
        failures=np.int64(0),
    )


def _judged(now: _State, trial: _Trial) -> _State:
    """Accept or reject the trial point, and resize the trust region."""
    noise = _noise(now, trial)
    if now.predicted <= noise:
        return _judged_in_noise(now, trial, noise)
    actual = float(now.loss) - trial.loss if trial.model is not None else -np.inf
    ratio = actual / float(now.predicted)
    if ratio <= POOR_RATIO:
        now = _shrunk(now, trial, _shrink_factor(now, trial, actual))
    elif ratio >= GOOD_RATIO or now.damping == 0:
        now = now._replace(radius=np.float64(2 * _length(now, trial)), damping=now.damping / 2)
    if trial.model is not None and ratio >= ACCEPTED_RATIO:
        return _adopted(now, trial, trial.model)
    return now._replace(failures=now.failures + 1)


def _length(now: _State, trial: _Trial) -> float:
    return float(np.linalg.norm(now.scale * (trial.point - now.base)))


def _shrunk(now: _State, trial: _Trial, factor: float) -> _State:
    radius = factor * min(float(now.radius), 10 * _length(now, trial))
    return now._replace(radius=np.float64(radius), damping=now.damping / factor)


def _shrink_factor(now: _State, trial: _Trial, actual: float) -> float:
    """The minimizer, along the step, of the parabola through the losses (Moré 1978, sec. 4)."""
    if actual >= 0:
        return 0.5
    if trial.model is None or trial.loss >= 100 * float(now.loss):
        return 0.1
    slope = float(now.model.gradient() @ (trial.point - now.base))
    return max(0.1, min(0.5, 0.5 * slope / (slope + actual)))


def _noise(now: _State, trial: _Trial) -> float:
    return now.model.rounding(now.base, float(now.loss), trial.precision)


def _judged_in_noise(now: _State, trial: _Trial, noise: float) -> _State:
    """Where losses differ by rounding only: go on while the gradient falls."""
    if trial.model is not None and trial.loss <= float(now.loss) + noise:
        after = _angle(trial.model, trial.loss, trial.point, trial)
        if after <= 0.9 * _angle(now.model, float(now.loss), now.base, trial):
            return _adopted(now, trial, trial.model)
    now = now._replace(failures=now.failures + 1)
    if now.failures >= PATIENCE:
        return now.ended(_reason(now, trial))
    return _shrunk(now, trial, 0.25)


def _reason(now: _State, trial: _Trial) -> str:
    """Why no step leads down: the rounding errors of a smooth loss, or a kink.

    Rounding it is where the residuals vanish to rounding; where their angle to the columns of the
    Jacobian is right to it; or where that angle is small and the gradient changes little over the
    short step to the trial point, while over a kink it jumps.
    """
    loss = float(now.loss)
    angle = _angle(now.model, loss, now.base, trial)
    if loss <= _noise(now, trial) or angle <= np.sqrt(NOISE * trial.precision):
        return PRECISION
    if trial.model is None or angle > trial.precision**0.25:
        return STALLED
    before, after = now.model.gradient(), trial.model.gradient()
    smooth = np.linalg.norm(after - before) <= 0.5 * np.linalg.norm(before)
    return PRECISION if smooth else STALLED


def _angle(model: Model, loss: float, point: Value, trial: _Trial) -> float:
    """How far the residual is from normal to the columns of the Jacobian that are not held."""
    gradient = projected_gradient(point, model.gradient(), trial.lower, trial.upper)
    return model.cosine(gradient, loss)


def _proposal(now: _State, trial: _Trial) -> tuple[Value, _State]:
    """The step to try next, within the trust region and the bounds."""
    noise = _noise(now, trial)
    if now.loss <= noise:
        return np.zeros_like(now.base), now.ended(PRECISION)
    below, above = trial.lower - now.base, trial.upper - now.base

    def solved(radius: float, damping: float) -> tuple[Value, float, float]:
        step, damping = model_step(now.model, now.scale, radius, damping, below, above)
        return step, damping, now.model.reduction(step)

    radius = float(now.radius)
    step, damping, predicted = solved(radius, float(now.damping))
    while 0 < predicted <= noise and damping > 0 and now.failures == 0:
        # The scale remembers steeper places: a step too short to tell anything is made longer.
        radius *= 10
        step, damping, predicted = solved(radius, damping / 10)
    for _ in range(SHRINKS_WITHOUT_EVALUATION):
        if predicted > 0:
            break
        # Bending a step along the bounds may lead up; bending a short one does not.
        radius /= 4
        step, damping, predicted = solved(radius, 4 * damping)
    length = float(np.linalg.norm(now.scale * step))
    now = now._replace(
        radius=np.float64(min(radius, length) if now.accepted == 1 else radius),
        damping=np.float64(damping),
        predicted=np.float64(predicted),
    )
    if not predicted > 0 or np.array_equal((now.base + step).astype(trial.dtype), now.base):
        return np.zeros_like(now.base), now.ended(_reason(now, trial))
    return step, now
