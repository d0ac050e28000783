"""A descent over minibatches: epoch by epoch, judged once an epoch, and never on a batch."""

from __future__ import annotations

import functools
from math import isfinite, isnan, nan

import numpy as np

from optserve.errors import PluginFailure
from optserve.graph.aval import Array
from optserve.jobs.consistency import check_batches
from optserve.jobs.descent.batch_graphs import BatchGraphs
from optserve.jobs.descent.batch_walk import BatchSteps, BatchWalk
from optserve.jobs.descent.batches import Batches
from optserve.jobs.descent.history import Entry
from optserve.jobs.descent.judging import Best, Judge
from optserve.jobs.descent.outcome import Outcome
from optserve.jobs.descent.verdicts import Verdict, Verdicts
from optserve.jobs.evaluator import Evaluated, Evaluator
from optserve.jobs.evidence.evidence import Evidence
from optserve.jobs.evidence.examiner import Examiner
from optserve.jobs.limits import Limits
from optserve.jobs.problem import Plateau
from optserve.jobs.reasons import Reason
from optserve.jobs.splits import TRAINING, VALIDATION, AtPoint, Splits, check_metric
from optserve.jobs.watch import Snapshot, Watch

__all__ = ["Epochs", "Patience"]

LOSS = 0.5
"""What a pass for the loss alone costs, in passes for loss and gradient."""


class Epochs:
    """The descents of a job over minibatches, one from each of its starts.

    The best point is judged by the loss of all training rows, or of the validation rows where there
    are some: at the start, after each epoch, and where the descent ends. Its loss and gradient in
    the outcome are of all training rows. Raises ``ConfigError`` for a job that makes no sense.
    """

    def __init__(self, evaluator: Evaluator, splits: Splits) -> None:
        problem = evaluator.problem
        optimizer, minibatch = problem.optimizer, problem.minibatch
        assert optimizer is not None
        assert minibatch is not None
        check_batches(optimizer)
        self.evaluator = evaluator
        self.splits = splits
        self.judged_by = VALIDATION if VALIDATION in problem.held_out else TRAINING
        self.plateau = problem.stop.plateau
        if self.plateau is not None:
            check_metric(problem, self.plateau.metric, self.plateau.place)
        graphs = BatchGraphs(problem, evaluator.packing)
        self.batches = Batches(graphs.columns, minibatch, problem.seed)
        self.limits = Limits.of_batches(problem.stop, self.batches.count)
        self.examiner = functools.cache(lambda: Examiner(evaluator, self.limits))
        self.steps = BatchSteps(graphs, optimizer, evaluator.backend, self.limits.steps)

    def descend(self, start: Array, watch: Watch, number: tuple[int, int] = (1, 1)) -> Outcome:
        """Descend from ``start`` (p,); ``number`` is which start this is, of how many."""
        with np.errstate(all="ignore"):
            descent = _Descent(self, start, watch, number)
            try:
                return descent.run()
            except PluginFailure as failure:
                return descent.failed(failure)


class Patience:
    """How long a metric has not improved.

    >>> patience = Patience(Plateau("metrics.validation.accuracy", mode="max", patience=2))
    >>> [patience.is_over(value) for value in (0.5, 0.75, nan, 0.75)]
    [False, False, False, True]
    """

    def __init__(self, plateau: Plateau) -> None:
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


class _Descent:
    def __init__(self, job: Epochs, start: Array, watch: Watch, number: tuple[int, int]) -> None:
        self.job = job
        self.limits = job.limits
        self.watch = watch
        self.number = number
        self.outcome = Outcome(start, epochs=0)
        self.walk = BatchWalk(job.steps, start)
        self.judge = Judge.of(job.limits, start.dtype)
        self.best = Best.none(start)
        self.verdicts = Verdicts(job.examiner, job.limits, watch)
        self.verdict = Verdict([])
        self.patience = None if job.plateau is None else Patience(job.plateau)
        self.began = watch.seconds

    def run(self) -> Outcome:
        reasons = self._judged(0, [], self.job.splits.at(self.walk.point))
        epoch = 0
        while not reasons:
            epoch += 1
            losses: list[float] = []
            reasons = self._batches(epoch, losses)
            whole = len(losses) == self.job.batches.count
            if whole:
                self.outcome.epochs = epoch
            if not {Reason.non_finite, Reason.diverged} & {*reasons}:
                at = self.job.splits.at(self.walk.point)
                reasons += self._judged(epoch, losses, at)
                if whole and self._has_waited(at):
                    reasons.append(Reason.plateau)
        return self._ended(reasons)

    def failed(self, failure: PluginFailure) -> Outcome:
        """The outcome where a plugin failed: the best point that was judged stays."""
        outcome, walk = self.outcome, self.walk
        outcome.evaluations = outcome.steps
        outcome.best = self.best._replace(gradient=np.full_like(walk.point, nan)).evaluated
        outcome.end([Reason.plugin], walk.point, walk.state, self.watch.seconds - self.began)
        outcome.fail(failure)
        return outcome

    def _batches(self, epoch: int, losses: list[float]) -> list[Reason]:
        """Take the steps of an epoch, or until there is a reason to stop; notes their losses."""
        outcome, limits, walk = self.outcome, self.limits, self.walk
        for stack in self.job.batches.epoch(epoch):
            first, batches = 0, len(stack[0])
            while first < batches:
                most = None if limits.steps is None else limits.steps - outcome.steps
                left = None if limits.seconds is None else limits.seconds - self.watch.seconds
                found = walk.on(stack, first, most, left, self.best.ceiling)
                first += len(found)
                losses += found
                outcome.steps += len(found)
                seconds = self.watch.look(self._snapshot)
                reasons = walk.reasons(self.judge, self.best, found[-1])
                if reasons:
                    outcome.bad = walk.course.last
                if limits.steps is not None and outcome.steps >= limits.steps:
                    last = epoch == limits.epochs and len(losses) == self.job.batches.count
                    reasons.append(Reason.epochs if last else Reason.steps)
                if limits.seconds is not None and seconds >= limits.seconds:
                    reasons.append(Reason.seconds)
                if self.watch.signal is not None:
                    reasons.append(self.watch.signal)
                if reasons:
                    return reasons
        return []

    def _judged(self, epoch: int, losses: list[float], at: AtPoint) -> list[Reason]:
        """Compare the point that the steps have reached with the best so far, and note it."""
        began = self.watch.seconds
        loss, point = at.loss(self.job.judged_by), at.point
        self.watch.deadline.note("loss", LOSS, self.watch.seconds - began)
        finite = isfinite(loss)
        judged = self.judge(self.best, point, loss, point, finite)
        self.best = judged.best
        if not finite:
            self.outcome.bad = point
        reasons = judged.ended.reasons()
        if {Reason.loss, Reason.step} & {*reasons}:
            self.outcome.change = judged.change
        self.verdicts.gains.note([loss])
        if finite and self.verdicts.is_candidate(None, point):
            reasons.append(Reason.gradient)
        validated = self.job.judged_by == VALIDATION
        entry = Entry(
            evaluation=self.outcome.steps,
            loss=None if validated else loss,
            gradient=None,
            seconds=self.watch.seconds,
            epoch=epoch,
            batch_loss=float(np.mean(losses)) if losses else None,
            validation_loss=loss if validated else None,
        )
        self.outcome.history.note(epoch + 1, entry)
        return self._verdict(point, reasons) if finite and reasons else reasons

    def _verdict(self, point: Array, reasons: list[Reason]) -> list[Reason]:
        """Of reasons that speak of convergence, those that hold for all training rows."""
        loss, gradient = self.job.evaluator.gradient(point)
        here = Evaluated(point, float(loss), gradient)
        self.verdict = self.verdicts.of(reasons, here, self.outcome.start)
        return self.verdict.reasons

    def _has_waited(self, at: AtPoint) -> bool:
        """Whether the metric of the plateau has not improved for long enough."""
        if self.patience is None:
            return False
        return self.patience.is_over(at.value(self.patience.plateau.metric))

    def _ended(self, reasons: list[Reason]) -> Outcome:
        outcome, walk = self.outcome, self.walk
        outcome.evaluations = outcome.steps
        if isfinite(self.best.loss):
            outcome.best = self._of_all_rows().evaluated
            if outcome.best is None:  # of the training rows; the loss of the validation rows was
                outcome.bad = self.best.point
                reasons.append(Reason.non_finite)
        verdict = self._final(reasons)
        if verdict.best is not None and verdict.evidence.verified:
            outcome.best = verdict.best
        outcome.evidence, reasons = verdict.evidence, verdict.reasons
        outcome.end(reasons, walk.point, walk.state, self.watch.seconds - self.began)
        return outcome

    def _of_all_rows(self) -> Best:
        """The best point with loss and gradient of all training rows.

        Where there is no time left for a pass over them, and their loss is known, there is no
        gradient."""
        best, job = self.best, self.job
        if job.judged_by == TRAINING and not self.watch.deadline.fits("gradient", 1):
            return best._replace(gradient=np.full_like(best.point, nan))
        loss, gradient = job.evaluator.gradient(best.point)
        return best._replace(loss=float(loss), gradient=gradient)

    def _final(self, reasons: list[Reason]) -> Verdict:
        """The verdict where the descent ends, for these ``reasons``."""
        if self.verdict.reasons:
            return self.verdict
        return self.verdicts.checked(
            reasons, self.outcome.best, Evidence(False, "the steps saw batches: not examined")
        )

    def _snapshot(self, seconds: float) -> Snapshot:
        return Snapshot(
            start=self.number[0],
            starts=self.number[1],
            step=self.outcome.steps,
            steps=self.limits.steps,
            loss=self.best.loss,
            gradient=None,
            tolerance=None,
            seconds=seconds,
        )
