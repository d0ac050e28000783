"""What is known of a loss at points: ``Evaluated``, ``Linearized``, and the last few of these."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.primitive import Value

__all__ = ["Evaluated", "LastPoints", "Linearized", "exact_fit", "unknown"]

MOST = 32
"""Points that are kept."""

EXACT = 10.0
"""So many rounding errors of residuals as they were at first are nothing but rounding."""

LARGEST = 1 << 21
"""Entries of all Jacobians that are kept."""


class Evaluated(NamedTuple):
    """A point whose loss and gradient are finite."""

    point: Array
    loss: float
    gradient: Array


class Linearized(NamedTuple):
    """A sum of squares at a point: loss, gradient (p,), residual (n,), Jacobian (n, p); or the
    residual (p + 1,) beside an ``AngularTriangle``."""

    loss: Array
    gradient: Array
    residual: Array
    jacobian: Value


def exact_fit(first: float, epsilon: float) -> float:
    """Up to what a sum of squares, which was ``first``, may be rounding of its terms."""
    return (EXACT * epsilon) ** 2 * first


def unknown(rows: int, size: int) -> Linearized:
    """A sum of squares that does not exist at a point."""
    shapes = (), (size,), (rows,), (rows, size)
    return Linearized(*(np.full(shape, np.nan) for shape in shapes))


class LastPoints:
    """What was found at the last few points (p,), if it is not large; nobody may write to it.

    A descent, the examination of its end and the error bars ask for the same points.

    >>> import numpy as np
    >>> points, at = LastPoints(), np.zeros(1)
    >>> points.of(at) is None
    True
    >>> found = points.keep(at, Linearized(np.ones(()), at, np.ones(2), np.ones((2, 1))))
    >>> points.of(np.zeros(1)) is found
    True
    """

    def __init__(self) -> None:
        self._kept: dict[bytes, Linearized] = {}
        self._hessian: tuple[bytes, Array] | None = None

    def of(self, point: Array) -> Linearized | None:
        """What is kept of this point."""
        return self._kept.get(point.tobytes())

    def keep(self, point: Array, found: Linearized) -> Linearized:
        """Keep what was ``found`` at a point, if it is not large; the first of many give way."""
        most = min(MOST, LARGEST // max(found.jacobian.size, 1))
        while self._kept and len(self._kept) >= most:
            self._kept.pop(next(iter(self._kept)), None)
        if most:
            self._kept[point.tobytes()] = found
        return found

    def hessian(self, point: Array) -> Array | None:
        """The Hessian (p, p), if it was made at this point last."""
        known = self._hessian
        return known[1] if known is not None and known[0] == point.tobytes() else None

    def keep_hessian(self, point: Array, found: Array) -> Array:
        """Keep the last one, however large it is: one of so many coordinates is made but once."""
        found.setflags(write=False)
        self._hessian = point.tobytes(), found
        return found
