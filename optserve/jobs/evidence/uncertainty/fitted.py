"""The table of a fit: for each row what was observed, what is predicted, and the residual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.streamed import Streamed
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.coordinate_errors import CoordinateErrors
from optserve.jobs.evidence.uncertainty.estimate_errors import EstimateErrors
from optserve.jobs.evidence.uncertainty.fit import scales_at
from optserve.jobs.evidence.uncertainty.minimum import FreeMinimum
from optserve.jobs.known_points import Evaluated

__all__ = ["LONGEST", "OWN", "fitted_at"]

OWN = frozenset(
    {"observed", "predicted", "standard_error", "leverage", "residual", "sigma", "weight", "term"}
)
"""The columns of the table that are no data."""

LONGEST = 10_000
"""Residuals up to which there is a table of them."""


def fitted_at(
    evaluator: Evaluator, best: Evaluated, uncertainty: EstimateErrors
) -> dict[str, Array]:
    """Columns (n,) by name, at the ``best`` point: of least squares of up to 10,000 residuals.

    The residual that is minimized is in units of ``sigma`` where there is one, times the root of
    the ``weight`` of its row. A comparison has
    ``observed``, ``predicted`` and, where there are error bars, the ``standard_error`` of what is
    predicted, and its ``leverage``; before these stand the numbers of each row that it is made of.
    Several residuals stand below each other, and ``term`` names them.
    """
    objective = evaluator.problem.objective
    if objective.kind != "least_squares" or objective.streamed or evaluator.rows > LONGEST:
        return {}
    if not evaluator.deadline.fits("residual", 1):
        return {}
    sizes = evaluator.residual_sizes
    ends = np.cumsum([0, *sizes.values()])
    parts = {
        name: slice(start, end)
        for name, start, end in zip(sizes, ends, ends[1:], strict=False)
        if name not in objective.penalties | objective.priors
    }
    point = best.point
    known = evaluator.points.of(point)
    residual = evaluator.residual(point) if known is None else known.residual
    residual = residual.astype(np.float64)
    if objective.observed and len(parts) == 1:
        [part] = parts.values()
        return _compared(evaluator, best, uncertainty, residual[part], part)
    kept = np.concatenate([residual[part] for part in parts.values()])
    if len(parts) == 1:
        return {"residual": kept}
    return {"term": np.repeat([*parts], [sizes[name] for name in parts]), "residual": kept}


def _compared(
    evaluator: Evaluator, best: Evaluated, uncertainty: EstimateErrors, residual: Array, part: slice
) -> dict[str, Array]:
    point = best.point
    observed = evaluator.observed(point).astype(np.float64)
    scales = scales_at(evaluator, point, observed)
    sigma, weight = scales.get("sigma"), scales.get("weight")
    unit = np.ones(observed.size) if sigma is None else sigma
    # Where sigma is infinite, or the weight 0, the prediction is not known.
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = unit if weight is None else unit / np.sqrt(weight)
        difference = residual * unit
    columns = dict(_given(evaluator, observed, [*scales.values()]))
    columns["observed"] = np.ravel(observed)
    columns["predicted"] = np.ravel(observed) - difference
    errors = uncertainty.errors
    if isinstance(errors, CoordinateErrors):
        jacobian = evaluator.linearized(point).jacobian[part].astype(np.float64)
        with np.errstate(invalid="ignore"):
            columns["standard_error"] = errors.of(jacobian) * unit
        fit = uncertainty.fit
        if fit is not None and fit.leverage is not None:
            columns["leverage"] = fit.leverage
        else:
            columns["leverage"] = FreeMinimum(evaluator, best, errors.free).leverage
    elif errors is not None:
        leverage = errors.leverages()[part]
        with np.errstate(invalid="ignore"):
            columns["standard_error"] = errors.spread * np.sqrt(leverage) * unit
        columns["leverage"] = leverage
    columns["residual"] = residual
    columns |= scales
    return columns


def _given(
    evaluator: Evaluator, observed: Array, scales: Sequence[Array]
) -> Iterator[tuple[str, Array]]:
    """The columns of the data with a number a row, but for the response and its ``scales``."""
    if not observed.ndim:
        return
    known = [observed, *(np.reshape(one, observed.shape) for one in scales)]
    each = prod(observed.shape[1:])
    for name, array in evaluator.problem.objective.data.items():
        if isinstance(array, Streamed) or "(" in name or " " in name:
            continue  # numbers of rows, constants
        if np.shape(array) != observed.shape[:1] or array.dtype.kind not in "fiub":
            continue
        if not any(np.array_equal(array, one) for one in known):
            own = name in OWN
            yield f"data.{name}" if own else name, np.repeat(np.asarray(array), each)
