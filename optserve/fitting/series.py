"""``plainly``: the numbers of what is no array, and holds one: a series of pandas, a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from optserve.graph.aval import is_traced

__all__ = ["plainly"]


def plainly(value: Any) -> Any:
    """The array in ``value``, or the arrays in a list of such; anything else as it is.

    A table with columns by name stays one: a model may ask for these.

    >>> class Series:
    ...     def to_numpy(self):
    ...         return np.array([1.0, 2.0])
    >>> plainly(Series()), plainly([Series(), 3.0]), plainly("text")
    (array([1., 2.]), [array([1., 2.]), 3.0], 'text')
    """
    if isinstance(value, np.ndarray | np.generic) or is_traced(value):
        return value
    if isinstance(value, list | tuple):
        return [*map(plainly, value)] if any(map(_holds_one, value)) else value
    if not _holds_one(value):
        return value
    array = value.to_numpy() if hasattr(value, "to_numpy") else np.asarray(value)
    if array.dtype != object:
        return array
    try:
        return array.astype(np.float64)  # where what is missing has a mark of its own, it is NaN
    except (TypeError, ValueError):
        return array


def _holds_one(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic) or is_traced(value):
        return False
    holds = hasattr(value, "to_numpy") or hasattr(value, "__array__")
    return holds and not hasattr(value, "columns")
