"""How well the predictions of least squares fit."""

from __future__ import annotations

import numpy as np

from optserve.frozen import frozen
from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator

__all__ = ["Fit", "fit_of"]


@frozen
class Fit:
    """How well predictions fit: of the residuals without penalties.

    The standard error is that of a residual, known only where no sigma is given; ``r_squared`` is
    1 - RSS / TSS, where the observed response is known.
    """

    observations: int
    degrees_of_freedom: int
    sum_of_squares: float
    residual_standard_error: float | None = None
    r_squared: float | None = None


def fit_of(evaluator: Evaluator, point: Array, residual: Array, size: int) -> Fit:
    """The fit at ``point``, where all residuals, end to end, are ``residual``.

    ``size`` counts the coordinates that vary there.
    """
    objective = evaluator.problem.objective
    sizes = evaluator.residual_sizes()
    ends = np.cumsum([sizes[name] for name in objective.residuals])
    parts = zip(objective.residuals, np.split(residual, ends[:-1]), strict=True)
    own = np.concatenate([part for name, part in parts if name not in objective.penalties])
    own = own.astype(np.float64)
    dof, squares = own.size - size, float(own @ own)
    if objective.sigma:
        return Fit(own.size, dof, squares)
    explained = None
    if objective.observed:
        observed = evaluator.observed(point).astype(np.float64)
        total = float(np.sum((observed - observed.mean()) ** 2))
        explained = 1.0 - squares / total if total > 0 else None
    spread = float(np.sqrt(squares / dof)) if dof > 0 else None
    return Fit(own.size, dof, squares, spread, explained)
