"""``Stretch``: some evaluations in a row, and what they are a reason for."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

from optserve.graph.aval import Array
from optserve.jobs.descent.history import HistoryEntry
from optserve.jobs.reasons import Reason

__all__ = ["Measured", "Stretch"]


class Measured(NamedTuple):
    """The root of a predicted decrease of the loss, and what it is compared with (NaN: open).

    It is what the method says by the curvature that it has, and costs nothing beside a step. It
    only says when an end is worth examining (see ``optserve.jobs.evidence``); nothing is called
    converged by it.
    """

    decrement: float
    unit: float = nan


class Stretch(NamedTuple):
    """Some evaluations in a row, ``taken`` of them, and the reasons to stop.

    ``losses`` are those by which points were judged, in order. ``measured`` is how near to
    stationary the last of these points is, where that is known and it is as good as the best.
    ``entry`` is what the history notes of an epoch, but for the time; where there is none, it notes
    each loss.
    """

    losses: Sequence[float] | Array
    reasons: list[Reason]
    measured: Measured | None = None
    taken: int = 1
    entry: HistoryEntry | None = None
