"""``ResultStore``: what jobs left, kept by all that it depends on, for any number of processes.

An entry is one file, which appears whole or not at all: a line with the digest of the rest, the
key, and the files of the run. What is damaged, or of another key, is no entry.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optserve.batch.result_key import surroundings
from optserve.cache import write_whole
from optserve.errors import ConfigError

__all__ = ["BOUND", "ResultStore"]

SUFFIX = ".run"

BOUND = 1 << 30
"""Bytes of a store of which nobody says more."""

ROOM = 0.9
"""The share of the bound that is left when entries are removed, so that it is not done often."""


@dataclass(frozen=True)
class ResultStore:
    """Results in ``folder``, of at most ``bound`` bytes in all once ``trim`` was called.

    ``around`` is what all jobs of this process depend on.
    """

    folder: Path
    bound: int
    around: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def opened(folder: Path, bound: int) -> ResultStore:
        """The store in ``folder``, which is made; raises ``ConfigError`` where it cannot be."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(13, "it cannot be written to")
        except OSError as error:
            raise ConfigError(
                f"there is no cache in {folder}: {error.strerror}",
                expected="a folder that can be made and written to",
                remedy="--cache DIR with another folder",
                code="cannot-write",
            ) from None
        return ResultStore(folder, bound, surroundings())

    def give(self, key: str, folder: Path) -> bool:
        """Put what is stored under ``key`` into ``folder``; whether there is anything."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return False
        digest, _, rest = content.partition(b"\n")
        if hashlib.sha256(rest).hexdigest().encode() != digest:
            return False
        held, _, files = rest.partition(b"\n")
        if held != key.encode():
            return False
        with zipfile.ZipFile(io.BytesIO(files)) as archive:
            archive.extractall(folder)
        with suppress(OSError):
            os.utime(path)  # what was used last is removed last
        return True

    def keep(self, key: str, folder: Path) -> None:
        """Store the files in ``folder`` under ``key``; where that fails, nothing is stored."""
        files = io.BytesIO()
        with zipfile.ZipFile(files, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder))
        rest = key.encode() + b"\n" + files.getvalue()
        if len(rest) > self.bound:
            return
        path = self._path(key)
        with suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            write_whole(path, hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)

    def trim(self) -> None:
        """Remove entries that were used longest ago, where all are more than the bound."""
        entries = []
        for path in self.folder.glob(f"*/*{SUFFIX}"):
            with suppress(OSError):  # another process has removed it
                status = path.stat()
                entries.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        if total <= self.bound:
            return
        for _, size, path in sorted(entries):
            if total <= ROOM * self.bound:
                return
            with suppress(OSError):
                path.unlink()
            total -= size

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / digest[:2] / f"{digest[2:]}{SUFFIX}"
