"""``FreeMinimum``: what is known at the end of a descent, each computed when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np

from optserve.graph.aval import Array, resolve_shape
from optserve.graph.dim import Dim
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.curvature import CLEARLY
from optserve.jobs.evidence.uncertainty.fit import Fit, counting, fit_of, own_residuals, scales_at
from optserve.jobs.evidence.uncertainty.information import (
    Information,
    leverages,
    of_hessian,
    of_jacobian,
)
from optserve.jobs.known_points import Evaluated, Linearized
from optserve.jobs.problem import ErrorMethod
from optserve.transforms.forward import pushforward
from optserve.transforms.simplify import prune

__all__ = ["FreeMinimum", "NoCovarianceError"]

LARGEST = 50_000_000
"""Entries of the scores up to which they are formed."""

BLOCK = 8
"""Directions of one pass, where scores are computed by tangents."""


class NoCovarianceError(Exception):
    """Why there is no covariance of a kind."""


@dataclass(frozen=True)
class FreeMinimum:
    """The ``best`` point of a descent, of whose coordinates (p,) ``free`` are not at a bound: q.

    All arrays are in float64, and have a column a free coordinate. Derivatives (n, q)
    times ``believed`` (q, q), if there is such, are what is believed of them.
    """

    evaluator: Evaluator
    best: Evaluated
    free: Array
    believed: Array | None = None

    @property
    def is_least_squares(self) -> bool:
        return self.evaluator.problem.objective.kind == "least_squares"

    @property
    def has_priors(self) -> bool:
        return bool(self.evaluator.problem.objective.priors)

    @property
    def has_penalties(self) -> bool:
        return bool(self.evaluator.problem.objective.penalties)

    @property
    def has_sigma(self) -> bool:
        return self.evaluator.problem.objective.sigma

    @property
    def epsilon(self) -> float:
        """The rounding of the job's numbers."""
        return float(np.finfo(self.evaluator.packing.dtype).eps)

    @property
    def point(self) -> Array:
        """All coordinates (p,)."""
        return self.best.point

    @property
    def coordinates(self) -> Array:
        """The free ones (q,)."""
        return self.point[self.free].astype(np.float64)

    @property
    def gradient(self) -> Array:
        """Of the loss, by the free coordinates (q,)."""
        found: Array = self._believed(self.best.gradient[None, self.free].astype(np.float64))[0]
        return found

    def _believed(self, columns: Array) -> Array:
        """What is believed of derivatives (n, q)."""
        found: Array = columns if self.believed is None else columns @ self.believed
        return found

    @cached_property
    def hessian(self) -> Array:
        """Of the loss (q, q)."""
        found = self.evaluator.hessian(self.point)[np.ix_(self.free, self.free)]
        believed: Array = self._believed(self._believed(found).T)
        return believed

    @cached_property
    def _linearized(self) -> Linearized:
        return self.evaluator.linearized(self.point)

    @cached_property
    def _own(self) -> Array:
        """Which residuals are no penalties, nor priors."""
        return own_residuals(self.evaluator)

    @property
    def residual(self) -> Array:
        """Those that are no penalties, nor priors (n,)."""
        return np.asarray(self._linearized.residual[self._own], np.float64)

    @cached_property
    def jacobian(self) -> Array:
        """Of ``residual`` (n, q)."""
        whole = self._linearized.jacobian
        if self.has_priors or self.has_penalties or not self.free.all():
            whole = whole[np.ix_(self._own, self.free)]
        return np.asarray(self._believed(np.asarray(whole, np.float64)))

    @cached_property
    def _telling(self) -> Array:
        """The Jacobian of all residuals that tell something of the parameters, as priors do, and
        penalties where they are the priors that they look like."""
        if not (self.has_priors or self.has_penalties):
            return self.jacobian
        return self._believed(self._linearized.jacobian[:, self.free].astype(np.float64))

    @property
    def has_finite_jacobian(self) -> bool:
        return bool(np.isfinite(self._telling).all())

    @cached_property
    def of_jacobian(self) -> Information:
        """What J'J tells."""
        return of_jacobian(self._telling, self.epsilon)

    @cached_property
    def fit(self) -> Fit:
        """How well the predictions of least squares fit."""
        if self._leverages is not None:
            rank = self.jacobian.shape[1]
        elif self.has_penalties:
            rank = of_jacobian(self.jacobian, self.epsilon).rank
        else:
            rank = self.of_jacobian.rank
        made = fit_of(self.evaluator, self.point, self.residual, rank)
        known = self._leverages is not None or self.of_jacobian.rank
        return replace(made, leverage=self.leverage) if known else made

    @cached_property
    def _leverages(self) -> Array | None:
        """The ``leverage`` of single observations, where all columns clearly tell something, and
        there are no priors nor penalties."""
        telling, angular = self._telling, self.evaluator.angular
        if telling is not self.jacobian:
            return None
        if angular is not None and self.free.all() and self.believed is None:
            return angular.leverages(self.point, CLEARLY)
        return leverages(telling)

    @cached_property
    def leverage(self) -> Array:
        """The diagonal (n,) of J (J'J)^-1 J', by how much each prediction follows what was observed
        there (Cook & Weisberg 1982, section 2.1), the rows of priors and penalties being part of
        J'J; of a row that is counted several times, that of one observation."""
        if self._leverages is not None:
            found = self._leverages
        else:
            factor = self.of_jacobian.of(self.jacobian).factor
            found = np.add.reduce(np.square(factor), axis=1)
        objective = self.evaluator.problem.objective
        if objective.weights != "counts":
            return found
        shape = resolve_shape(objective.graph.outputs[1].aval.shape, self.evaluator.row_counts)
        counts = scales_at(self.evaluator, self.point, np.empty(shape))["weight"]
        return found / np.maximum(counts, 1.0)

    @cached_property
    def bread(self) -> Information:
        """What the model itself makes of the data: J'J of least squares, else the Hessian."""
        if self.is_least_squares:
            return self.of_jacobian
        if not np.isfinite(self.hessian).all():
            raise NoCovarianceError("a second derivative is not finite at the estimates")
        found = of_hessian(self.hessian, self.gradient, self.coordinates, self.epsilon)
        if not found.definite:
            raise NoCovarianceError(
                "the log likelihood is not at a maximum: its Hessian is indefinite"
            )
        return found

    @property
    def variance(self) -> float:
        """That of a residual, as it was estimated; 1 of a likelihood, and with sigma."""
        if not self.is_least_squares or self.has_sigma:
            return 1.0
        if self.fit.residual_standard_error is None:
            raise NoCovarianceError("no degree of freedom is left to estimate the variance by")
        return 0.0 if self.fit.perfect else self.fit.residual_standard_error**2

    @property
    def count(self) -> int:
        """How many observations there are: residuals that count, or terms of a likelihood."""
        if self.is_least_squares:
            return self.fit.observations
        return int(self.counting.sum())

    @cached_property
    def counting(self) -> Array:
        """Which observations count (m,)."""
        objective = self.evaluator.problem.objective
        names = objective.residuals if self.is_least_squares else ("log_likelihood",)
        others = objective.penalties | objective.priors
        found = []
        for name, atom in zip(names, objective.graph.outputs[1:], strict=False):
            if name not in others:
                shape = resolve_shape(atom.aval.shape, self.evaluator.row_counts)
                found.append(counting(self.evaluator, self.point, shape))
        if self.is_least_squares:
            return np.concatenate([np.ravel(one) for one in found])
        made: Array = np.any(found[0].reshape(len(found[0]), -1), axis=1)
        return made

    @cached_property
    def scores(self) -> Array:
        """How each observation pulls (m, q): r J of least squares, else the derivative of its log
        likelihood."""
        if self.is_least_squares:
            found: Array = self.residual[:, None] * self.jacobian
        else:
            found = self._believed(_of_terms(self.evaluator, self.point)[:, self.free])
        if not np.isfinite(found).all():
            raise NoCovarianceError("a score is not finite at the estimates")
        return found

    def groups_of(self, method: ErrorMethod) -> Array:
        """The cluster of each observation (m,)."""
        assert method.groups is not None
        objective = self.evaluator.problem.objective
        names = objective.residuals if self.is_least_squares else ("log_likelihood",)
        outputs = objective.graph.outputs[1 : 1 + len(names)]
        found = []
        for name, atom in zip(names, outputs, strict=True):
            if name in objective.penalties | objective.priors:
                continue
            shape = atom.aval.shape
            if not shape or shape[0] != Dim.rows(method.table):
                raise NoCovarianceError(
                    f"the clusters of `{method.column}` are of rows of {method.table}, and "
                    f"{name} has none"
                )
            each = prod(resolve_shape(shape[1:], self.evaluator.row_counts))
            found.append(np.repeat(method.groups, each if self.is_least_squares else 1))
        return np.concatenate(found)


def _of_terms(evaluator: Evaluator, point: Array) -> Array:
    """The derivatives (m, p) of the log likelihoods, those of a row summed."""
    graphs, size = evaluator.graphs, evaluator.packing.size
    atom = graphs.objective.outputs[1]
    shape = resolve_shape(atom.aval.shape, evaluator.row_counts)
    if not shape:
        raise NoCovarianceError(
            "the log likelihood is one number, and scores are of each row: write it as an array, "
            "whose sum is maximized"
        )
    if evaluator.problem.objective.streamed:
        raise NoCovarianceError("the scores of streamed data are not kept: `in_memory: true` does")
    if prod(shape) * size > LARGEST:
        raise NoCovarianceError(f"{prod(shape)} x {size} scores are too many to be formed")
    made = graphs.kept(("apart", (0,)), lambda: graphs.apart((0,)))
    if made is not None:
        _, found = evaluator.compiled(("apart", (0,)), lambda: made)(point, *graphs.arguments)
    else:
        found = _by_tangents(evaluator, point, shape)
    rows = shape[0]
    summed: Array = np.reshape(np.asarray(found, np.float64), (rows, -1, size)).sum(axis=1)
    return summed


def _by_tangents(evaluator: Evaluator, point: Array, shape: tuple[int, ...]) -> Array:
    """The same by tangents, where one graph for all would be more work: (*shape, p)."""
    graphs, packing = evaluator.graphs, evaluator.packing
    objective = graphs.objective
    graph = prune(replace(objective, outputs=objective.outputs[1:2]))
    given = [*packing.pieces(point), *graphs.arguments]
    held = [None for _ in graphs.arguments]
    units = np.eye(packing.size, dtype=packing.dtype)
    columns = []
    for first in range(0, packing.size, BLOCK):
        some = [(*packing.pieces(unit), *held) for unit in units[first : first + BLOCK]]
        _, tangents = pushforward(graph, given, some)
        columns += [
            np.zeros(shape) if one is None else np.broadcast_to(one, shape) for (one,) in tangents
        ]
    return np.stack(columns, axis=-1)
