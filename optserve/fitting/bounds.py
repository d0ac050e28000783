"""Bounds as SciPy's callers write them, as the lower and the upper bound of each entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optserve.errors import ConfigError
from optserve.graph.aval import Array

__all__ = ["bounds_of", "pairs_of"]


def pairs_of(bounds: Any, count: int) -> Any:
    """The bounds of least squares, (lower, upper) of ``count`` entries in all, as ``bounds_of``
    takes them: a pair for each.

    Two of anything are lower and upper, as in SciPy; pairs by name, and pairs for another number of
    entries, stay what they are.

    >>> pairs_of(([0, 1], [5, np.inf]), 2)
    [(0.0, 5.0), (1.0, inf)]
    """
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):  # scipy.optimize.Bounds
        bounds = bounds.lb, bounds.ub
    if bounds is None or isinstance(bounds, Mapping):
        return bounds
    try:
        if len(bounds) != 2:
            return bounds
        if all(one is None or np.ndim(one) == 0 for one in bounds):
            return [tuple(bounds)] * count
        ends = [np.broadcast_to(np.asarray(one, np.float64), (count,)) for one in bounds]
    except (TypeError, ValueError):
        raise ConfigError(
            "the bounds do not fit the parameters",
            expected=f"(lower, upper), each a number or {count} of them",
            remedy="pairs (low, high) by name, with None for no bound, are taken too",
            code="contradiction",
        ) from None
    return [(float(low), float(high)) for low, high in zip(*ends, strict=True)]


def bounds_of(name: str, start: Array, bounds: Any) -> tuple[Array, Array]:
    """The bounds of each entry: of one pair for all, of a pair for each, or of ``Bounds``."""
    if bounds is None:
        return np.full(start.shape, -np.inf), np.full(start.shape, np.inf)
    try:
        if hasattr(bounds, "lb") and hasattr(bounds, "ub"):  # scipy.optimize.Bounds
            pair = bounds.lb, bounds.ub
        elif len(bounds) == 2 and all(one is None or np.ndim(one) == 0 for one in bounds):
            pair = tuple(bounds)
        else:
            pair = [one[0] for one in bounds], [one[1] for one in bounds]
            if len(bounds) != len(start):
                raise ValueError
        low, high = (_ends(end, start, side) for end, side in zip(pair, (-1, 1), strict=True))
    except (TypeError, ValueError, IndexError):
        raise ConfigError(
            f"the bounds of {name} do not fit its shape {start.shape}",
            expected="(low, high), or such a pair for each entry; None where there is no bound",
            code="contradiction",
        ) from None
    if not (low <= high).all():
        raise ConfigError(
            f"a lower bound of {name} is above the upper one, or no number",
            expected="low <= high",
            code="contradiction",
        )
    if ((start < low) | (start > high)).any():
        raise ConfigError(
            f"{name} starts outside of its bounds",
            expected="a start within them",
            code="wrong-start",
        )
    return low, high


def _ends(end: Any, start: Array, side: int) -> Array:
    if np.ndim(end) == 0:
        end = side * np.inf if end is None else end
    else:
        end = [side * np.inf if one is None else one for one in end]
    return np.broadcast_to(np.asarray(end, np.float64), start.shape).copy()
