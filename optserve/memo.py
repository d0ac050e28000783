"""``Memo``: what was made before, under what it was made from, as many as it is allowed to keep."""

from __future__ import annotations

TYPE_CHECKING = False  # that of `typing`, which takes longer to import than all the rest

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ["Memo"]


class Memo:
    """A bounded table of made things, which belongs to whoever made it.

    ``most`` is how many it keeps; the oldest gives way. Any number of threads may use it: what two
    make at the same time is the same, and one of the two is kept.

    >>> memo = Memo(2)
    >>> memo.of("one", lambda: [1]) is memo.of("one", lambda: [1])
    True
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._made: dict[Hashable, tuple[tuple[Any, ...], Any]] = {}

    def __len__(self) -> int:
        return len(self._made)

    def of(self, key: Hashable, make: Callable[[], T], *same: object) -> T:
        """What is kept under ``key`` and for these ``same`` objects, else what ``make`` makes.

        The objects are told apart by identity, and live as long as what was made for them. What
        ``make`` raises is raised, and nothing is kept.
        """
        full = (key, *map(id, same))
        try:
            made: T = self._made[full][1]
        except KeyError:
            made = make()
            self._made[full] = same, made
            while len(self._made) > self.most:
                self._made.pop(next(iter(self._made), full), None)
        return made

    def drop(self, key: Hashable, *same: object) -> None:
        """Forget what is kept under ``key`` and for these objects, if anything."""
        self._made.pop((key, *map(id, same)), None)
