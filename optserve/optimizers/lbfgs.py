"""L-BFGS: a quasi-Newton method of limited memory, with bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge

from optserve.optimizers.base import Evaluation, Optimizer, State, Value
from optserve.optimizers.limited_memory import Memory, bounded_direction, direction
from optserve.optimizers.line_search import LineSearch, advance, begin
from optserve.optimizers.option_limits import held
from optserve.optimizers.projection import projected_gradient
from optserve.optimizers.verdict import NOISE, PRECISION, STALLED, VERDICTS

__all__ = ["lbfgs"]

LONGEST_STEP = 1e10
PATIENCE = 8
"""How many steps in a row may change the loss by rounding only, without a smaller gradient."""


class _State(NamedTuple):
    """The base point, the memory, and the line search from there; every field an array.

    ``steps`` and ``changes`` (m, p) hold ``pairs`` pairs, newest last; ``scale`` (p,) is the
    curvature along each parameter. ``search`` is a ``LineSearch``; ``settling`` says that the trial
    point is to be taken whatever it is. ``accepted`` counts the base points, the first of which was
    ``start`` with the loss ``first``. ``idle`` counts steps that changed the loss by rounding only,
    ``gentlest`` is the least slope that a search began with; ``verdict`` is an index into
    ``VERDICTS``.
    """

    base: Value
    gradient: Value
    direction: Value
    steps: Value
    changes: Value
    pairs: Value
    scale: Value
    search: Value
    settling: Value
    start: Value
    first: Value
    accepted: Value
    idle: Value
    gentlest: Value
    verdict: Value

    @property
    def memory(self) -> Memory:
        kept = len(self.steps) - int(self.pairs)
        return Memory(self.steps[kept:], self.changes[kept:], self.scale)

    @property
    def line_search(self) -> LineSearch:
        return LineSearch(*map(float, self.search))

    def ended(self, verdict: str) -> _State:
        return self._replace(verdict=np.int64(VERDICTS.index(verdict)))


class _Trial(NamedTuple):
    """The point just evaluated, in float64, and the bounds, ``None`` where there are none."""

    point: Value
    loss: float
    gradient: Value
    lower: Value | None
    upper: Value | None
    precision: float
    curvature: Callable[[Value], Value | None] | None


@held
def lbfgs(memory: Annotated[int, Ge(1)] = 10) -> Optimizer:
    """Minimize a smooth function by L-BFGS, within bounds as L-BFGS-B does.

    Directions come from the last ``memory`` steps (Nocedal 1980); with bounds, from the generalized
    Cauchy point and a minimization over the components that it leaves free (Byrd, Lu, Nocedal &
    Zhu 1995). Steps satisfy the strong Wolfe conditions (Moré & Thuente 1994).

    Units of the parameters do not matter where the job tells the curvature along each: at the start
    and where the memory is given up, from the Hessian of few parameters, and from some products
    with that of many.

    Where losses differ by rounding only, the search goes by the gradient. The verdict is
    ``"precision"`` once that leads no further either, and ``"stalled"`` where the loss refuses to
    fall although its gradient says otherwise, as at a kink.

    >>> method = lbfgs()
    >>> params = np.array([3.0, -4.0])
    >>> state = method.init(params)
    >>> for _ in range(4):
    ...     evaluation = Evaluation(params @ params, 2 * params)
    ...     updates, state = method.update(evaluation, state, params)
    ...     params = params + updates
    >>> np.abs(params).max() < 1e-12
    np.True_
    """

    def init(params: Value) -> State:
        return tuple(_blank(params, memory))

    @np.errstate(all="ignore")  # what overflows is found out, and stepped back from
    def update(evaluation: Evaluation, state: State, params: Value) -> tuple[Value, State]:
        now = _State(*state)
        trial = _trial(evaluation, params)
        if not now.accepted:
            now = _first(now, trial)
        elif now.verdict == 0:
            now = _searched(now, trial)
        step = np.float64(0.0) if now.verdict else now.line_search.step * now.direction
        target = now.base + step
        if trial.lower is not None and trial.upper is not None:
            target = np.clip(target, trial.lower, trial.upper)
        return (target - trial.point).astype(params.dtype), tuple(now)

    return Optimizer(
        name="lbfgs",
        init=init,
        update=update,
        traced=False,
        verdict=lambda state: VERDICTS[int(_State(*state).verdict)],
        expects=_expected,
        accepted=lambda state: int(_State(*state).accepted),
        gradient_tolerance=1e-8,
    )


def _expected(state: State) -> float:
    """The decrease to the minimizer of the quadratic model, where steps have given it one."""
    now = _State(*state)
    return -0.5 * now.line_search.slope0 if now.pairs else math.nan


def _blank(params: Value, memory: int) -> _State:
    vector, scalar, integer = np.zeros(params.shape), np.zeros(()), np.zeros((), dtype=np.int64)
    return _State(
        base=vector,
        gradient=vector,
        direction=vector,
        steps=np.zeros((memory, params.size)),
        changes=np.zeros((memory, params.size)),
        pairs=integer,
        scale=vector,
        search=np.array(begin(0.0, 0.0, 0.0, 0.0)),
        settling=integer,
        start=vector,
        first=scalar,
        accepted=integer,
        idle=integer,
        gentlest=scalar,
        verdict=integer,
    )


def _trial(evaluation: Evaluation, params: Value) -> _Trial:
    point = np.asarray(params, dtype=np.float64)
    lower, upper = (
        None if bound is None else np.asarray(bound, dtype=np.float64)
        for bound in (evaluation.lower, evaluation.upper)
    )
    if lower is not None or upper is not None:
        unbounded = np.full_like(point, np.inf)
        lower = -unbounded if lower is None else lower
        upper = unbounded if upper is None else upper
        if np.isinf(lower).all() and np.isinf(upper).all():
            lower = upper = None
    return _Trial(
        point,
        float(evaluation.loss),
        np.asarray(evaluation.gradient, dtype=np.float64),
        lower,
        upper,
        float(np.finfo(params.dtype).eps),
        evaluation.curvature,
    )


def _first(now: _State, trial: _Trial) -> _State:
    """The state at the start; from one that is not finite there is no way down."""
    now = now._replace(base=trial.point, gradient=trial.gradient, accepted=np.int64(1))
    if not (np.isfinite(trial.loss) and np.isfinite(trial.gradient).all()):
        return now.ended(STALLED)
    now = now._replace(
        start=trial.point,
        first=np.float64(trial.loss),
        gentlest=np.float64(np.inf),
        scale=_scale(now, trial, trial.loss),
    )
    return _search_begun(now, trial, trial.loss)


def _scale(now: _State, trial: _Trial, loss: float) -> Value:
    """The curvature along each parameter at the base (p,), as far as it can be told.

    Where it is told, a curvature is taken to be at least so large that a step along its parameter
    alone would not lower the loss by more than the loss itself, or than others would; all are
    then multiplied so that the first trial point is the minimum along the first direction. Where
    none is told, the first trial point is one unit away.
    """
    gradient = projected_gradient(now.base, now.gradient, trial.lower, trial.upper)
    told = None if trial.curvature is None else trial.curvature(now.base)
    if told is not None:
        diagonal = told if told.ndim == 1 else np.diagonal(told)
        scale = np.where(np.isfinite(diagonal), np.abs(diagonal), 0.0)
        known = scale > 0
        if known.any():
            falls = gradient[known] ** 2 / scale[known]
            most = max(abs(loss), float(np.median(falls))) or 1.0
            scale = np.maximum(scale, gradient**2 / most)
            scale = np.where(scale > 0, scale, float(np.median(scale[known])))
            if told.ndim == 1:
                return scale
            move = gradient / scale
            whole = float(np.divide(move @ told @ move, gradient @ move))
            return scale * whole if 0 < whole < np.inf else scale
    return np.full_like(now.base, float(np.linalg.norm(gradient)) or 1.0)


def _searched(now: _State, trial: _Trial) -> _State:
    """Show the trial point to the line search, and do as it says."""
    slope = float(trial.gradient @ now.direction)
    if now.settling:
        return _adopted(now, trial)
    search, outcome = advance(now.line_search, trial.loss, slope, trial.precision)
    now = now._replace(search=np.array(search))
    if outcome == "accept":
        return _adopted(now, trial)
    if outcome == "settle":
        return now._replace(settling=np.int64(1))
    if outcome == "continue":
        if np.array_equal(now.base + search.step * now.direction, now.base):
            outcome = "fail"
        else:
            return now
    if now.pairs:
        # A memory of rough country may mislead: once more along the gradient itself.
        loss = now.line_search.value0
        return _search_begun(_forgetting(now, trial, loss), trial, loss)
    loss = now.line_search.value0
    scale = _timid(now, loss)
    if (scale > now.scale).any() and np.isfinite(scale).all():
        return _search_begun(now._replace(scale=scale), trial, loss)
    return now.ended(_reason(now, trial, loss))


def _timid(now: _State, loss: float) -> Value:
    """Curvatures (p,) by which no parameter alone would lower the loss by more than itself: where
    it is straight, and bends far off only, none that is seen tells how far a step may lead."""
    return np.maximum(now.scale, now.gradient**2 / abs(loss)) if loss else now.scale


def _forgetting(now: _State, trial: _Trial, loss: float) -> _State:
    """Without the steps so far, and with the curvatures that can be told here."""
    return now._replace(pairs=np.int64(0), scale=_scale(now, trial, loss))


def _adopted(now: _State, trial: _Trial) -> _State:
    """The trial point as the new base, and a search from there."""
    step, change = trial.point - now.base, trial.gradient - now.gradient
    if float(step @ change) > trial.precision * abs(float(step @ now.gradient)):
        along = float((change / now.scale) @ change) / float(step @ change)
        scale = along * now.scale
        if scale.min() > 0 and np.isfinite(scale.max()):
            now = now._replace(
                steps=np.vstack([now.steps[1:], step]),
                changes=np.vstack([now.changes[1:], change]),
                pairs=np.minimum(now.pairs + 1, len(now.steps)),
                scale=scale,
            )
    before = now.line_search.value0
    now = now._replace(
        base=trial.point,
        gradient=trial.gradient,
        settling=np.int64(0),
        accepted=now.accepted + 1,
    )
    now = _search_begun(now, trial, trial.loss)
    slope, gentlest = -now.line_search.slope0, float(now.gentlest)
    noise = NOISE * trial.precision * abs(before)
    idle = abs(trial.loss - before) <= noise and slope > 0.25 * gentlest
    now = now._replace(
        idle=now.idle + 1 if idle else np.int64(0),
        gentlest=np.float64(min(slope, gentlest)),
    )
    if now.idle >= PATIENCE and not now.verdict:
        return now.ended(_reason(now, trial, trial.loss))
    return now


def _search_begun(now: _State, trial: _Trial, loss: float) -> _State:
    """A direction from the base, and a line search along it."""
    move = _direction(now, trial)
    slope = float(now.gradient @ move)
    if not -np.inf < slope < 0 and now.pairs:
        now = _forgetting(now, trial, loss)
        move = _direction(now, trial)
        slope = float(now.gradient @ move)
    if not -np.inf < slope < 0:
        return now.ended(PRECISION if slope == 0 else STALLED)
    search = begin(loss, slope, 1.0, _longest_step(now.base, move, trial))
    return now._replace(direction=move, search=np.array(search))


def _direction(now: _State, trial: _Trial) -> Value:
    if trial.lower is None or trial.upper is None:
        return direction(now.memory, now.gradient)
    below, above = trial.lower - now.base, trial.upper - now.base
    try:
        return bounded_direction(now.memory, now.gradient, below, above)
    except np.linalg.LinAlgError:
        return np.full_like(now.base, np.nan)


def _longest_step(base: Value, move: Value, trial: _Trial) -> float:
    """The longest multiple of ``move`` that stays within the bounds; at least 1."""
    if trial.lower is None or trial.upper is None:
        return LONGEST_STEP
    reach = np.where(move > 0, trial.upper - base, trial.lower - base) / move
    return max(1.0, float(np.min(reach[move != 0], initial=LONGEST_STEP)))


def _reason(now: _State, trial: _Trial, loss: float) -> str:
    """Why no step leads down from the base: rounding errors of a smooth loss, or a kink.

    Rounding of the parameters leaves a gradient that would change the loss, over the way that they
    have from 0 or from the start, by little of what it is or was; at a kink it does not get small.
    """
    sizes = np.maximum(np.abs(now.base), np.abs(now.start))
    gradient = projected_gradient(now.base, now.gradient, trial.lower, trial.upper)
    change = float(np.max(np.abs(gradient) * sizes, initial=0.0))
    most = max(abs(loss), abs(float(now.first)))
    return PRECISION if 0.0 < change <= np.cbrt(trial.precision) * most else STALLED
