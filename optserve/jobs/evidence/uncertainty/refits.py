"""``Refit``: what a problem that is fitted again comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from optserve.graph.aval import Array
from optserve.jobs.interruption import Interruption
from optserve.jobs.parameters import JobParameter

__all__ = ["EachRefit", "Refit", "Refits", "RefitsBy", "StoppedError", "one_by_one"]


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


EachRefit = Callable[[Callable[[int], Refit], int], Iterable[Refit]]
"""(what makes the refit of a number, how many) -> all of them, in the order of their numbers. What
a refit comes to depends on its number alone, so that others may make some at the same time."""

RefitsBy = Callable[[Interruption], EachRefit]
"""How all refits are made, until the interruption hears a signal."""


def one_by_one(interruption: Interruption) -> EachRefit:
    """One after the other; each sees by itself that somebody interrupts."""
    return lambda refit, count: map(refit, range(count))
