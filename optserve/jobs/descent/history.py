"""The course of a descent, thinned out so that it stays small however long it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array

__all__ = ["History", "HistoryEntry"]

LARGEST = 2048
"""Entries that are kept of one descent."""


class HistoryEntry(NamedTuple):
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


@dataclass(frozen=True)
class HistoryRun:
    """Entries in a row, as columns; the one with number n was at ``began + each * n`` seconds."""

    numbers: range
    losses: Array
    began: float
    each: float

    def every_second(self, first: int) -> HistoryRun:
        """Half of them, from entry ``first``."""
        return replace(self, numbers=self.numbers[first::2], losses=self.losses[first::2])

    def entries(self) -> Iterator[HistoryEntry]:
        """What they are one by one."""
        for number, loss in zip(self.numbers, self.losses.tolist(), strict=True):
            yield HistoryEntry(number, loss, None, self.began + self.each * number)


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

    kept: list[HistoryEntry | HistoryRun] = field(default_factory=list)
    stride: int = 1
    last: HistoryEntry | None = None

    def record(self, evaluation: int, loss: float, gradient: float | None, seconds: float) -> None:
        """Note one evaluation; they are numbered from 1."""
        self.note(evaluation, HistoryEntry(evaluation, loss, gradient, seconds))

    def note(self, number: int, entry: HistoryEntry) -> None:
        """Note the entry with this number, from 1."""
        self.last = entry
        if (number - 1) % self.stride == 0:
            self.kept.append(entry)
            self._thin(number)

    def note_epoch(self, entry: HistoryEntry) -> None:
        """Note an epoch; they are numbered from 0, which is the start."""
        assert entry.epoch is not None
        self.note(entry.epoch + 1, entry)

    def extend(
        self,
        losses: Sequence[float] | Array,
        measure: float | None,
        evaluations: int,
        seconds: tuple[float, float],
    ) -> None:
        """Note some evaluations in a row, the last of which has the number ``evaluations``.

        ``measure`` is that of the last, ``None`` where there is none. They took from the first of
        ``seconds`` to the second, as long each.
        """
        count, (began, ended) = len(losses), seconds
        if count == 1:  # as each of a descent step by step
            self.record(evaluations, float(losses[0]), measure, ended)
            return
        before = evaluations - count
        self._thin(evaluations)
        first = -before % self.stride
        each = (ended - began) / count
        run = HistoryRun(
            range(before + first + 1, evaluations + 1, self.stride),
            np.array(losses[first :: self.stride]),  # a copy: the rest goes
            began - each * before,
            each,
        )
        self.kept.append(run)
        self.last = HistoryEntry(evaluations, float(losses[-1]), measure, ended)

    def _thin(self, count: int) -> None:
        """Keep every second entry, as often as that takes where there are ``count`` of them."""
        while -(-count // self.stride) >= LARGEST:
            self.kept = list(_every_second(self.kept))
            self.stride *= 2

    def entries(self) -> Iterator[HistoryEntry]:
        """What was kept, in order, the last evaluation included."""
        known = 0
        for entry in _one_by_one(self.kept):
            known = entry.evaluation
            yield entry
        if self.last is not None and known < self.last.evaluation:
            yield self.last


def _every_second(kept: Sequence[HistoryEntry | HistoryRun]) -> Iterator[HistoryEntry | HistoryRun]:
    position = 0
    for item in kept:
        if isinstance(item, HistoryRun):
            yield item.every_second(position % 2)
            position += len(item.numbers)
        else:
            if position % 2 == 0:
                yield item
            position += 1


def _one_by_one(kept: Sequence[HistoryEntry | HistoryRun]) -> Iterator[HistoryEntry]:
    for item in kept:
        if isinstance(item, HistoryRun):
            yield from item.entries()
        else:
            yield item
