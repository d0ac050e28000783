"""``Session``: what the jobs of one process have in common, each made once."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Hashable, Sequence
from pathlib import Path

from optserve.memo import Memo

__all__ = ["Session", "default_session", "installation"]

REGISTRIES, CONFIGS = 16, 32
"""How many sealed registries, and how many configs as they are declared, are kept."""


class Session:
    """Sealed registries and declared configs, as long as nothing is installed meanwhile.

    ``registries`` are kept under the names that were asked for, ``declared`` under what a config
    says, ``fits`` under the graph of a function. They are shortcuts: what they give is what would
    be made anew.
    """

    def __init__(self) -> None:
        self.registries = Memo(REGISTRIES)
        self.declared = Memo(CONFIGS)
        self.fits = Memo(CONFIGS)


@functools.cache
def default_session() -> Session:
    """The session of this process."""
    return Session()


def installation(files: Sequence[Path] = ()) -> Hashable:
    """What changes when something is installed or removed, or one of ``files`` is edited."""
    return tuple(sys.path), tuple(map(_changed, sys.path)), tuple(map(_changed, files))


def _changed(path: str | Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path or ".")  # noqa: PTH116 - a Path for each would double the time
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
