"""The course of a descent, thinned out so that it stays small however long it gets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Entry", "History"]

LARGEST = 2048
"""Entries that are kept of one descent."""


class Entry(NamedTuple):
    """One evaluation: its number, the loss, the gradient where it was measured, and when it was."""

    evaluation: int
    loss: float
    gradient: float | None
    seconds: float


@dataclass
class History:
    """Every evaluation at first; every second, fourth, ... once there are many, and the last.

    >>> history = History()
    >>> for number in range(1, 10_001):
    ...     history.record(number, 1.0 / number, None, 0.0)
    >>> kept = list(history.entries())
    >>> len(kept) <= LARGEST + 1, kept[0].evaluation, kept[1].evaluation, kept[-1].evaluation
    (True, 1, 9, 10000)
    """

    kept: list[Entry] = field(default_factory=list)
    stride: int = 1
    last: tuple[int, float, float | None, float] | None = None

    def record(self, evaluation: int, loss: float, gradient: float | None, seconds: float) -> None:
        """Note one evaluation; they are numbered from 1."""
        self.last = (evaluation, loss, gradient, seconds)
        if (evaluation - 1) % self.stride == 0:
            self.kept.append(Entry(*self.last))
            if len(self.kept) == LARGEST:
                self.kept = self.kept[::2]
                self.stride *= 2

    def entries(self) -> Iterator[Entry]:
        """What was kept, in order, the last evaluation included."""
        yield from self.kept
        if self.last is not None and (not self.kept or self.kept[-1].evaluation != self.last[0]):
            yield Entry(*self.last)
