"""``Refit``: what a problem that is fitted again comes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from optserve.graph.aval import Array
from optserve.jobs.parameters import JobParameter

__all__ = ["Refit", "Refits", "StoppedError"]


class StoppedError(Exception):
    """Somebody interrupts, or the time is up: there are no more refits."""


class Refit(NamedTuple):
    """The natural ``values`` of the parameters by name, and the ``loss`` there; ``why`` says why
    this is no minimum, where it is none. It is ``flat`` in so many directions."""

    values: Mapping[str, Array]
    loss: float
    why: str = ""
    flat: int = 0


class Refits(Protocol):
    """Fits a problem again; see ``optserve/jobs/refitting.py``."""

    def __call__(
        self,
        parameters: tuple[JobParameter, ...] | None = None,
        data: Mapping[str, Array] | None = None,
        start: Mapping[str, Array] | None = None,
        number: tuple[int, int] = (1, 1),
    ) -> Refit:
        """The fit of other ``parameters``, to other ``data``, from ``start``."""
