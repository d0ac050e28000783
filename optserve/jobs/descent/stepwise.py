"""A descent step by step: Python calls the method for each."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.descent.judging import BestPoint, Ended
from optserve.jobs.descent.method import DescentMethod
from optserve.jobs.descent.stretch import Stretch
from optserve.jobs.descent.verdicts import Verdict, Verdicts
from optserve.jobs.descent.walk import Steps
from optserve.jobs.reasons import Reason
from optserve.optimizers.base import State

__all__ = ["Stepwise", "finite_gradient"]

UNTRIED = 64
"""How many trial points in a row may be not finite before a search is given up."""


class Stepwise(Steps):
    """Where a descent stands that goes step by step."""

    def __init__(self, method: DescentMethod, start: Array) -> None:
        super().__init__(start, method.init(start))
        self.method = method
        self._untried = 0
        self._base: tuple[Array, float] | None = None
        self._evaluations = self._due = 0

    def on(
        self, most: float | None, seconds: float | None, batches: Sequence[Array] = ()
    ) -> Stretch:
        """Evaluate once; a step is as short as a stretch can be."""
        del most, seconds
        method, point = self.method, self.point
        batch = [column[0] for column in batches] if batches else ()
        now = method.advance(point, self.state, batch)
        self._evaluations += 1
        loss = float(now.loss)
        finite = isfinite(loss) and finite_gradient(now.gradient)
        measured, reasons = None, []
        if finite or not self._steps_back():
            # A trial point that overshot onto a plateau has no gradient either.
            judge = method.judge
            asked = judge.limits.gradient is not None
            if asked and finite and judge.as_good(loss, self.best):
                measured = method.measure(point, now)
            self.best, self.change, ended = judge(self.best, point, loss, now.gradient, finite)
            if finite and judge.awaits_steps:
                ended = self._stepped(point, loss, now.state, ended)
            if self._evaluations < self._due:
                ended = ended.heeded(False)
            reasons = ended.reasons()
        if finite:
            self._untried = 0
        else:
            self.bad = point
        if verdict := method.verdict(now.state):
            reasons.append(verdict)
        self.point, self.state = now.point, now.state
        return Stretch((loss,), reasons, measured)

    def go_on(self, wait: int) -> None:
        self._due = self._evaluations + wait

    def verdict(self, verdicts: Verdicts, reasons: list[Reason], start: Array) -> Verdict:
        if {Reason.precision, Reason.stalled} & {*reasons}:
            self._settle()
        return super().verdict(verdicts, reasons, start)

    def _stepped(self, point: Array, loss: float, state: State, ended: Ended) -> Ended:
        """What a step changed, if ``point`` (p,) is the end of one, of a method that tries."""
        method = self.method
        assert method.optimizer is not None
        accepted = method.optimizer.accepted
        assert accepted is not None
        if accepted(state) == accepted(self.state):
            return ended
        before, self._base = self._base, (point, loss)
        if before is None:
            return ended
        change = method.judge.change(True, *before, point, loss)
        self.change = change.size
        return ended._replace(loss=change.settled, step=change.rested)

    def _settle(self) -> None:
        """Prefer the point where the method itself came to rest, whose gradient is smaller.

        Near the limit of precision the lowest loss is the one with the luckiest rounding errors.
        """
        best, method = self.best, self.method
        if not isfinite(best.loss) or np.array_equal(self.point, best.point):
            return
        now = method.advance(self.point, self.state)
        loss = float(now.loss)
        if method.judge.as_good(loss, best) and finite_gradient(now.gradient):
            self.best = BestPoint(self.point, loss, now.gradient, best.first)

    def _steps_back(self) -> bool:
        """Whether the method is trying points out, so that one that is not finite is no end."""
        self._untried += 1
        if not self.method.searches or not isfinite(self.best.loss) or self._untried >= UNTRIED:
            return False
        self.rejected += 1
        return True


def finite_gradient(gradient: Array) -> bool:
    """One product tells nearly always; where it overflows, every entry is looked at."""
    return isfinite(float(gradient.dot(gradient))) or bool(np.isfinite(gradient).all())
