"""Schedules: a learning rate (or another rate) as a function of the number of steps taken."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from optserve.errors import ConfigError
from optserve.frozen import frozen
from optserve.optimizers.base import Value
from optserve.optimizers.options import count, nonnegative, number, positive

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential_decay",
    "rate_schedule",
    "step_decay",
]


@frozen
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


def constant(value: float) -> Schedule:
    """The same rate at every step.

    >>> constant(0.1).at(1000, None)
    0.1
    """
    value = nonnegative("constant", "value", value, such_as=0.01)
    return Schedule("constant", lambda _step, _total: value)


def cosine(start: float, end: float = 0.0, warmup: int = 0, steps: int | None = None) -> Schedule:
    """From ``start`` down to ``end`` along half a cosine (Loshchilov & Hutter 2017, eq. 5).

    During the first ``warmup`` steps the rate rises linearly to ``start``. ``end`` is reached after
    ``steps`` steps, warmup included; by default after as many as the job means to take. Raises
    ``ConfigError`` when neither is known.

    >>> [round(float(cosine(1.0, warmup=2).at(step, 6)), 3) for step in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    start = positive("cosine", "start", start, such_as=0.01)
    end = nonnegative("cosine", "end", end, such_as=0.0)
    warmup = count("cosine", "warmup", warmup, such_as=100, least=0)
    if steps is not None:
        steps = count("cosine", "steps", steps, such_as=1000)

    def at(step: Value, total: Value | None) -> Value:
        length = total if steps is None else steps
        if length is None:
            raise ConfigError(
                "cosine: the number of steps is not known",
                expected="a limit of steps or epochs to end at",
                remedy="give stop.steps, stop.epochs, or the schedule's own steps",
            )
        # A NumPy integer would turn float32 into float64; a Python number is of any precision.
        fall = length - warmup
        fall = max(fall, 1) if isinstance(fall, int | float) else np.maximum(fall, 1.0)
        progress = np.maximum(step - warmup, 0.0) / fall
        fallen = 0.5 - 0.5 * np.cos(math.pi * np.minimum(progress, 1.0))
        risen = np.minimum((step + 1.0) / max(warmup, 1), 1.0)
        return risen * (start + (end - start) * fallen)

    return Schedule("cosine", at)


def exponential_decay(start: float, factor: float, every: int = 1, end: float = 0.0) -> Schedule:
    """``start * factor ** (step / every)``, but never below ``end``.

    >>> [float(exponential_decay(1.0, 0.25, every=2).at(step, None)) for step in range(3)]
    [1.0, 0.5, 0.25]
    """
    start, factor, every, end = _decay("exponential_decay", start, factor, every, end)
    return Schedule(
        "exponential_decay",
        lambda step, _total: np.maximum(start * factor ** (step / every), end),
    )


def step_decay(start: float, factor: float, every: int, end: float = 0.0) -> Schedule:
    """``start``, multiplied by ``factor`` after each ``every`` steps, but never below ``end``.

    >>> [float(step_decay(1.0, 0.5, every=2).at(step, None)) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    start, factor, every, end = _decay("step_decay", start, factor, every, end)
    return Schedule(
        "step_decay",
        lambda step, _total: np.maximum(start * factor ** np.floor(step / every), end),
    )


def rate_schedule(owner: str, option: str, rate: float | Schedule, such_as: float) -> Schedule:
    """An option that takes a number or a schedule, as a schedule; the number must be positive.

    >>> rate_schedule("adam", "learning_rate", 0.1, such_as=1e-3).at(7, None)
    0.1
    """
    if isinstance(rate, Schedule):
        return rate
    return constant(positive(owner, option, rate, such_as))


def _decay(
    name: str, start: float, factor: float, every: int, end: float
) -> tuple[float, float, int, float]:
    """The options that the two decays share, checked."""
    start = positive(name, "start", start, such_as=0.01)
    expected = "a number above 0 and at most 1"
    if not 0 < number(name, "factor", factor, 0.5, expected) <= 1:
        raise ConfigError(
            f"{name}: factor is {factor!r}", expected=expected, remedy="give one such as 0.5"
        )
    every = count(name, "every", every, such_as=100)
    return start, float(factor), every, nonnegative(name, "end", end, such_as=0.0)
