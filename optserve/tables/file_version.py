"""``Version``: what tells one state of a file from another, without reading it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from optserve.errors import ConfigError, Place

__all__ = ["Version"]


class Version:
    """The file at ``path`` as it is now: which one it is, its size and when it was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told = _told(path.stat())

    def check(self) -> None:
        """Raise ``ConfigError`` where the file is not as it was."""
        self.open().close()

    def open(self) -> IO[bytes]:
        """The file, opened again; raises ``ConfigError`` where it is not as it was."""
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise ConfigError(
                f"{self._path.name} can no longer be read: {error.strerror}",
                place=Place(str(self._path)),
                code="unreadable-file",
            ) from None
        told = _told(os.fstat(file.fileno()))
        if told == self._told:
            return file
        file.close()
        was, now = self._told["size"], told["size"]
        how = f"{was} bytes then, {now} now" if was != now else "written to since then"
        raise ConfigError(
            f"{self._path.name} has changed since it was first read: {how}",
            place=Place(str(self._path)),
            expected="a file that stays as it is while it is used",
            remedy="run it again; write new data into a file of another name",
            code="checksum",
        )


def _told(status: os.stat_result) -> dict[str, int]:
    return {
        "device": status.st_dev,
        "number": status.st_ino,
        "size": status.st_size,
        "written": status.st_mtime_ns,
    }
