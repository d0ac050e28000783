"""``Streamed``: a column that is read block by block as it is needed, and never held whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from optserve.errors import ConfigError
from optserve.graph.aval import Array, DType

__all__ = ["Streamed", "any_streamed", "held", "is_streamed"]

_IN_MEMORY = (np.ndarray, np.generic)


class Streamed(ABC):
    """What stands where an array of rows does: ``shape``, ``dtype`` and ``[first:last]``.

    A slice is a contiguous array (last - first, ...) of ``dtype``; it may be read in any order and
    by several threads. Whatever needs all rows at once is told that it cannot have them.

    >>> import numpy as np
    >>> class Numbers(Streamed):
    ...     def rows(self, first, last):
    ...         return np.arange(first, last, dtype=float)
    >>> column = Numbers("x", (1_000_000_000,), np.dtype(float))
    >>> column[7:9]
    array([7., 8.])
    >>> np.sum(column)
    Traceback (most recent call last):
    optserve.errors.ConfigError: all rows of x are needed at once, and it is read in blocks
      remedy: `in_memory: true` in its table holds it in memory
    """

    def __init__(self, name: str, shape: tuple[int, ...], dtype: DType) -> None:
        self.name = name
        self.shape = shape
        self.dtype = dtype

    @abstractmethod
    def rows(self, first: int, last: int) -> Array:
        """The rows from ``first`` up to, not including, ``last``."""

    def expect_passes(self) -> None:
        """Be told that all rows will be read several times; whoever can, reads them faster then."""
        return

    def at_hand(self, first: int, last: int) -> bool:
        """Whether the rows ``first`` to ``last`` are had at once, so that no thread need read them
        beforehand."""
        return False

    def __getitem__(self, key: Any) -> Array:
        if not isinstance(key, slice):
            self.__array__()
        first, last, step = key.indices(self.shape[0])
        if step != 1:
            raise IndexError("a streamed column is sliced in steps of 1")
        return self.rows(first, max(first, last))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise ConfigError(
            f"all rows of {self.name} are needed at once, and it is read in blocks",
            remedy="`in_memory: true` in its table holds it in memory",
            code="needs-memory",
        )


def is_streamed(value: Any) -> bool:
    """Whether ``value`` is a streamed column; of an array that is told at a tenth of the time that
    an abstract class takes."""
    return not isinstance(value, _IN_MEMORY) and isinstance(value, Streamed)


def any_streamed(values: Iterable[Any]) -> bool:
    """Whether any of ``values`` is a streamed column."""
    return any(map(is_streamed, values))


def held(values: Iterable[Any]) -> list[Any]:
    """``values`` with all rows of streamed columns read: where these are known to be few."""
    return [
        one if isinstance(one, _IN_MEMORY) or not isinstance(one, Streamed) else one[:]
        for one in values
    ]
