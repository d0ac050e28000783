"""Modifiers: what is done to the gradient before a method, or to the step after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from annotated_types import Gt

from optserve.errors import ConfigError
from optserve.optimizers.base import Evaluation, Optimizer, State, Value, no_verdict
from optserve.optimizers.option_limits import held
from optserve.optimizers.schedules import Rate, Schedule, rate_schedule

__all__ = ["Modifier", "chain", "clip", "clip_by_global_norm", "weight_decay"]


@dataclass(frozen=True)
class Modifier:
    """Something that turns a first-order method into another; ``chain`` applies it."""

    name: str
    wrap: Callable[[Optimizer], Optimizer]


def chain(modifiers: tuple[Modifier, ...], method: Optimizer) -> Optimizer:
    """``method`` with ``modifiers`` around it; the first sees the gradient first.

    Raises ``ConfigError`` for a method that searches (``lbfgs``, ``levenberg_marquardt``): it
    compares losses, which a changed gradient or step no longer belongs to.

    >>> from optserve.optimizers import gradient_descent
    >>> method = chain((clip(0.5),), gradient_descent(learning_rate=1.0))
    >>> params = np.zeros(2)
    >>> method.update(Evaluation(0.0, np.array([9.0, 0.1])), method.init(params), params)[0]
    array([-0.5, -0.1])
    """
    if modifiers and not method.traced:
        names = ", ".join(modifier.name for modifier in modifiers)
        raise ConfigError(
            f"{names}: cannot modify {method.name}, which searches along the loss",
            expected="a method such as adam, momentum or gradient_descent",
            remedy=f"leave out {names}, or choose another method",
            code="wrong-method",
        )
    for modifier in reversed(modifiers):
        method = modifier.wrap(method)
    return method


@held
def clip_by_global_norm(norm: Annotated[float, Gt(0)] = 1.0) -> Modifier:
    """Shorten a gradient longer than ``norm`` to that length (Pascanu, Mikolov & Bengio 2013).

    >>> from optserve.optimizers import gradient_descent
    >>> method = chain((clip_by_global_norm(1.0),), gradient_descent(learning_rate=1.0))
    >>> params = np.zeros(2)
    >>> method.update(Evaluation(0.0, np.array([3.0, 4.0])), method.init(params), params)[0]
    array([-0.6, -0.8])
    """

    def shortened(gradient: Value) -> Value:
        # Divided by the largest entry first: the squares of large ones would overflow.
        largest = np.maximum(np.max(np.abs(gradient)), norm)
        length = largest * np.sqrt(np.sum((gradient / largest) ** 2))
        return gradient * (norm / np.maximum(length, norm))

    return Modifier(
        "clip_by_global_norm", lambda inner: _before("clip_by_global_norm", shortened, inner)
    )


@held
def clip(value: Annotated[float, Gt(0)] = 1.0) -> Modifier:
    """Clip each component of the gradient to ``[-value, value]``."""

    def clipped(gradient: Value) -> Value:
        return np.minimum(np.maximum(gradient, -value), value)

    return Modifier("clip", lambda inner: _before("clip", clipped, inner))


@held
def weight_decay(rate: Rate | Schedule = 1e-4) -> Modifier:
    """Shrink the parameters by ``rate`` of themselves at each step, apart from the gradient.

    This is the decoupled decay of Loshchilov & Hutter (2019, Algorithm 2), so with ``adam`` it
    gives AdamW. ``rate`` is not multiplied by the learning rate; implementations that do multiply
    are met by ``rate = learning_rate * weight_decay``.

    >>> from optserve.optimizers import gradient_descent
    >>> method = chain((weight_decay(0.1),), gradient_descent(learning_rate=1.0))
    >>> params = np.array([2.0])
    >>> method.update(Evaluation(0.0, np.array([1.0])), method.init(params), params)[0]
    array([-1.2])
    """
    schedule = rate_schedule(rate)

    def wrap(inner: Optimizer) -> Optimizer:
        def init(params: Value) -> State:
            return (np.zeros((), params.dtype), *inner.init(params))

        def update(evaluation: Evaluation, state: State, params: Value) -> tuple[Value, State]:
            step, *rest = state
            updates, inner_state = inner.update(evaluation, tuple(rest), params)
            decay = schedule.at(step, evaluation.total_steps) * params
            return updates - decay, (step + 1, *inner_state)

        return replace(
            inner,
            name=f"weight_decay, {inner.name}",
            init=init,
            update=update,
            verdict=no_verdict
            if inner.verdict is no_verdict
            else lambda state: inner.verdict(state[1:]),
        )

    return Modifier("weight_decay", wrap)


def _before(name: str, change: Callable[[Value], Value], inner: Optimizer) -> Optimizer:
    """``inner`` fed with the changed gradient; no state of its own."""

    def update(evaluation: Evaluation, state: State, params: Value) -> tuple[Value, State]:
        changed = evaluation._replace(gradient=change(evaluation.gradient))
        return inner.update(changed, state, params)

    return replace(inner, name=f"{name}, {inner.name}", update=update)
