"""A descent over minibatches: epoch by epoch, judged once an epoch, and never on a batch."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite, isnan, nan

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.descent.batching import Batching
from optserve.jobs.descent.history import HistoryEntry
from optserve.jobs.descent.judging import Judge, far
from optserve.jobs.descent.stretch import Stretch
from optserve.jobs.descent.verdicts import Verdict, Verdicts
from optserve.jobs.descent.walk import Steps, Walk
from optserve.jobs.evidence.evidence import Evidence
from optserve.jobs.known_points import Evaluated
from optserve.jobs.limits import Limits
from optserve.jobs.problem import PlateauRule
from optserve.jobs.reasons import Reason
from optserve.jobs.splits import TRAINING, VALIDATION, AtPoint
from optserve.jobs.watch import Watch

__all__ = ["Epochs", "Patience"]

LOSS = 0.5
"""What a pass for the loss alone costs, in passes for loss and gradient."""

EXAMINED = frozenset({Reason.loss, Reason.step, Reason.gradient, Reason.diverged})
"""Reasons that a judgement gives, which are examined on all training rows."""

FAILED = frozenset({Reason.non_finite, Reason.diverged})
CHANGES = frozenset({Reason.loss, Reason.step})

NOT_EXAMINED = Evidence(False, "the steps saw batches: not examined")


class Epochs(Walk):
    """Where a descent over minibatches stands, which takes its steps by ``steps``.

    The best point is judged at the start, after each epoch, and where the descent ends. Its loss
    and gradient in a verdict are of all training rows.
    """

    epochs: int

    def __init__(self, batching: Batching, steps: Steps, limits: Limits, watch: Watch) -> None:
        super().__init__(steps.point, steps.state)
        self.batching = batching
        self.steps = steps
        self.watch = watch
        self.judge = Judge.of(limits, steps.point.dtype)
        self.patience = None if batching.plateau is None else Patience(batching.plateau)
        self.evaluations = self.epochs = 0
        self._losses: list[float] = []
        self._stacks: Iterator[list[Array]] = iter(())
        self._stack: list[Array] = []
        self._waits = True  # the point is to be judged
        self._finite = False  # it was judged, and its loss is finite

    def on(self, most: float | None, seconds: float | None) -> Stretch:
        """Step on through the epoch; where it ends, and at the start, the point is judged."""
        if self._waits and not self._losses:
            return self._judged(0)
        count = self.batching.batches.count
        if not self._losses:
            self._stacks = self.batching.batches.epoch(self.epochs + 1)
        if not self._stack:
            self._stack = next(self._stacks)
        left = len(self._stack[0])
        losses, reasons, *_ = self.steps.on(most, seconds, self._stack)
        taken = len(losses)
        self._stack = [column[taken:] for column in self._stack] if taken < left else []
        self._losses += map(float, losses)
        self.evaluations += taken
        self.point, self.state = self.steps.point, self.steps.state
        whole = len(self._losses) == count
        failed = bool(reasons) and not FAILED.isdisjoint(reasons)
        self._waits, self._finite = not failed, False
        if whole:
            self.epochs += 1
        if failed:
            self.bad = self.steps.bad
            if self.bad is not None and far(self.best, self.bad):
                reasons.append(Reason.diverged)
        elif whole:
            judged = self._judged(taken)
            return judged._replace(reasons=[*reasons, *judged.reasons])
        return Stretch((), reasons, taken=taken)

    def judged(self) -> Stretch | None:
        return self._judged(0, self.epochs + 1) if self._waits else None

    def _judged(self, taken: int, epoch: int | None = None) -> Stretch:
        """Compare the point with the best so far; ``epoch`` is given where it is not whole."""
        at, split = self.batching.splits.at(self.point), self.batching.judged_by
        began = self.watch.seconds
        loss, point = at.loss(split), self.point
        self.watch.deadline.note("loss", LOSS, self.watch.seconds - began)
        finite, validated = isfinite(loss), split == VALIDATION
        self.best, change, ended = self.judge(
            self.best, point, loss, np.full_like(point, nan), finite
        )
        reasons = ended.reasons()
        if not CHANGES.isdisjoint(reasons):
            self.change = change
        if not finite:
            self.bad = point
        whole = epoch is None and self.epochs > 0
        if whole and self._has_waited(at):
            reasons.append(Reason.plateau)
        entry = HistoryEntry(
            evaluation=self.evaluations,
            loss=None if validated else loss,
            gradient=None,
            seconds=nan,
            epoch=self.epochs if epoch is None else epoch,
            batch_loss=float(np.mean(self._losses)) if self._losses else None,
            validation_loss=loss if validated else None,
        )
        self.steps.judge_by(self.best)
        self._losses, self._waits, self._finite = [], False, finite
        return Stretch((loss,) if finite else (), reasons, taken=taken, entry=entry)

    def _has_waited(self, at: AtPoint) -> bool:
        """Whether the metric of the plateau has not improved for long enough."""
        patience = self.patience
        return patience is not None and patience.is_over(at.value(patience.plateau.metric))

    def verdict(self, verdicts: Verdicts, reasons: list[Reason], start: Array) -> Verdict:
        found = Verdict([])
        if self._finite and not EXAMINED.isdisjoint(reasons):
            loss, gradient = self.batching.evaluator.gradient(self.point)
            here = Evaluated(self.point, float(loss), gradient)
            asked = [one for one in reasons if one in EXAMINED]
            found = verdicts.of(asked, here, start)
            reasons = [one for one in reasons if one not in EXAMINED]
        if not (found.reasons or reasons):
            return Verdict([])
        best = self._best_of_all_rows()
        if found.reasons:
            return found if found.evidence.verified else found._replace(best=best)
        if best is None and isfinite(self.best.loss):  # which was that of the validation rows
            self.bad = self.best.point
            reasons = [*reasons, Reason.non_finite]
        return verdicts.checked(reasons, best, NOT_EXAMINED)

    def _best_of_all_rows(self) -> Evaluated | None:
        """The best point with loss and gradient of all training rows, if there is one.

        Where there is no time left for a pass over them, and their loss is known, there is no
        gradient.
        """
        best, batching = self.best, self.batching
        in_time = self.watch.deadline.fits("gradient", 1)
        if isfinite(best.loss) and (in_time or batching.judged_by != TRAINING):
            loss, gradient = batching.evaluator.gradient(best.point)
            best = best._replace(loss=float(loss), gradient=gradient)
        return best.evaluated


class Patience:
    """How long a metric has not improved.

    >>> patience = Patience(PlateauRule("metrics.validation.accuracy", mode="max", patience=2))
    >>> [patience.is_over(value) for value in (0.5, 0.75, nan, 0.75)]
    [False, False, False, True]
    """

    def __init__(self, plateau: PlateauRule) -> None:
        self.plateau = plateau
        self.best = nan
        self.epochs = 0

    def is_over(self, value: float) -> bool:
        """Whether it is, after one more epoch; a value that is no number is no improvement."""
        better = value < self.best if self.plateau.mode == "min" else value > self.best
        if better or (isnan(self.best) and not isnan(value)):
            self.best, self.epochs = value, 0
        else:
            self.epochs += 1
        return self.epochs >= self.plateau.patience
