"""How far a point is from stationary, free of the scales of loss and parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.primitive import Value
from optserve.jobs.scalars import larger, wide
from optserve.optimizers.bounds import projected_gradient

__all__ = ["ColumnNorms", "cosine", "relative_gradient"]


def relative_gradient(
    gradient: Value, point: Value, loss: Value, lower: Value | None, upper: Value | None
) -> Value:
    """max |g_i| max(|p_i|, 1) / max(|loss|, 1), where a bound does not hold p_i.

    Dennis & Schnabel (1996), section 7.2. Runs on arrays and tracers alike; ``loss`` is in double
    precision.

    >>> relative_gradient(np.array([2.0, -1.0]), np.array([0.5, 10.0]), 5.0, None, None)
    2.0
    """
    if not point.shape[0]:
        return 0.0
    still = projected_gradient(point, gradient, lower, upper)
    largest = (np.abs(still) * np.maximum(np.abs(point), 1.0)).max()
    return wide(largest) / larger(abs(loss), 1.0)


def cosine(
    gradient: Array,
    norms: Array,
    point: Array,
    loss: float,
    lower: Array | None,
    upper: Array | None,
) -> float:
    """max |J_j' r| / (|J_j| |r|) of a sum of squares, where a bound does not hold p_j.

    ``gradient`` is 2 J'r and ``norms`` are |J_j|. A column of zeros counts as 0, and so does a
    residual of zero (Moré 1978, section 2).

    >>> cosine(np.array([2.0, 0.0]), np.array([1.0, 0.0]), np.zeros(2), 4.0, None, None)
    0.5
    """
    still = np.abs(projected_gradient(point, gradient, lower, upper))
    products = 2.0 * norms * np.sqrt(abs(loss))
    return float(np.divide(still, products, out=np.zeros_like(still), where=products > 0).max())


class ColumnNorms:
    """|J_j| for a method that does without the Jacobian: computed now and then.

    The norms of an earlier point stand in for the present ones. They are renewed each time that the
    number of questions has doubled, and where they say that the descent has converged, so that
    convergence is only ever told from the norms at the point itself.
    """

    def __init__(self, norms_at: Callable[[Array], Array]) -> None:
        self.norms_at = norms_at
        self.norms: Array | None = None
        self.asked = 0

    def cosine(
        self,
        gradient: Array,
        point: Array,
        loss: float,
        lower: Array | None,
        upper: Array | None,
        tolerance: float,
    ) -> float:
        """As the function ``cosine``; exact where it is at most ``tolerance``."""
        self.asked += 1
        renewed = self.norms is None or self.asked & (self.asked - 1) == 0
        norms = self.norms_at(point) if renewed or self.norms is None else self.norms
        found = cosine(gradient, norms, point, loss, lower, upper)
        if found <= tolerance and not renewed:
            norms = self.norms_at(point)
            found = cosine(gradient, norms, point, loss, lower, upper)
        self.norms = norms
        return found
