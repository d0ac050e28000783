"""How many threads this process may use: the processors it is bound to, within its quota."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["available_cores"]


def available_cores(quota_file: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Processors in the affinity mask, at most the control group's quota, at least one."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
        cores = min(cores, -(-int(quota) // int(period)))
    except (OSError, ValueError):  # no such file, or "max": no quota
        pass
    return max(1, cores)
