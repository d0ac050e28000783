"""One descent: from a start, evaluate, judge, step, until there is a reason to stop."""

from __future__ import annotations

from math import isfinite
from typing import Protocol

import numpy as np

from optserve.errors import PluginFailure
from optserve.graph.aval import Array
from optserve.jobs.descent.judging import Best
from optserve.jobs.descent.method import Method
from optserve.jobs.descent.outcome import Outcome
from optserve.jobs.descent.stepwise import Stepwise
from optserve.jobs.descent.stretch import Stretch
from optserve.jobs.descent.verdicts import Verdicts
from optserve.jobs.limits import Limits
from optserve.jobs.reasons import Reason
from optserve.jobs.watch import Snapshot, Watch
from optserve.optimizers.base import State

__all__ = ["Walk", "descend"]


class Walk(Protocol):
    """Where a descent stands, and how it goes on: ``Stepwise`` or ``Loops``."""

    @property
    def point(self) -> Array: ...
    @property
    def state(self) -> State: ...
    @property
    def best(self) -> Best: ...
    @property
    def change(self) -> float: ...
    @property
    def bad(self) -> Array | None: ...
    @property
    def rejected(self) -> int: ...

    def on(self, most: float | None, seconds: float | None) -> Stretch:
        """Evaluate at least once, ``most`` times at most, and as fits into ``seconds``."""

    def go_on(self, wait: int = 0) -> None:
        """Take what ended it for no end, and heed no small changes for some evaluations."""

    def settle(self) -> None:
        """Prefer the point where the method came to rest, where it is as good as the best."""


def descend(
    method: Method,
    start: Array,
    limits: Limits,
    watch: Watch,
    number: tuple[int, int] = (1, 1),
) -> Outcome:
    """Descend from ``start`` (p,); ``number`` is which start this is, of how many."""
    with np.errstate(all="ignore"):
        descent = _Descent(method, start, limits, watch, number)
        try:
            return descent.run()
        except PluginFailure as failure:
            return descent.failed(failure)


class _Descent:
    def __init__(
        self, method: Method, start: Array, limits: Limits, watch: Watch, number: tuple[int, int]
    ) -> None:
        self.method = method
        self.limits = limits
        self.watch = watch
        self.number = number
        self.outcome = Outcome(start)
        self.walk = _walk(method, start)
        self.verdicts = Verdicts(
            method.examiner, limits, watch, searches=method.searches, slow=method.slow
        )
        self.measure: float | None = None
        self.rejected = 0
        self.began = watch.seconds

    def run(self) -> Outcome:
        outcome, limits, verdicts = self.outcome, self.limits, self.verdicts
        last = None if limits.steps is None else limits.steps + 1
        tolerant = limits.gradient is not None
        while True:
            before = self.watch.seconds
            left = None if limits.seconds is None else limits.seconds - before
            most = None if last is None else last - outcome.evaluations
            losses, reasons, measured = self.walk.on(verdicts.most(most), left)
            outcome.evaluations += len(losses)
            if limits.seconds is not None:
                self._note(len(losses), self.watch.seconds - before)
            verdicts.gains.note(losses)
            self.measure = None if measured is None else verdicts.ratio(measured)
            seconds = self.watch.look(self._snapshot)
            outcome.history.extend(losses, self.measure, outcome.evaluations, (before, seconds))
            if self.method.optimizer is None:
                reasons.append(Reason.evaluated)
            if last is not None and outcome.evaluations >= last:
                reasons.append(Reason.steps)
            if limits.seconds is not None and seconds >= limits.seconds:
                reasons.append(Reason.seconds)
            if self.watch.signal is not None:
                reasons.append(self.watch.signal)
            still = outcome.evaluations == 1 and self._stands_still()
            if still or (tolerant and verdicts.is_candidate(measured, outcome.start)):
                reasons.append(Reason.gradient)
            if reasons and self._is_over(reasons):
                return outcome

    def _note(self, evaluations: int, seconds: float) -> None:
        """Tell the deadline what evaluations took."""
        method = self.method
        price = method.examiner().prices.jacobian if method.graph == "jacobian" else 1
        self.watch.deadline.note(method.graph, evaluations * price, seconds)

    def failed(self, failure: PluginFailure) -> Outcome:
        """The outcome where a plugin failed: the best point that was reached stays."""
        outcome, walk = self.outcome, self.walk
        outcome.best = walk.best.evaluated
        outcome.end([Reason.plugin], walk.point, walk.state, self.watch.seconds - self.began)
        outcome.fail(failure)
        outcome.steps = max(outcome.evaluations - 1, 0)
        return outcome

    def _stands_still(self) -> bool:
        """Whether the first gradient was 0, so that the method stays where it is."""
        walk, outcome = self.walk, self.outcome
        if self.method.optimizer is None or not isfinite(walk.best.loss):
            return False
        return not walk.best.gradient.any() and np.array_equal(walk.point, outcome.start)

    def _is_over(self, reasons: list[Reason]) -> bool:
        """Whether the descent is; if not, it goes on from where it is, or from a better point."""
        outcome, walk = self.outcome, self.walk
        if {Reason.precision, Reason.stalled} & {*reasons}:
            walk.settle()
        verdict = self.verdicts.of(reasons, walk.best.evaluated, outcome.start)
        if verdict.onward is not None:
            self.rejected += walk.rejected
            self.walk = _walk(self.method, verdict.onward)
            return False
        if not verdict.reasons:
            walk.go_on(self.verdicts.wait)
            return False
        outcome.end(verdict.reasons, walk.point, walk.state, self.watch.seconds - self.began)
        outcome.best, outcome.evidence = verdict.best, verdict.evidence
        outcome.bad, outcome.rejected = walk.bad, self.rejected + walk.rejected
        if {Reason.loss, Reason.step} & {*verdict.reasons}:
            outcome.change = walk.change
        outcome.steps = outcome.evaluations - 1
        return True

    def _snapshot(self, seconds: float) -> Snapshot:
        return Snapshot(
            start=self.number[0],
            starts=self.number[1],
            step=self.outcome.evaluations - 1,
            steps=self.limits.steps,
            loss=self.walk.best.loss,
            gradient=self.measure,
            tolerance=self.limits.gradient,
            seconds=seconds,
        )


def _walk(method: Method, start: Array) -> Walk:
    if method.loop is None:
        return Stepwise(method, start)
    from optserve.jobs.descent.loops import Loops  # most jobs go step by step

    return Loops(method.loop, start, method.init(start), method.rest)
