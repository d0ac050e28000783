"""How many steps to take in one call, so that it returns soon."""

from __future__ import annotations

__all__ = ["Pace"]

SOON = 0.1
"""Seconds within which a call is to return: for progress, signals and limits of time."""

GROWTH = 4
"""How many times as many steps the next call takes after one that was quick."""


class Pace:
    """The number of steps of the next call; it begins with 1 and grows as calls prove quick.

    A call of n steps that took less than a tenth of the time allows ``GROWTH`` n, which then take
    less than half of it: steps may differ. ``largest`` bounds the number.

    >>> pace = Pace(largest=1000)
    >>> for _ in range(6):
    ...     pace.took(pace.steps(), seconds=1e-4)
    >>> pace.steps(), pace.steps(most=7)
    (1000, 7)
    >>> pace.took(1000, seconds=1.0)
    >>> pace.steps()
    250
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
        if seconds < 0.1 * SOON and steps >= self.size:
            self.size = min(GROWTH * self.size, self.largest)
        elif seconds > 0.5 * SOON:
            self.size = max(1, steps // GROWTH)
