"""Gradient descent with momentum, heavy-ball or Nesterov's."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from optserve.optimizers.base import Evaluation, Optimizer, State, Value
from optserve.optimizers.option_limits import held
from optserve.optimizers.schedules import Rate, Schedule, rate_schedule

__all__ = ["momentum"]


@held
def momentum(
    learning_rate: Rate | Schedule = 1e-2,
    decay: Annotated[float, Ge(0), Lt(1)] = 0.9,
    nesterov: bool = False,
) -> Optimizer:
    """Steps along a decaying sum of gradients: ``v = decay * v + g``, step ``-learning_rate * v``.

    With ``nesterov`` the step is ``-learning_rate * (g + decay * v)``, which is Nesterov's method
    seen from the point where the gradient is taken (Sutskever et al. 2013, eqs. 1-4).

    >>> method = momentum(learning_rate=0.1, decay=0.5)
    >>> params, gradient = np.zeros(1), np.ones(1)
    >>> first, state = method.update(Evaluation(0.0, gradient), method.init(params), params)
    >>> second, state = method.update(Evaluation(0.0, gradient), state, params + first)
    >>> first, second
    (array([-0.1]), array([-0.15]))
    """
    rate = rate_schedule(learning_rate)

    def init(params: Value) -> State:
        return np.zeros((), params.dtype), np.zeros(params.shape, params.dtype)

    def update(evaluation: Evaluation, state: State, params: Value) -> tuple[Value, State]:
        step, velocity = state
        velocity = decay * velocity + evaluation.gradient
        direction = evaluation.gradient + decay * velocity if nesterov else velocity
        updates = -rate.at(step, evaluation.total_steps) * direction
        return updates, (step + 1, velocity)

    return Optimizer("momentum", init, update)
