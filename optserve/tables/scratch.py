"""``Scratch``: decoded pieces of a table on disk, whose memory there is that of the arrays."""

from __future__ import annotations

import mmap
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping
from math import prod
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple

import numpy as np

from optserve.graph.aval import Array, DType

__all__ = ["Scratch"]

SHARE = 4
"""The part of what is free on the disk that may be used: one of so many."""


FOLDERS = ("/var/tmp", "/tmp")
"""Where large temporary files may be, the first that is no memory."""


ALIGNED = 64
"""Bytes of which the offset of a column in its piece is a multiple, as its address then is."""


class _Column(NamedTuple):
    """Where in its piece the array of a column lies."""

    offset: int
    shape: tuple[int, ...]
    dtype: DType


class _Piece(NamedTuple):
    """Where in the file a piece lies."""

    offset: int
    size: int
    columns: Mapping[str, _Column]


class Scratch:
    """Columns of pieces by the number of the piece, in a temporary file without a name.

    It is gone with the process, however that ends. Any number of threads may keep and read pieces.
    What cannot be written is not kept. It lies in ``TMPDIR``, or else in ``/var/tmp`` or ``/tmp``.

    An array that is read is the file's own memory, of which the system holds as much as there is
    room for: nothing is copied, and nobody can write to it.

    >>> import numpy as np
    >>> scratch = Scratch.of(1_000_000)
    >>> if scratch is not None:  # there may be no room
    ...     scratch.keep(7, {"x": np.array([1.0, 2.0])})
    ...     assert scratch.columns(7)["x"].tolist() == [1.0, 2.0]
    ...     assert scratch.columns(8) is None
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        weakref.finalize(self, file.close)
        self._owner = os.getpid()
        self._end = 0
        self._pieces: dict[int, _Piece] = {}
        self._lock = Lock()

    @classmethod
    def of(cls, size: int) -> Scratch | None:
        """Room for ``size`` bytes; ``None`` where there is none, or where the disk is memory."""
        if not hasattr(os, "pwrite"):
            return None
        given = os.environ.get("TMPDIR")
        for folder in map(Path, [given] if given else FOLDERS):
            try:
                if size * SHARE <= shutil.disk_usage(folder).free and not _is_memory(folder):
                    return cls(tempfile.TemporaryFile(dir=folder, buffering=0))
            except OSError:
                continue
        return None

    def keep(self, number: int, columns: Mapping[str, Array]) -> None:
        """Write the contiguous ``columns`` of a piece; not from a process forked off, which has the
        same file and would write where others do."""
        if os.getpid() != self._owner:
            return
        places, size = {}, 0
        for name, array in columns.items():
            size = _next(size, ALIGNED)
            places[name] = _Column(size, array.shape, array.dtype)
            size += array.nbytes
        if not size:
            return
        with self._lock:
            start = self._end
            self._end = _next(start + size, mmap.ALLOCATIONGRANULARITY)
        try:
            for name, array in columns.items():
                _written(self._file.fileno(), array, start + places[name].offset)
        except OSError:
            return
        self._pieces[number] = _Piece(start, size, places)

    def __contains__(self, number: int) -> bool:
        """Whether a piece is kept."""
        return number in self._pieces

    def columns(self, number: int) -> Mapping[str, Array] | None:
        """The columns of a piece; ``None`` where it is not kept, or where there are no addresses
        left for it."""
        piece = self._pieces.get(number)
        if piece is None:
            return None
        try:
            memory = mmap.mmap(
                self._file.fileno(), piece.size, prot=mmap.PROT_READ, offset=piece.offset
            )
        except OSError:
            return None
        if hasattr(mmap, "MADV_WILLNEED"):  # what is no longer in memory is read at once
            memory.madvise(mmap.MADV_WILLNEED)
        return {
            name: np.frombuffer(memory, one.dtype, prod(one.shape), one.offset).reshape(one.shape)
            for name, one in piece.columns.items()
        }


def _next(offset: int, multiple: int) -> int:
    """The next multiple of a number."""
    return -(-offset // multiple) * multiple


def _written(descriptor: int, array: Array, offset: int) -> None:
    content = array.reshape(-1).view(np.uint8).data
    while content:
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written


def _is_memory(folder: Path) -> bool:
    """Whether what is written to ``folder`` stays in memory."""
    if sys.platform != "linux":
        return False
    folder, found = folder.resolve(), ("", "")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split(" ")
        if folder.is_relative_to(point) and len(point) >= len(found[0]):
            found = point, kind
    return found[1] in ("tmpfs", "ramfs")
