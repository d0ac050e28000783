"""What an information matrix tells of each coordinate, and what it leaves open.

Columns are scaled to unit length first, so that nothing depends on the units of the parameters. A
direction in which the data tell nothing is set apart: what takes part in it has no variance, and
the variance of everything else is as if that direction were not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.curvature import independent
from optserve.optimizers.lengths import lengths
from optserve.optimizers.tall import triangle

__all__ = ["Combinations", "Information", "leverages", "of_hessian", "of_jacobian"]

LEAST = 100.0
"""How many times rounding a direction must tell to count as known: below, less than two digits of a
standard error would be right. Rounding leaves a few times itself in a direction that tells nothing,
however many rows there are."""

TAKES_PART = 100.0
"""How many times rounding the share of a coordinate in an open direction must be to take part."""


class Combinations(NamedTuple):
    """What is known of m combinations of the coordinates.

    Their covariance is ``factor @ factor.T`` (m, m), up to the variance of a residual;
    ``determined`` (m,) tells for which of them it means something.
    """

    factor: Array
    determined: Array


@dataclass(frozen=True)
class Information:
    """The right singular vectors (q, q) of a Jacobian (n, q) whose columns were over ``scale``.

    Along the ``known`` ones (q, rank) it has the ``singular`` values (rank,), largest first; along
    the ``open`` ones (q, q - rank) it tells nothing. For a Hessian these are eigenvectors, and the
    roots of eigenvalues. Rounding turns open directions towards the known ones by ``epsilon`` times
    ``turns`` (rank,). ``definite`` is false for a Hessian that is not that of a minimum.
    """

    scale: Array
    known: Array
    singular: Array
    open: Array
    turns: Array
    epsilon: float
    definite: bool = True

    @property
    def rank(self) -> int:
        return int(self.singular.size)

    @property
    def condition(self) -> float:
        """The largest singular value over the smallest, along known directions; 1 without any."""
        return float(self.singular[0] / self.singular[-1]) if self.rank else 1.0

    def of(self, weights: Array) -> Combinations:
        """What is known of ``weights @ coordinates``, ``weights`` being (m, q).

        A combination is determined that does not change along an open direction, but for what
        rounding has turned that direction by.

        >>> two_rows = of_jacobian(np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]]), 1e-16)
        >>> two_rows.of(np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])).determined
        array([False,  True,  True])
        """
        scaled = weights / self.scale
        if not self.open.size:
            along = scaled @ self.known
            known: Array = np.logical_and.reduce(along == along, axis=1)  # nothing is NaN
            return Combinations(along / self.singular, known)
        along, share = scaled @ self.known, np.linalg.norm(scaled @ self.open, axis=1)
        allowed = TAKES_PART * self._rounding(scaled)
        return Combinations(along / self.singular, share <= allowed)

    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The coordinates that open directions trade off, those of one direction in one group.

        A group of one coordinate has no effect on what was observed.

        >>> of_jacobian(np.array([[1.0, 1.0, 0.0, 2.0]]), 1e-16).groups()
        ((2,), (0, 1, 3))
        """
        if not self.open.size:
            return ()
        share = np.linalg.norm(self.open, axis=1)
        rounding = self._rounding(np.eye(self.scale.size))
        [open_] = np.nonzero(share > TAKES_PART * rounding)
        # Coordinates of different groups are orthogonal in the projection on the open directions.
        # Half the threshold: whoever takes part has a partner.
        noise = 0.5 * TAKES_PART * (np.outer(rounding, share) + np.outer(share, rounding))
        joined = np.abs(self.open @ self.open.T) > noise
        groups: list[set[int]] = []
        for one in open_.tolist():
            own = {one, *(other for other in open_.tolist() if joined[one, other])}
            met = [group for group in groups if group & own]
            groups = [group for group in groups if not group & own] + [own.union(*met)]
        return tuple(tuple(sorted(group)) for group in sorted(groups, key=len))

    def _rounding(self, scaled: Array) -> Array:
        """How far rounding may move combinations (m, q) of scaled coordinates along open ones."""
        turned = np.linalg.norm((scaled @ self.known) * self.turns, axis=1)
        found: Array = self.epsilon * (np.linalg.norm(scaled, axis=1) + turned)
        return found


def of_jacobian(jacobian: Array, epsilon: float) -> Information:
    """What J'J tells, from J (n, q) itself, whose entries are good to ``epsilon``.

    By singular values, which lose half as many digits as J'J itself would (Golub & Van Loan 2013,
    section 5.3), after a QR factorization, so that no row count is too large nor too small.

    >>> found = of_jacobian(np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]), 1e-16)
    >>> factor, _ = found.of(np.eye(2))
    >>> (factor @ factor.T).tolist(), found.condition
    ([[1.0, 0.0], [0.0, 0.25]], 1.0)
    """
    triangular = triangle(jacobian)
    found = lengths(triangular)
    scale = np.where(found == 0.0, 1.0, found)
    _, singular, rows = np.linalg.svd(triangular / scale, full_matrices=True)
    values = singular.tolist()  # of a few numbers Python tells sooner than NumPy
    least = LEAST * epsilon * max(values, default=0.0)
    rank = sum([value > least for value in values])
    kept = singular[:rank]
    return Information(scale, rows[:rank].T, kept, rows[rank:].T, singular[:1] / kept, epsilon)


def leverages(jacobian: Array) -> Array | None:
    """The diagonal (n,) of J (J'J)^-1 J', of a Jacobian (n, q) of many columns that are clearly
    independent, without its singular values; ``None`` of another.

    >>> leverages(np.eye(100)[:, :70]).sum().round(9), leverages(np.eye(3))
    (np.float64(70.0), None)
    """
    triangular = triangle(jacobian)
    scale = lengths(triangular)
    if not scale.all() or (known := independent(triangular / scale)) is None:
        return None
    turned = (jacobian / scale) @ known[0]
    found: Array = np.einsum("ij,ij->i", turned, turned)
    return found


def of_hessian(hessian: Array, gradient: Array, point: Array, epsilon: float) -> Information:
    """What a Hessian (q, q) tells, whose entries are good to ``epsilon``.

    They are good to no more than what is left of the ``gradient`` (q,) at ``point`` (q,) either: it
    bends directions that are flat. In the logarithms of the coordinates, a Hessian has g_i p_i more
    on its diagonal, and none of both is the truer one. A curvature that is negative by no more than
    the root of ``epsilon`` is taken for 0.
    """
    diagonal = np.abs(np.diagonal(hessian))
    scale = np.sqrt(np.where(diagonal == 0.0, 1.0, diagonal))
    values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T) / scale / scale[:, None])
    values, vectors = values[::-1], vectors[:, ::-1]  # largest first, as singular values are
    largest = np.abs(values).max()
    bent = np.max(np.abs(gradient / scale) / np.maximum(np.abs(point * scale), 1.0))
    epsilon = max(epsilon, float(bent))
    rank = int(np.sum(values > LEAST * epsilon * largest))
    kept = values[:rank]
    definite = bool(values[-1] >= -np.sqrt(epsilon) * largest)
    known, open_ = vectors[:, :rank], vectors[:, rank:]
    return Information(scale, known, np.sqrt(kept), open_, largest / kept, epsilon, definite)
