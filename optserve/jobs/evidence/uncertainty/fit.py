"""How well the predictions of least squares fit."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.information import root_sum_square

__all__ = ["Fit", "fit_of", "own_residuals"]

PERFECT = 8.0
"""How many times the rounding of what was observed residuals may be, and count as nothing else."""


@dataclass(frozen=True)
class Fit:
    """How well predictions fit: of the residuals without penalties.

    The standard error is that of a residual, known only where no sigma is given; ``r_squared`` is
    1 - RSS / TSS, where the observed response is known and varies. ``perfect`` tells that the
    residuals are nothing but rounding, ``notes`` what else there is to say. Where sigma is given,
    the sum of squares over the degrees of freedom is the ``reduced_chi_square``: about 1 of a model
    and a sigma that are right.
    """

    observations: int
    degrees_of_freedom: int
    sum_of_squares: float
    residual_standard_error: float | None = None
    r_squared: float | None = None
    perfect: bool = False
    notes: tuple[str, ...] = ()
    reduced_chi_square: float | None = None


def own_residuals(evaluator: Evaluator) -> Array:
    """Which of all residuals, end to end, are no penalties, nor priors."""
    objective, sizes = evaluator.problem.objective, evaluator.residual_sizes()
    others = objective.penalties | objective.priors
    return np.concatenate([np.full(sizes[one], one not in others) for one in objective.residuals])


def fit_of(evaluator: Evaluator, point: Array, residual: Array, rank: int) -> Fit:
    """The fit at ``point``, where the residuals (n,) that are no penalties are ``residual``.

    ``rank`` is the number of directions in which the parameters change them. Lengths stand for
    sums of squares, which vanish below 1e-308.
    """
    objective = evaluator.problem.objective
    count = residual.size - objective.weightless
    dof = max(count - rank, 0)
    length = float(root_sum_square(residual.astype(np.float64)))
    notes = []
    if objective.sigma:
        if objective.weightless:
            notes.append(f"residuals of infinite sigma do not count: {objective.weightless}")
        reduced = length**2 / dof if dof else None
        return Fit(count, dof, length**2, notes=tuple(notes), reduced_chi_square=reduced)
    rounding, explained = 0.0, None
    if objective.observed:
        observed = evaluator.observed(point).astype(np.float64)
        rounding = float(np.finfo(evaluator.packing.dtype).eps * root_sum_square(observed))
        if observed.max() > observed.min():
            spread = float(root_sum_square(observed - observed.mean()))
            explained = 1.0 - (length / spread) ** 2
        else:
            notes.append("no R2: the observed response does not vary")
    error, perfect = length / sqrt(dof) if dof else None, length <= PERFECT * rounding
    return Fit(count, dof, length**2, error, explained, perfect, tuple(notes))
