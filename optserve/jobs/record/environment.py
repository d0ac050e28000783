"""Where a job ran: what a result may depend on to the last bit, and the memory that it took."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

__all__ = ["environment", "peak_memory"]


def environment(threads: int) -> dict[str, Any]:
    """Versions, the machine, the processor features that NumPy uses, and ``threads`` of a backend.

    >>> sorted(environment(2))
    ['cores', 'features', 'machine', 'numpy', 'optserve', 'platform', 'python', 'threads']
    """
    return {**_environment(), "threads": threads}


@cache
def _environment() -> Mapping[str, Any]:
    """What of it is the same all along."""
    import optserve

    extensions: Any = np.show_config(mode="dicts")
    simd = extensions.get("SIMD Extensions", {})
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "optserve": getattr(optserve, "__version__", "unknown"),
        "platform": sys.platform,
        "machine": platform.machine(),
        "features": [*simd.get("baseline", []), *simd.get("found", [])],
        "cores": os.cpu_count(),
    }


def peak_memory() -> int | None:
    """The largest resident memory that this process has had, in bytes, where the system tells."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
