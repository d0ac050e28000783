"""The least squares of columns that may be dependent: the shortest of all minimizers."""

from __future__ import annotations

import numpy as np

from optserve.optimizers.base import Value
from optserve.optimizers.lengths import norm

__all__ = ["of_least_length"]


def of_least_length(
    factor: Value, target: Value, cutoff: float, size: float = 0.0
) -> tuple[Value, float, bool]:
    """The shortest ``z`` (p,) that minimizes ``norm(factor @ z + target)``, how long the part of
    the target is that it takes away, and whether all directions count: those whose singular value
    is above ``cutoff``, over the largest or ``size``.

    >>> step, along, full = of_least_length(np.ones((2, 2)), np.array([2.0, 2.0]), 1e-12)
    >>> step.round(12), round(along, 12), full
    (array([-1., -1.]), 2.828427124746, False)
    """
    if not len(target):
        return target, 0.0, True
    left, values, right = _singular(factor)
    kept = values > cutoff * max(float(values[0]), size)
    along = left.T[kept] @ target
    return -right.T[:, kept] @ (along / values[kept]), norm(along), bool(kept.all())


def _singular(matrix: Value) -> tuple[Value, Value, Value]:
    """The singular value decomposition; LAPACK may fail on a matrix and not on its transpose."""
    try:
        return np.linalg.svd(matrix)
    except np.linalg.LinAlgError:
        right, values, left = np.linalg.svd(matrix.T)
        return left.T, values, right.T
