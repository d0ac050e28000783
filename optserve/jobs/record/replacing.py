"""``replace_file``: a file appears whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["is_special", "replace_file"]


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` at once, in the place of what was there.

    Where it raises ``OSError``, what was there is as it was.
    """
    if is_special(path):
        path.write_bytes(content)
        return
    target = path.resolve()  # a link stays one
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(_mode(target))
        Path(temporary).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def is_special(path: Path) -> bool:
    """Whether it is there and is no ordinary file: a pipe, /dev/null."""
    return path.exists() and not path.is_file()


def _mode(target: Path) -> int:
    """The permissions of the file that was there, or those that a new one has."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
