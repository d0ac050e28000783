"""The inverse of an information matrix, and what it says of each coordinate.

Columns are scaled to unit length first, so that nothing depends on the units of the parameters. A
direction in which the data tell nothing is set apart; the coordinates that take part in it have no
variance, and the others keep theirs.
"""

from __future__ import annotations

import numpy as np

from optserve.frozen import frozen
from optserve.graph.aval import Array

__all__ = ["Information", "of_hessian", "of_jacobian"]

TAKES_PART = 1e-6
"""The share of a coordinate in a direction from which on it takes part in it."""


@frozen
class Information:
    """``covariance`` (q, q) up to a factor; ``undetermined`` (q,) tells whose rows mean nothing.

    ``condition`` is the ratio of the largest to the smallest scaled singular value of the Jacobian
    (of a Hessian: its square root) in the directions that are determined. ``definite`` is false for
    a Hessian that is not that of a minimum.
    """

    covariance: Array
    undetermined: Array
    condition: float
    definite: bool = True


def of_jacobian(jacobian: Array, epsilon: float) -> Information:
    """The inverse of J'J from J (n, q), whose entries are good to ``epsilon``.

    By singular values, which lose half as many digits as J'J itself would (Golub & Van Loan 2013,
    section 5.3).

    >>> found = of_jacobian(np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]), 1e-16)
    >>> found.covariance.tolist(), found.condition
    ([[1.0, 0.0], [0.0, 0.25]], 1.0)
    """
    scale = np.linalg.norm(jacobian, axis=0)
    scale = np.where(scale == 0.0, 1.0, scale)
    _, singular, vectors = np.linalg.svd(jacobian / scale, full_matrices=False)
    least = max(jacobian.shape) * epsilon * singular[0]
    return _inverted(singular, vectors, scale, singular > least)


def of_hessian(hessian: Array, epsilon: float) -> Information:
    """The inverse of a Hessian (q, q), whose entries are good to ``epsilon``."""
    diagonal = np.abs(np.diagonal(hessian))
    scale = np.sqrt(np.where(diagonal == 0.0, 1.0, diagonal))
    values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T) / scale / scale[:, None])
    least = len(hessian) * epsilon * np.abs(values).max()
    # Largest first, as singular values are.
    singular = np.sqrt(np.maximum(values[::-1], 0.0))
    found = _inverted(singular, vectors.T[::-1], scale, values[::-1] > least)
    definite = bool(values[0] >= -np.sqrt(epsilon) * np.abs(values).max())
    return Information(found.covariance, found.undetermined, found.condition, definite)


def _inverted(singular: Array, vectors: Array, scale: Array, known: Array) -> Information:
    """From the singular values, largest first, and the right singular vectors as rows."""
    weighted = vectors[known] / singular[known, None] / scale
    undetermined: Array = np.any(np.abs(vectors[~known]) > TAKES_PART, axis=0)
    kept = singular[known]
    condition = float(kept[0] / kept[-1]) if kept.size else np.inf
    return Information(weighted.T @ weighted, undetermined, condition)
