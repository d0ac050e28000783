"""What is examined of a descent, and what was found: ``End`` and ``Examined``."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from optserve.graph.aval import Array
from optserve.jobs.evidence.evidence import Evidence
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.reasons import Reason

__all__ = ["End", "Examined"]


class End(NamedTuple):
    """An end to be examined: the best point (p,) and the start.

    ``gained(loss)`` is by how much the last tenth of the steps lowered the loss, if that is
    ``loss`` now, after so many ``evaluations``. ``finishes`` says that Newton steps are to finish.
    """

    point: Array
    start: Array
    evaluations: int
    gained: Callable[[float], float]
    finishes: bool


class Examined(NamedTuple):
    """What was found. ``reason`` says what the end amounts to: ``None`` where the loss falls on.

    ``place`` is the point to report. ``onward`` is a point from where the descent is to go on;
    ``further`` is one from where it can, if not from where it is. ``step`` is the largest change of
    a coordinate by the next Newton step, of itself where it is above 1. Where it was examined
    ``in_part`` no more could be spent on it.
    """

    reason: Reason | None
    evidence: Evidence
    place: Ground | None = None
    onward: Ground | None = None
    further: Ground | None = None
    step: float = inf
    in_part: bool = False
