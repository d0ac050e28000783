"""The Hessian by central differences of gradients, several columns at once where it is sparse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.columns_together import columns_together
from optserve.jobs.evidence.ground import Ground
from optserve.optimizers.tall import MANY
from optserve.transforms.dependence import dependence

__all__ = ["hessian_by_differences"]

SPARSE = 0.5
"""The share of the entries of a Jacobian that structure lets be other than 0, at most."""


def hessian_by_differences(
    evaluator: Evaluator, place: Ground, widths: Array, at: Callable[[Array], Ground]
) -> Array:
    """The Hessian (p, p) at ``place``, where coordinates are moved by ``widths`` (p,) to both sides
    and ``at`` tells what is known there, to half of the digits."""
    size = len(widths)
    pattern = _pattern(evaluator)
    groups = [np.array([one]) for one in range(size)]
    if pattern is not None:
        groups = columns_together(pattern)
    found, alone = np.zeros((size, size)), np.zeros(size, bool)
    for group in groups:
        move = np.zeros(size)
        move[group] = widths[group]
        above, below = at(place.point + move), at(place.point - move)
        run = above.point[group] - below.point[group]
        change = (above.gradient - below.gradient)[:, None] / np.where(run == 0.0, 1.0, run)
        found[:, group] = change if pattern is None else np.where(pattern[:, group], change, 0.0)
        alone[group] = len(group) == 1
    if pattern is not None:  # rows of columns that were moved alone are told by these
        found[np.ix_(alone, ~alone)] = found[np.ix_(~alone, alone)].T
    return found


def _pattern(evaluator: Evaluator) -> Array | None:
    """Where structure lets entries (p, p) of the Hessian be other than 0: where a residual depends
    on both coordinates. ``None`` of few coordinates, of what is no sum of squares in memory, and
    where that is nearly everywhere."""
    objective, size = evaluator.problem.objective, evaluator.packing.size
    if objective.kind != "least_squares" or objective.streamed or size < MANY:
        return None
    pieces = evaluator.packing.pieces(np.zeros(size, evaluator.packing.dtype))
    given = [*pieces, *evaluator.graphs.arguments]
    depends = dependence(evaluator.graphs.residuals, given, len(pieces))
    if depends is None or np.count_nonzero(depends) > SPARSE * depends.size:
        return None
    counts = depends.astype(np.float32)
    found: Array = counts.T @ counts > 0.0
    return found
