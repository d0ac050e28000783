"""The course of a descent, thinned out so that it stays small however long it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import NamedTuple

__all__ = ["Entry", "History"]

LARGEST = 2048
"""Entries that are kept of one descent."""


class Entry(NamedTuple):
    """One evaluation: its number, the loss, the gradient where it was measured, and when it was.

    Of a descent over minibatches an entry is an epoch: ``evaluation`` counts the batches so far,
    ``batch_loss`` is the mean of their losses in this epoch. ``loss`` (of all training rows) and
    ``validation_loss`` are those that were computed after it.
    """

    evaluation: int
    loss: float | None
    gradient: float | None
    seconds: float
    epoch: int | None = None
    batch_loss: float | None = None
    validation_loss: float | None = None


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
    last: Entry | None = None

    def record(self, evaluation: int, loss: float, gradient: float | None, seconds: float) -> None:
        """Note one evaluation; they are numbered from 1."""
        self.note(evaluation, Entry(evaluation, loss, gradient, seconds))

    def note(self, number: int, entry: Entry) -> None:
        """Note the entry with this number, from 1."""
        self.last = entry
        if (number - 1) % self.stride == 0:
            self.kept.append(entry)
            if len(self.kept) == LARGEST:
                self.kept = self.kept[::2]
                self.stride *= 2

    def extend(
        self,
        losses: Sequence[float],
        measures: Sequence[float],
        evaluations: int,
        seconds: tuple[float, float],
    ) -> None:
        """Note some evaluations in a row, the last of which has the number ``evaluations``.

        ``measures`` are NaN where there is none. They took from the first of ``seconds`` to the
        second, as long each.
        """
        count, (began, ended) = len(losses), seconds
        if count == 1:  # as each of a descent step by step
            self.record(evaluations, losses[0], None if isnan(measures[0]) else measures[0], ended)
            return
        before = evaluations - count

        def note(at: int) -> None:
            measure = None if isnan(measures[at]) else measures[at]
            time = began + (ended - began) * ((at + 1) / count)
            self.record(before + at + 1, losses[at], measure, time)

        index = -before % self.stride
        while index < count:
            note(index)
            index += 1 + -(before + index + 1) % self.stride
        if count and (self.last is None or self.last.evaluation < evaluations):
            note(count - 1)

    def entries(self) -> Iterator[Entry]:
        """What was kept, in order, the last evaluation included."""
        yield from self.kept
        if self.last is not None and (not self.kept or self.kept[-1] is not self.last):
            yield self.last
