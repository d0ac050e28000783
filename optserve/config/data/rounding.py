"""Columns in the precision of the job, where that keeps what tells their values apart."""

from __future__ import annotations

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array, DType

__all__ = ["in_precision"]

SHARE = 0.1
"""The share of the standard deviation of a column that rounding may change a value by, at most."""

DUST = 16.0
"""A column that varies by so many rounding errors of its own is constant."""


def in_precision(name: str, array: Array, dtype: DType, place: Place | None) -> Array:
    """The column ``name`` (rows, ...), or a number derived of it, as a ``dtype``.

    Raises ``ConfigError`` where rounding to float32 takes from it what tells its values apart.

    >>> in_precision("x", np.array([1.0, 2.0]), np.dtype(np.float32), None)
    array([1., 2.], dtype=float32)
    """
    with np.errstate(over="ignore"):  # what is infinite then is found where it is used
        found: Array = array.astype(dtype, copy=False)
    if found.dtype == array.dtype or dtype.kind != "f" or array.ndim == 0 or not array.size:
        return found
    if np.array_equal(found, array):  # as it was written with so few digits
        return found
    with np.errstate(all="ignore"):
        changes = np.abs(found - array).max(axis=0)
        spread = np.std(array, axis=0)
        dust = DUST * np.finfo(array.dtype).eps * np.abs(array).max(axis=0)
    lost = (changes > SHARE * spread) & (spread > dust) & np.isfinite(changes)
    if lost.any():
        worst = np.unravel_index(int(np.argmax(lost)), lost.shape)
        raise ConfigError(
            f"{dtype.name} rounds values of {name} by {changes[worst]:.2g}, and their standard "
            f"deviation is {spread[worst]:.2g}",
            place=place,
            expected=f"values that {dtype.name} tells apart",
            remedy="write `precision: float64`, or give the column an `origin` that is subtracted",
            code="lost-digits",
        )
    return found
