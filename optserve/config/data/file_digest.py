"""``FileDigest``: the SHA-256 of files, which a thread makes while they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

__all__ = ["FileDigest"]

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
