"""Covariances of Gaussian processes: by the distance between places."""

from __future__ import annotations

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.operands import as_floats
from optserve.graph.primitive import Value
from optserve.primitives.reductions import norm
from optserve.primitives.sums import sum_

__all__ = ["matern", "rbf"]

Length = Value


def _apart(x: Value, z: Value, length: Length) -> Value:
    """The differences of all pairs of places in units of ``length``: shape (n, m, d)."""
    places = []
    for one in (x, z):
        array = as_floats(one)
        if array.ndim not in (1, 2):
            raise ShapeError(f"places of shape {array.shape}", expected="(n,) or (n, d)")
        places.append(array[:, None] if array.ndim == 1 else array)
    return (places[0][:, None, :] - places[1][None, :, :]) / length


def rbf(x: Value, z: Value, length: Value = 1.0) -> Value:
    """exp(-d**2 / 2) for the distance d, in units of ``length``, of each place of x and z.

    Places are numbers, (n,) and (m,), or vectors, (n, d) and (m, d), which may have a length for
    each coordinate. The result (n, m) is a covariance of variance 1: of one set of places add a
    small multiple of eye(n) before ``cholesky``.

    >>> rbf([0.0, 1.0], [0.0]).round(4).tolist()
    [[1.0], [0.6065]]
    """
    apart = _apart(x, z, length)
    return np.exp(-0.5 * sum_(apart * apart, axis=-1))


def matern(x: Value, z: Value, length: Value = 1.0, nu: float = 1.5) -> Value:
    """Matern's covariance of order ``nu``, which is 0.5, 1.5 or 2.5; places as for ``rbf``.

    Second derivatives by places are those of places that are apart (Rasmussen and Williams 2006,
    equation 4.17).

    >>> matern([0.0, 1.0], [0.0], nu=0.5).round(4).tolist()
    [[1.0], [0.3679]]
    """
    if nu not in (0.5, 1.5, 2.5):
        raise ShapeError(f"matern of order nu={nu}", expected="0.5, 1.5 or 2.5")
    distance = norm(_apart(x, z, length), axis=-1) * float(np.sqrt(2.0 * nu))
    if nu == 0.5:
        return np.exp(-distance)
    if nu == 1.5:
        return (1.0 + distance) * np.exp(-distance)
    return (1.0 + distance + distance * distance / 3.0) * np.exp(-distance)
