"""How one descent ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from optserve.errors import DataFailure, NumericalFailure, PluginFailure
from optserve.graph.aval import Array
from optserve.jobs.descent.history import History
from optserve.jobs.evidence.evidence import Evidence
from optserve.jobs.known_points import Evaluated
from optserve.jobs.reasons import Reason, in_order
from optserve.optimizers.base import State

__all__ = ["Outcome"]


@dataclass
class Outcome:
    """How one descent ended, and the evidence that this is a minimum.

    ``best`` is ``None`` where not even the start was finite. ``bad`` is a point that was not:
    the last of the descent where that ended it. ``failure`` is what could not even be computed.
    ``point`` and ``state`` are where the method would go on, for a checkpoint. ``change`` is what
    met the tolerance of ``loss`` or ``step``; ``rejected`` counts trial points that were not finite
    and were stepped back from. ``epochs`` are the whole ones of a descent over minibatches, whose
    evaluations are those of batches.
    """

    start: Array
    best: Evaluated | None = None
    reasons: list[Reason] = field(default_factory=list)
    evaluations: int = 0
    steps: int = 0
    epochs: int | None = None
    seconds: float = 0.0
    change: float | None = None
    rejected: int = 0
    bad: Array | None = None
    failure: NumericalFailure | PluginFailure | DataFailure | None = None
    point: Array | None = None
    state: State = ()
    history: History = field(default_factory=History)
    evidence: Evidence = field(default_factory=lambda: Evidence(False, "not examined"))

    @property
    def reason(self) -> Reason:
        return self.reasons[0]

    def end(self, reasons: list[Reason], point: Array, state: State, seconds: float) -> None:
        """Note why the descent ended, after how long, and where it would go on."""
        self.reasons = in_order(reasons)
        self.point, self.state, self.seconds = point, state, seconds

    def fail(self, failure: PluginFailure | DataFailure) -> None:
        """Note that a plugin or the data failed, whatever else there is to say of the end."""
        reason = Reason.data if isinstance(failure, DataFailure) else Reason.plugin
        self.failure = self.failure or failure
        self.reasons = in_order([reason, *self.reasons])

    @property
    def loss(self) -> float:
        """The lowest loss; infinite where there is none."""
        return inf if self.best is None else self.best.loss
