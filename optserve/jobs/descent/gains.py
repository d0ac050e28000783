"""What the steps of a descent gained: the lowest loss, as it was at earlier steps."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from optserve.graph.aval import Array

__all__ = ["Gains"]

LARGEST = 1024
"""Losses that are kept; of longer descents every second, fourth, ... one."""


class Gains:
    """The ``lowest`` losses after so many evaluations, and the ``first`` of all.

    >>> gains = Gains()
    >>> gains.note([100.0, 90.0, 95.0, 50.0, 45.0])
    >>> gains.of_last(0.4), gains.of_last(0.1), gains.lowest
    (45.0, 5.0, 45.0)
    """

    def __init__(self) -> None:
        self.lowest = self.first = inf
        self.count = 0
        self._lows: list[float] = []
        self._stride = 1

    def note(self, losses: Sequence[float] | Array) -> None:
        """Note the losses of some evaluations in a row; what is no number is none."""
        if not self.count and len(losses):
            self.first = float(losses[0])
        if len(losses) == 1:
            loss = float(losses[0])
            self.lowest = loss if loss < self.lowest else self.lowest
            if self.count % self._stride == 0:
                self._lows.append(self.lowest)
        else:
            self._thin(self.count + len(losses))
            kept = np.arange(-self.count % self._stride, len(losses), self._stride)
            begin = np.concatenate([[0], kept + 1])
            lowest = np.fmin.reduceat(losses, begin[begin < len(losses)])
            lows = np.fmin.accumulate(np.fmin(lowest, self.lowest))
            self._lows += lows[: kept.size].tolist()
            self.lowest = float(lows[-1])
        self.count += len(losses)
        if len(self._lows) > LARGEST:
            self._thin(self.count)

    def _thin(self, count: int) -> None:
        """Keep every second loss, as often as that takes where there are ``count`` of them."""
        while -(-count // self._stride) > LARGEST:
            self._lows = self._lows[::2]
            self._stride *= 2

    def of_last(self, share: float, loss: float | None = None) -> float:
        """By how much the last ``share`` of the evaluations, and one at least, lowered the loss.

        ``loss`` is taken for what it is now.
        """
        return self.before(share) - (self.lowest if loss is None else loss)

    def before(self, share: float) -> float:
        """The lowest loss before the last ``share`` of the evaluations."""
        last = self.count - max(1, int(share * self.count)) - 1
        return self._lows[max(0, last) // self._stride] if self._lows else inf
