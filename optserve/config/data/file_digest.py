"""``FileDigest``: the SHA-256 of files, which a thread makes while they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread

__all__ = ["FileDigest", "Provenance"]

LARGE = 1 << 20
"""Bytes from which on a thread is worth its start."""

BLOCK = 1 << 23
"""Bytes that are hashed at once: after each, the thread waits for the interpreter."""


class FileDigest:
    """The digest of a file; of several that of one after another, as ``cat`` gives them.

    To hash a large file takes about as long as to read its numbers. A thread does the one beside
    the other, from the start on.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.csv")
    ...     _ = path.write_text("x\\n1\\n")
    ...     FileDigest([path]).text()[:8]
    'daff832f'
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)
        self._text = ""
        self._error: OSError | None = None
        self._thread: Thread | None = None
        if sum(path.stat().st_size for path in files) >= LARGE:
            self._thread = Thread(target=self._make, name="digest", daemon=True)
            self._thread.start()

    @property
    def takes_long(self) -> bool:
        """Whether it is still being made."""
        return self._thread is not None and self._thread.is_alive()

    def text(self) -> str:
        """The digest as 64 hexadecimal digits; ``OSError`` where a file cannot be read."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        elif not self._text and self._error is None:
            self._make()
        if self._error is not None:
            raise self._error
        return self._text

    def _make(self) -> None:
        found = hashlib.sha256()
        block = memoryview(bytearray(LARGE if self._thread is None else BLOCK))
        try:
            for path in self._files:
                with path.open("rb", buffering=0) as file:
                    while count := file.readinto(block):
                        found.update(block[:count])
        except OSError as error:
            self._error = error
        else:
            self._text = found.hexdigest()


class Provenance(Mapping[str, str]):
    """The name of a ``file``, and its ``sha256``, which is waited for where it is asked for; empty
    where the file can no longer be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "d.csv")
    ...     _ = path.write_text("x\\n1\\n")
    ...     Provenance("d.csv", FileDigest([path]))["sha256"][:8]
    'daff832f'
    """

    def __init__(self, file: str, digest: FileDigest) -> None:
        self._file = file
        self._digest = digest

    def __getitem__(self, key: str) -> str:
        if key == "sha256":
            with suppress(OSError):
                return self._digest.text()
            return ""
        if key == "file":
            return self._file
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(("file", "sha256"))

    def __len__(self) -> int:
        return 2
