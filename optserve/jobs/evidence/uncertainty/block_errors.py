"""Standard errors of very many parameters, by the triangle of a Jacobian of small blocks.

They are those of Gauss and Newton's model, as elsewhere; but nothing is formed that has an entry
for each two parameters, so that there are no covariances to tell, and no contours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.angular_jacobian import AngularJacobian
from optserve.jobs.evidence.direction_names import listed
from optserve.jobs.evidence.uncertainty.cautions import (
    MOST,
    told_of_condition,
    told_of_groups,
    told_of_pairs,
)
from optserve.jobs.evidence.uncertainty.information import LEAST
from optserve.jobs.evidence.uncertainty.minimum import FreeMinimum, NoCovarianceError
from optserve.jobs.evidence.uncertainty.misjudged import LOOKED_AT, is_misjudged
from optserve.optimizers.block_angular import AngularInverse
from optserve.optimizers.lengths import norm

__all__ = ["BlockErrors", "block_errors", "cautions_of"]

MOST_WRONG = 64
"""Blocks with wrong error bars from which on none is believed."""


@dataclass(frozen=True, eq=False)
class BlockErrors:
    """What is known of the errors of the coordinates (p,) of a minimum, all of which are free.

    ``inverse`` is that of the triangle of the Jacobian; its rows are the errors of coordinates, in
    units of the ``spread`` of a residual. Quantiles are those of Student's t with ``dof`` degrees
    of freedom. ``condition`` is by how much the worst error is longer than it were without the
    other coordinates.
    """

    angular: AngularJacobian
    point: Array
    inverse: AngularInverse
    spread: float
    dof: float
    condition: float

    @property
    def rank(self) -> int:
        """The directions in which the data tell something, about."""
        return int(np.count_nonzero(~self.inverse.open))

    @property
    def sizes(self) -> Array:
        """The standard errors (p,), NaN where there is none."""
        found = self.spread * np.sqrt(self.inverse.variances)
        return np.where(self.inverse.open, np.nan, found)

    def of(self, derivative: Array) -> Array:
        """The standard errors (m,) of what changes with the coordinates as ``derivative`` (m, p)
        says, by the delta method; NaN for what the data do not determine."""
        lengths = [norm(self.inverse.transposed_times(row)) for row in np.asarray(derivative)]
        undetermined = (derivative[:, self.inverse.open] != 0.0).any(axis=1)
        return np.where(undetermined, np.nan, self.spread * np.array(lengths))

    def leverages(self) -> Array:
        """By how much each prediction follows what was observed there (n,)."""
        return np.square(self.angular.lengths(self.point, self.inverse))


def block_errors(minimum: FreeMinimum, spread: float, dof: float) -> BlockErrors:
    """Those at a ``minimum``; raises ``NoCovarianceError``, saying why there are none."""
    angular, labels = minimum.evaluator.angular, minimum.evaluator.packing.labels
    assert angular is not None
    triangular = angular(minimum.point).jacobian
    lengths = triangular.lengths()
    if not np.isfinite(lengths).all():
        raise NoCovarianceError("a derivative is not finite at the estimates")
    lengths = np.where(lengths > 0.0, lengths, 1.0)
    cutoff = LEAST * minimum.epsilon * sqrt(lengths.size)
    try:
        inverse = (triangular / lengths).inverse(cutoff)
    except np.linalg.LinAlgError:
        names = listed([labels[one] for one in angular.layout.border])
        raise NoCovarianceError(f"the data do not determine all of {names}") from None
    condition = sqrt(float(inverse.variances.max(initial=1.0)))
    found = BlockErrors(angular, minimum.point, inverse.over(lengths), spread, dof, condition)
    wrong = angular.layout.of_blocks(_misjudged(minimum, found))
    return replace(found, inverse=found.inverse._replace(open=found.inverse.open | wrong))


def cautions_of(errors: BlockErrors, labels: Sequence[str], epsilon: float) -> Iterator[str]:
    """Why not to trust errors of coordinates with these ``labels``, a sentence each."""
    blocks, is_open = errors.inverse.layout.blocks, np.append(errors.inverse.open, False)
    which = [block[is_open[block]] for block in blocks[is_open[blocks].any(axis=1)]]
    yield from told_of_groups([[labels[one] for one in group] for group in which])
    yield from told_of_condition(errors.condition, epsilon)
    first, between = errors.inverse.first, errors.inverse.between
    covariance = first @ first.transpose(0, 2, 1) + between @ between.transpose(0, 2, 1)
    sizes = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.triu(covariance / sizes[:, :, None] / sizes[:, None, :], 1)
    known = ~is_open[blocks] & (blocks < is_open.size - 1)
    found = np.where(known[:, :, None] & known[:, None, :], found, 0.0).clip(-1.0, 1.0)
    strongest = np.argsort(-np.abs(found), axis=None)[: MOST + 1]
    pairs = []
    for block, one, other in zip(*np.unravel_index(strongest, found.shape), strict=True):
        names = labels[blocks[block, one]], labels[blocks[block, other]]
        pairs.append((*names, float(found[block, one, other])))
    yield from told_of_pairs(pairs)


def _misjudged(minimum: FreeMinimum, errors: BlockErrors) -> Array:
    """The blocks (k,) with an error bar beside which the loss rises much farther than it says: of
    those that are longer than the estimate, as in ``misjudged``, the longest are looked at, until
    so many of them in a row are believed."""
    layout, labels = errors.inverse.layout, minimum.evaluator.packing.labels
    wrong, block = np.zeros(len(layout.blocks), bool), np.full(layout.size + 1, -1)
    block[layout.blocks] = np.arange(len(wrong))[:, None]
    if minimum.evaluator.graphs.is_linear:
        return wrong
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.nan_to_num(errors.sizes / np.abs(minimum.coordinates), nan=0.0)
    order, believed = np.argsort(-times, kind="stable"), 0
    for number in order[times[order] > 1.0]:
        own = block[number]
        if own >= 0 and wrong[own]:
            continue
        column = errors.inverse.transposed_times(np.eye(1, times.size, number)[0])
        step = errors.spread * errors.inverse.times(column) / norm(column)
        if not is_misjudged(minimum, step, errors.spread**2):
            believed += 1
        elif own < 0 or wrong.sum() >= MOST_WRONG:
            told = f"the loss rises farther than an error bar of {labels[number]} says"
            raise NoCovarianceError(told if own < 0 else f"{told}, and others of {wrong.sum()}")
        else:
            wrong[own], believed = True, 0
        if believed >= LOOKED_AT:
            break
    return wrong
