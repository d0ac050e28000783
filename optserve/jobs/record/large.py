"""Arrays that are too long for ``result.json``: they stand in ``arrays.npz`` beside it.

``result.json`` then holds the shape, from where to where the numbers go, how many entries have no
number, and the name of the array in ``arrays.npz``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array

__all__ = ["FILE", "LISTED", "described", "filled", "from_file", "is_large", "named"]

FILE = "arrays.npz"
"""The file of the arrays, beside ``result.json``."""

LISTED = 1000
"""Entries up to which an array stands in ``result.json`` itself."""

_KEYS = {"shape", "min", "max", "missing", "array"}


def is_large(value: Any) -> bool:
    """Whether it is an array that does not stand in ``result.json``."""
    return isinstance(value, np.ndarray) and value.size > LISTED


def described(array: Array, name: str | None) -> dict[str, Any]:
    """What ``result.json`` holds of a large array that has ``name`` in ``arrays.npz``.

    Without any number in it, it is not in there, and ``array`` is ``None``.

    >>> described(np.arange(3.0), "parameters.w")
    {'shape': [3], 'min': 0.0, 'max': 2.0, 'missing': 0, 'array': 'parameters.w'}
    """
    known = np.isfinite(array)
    count = int(known.sum())
    least = float(np.min(array, where=known, initial=np.inf)) if count else None
    largest = float(np.max(array, where=known, initial=-np.inf)) if count else None
    return {
        "shape": list(array.shape),
        "min": least,
        "max": largest,
        "missing": array.size - count,
        "array": name if count else None,
    }


def filled(tree: Any, read: Callable[[str], Array]) -> Any:
    """``tree`` with arrays in place of what describes them; ``read`` gives one by its name."""
    if isinstance(tree, Mapping):
        if tree.keys() == _KEYS:
            shape = tuple(tree["shape"])
            return np.full(shape, np.nan) if tree["array"] is None else read(tree["array"])
        return {key: filled(value, read) for key, value in tree.items()}
    return [filled(value, read) for value in tree] if isinstance(tree, list) else tree


def from_file(path: Path) -> Callable[[str], Array]:
    """What reads an array by its name from the ``arrays.npz`` beside ``path``.

    Raises ``ConfigError`` where it is not there.
    """

    def read(name: str) -> Array:
        file = path.with_name(FILE)
        try:
            with np.load(file, allow_pickle=False) as arrays:
                array: Array = arrays[name]
        except (OSError, KeyError, ValueError) as error:
            raise ConfigError(
                f"{file} does not hold the array '{name}'",
                place=Place(str(path)),
                expected=f"the {FILE} that the job left beside it",
                remedy="keep the files of a run together",
                code="missing-file",
            ) from error
        return array

    return read


def named(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Array]]:
    """The large arrays of a mapping by their names in ``arrays.npz``."""
    for name, value in tree.items():
        if is_large(value):
            yield f"{prefix}.{name}", value
