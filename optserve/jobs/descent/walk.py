"""``Walk``: where a descent stands, and how it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from optserve.graph.aval import Array
from optserve.jobs.descent.judging import BestPoint
from optserve.jobs.descent.stretch import Stretch
from optserve.jobs.descent.verdicts import Verdict, Verdicts
from optserve.jobs.reasons import Reason
from optserve.optimizers.base import State

__all__ = ["Steps", "Walk"]


class Walk:
    """Where a descent stands: steps of batches of all rows, or epochs of minibatches.

    ``point`` (p,) and ``state`` are where it goes on, ``bad`` is the last point that was not
    finite, ``change`` the last change that was compared with a tolerance. ``rejected`` counts trial
    points that were stepped back from. ``epochs`` counts whole ones, and is
    ``None`` where each batch holds all rows, so that every step is one.
    """

    def __init__(self, start: Array, state: State) -> None:
        self.point = start
        self.state = state
        self.best = BestPoint.none(start)
        self.change = nan
        self.bad: Array | None = None
        self.rejected = 0
        self.epochs: int | None = None

    def on(self, most: float | None, seconds: float | None) -> Stretch:
        """Evaluate at least once, ``most`` times at most, and as fits into ``seconds``."""
        raise NotImplementedError

    def judged(self) -> Stretch | None:
        """The judgement of ``point``, where steps have led there and it is still to be judged."""
        return None

    def verdict(self, verdicts: Verdicts, reasons: list[Reason], start: Array) -> Verdict:
        """The verdict where these are the ``reasons`` to end a descent from ``start`` (p,)."""
        return verdicts.of(reasons, self.best.evaluated, start)

    def go_on(self, wait: int) -> None:
        """Take what ended it for no end, and heed no small changes for some evaluations."""


class Steps(Walk):
    """Steps, one after the other: by Python, or in loops."""

    def on(
        self, most: float | None, seconds: float | None, batches: Sequence[Array] = ()
    ) -> Stretch:
        """The same over ``batches`` of rows: an array (batches, rows, ...) for each column.

        Their losses say nothing of which point is best.
        """
        raise NotImplementedError

    def judge_by(self, best: BestPoint) -> None:
        """Take the losses of ``best`` for what the batches to come are compared with."""
        self.best = best
