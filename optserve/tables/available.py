"""How much memory this process may still take."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["available_bytes"]


def available_bytes(root: Path = Path("/")) -> int:
    """The least of what the system, the control group and a limit of address space leave.

    >>> available_bytes() > 0
    True
    """
    found = [_system(root), *_groups(root), *_address_space(root)]
    return max(0, min(found))


def _system(root: Path) -> int:
    """Memory that can be had without swapping."""
    try:
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):  # not Linux
        pass
    return sys.maxsize


def _groups(root: Path) -> list[int]:
    """What the limits of the control group leave, in version 2 and in version 1."""
    folder = root / "sys/fs/cgroup"
    pairs = (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    )
    found = []
    for limit, used in pairs:
        try:
            found.append(int((folder / limit).read_text()) - int((folder / used).read_text()))
        except (OSError, ValueError):  # no such file, or "max": no limit
            continue
    return found


def _address_space(root: Path) -> list[int]:
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return []
        pages = int((root / "proc/self/statm").read_text().split()[0])
        return [limit - pages * resource.getpagesize()]
    except (ImportError, OSError, ValueError):  # no such limit on this system
        return []
