"""Names that are to go: for one release they still work, and say what to write instead.

A module that has some says ``__getattr__ = going(__name__, NAMES)``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["going"]


def going(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module, for ``names`` that are no longer its own.

    Each stands for where it is now, as ``"optserve.plugin.Facts"``; using it warns.

    >>> lookup = going("optserve.plugin", {"Traits": "optserve.plugin.Facts"})
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     lookup("Traits").__name__
    'Facts'
    >>> str(told[0].message)
    'optserve.plugin.Traits goes with the next release: write optserve.plugin.Facts'
    >>> lookup("traits")
    Traceback (most recent call last):
    AttributeError: module 'optserve.plugin' has no attribute 'traits'
    """

    def lookup(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, own = names[name].rpartition(".")
        warnings.warn(
            f"{module}.{name} goes with the next release: write {names[name]}",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(import_module(home), own)

    return lookup
