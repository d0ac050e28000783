"""Where the numbers come from: processor, system and the versions of everything that took part."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["machine", "versions"]

PARTIES = (
    "optserve",
    "numpy",
    "scipy",
    "llvmlite",
    "pydantic",
    "typer",
    "ruamel.yaml",
    "pluggy",
    "pyarrow",
    "autograd",
    "jax",
    "jaxlib",
    "numba",
    "scikit-learn",
    "statsmodels",
    "torch",
)


def machine() -> dict[str, str]:
    """The processor, the number of cores that may be used, the system and the Python."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else "?"),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """The versions of the parties that are installed."""
    found = {}
    for name in PARTIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """The processor's name as Linux tells it, elsewhere as Python does."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
