"""One descent: from a start, step and judge, until there is a reason to stop.

A step sees a batch of rows. A batch of all rows judges the point that it is evaluated at; over
minibatches an epoch of them is judged, and an epoch of one batch is the same descent.
"""

from __future__ import annotations

from math import isfinite

import numpy as np

from optserve.errors import DataFailure, PluginFailure
from optserve.graph.aval import Array
from optserve.jobs.descent.descent_outcome import Outcome
from optserve.jobs.descent.method import DescentMethod
from optserve.jobs.descent.stepwise import Stepwise
from optserve.jobs.descent.stretch import Stretch
from optserve.jobs.descent.verdicts import Verdicts
from optserve.jobs.descent.walk import Steps, Walk
from optserve.jobs.limits import Limits
from optserve.jobs.reasons import Reason
from optserve.jobs.watch import Snapshot, Watch

__all__ = ["descend", "steps_of"]


def descend(
    method: DescentMethod,
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
        except (PluginFailure, DataFailure) as failure:
            return descent.failed(failure)


class _Descent:
    def __init__(
        self,
        method: DescentMethod,
        start: Array,
        limits: Limits,
        watch: Watch,
        number: tuple[int, int],
    ) -> None:
        self.late = not method.begins(start)
        self.method = method.once if self.late and method.once is not None else method
        self.limits = limits
        self.watch = watch
        self.number = number
        self.outcome = Outcome(start)
        self.walk = _walk(self.method, start, watch)
        self.verdicts = Verdicts(
            method.examiner, limits, watch, searches=method.searches, slow=method.slow
        )
        self.measure: float | None = None
        self.rejected = 0
        self.began = self.before = watch.seconds
        # Where a batch holds all rows, it judges a point before the step from there.
        self.unstepped = 1 if method.batching is None else 0
        self.last = None if limits.steps is None else limits.steps + self.unstepped

    def run(self) -> Outcome:
        outcome, limits, watch = self.outcome, self.limits, self.watch
        while True:
            self.before = watch.seconds
            left = None if limits.seconds is None else limits.seconds - self.before
            most: float | None = None if self.last is None else self.last - outcome.evaluations
            if (until := self._until_abort) > 0:
                most = until if most is None else min(most, until)
            if self.method.batching is None:
                most = self.verdicts.most(most)
            reasons = self._noted(self.walk.on(most, left))
            if self.method.optimizer is None:
                reasons.append(Reason.seconds if self.late else Reason.evaluated)
            if self.last is not None and outcome.evaluations >= self.last:
                whole = limits.epochs is not None and self.walk.epochs == limits.epochs
                reasons.append(Reason.epochs if whole else Reason.steps)
            if self._is_hopeless():
                reasons.append(Reason.aborted)
            if limits.seconds is not None and watch.seconds >= limits.seconds:
                reasons.append(Reason.seconds)
            if watch.signal is not None:
                reasons.append(watch.signal)
            if reasons and (rest := self.walk.judged()) is not None:
                reasons += self._noted(rest)
            if reasons and self._is_over(reasons):
                return outcome

    @property
    def _until_abort(self) -> int:
        """Evaluations until it is asked whether the loss is too high."""
        abort = self.limits.abort
        after = 0 if abort is None else abort.after_steps + self.unstepped
        return after - self.outcome.evaluations

    def _is_hopeless(self) -> bool:
        """Whether the loss is still too high, where it is asked: once, since the lowest only falls.

        The evaluations up to there are a stretch of their own, whatever else ends one.
        """
        abort = self.limits.abort
        return abort is not None and self._until_abort == 0 and self.walk.best.loss > abort.above

    def failed(self, failure: PluginFailure | DataFailure) -> Outcome:
        """The outcome where a plugin or the data failed: the best point that was reached stays."""
        if isinstance(failure, DataFailure) and not isfinite(self.walk.best.loss):
            raise failure
        self.outcome.best = self.walk.best.evaluated
        self._end([])
        self.outcome.fail(failure)
        return self.outcome

    def _noted(self, stretch: Stretch) -> list[Reason]:
        """The reasons to stop that a stretch gives, when all that it tells is noted."""
        losses, reasons, measured, taken, entry = stretch
        outcome, verdicts, judges = self.outcome, self.verdicts, len(losses) > 0
        outcome.evaluations += taken
        if self.limits.seconds is not None and self.method.batching is None:
            self._tell_deadline(taken)
        if judges:
            verdicts.gains.note(losses)
        self.measure = None if measured is None else verdicts.ratio(measured)
        seconds = self.watch.look(self._snapshot)
        if entry is not None:
            outcome.history.note_epoch(entry._replace(seconds=seconds))
        elif judges:
            times = (self.before, seconds)
            outcome.history.extend(losses, self.measure, outcome.evaluations, times)
        still = outcome.evaluations == 1 and self._stands_still()
        tolerant = judges and self.limits.gradient is not None
        if still or (tolerant and verdicts.is_candidate(measured, outcome.start)):
            reasons.append(Reason.gradient)
        return reasons

    def _tell_deadline(self, evaluations: int) -> None:
        """Tell the deadline what these evaluations took, since the last ones."""
        method, took = self.method, self.watch.seconds - self.before
        price = method.examiner().prices.jacobian if method.graph == "jacobian" else 1
        self.watch.deadline.note(method.graph, evaluations * price, took)

    def _stands_still(self) -> bool:
        """Whether the first gradient was 0, so that the method stays where it is."""
        walk, outcome = self.walk, self.outcome
        if self.method.optimizer is None or not isfinite(walk.best.loss):
            return False
        return not walk.best.gradient.any() and np.array_equal(walk.point, outcome.start)

    def _is_over(self, reasons: list[Reason]) -> bool:
        """Whether the descent is; if not, it goes on from where it is, or from a better point."""
        outcome, walk = self.outcome, self.walk
        verdict = walk.verdict(self.verdicts, reasons, outcome.start)
        if verdict.onward is not None:
            self.rejected += walk.rejected
            self.walk = _walk(self.method, verdict.onward, self.watch)
            return False
        if not verdict.reasons:
            walk.go_on(self.verdicts.wait)
            return False
        outcome.best, outcome.evidence, outcome.bad = verdict.best, verdict.evidence, walk.bad
        if {Reason.loss, Reason.step} & {*verdict.reasons}:
            outcome.change = walk.change
        self._end(verdict.reasons)
        return True

    def _end(self, reasons: list[Reason]) -> None:
        outcome, walk = self.outcome, self.walk
        outcome.end(reasons, walk.point, walk.state, self.watch.seconds - self.began)
        outcome.steps, outcome.epochs = self._steps, walk.epochs
        outcome.rejected = self.rejected + walk.rejected

    @property
    def _steps(self) -> int:
        return max(self.outcome.evaluations - self.unstepped, 0)

    def _snapshot(self, seconds: float) -> Snapshot:
        return Snapshot(
            start=self.number[0],
            starts=self.number[1],
            step=self._steps,
            steps=self.limits.steps,
            loss=self.walk.best.loss,
            gradient=self.measure,
            tolerance=self.limits.gradient,
            seconds=seconds,
        )


def steps_of(method: DescentMethod, start: Array) -> Steps:
    """The steps of a method from ``start`` (p,): in loops where it has them, else one by one."""
    if method.loop is None:
        return Stepwise(method, start)
    from optserve.jobs.descent.looped import Loops  # most jobs go step by step

    return Loops(method.loop, method.judge, start, method.init(start), method.rest)


def _walk(method: DescentMethod, start: Array, watch: Watch) -> Walk:
    steps = steps_of(method, start)
    if method.batching is None:
        return steps
    from optserve.jobs.descent.epochs import Epochs

    return Epochs(method.batching, steps, method.judge.limits, watch)
