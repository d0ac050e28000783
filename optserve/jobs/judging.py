"""Judging a point: is it the best so far, and is it a reason to stop?

Runs on numbers and on traced values alike (see ``optserve.jobs.scalars``): descents that go step by
step, and those that are one loop, are judged by the same lines.
"""

from __future__ import annotations

from math import inf, nan
from typing import NamedTuple

import numpy as np

from optserve.frozen import frozen
from optserve.graph.aval import Array, DType
from optserve.graph.primitive import Value
from optserve.jobs.limits import Limits
from optserve.jobs.reasons import Reason
from optserve.jobs.scalars import choose, larger, wide

__all__ = ["Best", "Ended", "Judge", "Judged"]

DIVERGED = 1e10
"""How many times itself the loss may rise above the first one, and the point may move away."""


class Best(NamedTuple):
    """The best point so far: ``loss`` is infinite as long as there is none.

    ``point`` and ``gradient`` are (p,); ``ceiling`` is the loss above which the descent counts as
    diverged.
    """

    point: Value
    loss: Value
    gradient: Value
    ceiling: Value

    @staticmethod
    def none(start: Array) -> Best:
        """Before anything was evaluated."""
        return Best(start, inf, start, inf)


class Ended(NamedTuple):
    """What a point gives for reasons to stop, each true or false; ``finite`` is none of them."""

    loss: Value
    step: Value
    diverged: Value
    finite: Value

    def any(self) -> Value:
        """Whether there is a reason."""
        return self.loss | self.step | self.diverged | np.logical_not(self.finite)

    def reasons(self) -> list[Reason]:
        """The reasons to stop.

        >>> [reason.name for reason in Ended(True, True, False, True).reasons()]
        ['loss', 'step']
        """
        reasons = []
        if self.loss:
            reasons.append(Reason.loss)
        if self.step:
            reasons.append(Reason.step)
        if self.diverged:
            reasons.append(Reason.diverged)
        if not self.finite:
            reasons.append(Reason.non_finite)
        return reasons


class Judged(NamedTuple):
    """The best point from now on, and the last change that was compared (NaN: none)."""

    best: Best
    change: Value
    ended: Ended


@frozen
class Judge:
    """Judges points by the tolerances of ``limits``.

    Losses that differ by less than ``slack`` of themselves say nothing of which point is better;
    gradients still do. A method that ``searches`` steps back from a point that leads away.
    """

    limits: Limits
    slack: float
    searches: bool

    @staticmethod
    def of(limits: Limits, dtype: DType, searches: bool) -> Judge:
        """The judge of a descent whose points have this ``dtype``."""
        return Judge(limits, float(np.sqrt(np.finfo(dtype).eps)), searches)

    def __call__(
        self,
        best: Best,
        point: Value,
        loss: Value,
        gradient: Value,
        finite: Value,
    ) -> Judged:
        """Judge ``point`` (p,): its loss in double precision, its gradient (p,).

        ``finite`` tells whether both are.
        """
        limits = self.limits
        improved = finite & (loss < best.loss)
        compared = improved & (best.loss < inf)
        settled, rested, change = False, False, nan
        if limits.loss is not None:
            change = choose(compared, lambda: _fallen(best.loss, loss), lambda: nan)
            settled = change <= limits.loss
        if limits.step is not None:
            moved = choose(compared, lambda: _moved(best.point, point), lambda: nan)
            rested = moved <= limits.step
            change = choose(rested, lambda: moved, lambda: change)
        following = choose(
            improved,
            lambda: (point, loss, gradient, _ceiling(best, loss)),
            lambda: tuple(best),
        )
        diverged = False if self.searches else self._diverged(best, point, loss, finite)
        ended = Ended(settled, rested, diverged, finite)
        return Judged(Best(*following), change, ended)

    def as_good(self, loss: Value, best: Best) -> Value:
        """Whether a loss is as low as the best, but for what rounding may do to either."""
        return loss <= best.loss + self.slack * abs(best.loss)

    def _diverged(self, best: Best, point: Value, loss: Value, finite: Value) -> Value:
        """Whether the steps lead away: the loss rises, or the point is far off and not finite."""
        strayed = choose(finite, lambda: False, lambda: _far(best, point))
        return (finite & (loss > best.ceiling)) | strayed


def _ceiling(best: Best, loss: Value) -> Value:
    """That of the first point, of which ``loss`` is the loss, stays."""
    return choose(
        best.loss < inf,
        lambda: best.ceiling,
        lambda: loss + DIVERGED * larger(abs(loss), 1.0),
    )


def _fallen(before: Value, now: Value) -> Value:
    """By how much of itself the loss has changed."""
    return (before - now) / larger(abs(before), abs(now))


def _moved(before: Value, now: Value) -> Value:
    """The largest change of a coordinate, of itself where it is above 1."""
    return wide(np.max(np.abs(now - before) / np.maximum(np.abs(now), 1.0)))


def _far(best: Best, point: Value) -> Value:
    farthest = DIVERGED * np.maximum(np.max(np.abs(best.point)), 1.0)
    return (best.loss < inf) & np.any(np.logical_not(np.abs(point) <= farthest))
