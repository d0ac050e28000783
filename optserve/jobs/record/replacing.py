"""``replace_file``: a file appears whole, or not at all; ``alone_in``: one process at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["alone_in", "is_special", "lock_folder", "replace_file", "unlock"]


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


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Whoever else is to be alone in ``folder`` waits meanwhile, where the system has locks."""
    lock = lock_folder(folder, wait=True)
    try:
        yield
    finally:
        unlock(lock)


def lock_folder(folder: Path, *, wait: bool) -> int | None:
    """A locked file descriptor of ``folder``; ``None`` where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        if not wait:
            raise
        return None  # a file system without locks
    return descriptor


def unlock(lock: int | None) -> None:
    """Let go of what ``lock_folder`` gave."""
    if lock is not None:
        os.close(lock)


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
