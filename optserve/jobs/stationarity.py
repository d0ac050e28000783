"""How near to stationary a point is, as far as the method tells by the curvature it has.

What is found here costs nothing beside a step. It only says when an end is worth examining (see
``optserve.jobs.evidence``); nothing is called converged by it.
"""

from __future__ import annotations

from math import nan
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.quadratic import norm, of_jacobian
from optserve.optimizers.bounds import projected_gradient

__all__ = ["Measured", "cosine", "relative_offset"]


class Measured(NamedTuple):
    """The root of a predicted decrease of the loss, and what it is compared with (NaN: open)."""

    decrement: float
    unit: float = nan

    @property
    def ratio(self) -> float:
        """The one over the other; 0 where there is nothing to be gained."""
        return self.decrement / self.unit if self.decrement else 0.0


def relative_offset(
    residual: Array,
    jacobian: Array,
    point: Array,
    bounds: tuple[Array | None, Array | None],
    tolerance: float,
) -> Measured:
    """``|P r|`` and ``|(I - P) r|`` (Bates & Watts 1981), P projecting on the Jacobian's columns.

    Columns that a bound holds do not count. Where one column alone has a larger cosine with the
    residual than ``tolerance``, that is given in place of it, for ``|r|`` of 1.

    >>> residual, jacobian = np.array([3.0, 4.0]), np.array([[1.0], [0.0]])
    >>> float(relative_offset(residual, jacobian, np.zeros(1), (None, None), 1.0).ratio)
    0.75
    """
    residual, jacobian = residual.astype(np.float64), jacobian.astype(np.float64)
    gradient = residual @ jacobian
    still = projected_gradient(point, gradient, *bounds)
    size = norm(residual)
    largest = cosine(still, jacobian, size)
    if largest > tolerance or not size:
        return Measured(largest * size, size)
    free = (still != 0.0) | (gradient == 0.0)
    model = of_jacobian(jacobian, residual, free, float(np.finfo(point.dtype).eps))
    return Measured(model.decrement, model.rest or 0.0)


def cosine(products: Array, jacobian: Array, size: float) -> float:
    """The largest cosine of a column with a residual of this ``size``; ``products`` are J'r (p,).

    A column of zeros counts as 0 (Moré 1978, section 2).

    >>> float(cosine(np.array([1.0, 0.0]), np.eye(2), 2.0))
    0.5
    """
    lengths = size * np.sqrt(np.einsum("ij,ij->j", jacobian, jacobian))
    found = np.divide(np.abs(products), lengths, out=np.zeros(products.shape), where=lengths > 0.0)
    return float(found.max(initial=0.0))
