"""Judging a point: is it the best so far, and is it a reason to stop?

Runs on numbers and on traced values alike (see ``optserve.jobs.descent.scalars``): descents that go
step by step, and those that are one loop, are judged by the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array, DType
from optserve.graph.primitive import Value
from optserve.jobs.descent.scalars import choose, larger, wide
from optserve.jobs.known_points import Evaluated
from optserve.jobs.limits import Limits
from optserve.jobs.reasons import Reason

__all__ = ["GOING_ON", "BestPoint", "Change", "Ended", "Judge", "Judged", "far"]

DIVERGED = 1e10
"""How many times as much as the first loss or the deepest fall the loss may rise above the first
one, and how many times as far as it is the point may move away."""


class BestPoint(NamedTuple):
    """The best point so far: ``loss`` is infinite as long as there is none.

    ``point`` and ``gradient`` are (p,); ``first`` is the first loss that was finite.
    """

    point: Value
    loss: Value
    gradient: Value
    first: Value

    @staticmethod
    def none(start: Array) -> BestPoint:
        """Before anything was evaluated."""
        return BestPoint(start, inf, start, inf)

    @property
    def evaluated(self) -> Evaluated | None:
        """The point as it is evaluated, if there is one yet."""
        return Evaluated(self.point, self.loss, self.gradient) if isfinite(self.loss) else None

    @property
    def ceiling(self) -> Value:
        """The loss above which the descent counts as diverged, in any unit of the loss.

        There is none where the first loss was 0, and nothing was lower.

        >>> BestPoint(np.zeros(1), -3.0, np.zeros(1), 2.0).ceiling
        50000000002.0
        """
        scale = larger(abs(self.first), self.first - self.loss)
        return choose(scale > 0.0, lambda: self.first + DIVERGED * scale, lambda: inf)


class Ended(NamedTuple):
    """What a point gives for reasons to stop, each true or false; ``finite`` is none of them."""

    loss: Value
    step: Value
    diverged: Value
    finite: Value

    def heeded(self, yet: Value) -> Ended:
        """The same, small changes only if it is time ``yet`` to heed them."""
        if self.loss is False and self.step is False:
            return self
        return self._replace(loss=self.loss & yet, step=self.step & yet)

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


GOING_ON = Ended(False, False, False, True)
"""No reason to stop."""


class Change(NamedTuple):
    """What a step changed, NaN where it was not compared, and which tolerances that is within."""

    size: Value
    settled: Value
    rested: Value


UNCOMPARED = Change(nan, False, False)


class Judged(NamedTuple):
    """The best point from now on, and the last change that was compared (NaN: none)."""

    best: BestPoint
    change: Value
    ended: Ended


@dataclass(frozen=True)
class Judge:
    """Judges points by the tolerances of ``limits``.

    Losses that differ by less than ``slack`` of themselves say nothing of which point is better;
    gradients still do. A method that ``searches`` steps back from a point that leads away. Of one
    that ``tries`` points out, not each ends a step; ``change`` judges those that do.

    Of ``batches`` each has a loss of its own, which says nothing of which point is best: it is only
    asked whether it is finite, and whether it has risen as far as none of all rows may.
    """

    limits: Limits
    slack: float
    searches: bool
    tries: bool
    batches: bool = False

    @staticmethod
    def of(
        limits: Limits,
        dtype: DType,
        *,
        searches: bool = False,
        tries: bool = False,
        batches: bool = False,
    ) -> Judge:
        """The judge of a descent whose points have this ``dtype``."""
        return Judge(limits, float(np.sqrt(np.finfo(dtype).eps)), searches, tries, batches)

    def best(self, best: BestPoint) -> BestPoint:
        """What is asked of the best point: of batches nothing but its losses."""
        return best._replace(point=nan, gradient=nan) if self.batches else best

    @property
    def awaits_steps(self) -> bool:
        """Whether changes are compared, and not each point ends a step."""
        compared = not (self.limits.loss is None and self.limits.step is None)
        return self.tries and compared and not self.batches

    def __call__(
        self,
        best: BestPoint,
        point: Value,
        loss: Value,
        gradient: Value,
        finite: Value,
    ) -> Judged:
        """Judge ``point`` (p,): its loss in double precision, its gradient (p,).

        ``finite`` tells whether both are.
        """
        if self.batches:
            risen = finite & (loss > best.ceiling)
            return Judged(best, nan, Ended(False, False, risen, finite))
        improved = finite & (loss < best.loss)
        change = UNCOMPARED
        if not self.tries and (self.limits.loss is not None or self.limits.step is not None):
            compared = improved & (best.loss < inf)
            change = self.change(compared, best.point, best.loss, point, loss)
        following = choose(
            improved,
            lambda: (point, loss, gradient, _first(best, loss)),
            lambda: tuple(best),
        )
        diverged: Value = False
        if not self.searches:  # a lower loss leads nowhere else
            diverged = choose(
                improved, lambda: False, lambda: self._diverged(best, point, loss, finite)
            )
        ended = Ended(change.settled, change.rested, diverged, finite)
        return Judged(BestPoint(*following), change.size, ended)

    def change(
        self, compared: Value, before: Value, loss_before: Value, point: Value, loss: Value
    ) -> Change:
        """What a step changed from one point (p,) to the next, if that is ``compared``."""
        limits = self.limits
        settled, rested, change = False, False, nan
        if limits.loss is not None:
            change = choose(compared, lambda: _fallen(loss_before, loss), lambda: nan)
            settled = change <= limits.loss
        if limits.step is not None:
            moved = choose(compared, lambda: _moved(before, point), lambda: nan)
            rested = moved <= limits.step
            change = choose(rested, lambda: moved, lambda: change)
        return Change(change, settled, rested)

    def as_good(self, loss: Value, best: BestPoint) -> Value:
        """Whether a loss is as low as the best, but for what rounding may do to either."""
        return loss <= best.loss + self.slack * abs(best.loss)

    def _diverged(self, best: BestPoint, point: Value, loss: Value, finite: Value) -> Value:
        """Whether the steps lead away: the loss rises, or the point is far off and not finite."""
        strayed = choose(finite, lambda: False, lambda: far(best, point))
        return (finite & (loss > best.ceiling)) | strayed


def _first(best: BestPoint, loss: Value) -> Value:
    """The first loss: this one, where there was none before."""
    return choose(best.loss < inf, lambda: best.first, lambda: loss)


def _fallen(before: Value, now: Value) -> Value:
    """By how much of itself the loss has changed."""
    return abs(before - now) / larger(abs(before), abs(now))


def _moved(before: Value, now: Value) -> Value:
    """The largest change of a coordinate, of itself where it is above 1."""
    return wide(np.max(np.abs(now - before) / np.maximum(np.abs(now), 1.0)))


def far(best: BestPoint, point: Value) -> Value:
    """Whether a point (p,) is so far from the best that the steps lead away."""
    if np.shape(point) == (0,):  # where nothing varies
        return False
    farthest = DIVERGED * np.maximum(np.max(np.abs(best.point)), 1.0)
    return (best.loss < inf) & np.any(np.logical_not(np.abs(point) <= farthest))
