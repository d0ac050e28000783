"""``CoordinateErrors``: from the errors of the coordinates to those of what is computed of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.uncertainty.information import Information
from optserve.optimizers.lengths import lengths

__all__ = ["CoordinateErrors"]


@dataclass(frozen=True)
class CoordinateErrors:
    """What is known of the errors of the coordinates (p,) of a minimum.

    ``free`` (p,) tells which of them, q, are not held at a bound; their covariance is ``root @
    root.T``, ``root`` being (q, k). ``information`` is what the data tell of them. Quantiles are
    those of Student's t with ``dof`` degrees of freedom.
    """

    information: Information
    free: Array
    root: Array
    dof: float

    @property
    def rank(self) -> int:
        """The directions in which the data tell something."""
        return self.information.rank

    def of(self, derivative: Array) -> Array:
        """The standard errors (m,) of what changes with the coordinates as ``derivative`` (m, p)
        says, by the delta method (Seber & Wild 1989, section 5.1).

        NaN for what the data do not determine, and for what changes with coordinates at a bound
        alone; 0 for what changes with none.
        """
        moving = np.asarray(derivative[:, self.free], np.float64)
        _, determined = self.information.of(moving)
        held = (derivative[:, ~self.free] != 0.0).any(axis=1) & ~(moving != 0.0).any(axis=1)
        known = determined & ~held & np.isfinite(derivative).all(axis=1)
        roots = np.where(known[:, None], moving, 0.0) @ self.root
        return np.where(known, lengths(roots, axis=1), np.nan)
