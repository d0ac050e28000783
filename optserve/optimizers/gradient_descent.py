"""Gradient descent, the plainest method: a step against the gradient."""

from __future__ import annotations

import numpy as np

from optserve.optimizers.base import Evaluation, Optimizer, State, Value
from optserve.optimizers.option_limits import held
from optserve.optimizers.schedules import Rate, Schedule, rate_schedule

__all__ = ["gradient_descent"]


@held
def gradient_descent(learning_rate: Rate | Schedule = 1e-2) -> Optimizer:
    """Steps of ``-learning_rate * gradient``.

    >>> method = gradient_descent(learning_rate=0.5)
    >>> params = np.array([2.0, -4.0])
    >>> updates, _ = method.update(Evaluation(20.0, 2 * params), method.init(params), params)
    >>> params + updates
    array([0., 0.])
    """
    rate = rate_schedule(learning_rate)

    def init(params: Value) -> State:
        return (np.zeros((), params.dtype),)

    def update(evaluation: Evaluation, state: State, params: Value) -> tuple[Value, State]:
        (step,) = state
        updates = -rate.at(step, evaluation.total_steps) * evaluation.gradient
        return updates, (step + 1,)

    return Optimizer("gradient_descent", init, update)
