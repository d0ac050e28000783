"""One module a workload; each defines ``workload`` (see ``benchmarks.workload``)."""

from __future__ import annotations

import importlib
import pkgutil

from benchmarks.workload import Workload

__all__ = ["NAMES", "load"]

NAMES = tuple(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Workload:
    """The workload that ``benchmarks/workloads/NAME.py`` defines.

    >>> load("startup").name
    'startup'
    """
    workload: Workload = importlib.import_module(f"{__name__}.{name}").workload
    return workload
