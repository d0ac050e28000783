"""The smallest job there can be: evaluate, judge convergence, update."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.optimizers import Evaluation, Optimizer, project, projected_gradient
from optserve.optimizers.linearization import linearize


class Descent(NamedTuple):
    """How a descent ended: where, and after how many evaluations, and why."""

    params: Array
    loss: float
    evaluations: int
    reason: str


def descend(
    method: Optimizer,
    evaluate: Callable[[Array], Evaluation],
    start: Array,
    *,
    tolerance: float | None = None,
    limit: int = 1000,
) -> Descent:
    """Descend until the gradient is small, the method ends, or ``limit`` evaluations are made."""
    if tolerance is None:
        tolerance = method.gradient_tolerance
    params, state = start, method.init(start)
    best, best_loss = start, np.inf
    for evaluations in range(1, limit + 1):
        evaluation = evaluate(params)._replace(total_steps=limit)
        if evaluation.loss <= best_loss:
            best, best_loss = params, float(evaluation.loss)
        # A trial point that overshot onto a plateau has no gradient either.
        near_best = evaluation.loss <= best_loss + 1e-8 * abs(best_loss)
        if tolerance is not None and near_best and stationarity(evaluation, params) <= tolerance:
            return Descent(params, float(evaluation.loss), evaluations, "gradient")
        updates, state = method.update(evaluation, state, params)
        params = project(params + updates, evaluation.lower, evaluation.upper)
        if method.verdict(state):
            loss = float(evaluate(params).loss)
            return Descent(params, loss, evaluations, method.verdict(state))
    return Descent(best, best_loss, limit, "limit")


@np.errstate(all="ignore")
def stationarity(evaluation: Evaluation, params: Array) -> float:
    """How far from stationary: the relative offset (Bates & Watts 1981) of a sum of squares."""
    gradient = projected_gradient(params, evaluation.gradient, evaluation.lower, evaluation.upper)
    if evaluation.jacobian is not None and evaluation.residual is not None:
        model = linearize(evaluation.jacobian, evaluation.residual)
        if model is None:
            return np.inf
        offset = model.offset((gradient == 0) & (evaluation.gradient != 0))
        return float(offset / np.sqrt(max(1 - offset**2, 1e-300)))
    sizes = np.abs(gradient) * np.maximum(np.abs(params), 1.0)
    return float(np.max(sizes) / max(abs(float(evaluation.loss)), 1.0))
