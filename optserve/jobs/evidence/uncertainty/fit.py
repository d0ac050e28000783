"""How well the predictions of least squares fit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import sqrt

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.randomness import (
    Randomness,
    chance_of_more,
    randomness_of,
)
from optserve.optimizers.lengths import norm
from optserve.transforms.simplify import simplify

__all__ = ["Fit", "counting", "fit_of", "own_residuals", "scales_at"]

UNLIKELY = 1e-3
"""The chance below which a number of runs is told of."""

PERFECT = 8.0
"""How many times the rounding of what was observed residuals may be, and count as nothing else."""


@dataclass(frozen=True)
class Fit:
    """How well predictions fit: of the residuals without penalties.

    The standard error is that of a residual, known only where no sigma is given; ``r_squared`` is
    1 - RSS / TSS, where the observed response is known and varies. ``perfect`` tells that the
    residuals are nothing but rounding, a root mean square of at most ``rounding``, and ``notes``
    what else there is to say. Where sigma is given,
    the sum of squares over the degrees of freedom is the ``reduced_chi_square``: about 1 of a model
    and a sigma that are right. ``leverage`` (n,) is by how much each prediction follows what was
    observed there.
    """

    observations: int
    degrees_of_freedom: int
    sum_of_squares: float
    residual_standard_error: float | None = None
    r_squared: float | None = None
    perfect: bool = False
    rounding: float = 0.0
    notes: tuple[str, ...] = ()
    reduced_chi_square: float | None = None
    chi_square_p: float | None = None
    runs: int | None = None
    runs_p: float | None = None
    autocorrelation: float | None = None
    durbin_watson: float | None = None
    leverage: Array | None = None

    @property
    def largest_leverage(self) -> float | None:
        """The largest share of an observation in its own prediction."""
        return None if self.leverage is None else float(self.leverage.max(initial=0.0))


def own_residuals(evaluator: Evaluator) -> Array:
    """Which of all residuals, end to end, are no penalties, nor priors."""
    objective, sizes = evaluator.problem.objective, evaluator.residual_sizes
    others = objective.penalties | objective.priors
    if not others:
        return np.ones(sum(sizes.values()), bool)
    return np.concatenate([np.full(sizes[one], one not in others) for one in objective.residuals])


def scales_at(evaluator: Evaluator, point: Array, observed: Array) -> dict[str, Array]:
    """The ``sigma`` and the ``weight`` of each residual (n,), those that there are."""
    objective, found = evaluator.problem.objective, {}
    for name, graph in (("sigma", objective.deviation), ("weight", objective.weighting)):
        if graph is not None:
            [values] = evaluator.at(name, partial(simplify, graph), point)
            found[name] = np.ravel(np.broadcast_to(values, observed.shape)).astype(np.float64)
    return found


def counting(evaluator: Evaluator, point: Array, shape: tuple[int, ...]) -> Array:
    """Which values of this ``shape`` count: their ``sigma`` is finite, and their weight not 0."""
    if not evaluator.problem.objective.weightless:
        return np.ones(shape, bool)
    found = scales_at(evaluator, point, np.empty(shape))
    alone = [np.isfinite(one) if name == "sigma" else one > 0.0 for name, one in found.items()]
    made: Array = np.logical_and.reduce(alone)
    return made.reshape(shape)


def fit_of(evaluator: Evaluator, point: Array, residual: Array, rank: int) -> Fit:
    """The fit at ``point``, where the residuals (n,) that are no penalties are ``residual``.

    ``rank`` is the number of directions in which the parameters change them. Lengths stand for
    sums of squares, which vanish below 1e-308.
    """
    objective = evaluator.problem.objective
    count = residual.size - objective.weightless
    if objective.counted is not None:
        count = round(objective.counted)
    dof = max(count - rank, 0)
    length = norm(residual.astype(np.float64))
    notes = []
    randomness = randomness_of(residual[residual != 0.0] if objective.weightless else residual)
    if objective.weights == "counts" and randomness is not None:
        randomness = None
        notes.append(
            "no runs nor autocorrelation of residuals: a row stands for several observations, "
            "whose order is not known"
        )
    looks = {} if randomness is None else randomness._asdict()
    if objective.weightless:
        why = "infinite sigma" if objective.weights is None else "weight 0"
        notes.append(f"residuals of {why} do not count: {objective.weightless}")
    if objective.sigma:
        return Fit(
            count,
            dof,
            length**2,
            notes=(*notes, *_told(randomness, rank / max(count, 1))),
            reduced_chi_square=length**2 / dof if dof else None,
            chi_square_p=chance_of_more(length**2, dof),
            **looks,
        )
    rounding, explained = 0.0, None
    if objective.observed:
        observed = evaluator.observed(point).astype(np.float64)
        each = np.ravel(observed)
        weights = scales_at(evaluator, point, observed).get("weight")
        root = 1.0 if weights is None else np.sqrt(weights)
        epsilon = PERFECT * np.finfo(evaluator.packing.dtype).eps
        rounding = float(epsilon) * norm(root * each)
        counting = each if weights is None else each[weights > 0.0]
        if counting.size and counting.max() > counting.min():
            mean = np.average(each, weights=weights)
            spread = norm(root * (each - mean))
            times = length / spread
            explained = 1.0 - times * times  # which may be infinite, where `**` raises
        else:
            notes.append("no R2: the observed response does not vary")
    error, perfect = length / sqrt(dof) if dof else None, length <= rounding
    if perfect:
        randomness, looks = None, {}
    told = (*notes, *_told(randomness, rank / max(count, 1)))
    each_rounds = rounding / sqrt(max(count, 1))
    return Fit(count, dof, length**2, error, explained, perfect, each_rounds, told, **looks)


def _told(randomness: Randomness | None, share: float) -> tuple[str, ...]:
    """What is to be said of residuals that come in stretches, or in none. A fit of so many
    parameters as a ``share`` of them makes neighbours correlate by minus that, about."""
    if randomness is None or randomness.runs_p is None or randomness.runs_p > UNLIKELY:
        return ()
    if -2.0 * share <= randomness.autocorrelation <= 0.0:
        return ()
    return (
        f"the residuals change their sign {randomness.runs - 1} times in the order of the rows "
        f"(p = {randomness.runs_p:.2g}): they are no independent errors, as error bars need",
    )
