"""One descent: from a start, evaluate, judge, step, until there is a reason to stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.history import History
from optserve.jobs.limits import Limits
from optserve.jobs.method import Advance, Method
from optserve.jobs.reasons import Reason
from optserve.jobs.watch import Snapshot, Watch
from optserve.optimizers.base import State

__all__ = ["Evaluated", "Outcome", "descend"]

DIVERGED = 1e10
"""How many times itself the loss may rise above the first one, and the point may move away."""

UNTRIED = 64
"""How many trial points in a row may be not finite before a search is given up."""


class Evaluated(NamedTuple):
    """A point whose loss and gradient are finite, and its scale-free gradient, where measured."""

    point: Array
    loss: float
    gradient: Array
    measure: float | None = None


@dataclass
class Outcome:
    """How one descent ended.

    ``best`` is ``None`` where not even the start was finite. ``bad`` is a point that was not:
    the last of the descent where that ended it. ``point`` and ``state`` are where the method would
    go on, for a checkpoint. ``change`` is what met the tolerance of ``loss`` or ``step``;
    ``rejected`` counts trial points that were not finite and were stepped back from.
    """

    start: Array
    best: Evaluated | None = None
    reasons: list[Reason] = field(default_factory=list)
    evaluations: int = 0
    steps: int = 0
    seconds: float = 0.0
    change: float | None = None
    rejected: int = 0
    bad: Array | None = None
    point: Array | None = None
    state: State = ()
    history: History = field(default_factory=History)

    @property
    def reason(self) -> Reason:
        return self.reasons[0]

    @property
    def loss(self) -> float:
        """The lowest loss; infinite where there is none."""
        return inf if self.best is None else self.best.loss


def descend(
    method: Method,
    start: Array,
    limits: Limits,
    watch: Watch,
    number: tuple[int, int] = (1, 1),
) -> Outcome:
    """Descend from ``start`` (p,); ``number`` is which start this is, of how many."""
    with np.errstate(all="ignore"):
        return _Descent(method, start, limits, watch, number).run()


class _Descent:
    def __init__(
        self, method: Method, start: Array, limits: Limits, watch: Watch, number: tuple[int, int]
    ) -> None:
        self.method = method
        self.limits = limits
        self.watch = watch
        self.number = number
        self.outcome = Outcome(start)
        self.best: Evaluated | None = None
        self.measure: float | None = None
        self.ceiling = inf
        self.untried = 0
        self.began = watch.seconds
        # Losses that differ by less say nothing of which point is better; gradients still do.
        self.slack = float(np.sqrt(np.finfo(start.dtype).eps))

    def run(self) -> Outcome:
        outcome, method, limits = self.outcome, self.method, self.limits
        last = inf if limits.steps is None else limits.steps + 1
        deadline = inf if limits.seconds is None else limits.seconds
        point, state = outcome.start, method.init(outcome.start)
        while True:
            now = method.advance(point, state)
            outcome.evaluations += 1
            loss = float(now.loss)
            if isfinite(loss) and _finite(now.gradient):
                reasons = self._judged(point, loss, now)
            else:
                reasons = self._not_finite(point)
            seconds = self.watch.look(self._snapshot)
            outcome.history.record(outcome.evaluations, loss, self.measure, seconds)
            if method.optimizer is None:
                reasons.append(Reason.evaluated)
            elif verdict := method.verdict(now.state):
                reasons.append(verdict)
            if outcome.evaluations >= last:
                reasons.append(Reason.steps)
            if seconds >= deadline:
                reasons.append(Reason.seconds)
            if self.watch.signal is not None:
                reasons.append(self.watch.signal)
            point, state = now.point, now.state
            if reasons:
                return self._ended(reasons, point, state)

    def _judged(self, point: Array, loss: float, now: Advance) -> list[Reason]:
        """Compare with the best point so far, and with the tolerances."""
        best, limits = self.best, self.limits
        self.untried, self.measure = 0, None
        improved = best is None or loss < best.loss
        # A trial point that overshot onto a plateau has no gradient either.
        if limits.gradient is not None and (improved or self._as_good(loss)):
            self.measure = self.method.measure(point, loss, now)
            if self.measure <= limits.gradient:
                self.best = Evaluated(point, loss, now.gradient, self.measure)
                return [Reason.gradient]
        if not improved:
            return [Reason.diverged] if loss > self.ceiling and not self.method.searches else []
        self.best = Evaluated(point, loss, now.gradient, self.measure)
        if best is None:
            self.ceiling = loss + DIVERGED * max(abs(loss), 1.0)
            return []
        return self._changes(best, self.best)

    def _as_good(self, loss: float) -> bool:
        """Whether a loss is as low as the best, but for what rounding may do to either."""
        return self.best is not None and loss <= self.best.loss + self.slack * abs(self.best.loss)

    def _changes(self, before: Evaluated, now: Evaluated) -> list[Reason]:
        """Whether the loss, or the point, changes by no more than was asked for."""
        reasons = []
        if self.limits.loss is not None:
            change = (before.loss - now.loss) / max(abs(before.loss), abs(now.loss))
            if change <= self.limits.loss:
                self.outcome.change = change
                reasons.append(Reason.loss)
        if self.limits.step is not None:
            sizes = np.maximum(np.abs(now.point), 1.0)
            change = float(np.max(np.abs(now.point - before.point) / sizes))
            if change <= self.limits.step:
                self.outcome.change = change
                reasons.append(Reason.step)
        return reasons

    def _not_finite(self, point: Array) -> list[Reason]:
        """The end, unless the method is trying points out and can step back."""
        self.measure = None
        self.outcome.bad = point
        self.untried += 1
        if self.method.searches and self.best is not None and self.untried < UNTRIED:
            self.outcome.rejected += 1
            return []
        if self.best is None or self.method.searches:
            return [Reason.non_finite]
        farthest = DIVERGED * float(np.max(np.abs(self.best.point), initial=1.0))
        near = np.all(np.abs(point) <= farthest)
        return [Reason.non_finite] if near else [Reason.diverged, Reason.non_finite]

    def _ended(self, reasons: list[Reason], point: Array, state: State) -> Outcome:
        outcome = self.outcome
        outcome.point, outcome.state = point, state
        if {Reason.precision, Reason.stalled} & {*reasons} and Reason.gradient not in reasons:
            self._settle(point, state)
        outcome.best = self.best
        outcome.reasons = sorted(set(reasons), key=list(Reason).index)
        outcome.steps = outcome.evaluations - 1
        outcome.seconds = self.watch.seconds - self.began
        return outcome

    def _settle(self, point: Array, state: State) -> None:
        """Prefer the point where the method itself came to rest, whose gradient is smaller.

        Near the limit of precision the lowest loss is the one with the luckiest rounding errors.
        """
        best = self.best
        if best is None or np.array_equal(point, best.point):
            return
        now = self.method.advance(point, state)
        loss = float(now.loss)
        if self._as_good(loss) and _finite(now.gradient):
            self.best = Evaluated(point, loss, now.gradient, self.method.measure(point, loss, now))

    def _snapshot(self, seconds: float) -> Snapshot:
        return Snapshot(
            start=self.number[0],
            starts=self.number[1],
            step=self.outcome.evaluations - 1,
            steps=self.limits.steps,
            loss=inf if self.best is None else self.best.loss,
            gradient=self.measure,
            tolerance=self.limits.gradient,
            seconds=seconds,
        )


def _finite(gradient: Array) -> bool:
    """One product tells nearly always; where it overflows, every entry is looked at."""
    return isfinite(float(gradient.dot(gradient))) or bool(np.isfinite(gradient).all())
