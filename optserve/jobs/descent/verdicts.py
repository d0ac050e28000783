"""The verdict on an end of a descent: over, or to go on, and from where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, isnan, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.descent.gains import Gains
from optserve.jobs.descent.stretch import Measured
from optserve.jobs.evidence.budget import DENSE, Budget
from optserve.jobs.evidence.evidence import Evidence
from optserve.jobs.known_points import exact_fit
from optserve.jobs.limits import Limits
from optserve.jobs.reasons import Reason
from optserve.jobs.watch import Watch

if TYPE_CHECKING:
    from optserve.jobs.evidence.examined import Examined
    from optserve.jobs.evidence.examiner import Examiner
    from optserve.jobs.known_points import Evaluated

__all__ = ["Verdict", "Verdicts"]

LOOKS = 1.1
"""By how much longer a descent gets between two looks at what its steps gain."""

FIRST_LOOK = 20
EBBS = 0.1
"""Steps of which the last tenth gains less than this share of the tenth before are examined."""

PATIENCE, EACH = 100, 10
"""Evaluations after which Newton's method is tried where few parameters vary: in all, and for each
of them."""

UNQUESTIONED = frozenset({Reason.evaluated, Reason.interrupted, Reason.terminated, Reason.aborted})
"""Reasons after which nothing is examined."""

LIMITS = frozenset({Reason.steps, Reason.seconds})
CHANGES = (Reason.loss, Reason.step)
FAILED = frozenset({Reason.non_finite, Reason.diverged})

RESTARTS = 20
"""How often a descent may begin anew: off a saddle, or from where Newton steps led."""


class Verdict(NamedTuple):
    """``reasons`` why a descent is over; none where it goes on, ``onward`` if that is not ``None``.

    ``best`` is the point to report, with its ``evidence``.
    """

    reasons: list[Reason]
    best: Evaluated | None = None
    evidence: Evidence = Evidence(False, "not examined")
    onward: Array | None = None


class Verdicts:
    """The verdicts on one descent. ``gains`` is what its steps gained so far.

    A method that ``searches`` tells itself when it is near a minimum; of another it is looked at
    what its steps gain. Where one is ``slow``, Newton's method is tried now and then.
    """

    def __init__(
        self,
        examiner: Callable[[], Examiner],
        limits: Limits,
        watch: Watch,
        *,
        searches: bool = False,
        slow: bool = False,
    ) -> None:
        self.examiner = examiner
        self.limits = limits
        self.searches = searches
        self.slow = slow
        self._patience = PATIENCE
        self.watch = watch
        self.gains = Gains()
        self.restarts = 0
        self.budget = Budget(watch.deadline, lambda: watch.signal is not None)
        self.seconds = 0.0
        self._epsilon = 0.0
        self._look = FIRST_LOOK
        self._due = 0

    def most(self, left: float | None) -> float | None:
        """How many evaluations to make at once, ``left`` at most: up to the next look."""
        if self.gains.count == 0:
            return 1
        if self.limits.gradient is None or self.searches:
            return left
        until = max(1, self._look - self.gains.count)
        return until if left is None else min(left, until)

    def ratio(self, measured: Measured | None) -> float | None:
        """How near to stationary that is, compared with what it is to be compared with."""
        if measured is None:
            return None
        unit = measured.unit
        if isnan(unit):
            unit = sqrt(max(self.gains.of_last(0.1), 0.0))
        if unit > 0.0:
            return measured.decrement / unit
        return 0.0 if measured.decrement == 0.0 else None

    def is_candidate(self, measured: Measured | None, point: Array) -> bool:
        """Whether ``point`` (p,) may be a minimum: enough to examine it."""
        tolerance = self.limits.gradient
        if tolerance is None or self.gains.count < self._due:
            return False
        if (
            self.slow
            and point.size <= DENSE
            and self.gains.count >= max(self._patience, EACH * point.size)
        ):
            self._patience = 2 * self.gains.count
            return True
        if measured is None:
            gained = self.gains.lowest < self.gains.first
            return self._ebbs() and (gained or not self.searches)
        ratio = self.ratio(measured)
        near = sqrt(tolerance) if isnan(measured.unit) and point.size <= DENSE else tolerance
        if ratio is not None and ratio <= near:
            return True
        if not self._epsilon:
            self._epsilon = float(np.finfo(point.dtype).eps)
        if measured.decrement**2 <= 4.0 * self._epsilon * abs(self.gains.lowest):
            return True
        # A sum of squares that is next to nothing of what it was may be rounding of its terms: if
        # no more is gained by many steps, as from absurd starts much is.
        if self.gains.count < PATIENCE:
            return False
        return 0.0 <= self.gains.lowest <= exact_fit(self.gains.first, self._epsilon) < inf

    @property
    def wait(self) -> int:
        """After how many evaluations it is time for another examination, for small changes."""
        return max(0, self._due - self.gains.count)

    def _ebbs(self) -> bool:
        """Whether the steps gain less and less, looked at now and then."""
        gains = self.gains
        if gains.count < self._look:
            return False
        self._look = int(LOOKS * gains.count) + 1
        return gains.of_last(0.1) <= EBBS * (gains.before(0.2) - gains.before(0.1))

    def of(self, reasons: list[Reason], best: Evaluated | None, start: Array) -> Verdict:
        """The verdict where these are the ``reasons`` to end, at the ``best`` point so far."""
        given = {*reasons}
        if best is None or given & UNQUESTIONED:
            return Verdict(reasons, best)
        if given <= {*CHANGES} and self.gains.count < self._due:
            return Verdict([])  # examined a while ago, and found to fall on
        limited = bool(given & LIMITS)
        finishes = self.limits.gradient is not None and not limited and not given & FAILED
        examined = self._examined(best, start, finishes=finishes)
        if (
            given & FAILED
            and examined.reason is not Reason.unbounded
            and not np.array_equal(best.point, start)
        ):
            examined = self._from_the_start(best, start, examined)
        evidence, reason = examined.evidence, examined.reason
        if given & FAILED and reason is not Reason.unbounded:
            return Verdict(reasons, best, evidence)
        if examined.place is not None and (finishes or reason is Reason.unbounded):
            place = examined.place
            best = best._replace(
                point=place.point, loss=place.loss, gradient=place.gradient.astype(start.dtype)
            )
        others = [one for one in reasons if one in LIMITS]
        if evidence.verified:
            if limited and not self.limits.tolerance:
                return self.checked(reasons, best, evidence)
            assert reason is not None
            changes = [one for one in reasons if one in CHANGES] or [reason]
            return self.checked([*changes, *others], best, evidence)
        if reason is not None and reason is not Reason.saddle:
            if limited and reason is Reason.stalled:
                return self.checked(reasons, best, evidence)
            return Verdict([reason, *others], best, evidence)
        if limited:
            held = [
                one for one in reasons if not one.converged or one in self._near(examined, best)
            ]
            return self.checked(held, best, evidence)
        return self._on(given, examined, best)

    def _from_the_start(self, best: Evaluated, start: Array, examined: Examined) -> Examined:
        """What is found at the start, if the loss has no lower bound in sight from there.

        A descent that ends because numbers have no end either ends where they tell little.
        """
        found = self._examined(best._replace(point=start), start, finishes=False)
        return found._replace(place=None) if found.reason is Reason.unbounded else examined

    def _on(self, given: set[Reason], examined: Examined, best: Evaluated) -> Verdict:
        """The verdict where the loss falls on, and no limit ends the descent."""
        evidence = examined.evidence
        if changes := [one for one in self._near(examined, best) if one in given]:
            return self.checked(changes, best, evidence)
        onward = examined.onward
        if onward is not None and onward.finite and self.restarts < RESTARTS:
            self.restarts += 1
            return Verdict([], onward=onward.point)
        if examined.reason is Reason.saddle:
            return Verdict([Reason.saddle], best, evidence)
        spent = bool(given & {Reason.precision, Reason.stalled})
        if (spent or self.slow) and examined.further is not None and self.restarts < RESTARTS:
            self.restarts += 1
            return Verdict([], onward=examined.further.point)
        if spent:
            reason = Reason.unexamined if examined.in_part else Reason.stalled
            return Verdict([reason], best, evidence)
        self._due = 2 * self.gains.count
        return Verdict([])

    def _near(self, examined: Examined, best: Evaluated) -> list[Reason]:
        """The tolerances of changes within which a Newton step would stay, too."""
        limits, decrease = self.limits, examined.evidence.predicted_decrease
        loss = limits.loss is not None and decrease <= limits.loss * abs(best.loss)
        step = limits.step is not None and examined.step <= limits.step
        return [one for one, near in zip(CHANGES, (loss, step), strict=True) if near]

    def checked(self, reasons: list[Reason], best: Evaluated | None, evidence: Evidence) -> Verdict:
        """The verdict, if derivatives reach every parameter that the loss uses."""
        reach = self.examiner().reach
        if not reach.unreached.any():
            return Verdict(reasons, best, evidence)
        told = replace(evidence, sentence=reach.told_of_ignored)
        return Verdict([Reason.unreached, *reasons], best, told)

    def _examined(self, best: Evaluated, start: Array, *, finishes: bool) -> Examined:
        from optserve.jobs.evidence.examined import End

        gains, budget, began = self.gains, self.budget, self.watch.seconds
        end = End(best.point, start, gains.count, lambda loss: gains.of_last(0.1, loss), finishes)
        examined = self.examiner().examine(end, budget)
        self.seconds += self.watch.seconds - began
        evidence = replace(examined.evidence, evaluations=budget.spent, seconds=self.seconds)
        return examined._replace(evidence=evidence)
