"""A stretch of a descent, and how near to stationary its last point is, by the method's curvature.

What a method says costs nothing beside a step. It only says when an end is worth examining (see
``optserve.jobs.evidence``); nothing is called converged by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

from optserve.graph.aval import Array
from optserve.jobs.reasons import Reason

__all__ = ["Measured", "Stretch"]


class Measured(NamedTuple):
    """The root of a predicted decrease of the loss, and what it is compared with (NaN: open)."""

    decrement: float
    unit: float = nan


class Stretch(NamedTuple):
    """Some evaluations in a row: the loss of each, and the reasons to stop.

    ``measured`` is how near to stationary the last of them is, where that is known and it is as
    good as the best.
    """

    losses: Sequence[float] | Array
    reasons: list[Reason]
    measured: Measured | None = None
