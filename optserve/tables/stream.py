"""``Stream``: the columns of a table that is larger than memory, decoded piece by piece.

What is decoded a second time, or is known to be read again, is kept on disk as it is used, where
there is room: a pass over Parquet takes some ten times as long as one over numbers, and one over
text more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property
from itertools import accumulate
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from optserve.errors import DataFailure, OptserveError
from optserve.graph.aval import Array, DType
from optserve.graph.streamed import Streamed
from optserve.tables.pieces import TablePiece
from optserve.tables.scratch import Scratch

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["Stream", "StreamedColumn"]

KEPT_BYTES = 1 << 26
"""Decoded pieces up to this size are kept; four are in any case: one that is computed with, one
that another thread is still at, and those that are decoded meanwhile."""
KEPT_PIECES = 4

AHEAD = 2
"""How many pieces are decoded beside the one that is used, on a thread each."""

Decode = Callable[[TablePiece, int], Mapping[str, Array]]
"""The columns of a piece, before which there are so many rows, as they are to be used, by name."""


class Stream:
    """Rows of decoded pieces by their number; the pieces used last are kept.

    ``expects_passes`` says that all of them will be read several times.
    """

    def __init__(self, pieces: Sequence[TablePiece], decode: Decode) -> None:
        self.pieces = [piece for piece in pieces if piece.rows]
        self.ends = list(accumulate(piece.rows for piece in self.pieces))
        self.row_count = self.ends[-1] if self.ends else 0
        self.expects_passes = False
        self._decode = decode
        self._kept: OrderedDict[int, Future[Mapping[str, Array]]] = OrderedDict()
        self._lock = Lock()
        self._sums: dict[int, tuple[int, ...]] = {}
        self._newest = -1
        self._scratch: Scratch | None = None
        self._has_asked = False
        """Whether it is known if there is room for a scratch."""

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor  # not for a table of one piece

        return ThreadPoolExecutor(AHEAD, thread_name_prefix="optserve-decode")

    def rows(self, name: str, first: int, last: int) -> Array:
        """The rows ``first`` to ``last`` of a column; contiguous, and not to be written to."""
        parts = []
        number = bisect_right(self.ends, first)
        while first < last:
            start = self.ends[number] - self.pieces[number].rows
            stop = min(last, self.ends[number])
            self._look_ahead(number)
            parts.append(self._piece(number)[name][first - start : stop - start])
            first, number = stop, number + 1
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def at_hand(self, first: int, last: int) -> bool:
        """Whether the rows ``first`` to ``last`` need not be decoded."""
        if self._scratch is None:
            return False
        numbers = range(bisect_right(self.ends, first), bisect_right(self.ends, last - 1) + 1)
        return all(number in self._scratch for number in numbers)

    def _look_ahead(self, number: int) -> None:
        """Have the pieces after ``number`` decoded by other threads, when it is first asked for."""
        with self._lock:
            if number == self._newest:
                return
            self._newest = number
            if number in self._kept:  # it must not give way to those after it
                self._kept.move_to_end(number)
            following = range(number + 1, min(number + 1 + AHEAD, len(self.pieces)))
            missing = [one for one in following if one not in self._kept]
        for one in missing:
            if self._scratch is not None and one in self._scratch:
                self._piece(one)
            else:
                self._threads.submit(self._piece, one)  # an error is raised to who asks for it

    def _piece(self, number: int) -> Mapping[str, Array]:
        """The columns of a piece; who asks while another thread decodes it waits for that."""
        with self._lock:
            found = self._kept.get(number)
            mine = found is None
            if found is None:
                found = self._kept[number] = Future()
                self._forget()
            self._kept.move_to_end(number)
        if mine:
            try:
                found.set_result(self._decoded(number))
            except BaseException as error:
                with self._lock:
                    self._kept.pop(number, None)
                found.set_exception(error)
                raise
        return found.result()

    def _decoded(self, number: int) -> Mapping[str, Array]:
        """The columns of a piece; raises ``DataFailure`` where they are not what they were."""
        piece = self.pieces[number]
        again = piece.check is not None and (self.expects_passes or number in self._sums)
        try:
            if again and (kept := self._from_disk(number)):
                return kept
            columns = self._decode(piece, self.ends[number] - piece.rows)
        except OptserveError as error:
            raise _failed(error) from error
        sums = tuple(map(_checksum, columns.values()))
        if self._sums.setdefault(number, sums) != sums:
            first = self.ends[number] - piece.rows
            raise DataFailure(
                f"rows {first + 1} to {self.ends[number]} are not what they were when they were "
                "first read",
                place=piece.place(0, 0),
                expected="data that stay as they are while they are used",
                remedy="run it again; write new data into a file of another name",
            )
        if again and (scratch := self._room(piece, columns)):
            scratch.keep(number, columns)
        return columns

    def _room(self, piece: TablePiece, columns: Mapping[str, Array]) -> Scratch | None:
        """Room on disk for all pieces, if they are as large as this one."""
        with self._lock:
            if not self._has_asked:
                self._has_asked = True
                held = sum(array.nbytes for array in columns.values())
                self._scratch = Scratch.of(ceil(held / piece.rows * self.row_count))
            return self._scratch

    def _from_disk(self, number: int) -> Mapping[str, Array] | None:
        """The columns of a piece where they are kept on disk, and its file is as it was."""
        check = self.pieces[number].check
        if self._scratch is None or check is None:
            return None
        check()
        return self._scratch.columns(number)

    def _forget(self) -> None:
        """Drop the pieces that were used least recently, beyond what may be kept."""
        held = 0
        for position, number in enumerate(reversed(list(self._kept))):
            future = self._kept[number]
            if future.done() and future.exception() is None:
                held += sum(array.nbytes for array in future.result().values())
            if position >= KEPT_PIECES and held > KEPT_BYTES:
                del self._kept[number]


def _checksum(array: Array) -> int:
    """The sum of the array's bytes in words of 64 bits, which one changed value changes."""
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = content.size // 8 * 8
    words = content[:whole].view(np.uint64).sum(dtype=np.uint64)
    return int(words) + int(content[whole:].sum())


def _failed(error: OptserveError) -> DataFailure:
    return DataFailure(
        error.message,
        place=error.place,
        expected=error.expected,
        remedy=error.remedy,
        code=error.code,
    )


class StreamedColumn(Streamed):
    """One column of a stream; ``shape`` is (rows,) or (rows, width)."""

    def __init__(self, stream: Stream, name: str, inner: tuple[int, ...], dtype: DType) -> None:
        super().__init__(name, (stream.row_count, *inner), dtype)
        self._stream = stream

    def expect_passes(self) -> None:
        """Be told that all rows will be read several times."""
        self._stream.expects_passes = True

    def at_hand(self, first: int, last: int) -> bool:
        return first >= last or self._stream.at_hand(first, last)

    def rows(self, first: int, last: int) -> Array:
        """The rows from ``first`` up to, not including, ``last``."""
        if first >= last:
            return np.empty((0, *self.shape[1:]), self.dtype)
        return self._stream.rows(self.name, first, last)
