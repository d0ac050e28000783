"""Standard errors and intervals of the estimates, and why where there are none."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluated, Evaluator
from optserve.jobs.evidence.budget import Prices
from optserve.jobs.evidence.naming import listed
from optserve.jobs.evidence.surface import decomposition
from optserve.jobs.evidence.uncertainty.cautions import cautions
from optserve.jobs.evidence.uncertainty.coordinate_errors import CoordinateErrors
from optserve.jobs.evidence.uncertainty.delta_method import Varying, varying_entries
from optserve.jobs.evidence.uncertainty.fit import Fit, fit_of, own_residuals
from optserve.jobs.evidence.uncertainty.information import (
    Information,
    of_hessian,
    of_jacobian,
    root_sum_square,
)
from optserve.jobs.evidence.uncertainty.intervals import intervals_of
from optserve.jobs.evidence.uncertainty.student_t import student_t_quantile
from optserve.jobs.packing import Packing, entry_label

__all__ = ["Uncertainty", "no_uncertainty", "uncertainty_of"]

LEVEL = 0.95

LATE = "the time was up"


@dataclass(frozen=True)
class Uncertainty:
    """What is known of the errors of the estimates, on the natural scale.

    ``standard_errors`` have the parameters' shapes and ``intervals`` an axis more, of their two
    ends; both are NaN where there is none, and ``unavailable`` then says why, by parameter.
    ``covariance`` and ``correlation`` are of the entries that ``labels`` names. ``dof`` is infinite
    where the quantiles are those of the normal. ``errors`` are those of the coordinates, if there
    are any. ``notes`` say how they were made, ``warnings`` why not to trust them.
    """

    method: str
    standard_errors: Mapping[str, Array]
    intervals: Mapping[str, Array]
    unavailable: Mapping[str, str]
    level: float = LEVEL
    dof: float = inf
    labels: tuple[str, ...] = ()
    covariance: Array = field(default_factory=lambda: np.zeros((0, 0)))
    correlation: Array = field(default_factory=lambda: np.zeros((0, 0)))
    fit: Fit | None = None
    errors: CoordinateErrors | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def no_uncertainty(evaluator: Evaluator, why: str, fit: Fit | None = None) -> Uncertainty:
    """No standard error for any parameter, and the one reason."""
    shapes = {one.parameter.name: one.parameter.shape for one in evaluator.packing.segments}
    return Uncertainty(
        method="none",
        standard_errors={name: np.full(shape, np.nan) for name, shape in shapes.items()},
        intervals={name: np.full((*shape, 2), np.nan) for name, shape in shapes.items()},
        unavailable=dict.fromkeys(shapes, why),
        fit=fit,
    )


def uncertainty_of(evaluator: Evaluator, best: Evaluated, refused: str = "") -> Uncertainty:
    """The uncertainty of the estimates at the best point; ``refused`` says why there is to be none.
    There is none either where it does not fit in before the deadline of the ``evaluator``.

    Least squares: the inverse of J'J, times RSS / (n - rank) where no sigma is given (Seber & Wild
    1989, section 2.1). Log likelihoods: the inverse of the observed information, by exact second
    derivatives. Priors are part of both: it is then the curvature of the posterior. A coordinate at
    a bound is held there, as if it were fixed.
    """
    point = best.point
    free = ~_at_lower(evaluator, point) & ~_at_upper(evaluator, point)
    why = refused or _impossible(evaluator, point, free)
    if evaluator.problem.objective.kind == "least_squares":
        return _of_least_squares(evaluator, point, free, why)
    prices = Prices(evaluator)
    operations = decomposition(prices.size)
    if not why and not evaluator.deadline.fits("product", prices.hessian, operations):
        why = LATE
    if why:
        return no_uncertainty(evaluator, why)
    hessian = evaluator.hessian(point)[np.ix_(free, free)]
    if not np.isfinite(hessian).all():
        return no_uncertainty(evaluator, "a second derivative is not finite at the estimates")
    gradient, position = (one[free].astype(np.float64) for one in (best.gradient, point))
    information = of_hessian(hessian, gradient, position, _epsilon(evaluator))
    if not information.definite:
        why = "the log likelihood is not at a maximum: its Hessian is indefinite"
        return no_uncertainty(evaluator, why)
    return _by_delta_method(evaluator, point, free, information)


def _of_least_squares(evaluator: Evaluator, point: Array, free: Array, why: str) -> Uncertainty:
    """Standard errors, unless there is a ``why`` not; how well it fits in any case, if it can."""
    objective, deadline = evaluator.problem.objective, evaluator.deadline
    if objective.streamed and not evaluator.forms_jacobian:
        return no_uncertainty(evaluator, why)
    own, size = own_residuals(evaluator), int(free.sum())
    price, operations = Prices(evaluator).jacobian, decomposition(size, own.size)
    late = not deadline.fits("jacobian", price, operations)
    if late and not deadline.fits("residual", 1):
        return no_uncertainty(evaluator, why or LATE)
    if late or not evaluator.forms_jacobian:
        why = why or LATE
        fit = fit_of(evaluator, point, evaluator.residual(point)[own], size)
        return no_uncertainty(evaluator, why, fit)
    *_, residual, jacobian = evaluator.linearized(point)
    telling = jacobian if objective.priors else jacobian[own]  # a prior tells of parameters too
    jacobian = telling[:, free].astype(np.float64)
    if not np.isfinite(jacobian).all():
        fit = fit_of(evaluator, point, residual[own], size)
        return no_uncertainty(evaluator, why or "a derivative is not finite at the estimates", fit)
    information = of_jacobian(jacobian, _epsilon(evaluator))
    fit = fit_of(evaluator, point, residual[own], information.rank)
    if not why and not objective.sigma and not fit.degrees_of_freedom:
        many = fit.observations > 1
        left = f"{fit.observations} residual{'s leave' if many else ' leaves'} no degree of freedom"
        why = f"{left} beside {size} parameter{'s' if size > 1 else ''}"
    if why:
        return no_uncertainty(evaluator, why, fit)
    return _by_delta_method(evaluator, point, free, information, fit)


def _impossible(evaluator: Evaluator, point: Array, free: Array) -> str:
    """Why there can be no standard errors, or nothing."""
    objective = evaluator.problem.objective
    if objective.penalties:
        return "a penalty biases the estimates, and an error bar would not tell by how much"
    if not free.any():
        return f"a bound holds every parameter that varies: {_bounds_that_hold(evaluator, point)}"
    streamed = objective.kind == "least_squares" and objective.streamed
    if streamed and not evaluator.forms_jacobian:
        return "the residuals of so many streamed data are not kept: `in_memory: true` does"
    if not evaluator.forms_jacobian:
        size = evaluator.packing.size
        return f"the derivatives by {size} free coordinates are too many to be formed"
    return ""


def _by_delta_method(
    evaluator: Evaluator,
    point: Array,
    free: Array,
    information: Information,
    fit: Fit | None = None,
) -> Uncertainty:
    """On the natural scale: the covariance of f(u) is F C F', F being the derivative of f."""
    packing = evaluator.packing
    dof, spread, notes = inf, 1.0, []
    if fit is not None and fit.residual_standard_error is not None:
        dof, spread = float(fit.degrees_of_freedom), fit.residual_standard_error
        if fit.perfect:
            spread = 0.0
            notes.append("a perfect fit: residuals and standard errors are 0, but for rounding")
    varying = varying_entries(packing, point)
    derivative = varying.derivative[:, free]
    factor, determined = information.of(derivative)
    varies = (derivative != 0.0).any(axis=1)
    held = ~varies & (varying.derivative[:, ~free] != 0.0).any(axis=1)
    known = determined & varies
    coordinates = np.zeros((packing.size, information.rank))
    coordinates[free] = spread * information.of(np.eye(int(free.sum()))).factor
    width = student_t_quantile(LEVEL, dof)
    intervals = intervals_of(packing, point, varying, known, coordinates, width)
    lengths = root_sum_square(factor, axis=1)
    kept, unit = spread * factor[known], factor[known] / lengths[known, None]
    correlation = np.clip(unit @ unit.T, -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    labels = tuple(itertools.compress(varying.labels, known))
    own = varying.own[known]
    return Uncertainty(
        method=_method(evaluator, fit),
        standard_errors=varying.laid_out(np.where(known, spread * lengths, np.nan)),
        intervals=varying.laid_out(intervals.ends),
        unavailable=_unavailable(packing, varying, ~known & ~held, held),
        dof=dof,
        labels=labels,
        covariance=kept @ kept.T,
        correlation=correlation,
        fit=fit,
        errors=CoordinateErrors(information, free, spread, dof),
        notes=(*notes, *intervals.notes),
        warnings=(
            *cautions(
                information,
                tuple(itertools.compress(packing.labels, free)),
                tuple(itertools.compress(labels, own)),
                correlation[np.ix_(own, own)],
            ),
            *intervals.warnings,
        ),
    )


def _method(evaluator: Evaluator, fit: Fit | None) -> str:
    """What the standard errors come from."""
    if evaluator.problem.objective.priors:
        return "curvature of the posterior"
    return "observed information" if fit is None else "least squares"


def _unavailable(
    packing: Packing, varying: Varying, undetermined: Array, held: Array
) -> Mapping[str, str]:
    """Why parameters have entries without a standard error."""
    reasons = {
        segment.parameter.name: "fixed"
        for segment in packing.segments
        if segment.parameter.fixed.any()
    }
    for name, of_parameter in varying.parts.items():
        why = [reasons[name]] if name in reasons else []
        why += ["at a bound"] if held[of_parameter].any() else []
        why += ["not determined by the data"] if undetermined[of_parameter].any() else []
        if why:
            reasons[name] = ", ".join(why)
    return reasons


def _bounds_that_hold(evaluator: Evaluator, point: Array) -> str:
    """Which coordinates are at which of their bounds.

    The words are "b at its upper bound 0".
    """
    at_lower, at_upper = _at_lower(evaluator, point), _at_upper(evaluator, point)
    words = []
    for segment in evaluator.packing.free:
        parameter = segment.parameter
        for number, position in enumerate(segment.free, segment.start):
            label = entry_label(parameter.name, segment.shape, position)
            if at_lower[number]:
                words.append(f"{label} at its lower bound {parameter.lower.flat[position]:g}")
            elif at_upper[number]:
                words.append(f"{label} at its upper bound {parameter.upper.flat[position]:g}")
    return listed(words)


def _at_lower(evaluator: Evaluator, point: Array) -> Array:
    lower = evaluator.packing.lower
    return np.zeros(point.shape, bool) if lower is None else point <= lower


def _at_upper(evaluator: Evaluator, point: Array) -> Array:
    upper = evaluator.packing.upper
    return np.zeros(point.shape, bool) if upper is None else point >= upper


def _epsilon(evaluator: Evaluator) -> float:
    """The rounding of the job's numbers."""
    return float(np.finfo(evaluator.packing.dtype).eps)
