"""Levenberg-Marquardt: least squares by Gauss-Newton steps within a trust region."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Gt

from optserve.optimizers.base import Evaluation, Optimizer, State, Value
from optserve.optimizers.block_angular import AngularTriangle
from optserve.optimizers.damped_least_squares import damped_gain, model_step
from optserve.optimizers.lengths import norm
from optserve.optimizers.linearization import Model
from optserve.optimizers.option_limits import held
from optserve.optimizers.trial import Trial, trial_of
from optserve.optimizers.verdict import NOISE, PRECISION, STALLED, VERDICTS

__all__ = ["levenberg_marquardt"]

ACCEPTED_RATIO = 1e-4
POOR_RATIO, GOOD_RATIO = 0.25, 0.75

FADING, FADING_OF_BLOCKS = 0.96, 0.25
"""What is left a step of a scale that is larger than the column; where each block has its own."""

VANISHING = 1e-8
"""What is left of a column, where the parameter no longer has an effect: there is no way back."""

RESTRAINED = 16
"""How many such trials in a row are rejected."""

NEARER, SURELY_NEARER = 0.9, 0.5
"""How much of what is left to gain may remain where losses do not tell, and where they rise."""

FARTHER = 1.01
"""Where more than this is left, the step was too long; else it was too short to change much."""

OVERSTATED = 4.0
"""How many times what there is to gain the model may say, at a minimum."""

PATIENCE = 3
"""How many trials in a row may come to nothing where all that is left to gain is noise."""

SEARCHED = 64
"""How many trials in a row may come to nothing where more is left to gain."""

NARROW = 1.2
"""Of a short and a long step whose lengths differ by less, neither lowers the loss."""


class _State(NamedTuple):
    """The base point, the model there, and the trust region; every field an array.

    ``factor`` to ``size`` are those of the ``Model``, or the entries of its factor where that has a
    ``layout``; ``sums`` are those of its blocks, if they are independent. Changes of the loss are
    told as parts of it: ``noise`` is what rounding makes, ``gain`` the fall were the residual
    linear, ``predicted`` the fall that the model says of the trial point. ``radius`` bounds the
    norm of ``scale * step``, and ``damping`` made the trial point. ``step`` is the last one that
    was accepted. From this base ``failures`` trials came to nothing: steps as long as ``unseen``
    change the loss by less than can be told, and those as long as ``raised`` raise it, or what is
    left to gain. ``verdict`` is an index into ``VERDICTS``. ``expected`` is by how much the loss
    may fall from the last trial point.
    """

    base: Value
    factor: Value
    target: Value
    remainder: Value
    lengths: Value
    size: Value
    sums: Value
    noise: Value
    gain: Value
    scale: Value
    step: Value
    radius: Value
    damping: Value
    predicted: Value
    unseen: Value
    raised: Value
    accepted: Value
    failures: Value
    verdict: Value
    expected: Value

    def model(self, trial: Trial) -> Model:
        remainder, size = float(self.remainder), float(self.size)
        factor = (
            self.factor if trial.layout is None else AngularTriangle.of(trial.layout, self.factor)
        )
        return Model(factor, self.target, remainder, self.lengths, size, trial.precision)

    def ended(self, verdict: str) -> _State:
        return self._replace(verdict=np.int64(VERDICTS.index(verdict)))


@held
def levenberg_marquardt(radius: Annotated[float, Gt(0)] = 1000.0) -> Optimizer:
    """Minimize a sum of squares by the method of Levenberg and Marquardt, as of Moré (1978).

    The step minimizes the linearized sum of squares within ``norm(D * step) <= delta``, where D
    are lengths that the columns of the Jacobian have had, which makes the method indifferent to the
    units of the parameters and of the residual. D rises with the columns at once, and fades slowly
    where they have become shorter and the steps do not go to and fro. The first delta is ``radius``
    times the norm of the residual, which has the unit of ``D * step`` and, unlike that of the
    start, is never 0. Steps come from orthogonal factorizations; where the rank is deficient, the
    shortest is taken. Bounds are met by projection: a component at its bound is held while the
    gradient points out, and a step that leaves the box is bent along its face.

    A change of the loss below its rounding error decides nothing; there, a step is taken while it
    lowers what the model says is left to gain, so that the estimate is good to the last digits that
    the residuals carry. Where that is less than rounding too, the verdict is ``"precision"``. Where
    more is left, a step is sought between those that are too short to change the loss and those
    that raise it; where there is none, as at a kink, the verdict is ``"stalled"``.

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

    @np.errstate(all="ignore")  # what overflows is found out, and stepped back from
    def update(evaluation: Evaluation, state: State, params: Value) -> tuple[Value, State]:
        trial = trial_of(evaluation, params)
        now = _State._make((*state[:-1], _expected(trial)))
        before = now.accepted
        if before == 0:
            now = _first(now, trial, radius)
        elif now.verdict == 0:
            now = _judged(now, trial)
        target = now.base
        if now.verdict == 0:
            fresh = trial.model if now.accepted > before else None
            step, now = _proposal(now, trial, fresh or now.model(trial))
            target = now.base + step
        target = _onto_bounds(target, now.base, trial)
        return (target - trial.point).astype(params.dtype), tuple(now)

    return Optimizer(
        name="levenberg_marquardt",
        init=_init,
        update=update,
        needs="jacobian",
        takes_blocks=True,
        traced=False,
        verdict=lambda state: VERDICTS[int(_State(*state).verdict)],
        expects=lambda state: float(_State(*state).expected),
        accepted=lambda state: int(_State(*state).accepted),
        gradient_tolerance=1e-8,
    )


def _expected(trial: Trial) -> Value:
    """By how much the sum of squares would fall from the trial point, were the residual linear."""
    if trial.model is None:
        return np.float64(np.nan)
    model = trial.model
    return np.square(model.size * model.offset(trial.held(trial.point, model)))


def _init(params: Value) -> State:
    vector, scalar, integer = np.zeros(params.shape), np.zeros(()), np.zeros((), dtype=np.int64)
    square = np.broadcast_to(0.0, (params.size, params.size))  # replaced before it is read
    vectors = dict.fromkeys(("base", "target", "lengths", "scale", "step"), vector)
    integers = dict.fromkeys(("accepted", "failures", "verdict"), integer)
    scalars = dict.fromkeys(_State._fields, scalar)
    arrays = {"factor": square, "sums": np.zeros(0)}
    return tuple(_State(**{**scalars, **vectors, **integers, **arrays}))


def _first(now: _State, trial: Trial, radius: float) -> _State:
    """The state at the start; from one that is not finite there is no way down."""
    if trial.model is None:
        return now._replace(base=trial.point).ended(STALLED)
    now = _adopted(now._replace(base=trial.point), trial, trial.model)
    return now._replace(radius=np.float64(radius * trial.model.size))


def _adopted(now: _State, trial: Trial, model: Model) -> _State:
    """The trial point as the new base."""
    step = trial.point - now.base
    fading = FADING_OF_BLOCKS if trial.sums.size else FADING
    faded = np.where(step * now.step > 0, fading, 1.0) * now.scale
    scale = np.maximum(faded, model.lengths)
    return now._replace(
        base=trial.point,
        factor=model.factor if trial.layout is None else model.factor.entries,
        target=model.target,
        remainder=np.float64(model.remainder),
        lengths=model.lengths,
        size=np.float64(model.size),
        sums=trial.sums,
        noise=np.float64(_noise(model, trial.point)),
        gain=np.float64(np.nan),
        scale=np.where(scale == 0, 1.0, scale),
        step=step,
        unseen=np.float64(0.0),
        raised=np.float64(np.inf),
        accepted=now.accepted + 1,
        failures=np.int64(0),
    )


def _noise(model: Model, point: Value) -> float:
    """What of the loss rounding may change: in its own sum, and in the residuals."""
    return NOISE * model.precision + 4.0 * model.noise(point)


def _judged(now: _State, trial: Trial) -> _State:
    """Accept or reject the trial point, and resize the trust region."""
    noise, predicted = float(now.noise), float(now.predicted)
    if trial.layout is not None and trial.sums.size and now.failures < RESTRAINED:
        risen = ~(trial.sums - now.sums <= noise * float(now.size) ** 2)
        if risen.any():  # the step was too long for these blocks alone
            return _restrained(now, trial, trial.layout.of_blocks(risen))
    length = norm(now.scale * (trial.point - now.base))
    actual = -np.inf
    if trial.model is not None:
        shrunk = trial.model.size / float(now.size)
        actual = (1.0 - shrunk) * (1.0 + shrunk)
    least = ACCEPTED_RATIO * predicted if predicted > noise else noise
    if trial.model is not None and actual > least:
        if predicted > noise and now.failures < RESTRAINED:
            vanished = trial.model.lengths < VANISHING * now.lengths
            if vanished.any():
                return _restrained(now, trial, vanished)
        if actual <= POOR_RATIO * predicted:
            now = _shrunk(now, length, 0.5)
        elif actual >= GOOD_RATIO * predicted or now.damping == 0:
            now = now._replace(radius=np.float64(2.0 * length), damping=now.damping / 2.0)
        return _adopted(now, trial, trial.model)
    beyond = actual < -noise
    blur = max(noise, float(np.sqrt(trial.precision)))
    if trial.model is not None and predicted <= blur and actual >= -blur:
        # Losses tell little: nothing within the noise, and below the root of the precision this
        # may be larger than the residuals show. What the model leaves to gain decides.
        left = _left(now, trial, trial.model)
        if left <= (NEARER if actual >= -noise else SURELY_NEARER):
            if now.damping > 0:  # which is right as it is
                now = now._replace(radius=np.float64(left * length * (2.0 if left > 0.8 else 1.0)))
            return _adopted(now, trial, trial.model)
        beyond |= left > FARTHER
    now = now._replace(failures=now.failures + 1)
    if beyond:
        now = now._replace(raised=np.minimum(now.raised, length))
    if predicted > noise:
        return _shrunk(now, length, _shrink_factor(now, trial, actual))
    return _sought(now, length)


def _restrained(now: _State, trial: Trial, wrong: Value) -> _State:
    """Reject a step that is ``wrong`` for some parameters, and shorten their part of it: it takes
    their effect away, or leads the block that they are of astray."""
    moved = np.abs(trial.point - now.base)
    reach = np.where(wrong & (moved > 0), moved, np.inf)
    scale = np.maximum(now.scale, 10.0 * float(now.radius) / reach)
    return now._replace(scale=scale, failures=now.failures + 1)


def _left(now: _State, trial: Trial, model: Model) -> float:
    """What is left to gain from the trial point over what was from the base, as damped as there."""
    before = now.model(trial)
    gains = [
        damped_gain(one, _weights(now, one), float(now.damping), trial.held(point, one))
        for one, point in ((before, now.base), (model, trial.point))
    ]
    return float(np.sqrt(gains[1] / gains[0])) if gains[0] > 0 else np.inf


def _weights(now: _State, model: Model) -> Value:
    """The scale (p,) in the units of a model."""
    return now.scale / model.divisors


def _shrunk(now: _State, length: float, factor: float) -> _State:
    radius = factor * min(float(now.radius), 10.0 * length)
    return now._replace(radius=np.float64(radius), damping=now.damping / factor)


def _shrink_factor(now: _State, trial: Trial, actual: float) -> float:
    """The minimizer, along the step, of the parabola through the losses (Moré 1978, sec. 4)."""
    if actual >= 0:
        return 0.5
    if actual < -100.0:
        return 0.1
    model = now.model(trial)
    slope = 2.0 * float(model.cosines @ ((trial.point - now.base) / model.units))
    return max(0.1, min(0.5, 0.5 * slope / (slope + actual)))


def _sought(now: _State, length: float) -> _State:
    """After a step of a ``length`` that was too short to tell much, and came to nothing.

    Where little is left to gain, this is the end. Else the next step is longer than those that the
    loss does not show, and shorter than those that raise it.
    """
    if now.gain <= now.noise and now.failures >= PATIENCE:
        return now.ended(PRECISION)
    if length < now.raised:
        now = now._replace(unseen=np.maximum(now.unseen, length))
    unseen, raised = float(now.unseen), float(now.raised)
    spent = now.failures >= SEARCHED or raised <= NARROW * unseen
    if spent or (np.isinf(raised) and now.damping == 0):
        return now.ended(_reason(now))
    if np.isinf(raised):
        radius = 10.0 * length
    elif unseen == 0:
        radius = 0.1 * raised
    else:
        radius = min(np.sqrt(unseen) * np.sqrt(raised), 0.5 * (unseen + raised))
    return now._replace(radius=np.float64(radius))


def _onto_bounds(target: Value, base: Value, trial: Trial) -> Value:
    """``target`` (p,), a little beyond the bounds that it reaches: a sum may miss them by a bit.

    The job projects it onto them.
    """
    if trial.lower is None or trial.upper is None:
        return target
    bit = 4.0 * trial.precision * np.maximum(np.abs(base), np.abs(trial.point))
    target = np.where(target <= trial.lower + bit, trial.lower - bit, target)
    return np.where(target >= trial.upper - bit, trial.upper + bit, target)


def _reason(now: _State) -> str:
    """Why no step leads down: what is left to gain cannot be told from rounding, or it can.

    Where residuals are large, the linear model says somewhat more than there is.
    """
    return PRECISION if now.gain <= OVERSTATED * now.noise else STALLED


def _proposal(now: _State, trial: Trial, model: Model) -> tuple[Value, _State]:
    """The step to try next, within the trust region and the bounds."""
    if now.size == 0:
        return np.zeros_like(now.base), now.ended(PRECISION)
    weights, box = _weights(now, model), _box(now, trial, model)
    full, _ = model_step(model, weights, np.inf, 0.0, *box)
    gain = model.reduction(full)
    for _ in range(SEARCHED):
        radius, damping = float(now.radius), float(now.damping)
        step, damping = model_step(model, weights, radius / float(now.size), damping, *box)
        predicted = gain if step is full else model.reduction(step)
        step = step * model.units
        length = norm(now.scale * step)
        if not predicted > 0 and damping > 0:
            # Bending a step along the bounds may lead up; bending a short one does not.
            shorter, more = np.float64(radius / 4.0), np.float64(4.0 * damping)
            now = now._replace(gain=np.float64(gain), radius=shorter, damping=more)
            continue
        now = now._replace(
            gain=np.float64(gain),
            radius=np.float64(min(radius, length) if now.accepted == 1 else radius),
            damping=np.float64(damping),
            predicted=np.float64(predicted),
        )
        if ((now.base + step).astype(trial.dtype, copy=False) != now.base).any():
            return step, now
        now = _sought(now._replace(failures=now.failures + 1), length)
        if now.verdict:
            break
    return np.zeros_like(now.base), now if now.verdict else now.ended(_reason(now))


def _box(now: _State, trial: Trial, model: Model) -> tuple[Value | None, Value | None]:
    """The distances (p,) to the bounds, in the units of the model."""
    if trial.lower is None or trial.upper is None:
        return None, None
    return (trial.lower - now.base) / model.units, (trial.upper - now.base) / model.units
