"""``Scratch``: decoded pieces of a table on disk, from where they are read faster than decoded."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping
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


class _Place(NamedTuple):
    """Where the array of a column lies."""

    offset: int
    shape: tuple[int, ...]
    dtype: DType


class Scratch:
    """Columns of pieces by the number of the piece, in a temporary file without a name.

    It is gone with the process, however that ends. Any number of threads may keep and read pieces.
    What cannot be written is not kept. It lies in ``TMPDIR``, or else in ``/var/tmp`` or ``/tmp``.

    >>> import numpy as np
    >>> scratch = Scratch.of(1_000_000)
    >>> if scratch is not None:  # there may be no room
    ...     scratch.keep(7, {"x": np.array([1.0, 2.0])})
    ...     assert scratch.columns(7, np.empty)["x"].tolist() == [1.0, 2.0]
    ...     assert scratch.columns(8, np.empty) is None
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        weakref.finalize(self, file.close)
        self._owner = os.getpid()
        self._end = 0
        self._places: dict[int, Mapping[str, _Place]] = {}
        self._lock = Lock()

    @classmethod
    def of(cls, size: int) -> Scratch | None:
        """Room for ``size`` bytes; ``None`` where there is none, or where the disk is memory."""
        if not hasattr(os, "preadv"):
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
        places = {}
        with self._lock:
            for name, array in columns.items():
                places[name] = _Place(self._end, array.shape, array.dtype)
                self._end += array.nbytes
        try:
            for name, array in columns.items():
                _written(self._file.fileno(), array, places[name].offset)
        except OSError:
            return
        self._places[number] = places

    def columns(
        self, number: int, memory: Callable[[tuple[int, ...], DType], Array]
    ) -> Mapping[str, Array] | None:
        """The columns of a piece in new ``memory(shape, dtype)``; ``None`` where it is not kept."""
        places = self._places.get(number)
        if places is None:
            return None
        found = {}
        for name, place in places.items():
            array = found[name] = memory(place.shape, place.dtype)
            if not _filled(self._file.fileno(), array, place.offset):
                return None
        return found


def _bytes(array: Array) -> memoryview:
    """The memory of a contiguous array."""
    return array.reshape(-1).view(np.uint8).data


def _written(descriptor: int, array: Array, offset: int) -> None:
    content = _bytes(array)
    while content:
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written


def _filled(descriptor: int, array: Array, offset: int) -> bool:
    """Whether all of ``array`` was read from the file."""
    content = _bytes(array)
    while content:
        read = os.preadv(descriptor, [content], offset)
        if read == 0:
            return False
        content, offset = content[read:], offset + read
    return True


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
