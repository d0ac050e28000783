"""Adam: steps scaled by running moments of the gradient."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from optserve.optimizers.base import Evaluation, Optimizer, State, Value
from optserve.optimizers.option_limits import held
from optserve.optimizers.schedules import Rate, Schedule, rate_schedule

__all__ = ["adam"]


@held
def adam(
    learning_rate: Rate | Schedule = 1e-3,
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9,
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.999,
    epsilon: Annotated[float, Gt(0)] = 1e-8,
) -> Optimizer:
    """Adam with bias correction (Kingma & Ba 2015, Algorithm 1).

    ``beta1`` and ``beta2`` are the decay rates of the first and second moments of the gradient;
    ``epsilon`` is added to the root of the second.

    >>> method = adam(learning_rate=0.1)
    >>> params = np.array([1.0, -1.0])
    >>> updates, _ = method.update(
    ...     Evaluation(0.0, np.array([100.0, -0.01])), method.init(params), params
    ... )
    >>> updates.round(6)
    array([-0.1,  0.1])
    """
    rate = rate_schedule(learning_rate)

    def init(params: Value) -> State:
        moment = np.zeros(params.shape, params.dtype)
        return np.zeros((), params.dtype), moment, moment

    def update(evaluation: Evaluation, state: State, params: Value) -> tuple[Value, State]:
        step, first, second = state
        gradient = evaluation.gradient
        learning = rate.at(step, evaluation.total_steps)
        step = step + 1
        first = beta1 * first + (1 - beta1) * gradient
        second = beta2 * second + (1 - beta2) * gradient**2
        mean = first / (1 - beta1**step)
        spread = np.sqrt(second / (1 - beta2**step))
        return -learning * mean / (spread + epsilon), (step, first, second)

    return Optimizer("adam", init, update)
