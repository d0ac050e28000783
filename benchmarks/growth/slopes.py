"""Slopes of time against size, and where they are steeper than n log n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

__all__ = ["Growth", "sizes"]

FACTOR = 3
"""By how much the next size is larger."""

TOLERANCE = 1.25
"""How many times longer than by n log n a step may take, for noise and caches."""


@dataclass(frozen=True)
class Growth:
    """Seconds at each of some sizes, beside those at next to none."""

    sizes: Sequence[int]
    seconds: Sequence[float]

    @property
    def slope(self) -> float:
        """The exponent over the upper half of the range: 1 where time is in proportion.

        >>> round(Growth([10, 100, 1000], [0.1, 1.0, 10.0]).slope, 6)
        1.0
        """
        middle = len(self.sizes) // 2 if len(self.sizes) > 2 else 0
        rise = log(self.seconds[-1] / self.seconds[middle])
        return rise / log(self.sizes[-1] / self.sizes[middle])

    @property
    def breaks(self) -> int | None:
        """The first size from which on time grows faster than n log n, up to the largest.

        >>> Growth([10, 100, 1000], [0.1, 1.0, 100.0]).breaks
        100
        >>> Growth([10, 100, 1000], [0.1, 1.0, 11.0]).breaks is None
        True
        """
        first = None
        for at in range(len(self.sizes) - 1):
            if self._is_steep(at):
                first = self.sizes[at] if first is None else first
            else:
                first = None
        return first

    def _is_steep(self, at: int) -> bool:
        small, large = self.sizes[at], self.sizes[at + 1]
        allowed = large * log(large) / (small * log(small))
        return self.seconds[at + 1] > TOLERANCE * allowed * self.seconds[at]


def sizes(least: int, most: int) -> list[int]:
    """From the least to the most, each so many times the one before.

    >>> sizes(10, 1000)
    [10, 30, 90, 270, 810, 1000]
    """
    found = []
    while least < most:
        found.append(least)
        least *= FACTOR
    return [*found, most]
