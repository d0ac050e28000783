"""How many steps to take in one call, so that it returns soon."""

from __future__ import annotations

__all__ = ["Pace"]

SOON = 0.1
"""Seconds within which a call is to return: for progress, signals and limits of time."""

GROWTH = 64
"""How many times as many steps the next call may take."""

MARGIN = 10
"""How many times longer a call may take than the one before it predicts: steps differ."""


class Pace:
    """The number of steps of the next call; it begins with 1 and grows as calls prove quick.

    ``largest`` bounds the number.

    >>> pace = Pace(largest=1000)
    >>> pace.took(1, seconds=1e-4)
    >>> pace.steps(), pace.steps(most=7), pace.steps(seconds=1e-3)
    (64, 7, 10)
    >>> pace.took(64, seconds=1.0)  # far longer than predicted
    >>> pace.steps()
    1
    """

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.size = 1
        self.each = 0.0

    def steps(self, most: float | None = None, seconds: float | None = None) -> int:
        """How many to take now: ``most`` at most, and no more than fit into ``seconds``."""
        count: float = self.size if most is None else min(self.size, most)
        if seconds is not None and self.each > 0.0:
            count = min(count, seconds / self.each)
        return max(1, int(count))

    def took(self, steps: int, seconds: float) -> None:
        """Note what a call took."""
        self.each = seconds / steps
        fitting = SOON / MARGIN / max(self.each, 1e-12)
        if fitting < self.size or steps >= self.size:
            self.size = max(1, min(int(fitting), GROWTH * self.size, self.largest))
