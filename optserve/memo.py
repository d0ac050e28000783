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

    ``most`` is how many it keeps; what was not asked for the longest gives way. Any number of
    threads may use it: what two make at the same time is the same, and one of the two is kept.

    >>> memo = Memo(2)
    >>> memo.of("one", lambda: [1]) is memo.of("one", lambda: [1])
    True
    >>> [memo.of(key, lambda: key) for key in ("two", "one", "three")], len(memo)
    (['two', [1], 'three'], 2)
    >>> memo.of("one", lambda: "made again")
    [1]
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: dict[Hashable, _Kept] = {}
        self._asked = 0

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, key: Hashable, make: Callable[[], T], *same: object) -> T:
        """What is kept under ``key`` and for these ``same`` objects, else what ``make`` makes.

        The objects are told apart by identity, and live as long as what was made for them. What
        ``make`` raises is raised, and nothing is kept.
        """
        full = (key, *map(id, same))
        kept = self._kept.get(full)
        if kept is None:
            kept = _Kept(same, make())
            self._kept[full] = kept
        self._asked = kept.asked = self._asked + 1
        if len(self._kept) > self.most:
            self._give_way()
        made: T = kept.made
        return made

    def known(self, key: Hashable, *same: object) -> Any:
        """What is kept under ``key`` and for these objects, if anything."""
        kept = self._kept.get((key, *map(id, same)))
        if kept is None:
            return None
        self._asked = kept.asked = self._asked + 1
        return kept.made

    def drop(self, key: Hashable, *same: object) -> None:
        """Forget what is kept under ``key`` and for these objects, if anything."""
        self._kept.pop((key, *map(id, same)), None)

    def _give_way(self) -> None:
        """Forget as many as there are too many, those first that were not asked for the longest."""
        found = sorted(self._kept.copy().items(), key=lambda pair: pair[1].asked)
        for full, _ in found[: max(0, len(found) - self.most)]:
            self._kept.pop(full, None)


class _Kept:
    """What was ``made`` for the ``same`` objects, and when it was ``asked`` for last."""

    __slots__ = ("asked", "made", "same")

    def __init__(self, same: tuple[Any, ...], made: Any) -> None:
        self.same = same
        self.made = made
        self.asked = 0
