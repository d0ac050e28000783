"""The user's cache: a private folder, and files that are replaced as a whole.

What is cached is only ever a shortcut. Any number of processes may read and write at once; a
folder that is not ours, or cannot be written, is left alone.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

__all__ = ["cache_folder", "private_folder", "write_whole"]


def cache_folder() -> Path | None:
    """Where this user's caches of optserve are, by the conventions of the platform.

    ``OPTSERVE_CACHE_DIR`` overrides it. ``None`` where the user has no home.
    """
    given = os.environ.get("OPTSERVE_CACHE_DIR")
    if given:
        return Path(given).absolute()
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else home / "AppData" / "Local") / "optserve" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "optserve"
    base = os.environ.get("XDG_CACHE_HOME")
    # The specification has a relative path ignored.
    return (Path(base) if base and Path(base).is_absolute() else home / ".cache") / "optserve"


def private_folder(name: str) -> Path | None:
    """The cache's folder ``name``, made if need be; ``None`` where others may write in it."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        status = (folder / name).stat()
    except OSError:
        return None
    if os.name == "posix" and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        return None
    return folder / name


def write_whole(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` at once; where that fails, nothing is left behind."""
    with contextlib.suppress(OSError):
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
