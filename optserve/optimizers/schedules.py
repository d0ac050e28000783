"""Schedules: a learning rate (or another rate) as a function of the number of steps taken."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from optserve.errors import ConfigError
from optserve.optimizers.base import Value
from optserve.optimizers.option_limits import held

__all__ = [
    "Rate",
    "Schedule",
    "constant",
    "cosine",
    "exponential_decay",
    "rate_schedule",
    "step_decay",
]

Rate = Annotated[float, Gt(0)]
Factor = Annotated[float, Gt(0), Le(1)]


@dataclass(frozen=True)
class Schedule:
    """A rate that changes with the steps.

    ``at(step, total)`` is the rate of the step after ``step`` steps; ``total`` is the number of
    steps that the job means to take, or ``None`` where it is not known. ``step`` is a scalar of
    the parameters' dtype (in float32 it therefore stands still after 2**24 steps), and so is
    ``total`` unless it is a Python number. ``at`` is plain arithmetic: it runs on numbers and
    tracers alike.
    """

    name: str
    at: Callable[[Value, Value | None], Value]


@held
def constant(value: Annotated[float, Ge(0)]) -> Schedule:
    """The same rate at every step.

    >>> constant(0.1).at(1000, None)
    0.1
    """
    return Schedule("constant", lambda _step, _total: value)


@held
def cosine(
    start: Rate,
    end: Annotated[float, Ge(0)] = 0.0,
    warmup: Annotated[int, Ge(0)] = 0,
    steps: Annotated[int, Ge(1)] | None = None,
) -> Schedule:
    """From ``start`` down to ``end`` along half a cosine (Loshchilov & Hutter 2017, eq. 5).

    During the first ``warmup`` steps the rate rises linearly to ``start``. ``end`` is reached after
    ``steps`` steps, warmup included; by default after as many as the job means to take. Raises
    ``ConfigError`` when neither is known.

    >>> [round(float(cosine(1.0, warmup=2).at(step, 6)), 3) for step in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def at(step: Value, total: Value | None) -> Value:
        length = total if steps is None else steps
        if length is None:
            raise ConfigError(
                "cosine: the number of steps is not known",
                expected="a limit of steps or epochs to end at",
                remedy="give stop.steps, stop.epochs, or the schedule's own steps",
                code="missing-key",
            )
        # A NumPy integer would turn float32 into float64; a Python number is of any precision.
        fall = length - warmup
        fall = max(fall, 1) if isinstance(fall, int | float) else np.maximum(fall, 1.0)
        progress = np.maximum(step - warmup, 0.0) / fall
        fallen = 0.5 - 0.5 * np.cos(math.pi * np.minimum(progress, 1.0))
        risen = np.minimum((step + 1.0) / max(warmup, 1), 1.0)
        return risen * (start + (end - start) * fallen)

    return Schedule("cosine", at)


@held
def exponential_decay(
    start: Rate,
    factor: Factor,
    every: Annotated[int, Ge(1)] = 1,
    end: Annotated[float, Ge(0)] = 0.0,
) -> Schedule:
    """``start * factor ** (step / every)``, but never below ``end``.

    >>> [float(exponential_decay(1.0, 0.25, every=2).at(step, None)) for step in range(3)]
    [1.0, 0.5, 0.25]
    """
    return Schedule(
        "exponential_decay",
        lambda step, _total: np.maximum(start * factor ** (step / every), end),
    )


@held
def step_decay(
    start: Rate,
    factor: Factor,
    every: Annotated[int, Ge(1)],
    end: Annotated[float, Ge(0)] = 0.0,
) -> Schedule:
    """``start``, multiplied by ``factor`` after each ``every`` steps, but never below ``end``.

    >>> [float(step_decay(1.0, 0.5, every=2).at(step, None)) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    return Schedule(
        "step_decay",
        lambda step, _total: np.maximum(start * factor ** np.floor(step / every), end),
    )


def rate_schedule(rate: float | Schedule) -> Schedule:
    """A number or a schedule as a schedule.

    >>> rate_schedule(0.1).at(7, None)
    0.1
    """
    return rate if isinstance(rate, Schedule) else constant(rate)
