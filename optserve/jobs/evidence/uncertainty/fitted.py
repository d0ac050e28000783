"""The table of a fit: for each row what was observed, what is predicted, and the residual."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.interpret import interpret
from optserve.graph.streamed import Streamed
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.information import of_jacobian
from optserve.jobs.evidence.uncertainty.uncertainty import Uncertainty

__all__ = ["LONGEST", "OWN", "fitted_at"]

OWN = frozenset(
    {"observed", "predicted", "standard_error", "leverage", "residual", "sigma", "term"}
)
"""The columns of the table that are no data."""

LONGEST = 10_000
"""Residuals up to which there is a table of them."""


def fitted_at(evaluator: Evaluator, point: Array, uncertainty: Uncertainty) -> dict[str, Array]:
    """Columns (n,) by name, at ``point`` (p,): of least squares of up to 10,000 residuals.

    The residual that is minimized is in units of ``sigma`` where there is one. A comparison has
    ``observed``, ``predicted`` and, where there are error bars, the ``standard_error`` of what is
    predicted, and its ``leverage``; before these stand the numbers of each row that it is made of.
    Several residuals stand below each other, and ``term`` names them.
    """
    objective = evaluator.problem.objective
    if objective.kind != "least_squares" or objective.streamed or evaluator.rows > LONGEST:
        return {}
    if not evaluator.deadline.fits("residual", 1):
        return {}
    sizes = evaluator.residual_sizes()
    ends = np.cumsum([0, *sizes.values()])
    parts = {
        name: slice(start, end)
        for name, start, end in zip(sizes, ends, ends[1:], strict=False)
        if name not in objective.penalties | objective.priors
    }
    known = evaluator.points.of(point)
    residual = evaluator.residual(point) if known is None else known.residual
    residual = residual.astype(np.float64)
    if objective.observed and len(parts) == 1:
        [part] = parts.values()
        return _compared(evaluator, point, uncertainty, residual[part], part)
    kept = np.concatenate([residual[part] for part in parts.values()])
    if len(parts) == 1:
        return {"residual": kept}
    return {"term": np.repeat([*parts], [sizes[name] for name in parts]), "residual": kept}


def _compared(
    evaluator: Evaluator, point: Array, uncertainty: Uncertainty, residual: Array, part: slice
) -> dict[str, Array]:
    observed = evaluator.observed(point).astype(np.float64)
    sigma = _sigma(evaluator, point, observed)
    with np.errstate(invalid="ignore"):  # where sigma is infinite, the prediction is not known
        difference = residual if sigma is None else residual * sigma
    columns = dict(_given(evaluator, observed, sigma))
    columns["observed"] = np.ravel(observed)
    columns["predicted"] = np.ravel(observed) - difference
    if uncertainty.errors is not None:
        jacobian = evaluator.linearized(point).jacobian[part].astype(np.float64)
        error = uncertainty.errors.of(jacobian)
        columns["standard_error"] = error if sigma is None else error * sigma
        columns["leverage"] = _leverage(jacobian[:, uncertainty.errors.free])
    columns["residual"] = residual
    if sigma is not None:
        columns["sigma"] = sigma
    return columns


def _leverage(jacobian: Array) -> Array:
    """By how much each prediction follows what was observed there."""
    found = of_jacobian(jacobian, float(np.finfo(np.float64).eps)).of(jacobian).factor
    return np.asarray(np.sum(np.square(found), axis=1))


def _sigma(evaluator: Evaluator, point: Array, observed: Array) -> Array | None:
    """The standard deviation of each residual (n,), where it is known."""
    graph = evaluator.problem.objective.deviation
    if graph is None:
        return None
    values = evaluator.packing.natural(point).values()
    [found] = interpret(graph, *values, *evaluator.problem.objective.data.values())
    return np.ravel(np.broadcast_to(found, observed.shape)).astype(np.float64)


def _given(
    evaluator: Evaluator, observed: Array, sigma: Array | None
) -> Iterator[tuple[str, Array]]:
    """The columns of the data, with a number a row, but for the response and its deviation."""
    if not observed.ndim:
        return
    known = [observed] if sigma is None else [observed, np.reshape(sigma, observed.shape)]
    each = prod(observed.shape[1:])
    for name, array in evaluator.problem.objective.data.items():
        if isinstance(array, Streamed) or "(" in name or " " in name:
            continue  # numbers of rows, constants
        if np.shape(array) != observed.shape[:1] or array.dtype.kind not in "fiub":
            continue
        if not any(np.array_equal(array, one) for one in known):
            own = name in OWN
            yield f"data.{name}" if own else name, np.repeat(np.asarray(array), each)
