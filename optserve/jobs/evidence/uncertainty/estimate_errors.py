"""Standard errors and intervals of the estimates, and why where there are none."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.budget import Prices, decomposition
from optserve.jobs.evidence.direction_names import listed
from optserve.jobs.evidence.uncertainty.cautions import cautions, left_open
from optserve.jobs.evidence.uncertainty.coordinate_errors import CoordinateErrors
from optserve.jobs.evidence.uncertainty.covariance import (
    BENT,
    BIAS,
    GAUSS_NEWTON,
    Covariance,
    covariance_of,
    dof_of,
    spread_of,
)
from optserve.jobs.evidence.uncertainty.delta_method import Varying, varying_entries
from optserve.jobs.evidence.uncertainty.fit import Fit, fit_of, own_residuals
from optserve.jobs.evidence.uncertainty.intervals import intervals_of
from optserve.jobs.evidence.uncertainty.minimum import FreeMinimum, NoCovarianceError
from optserve.jobs.evidence.uncertainty.misjudged import misjudged
from optserve.jobs.evidence.uncertainty.student_t import student_t_quantile
from optserve.jobs.known_points import Evaluated
from optserve.jobs.packing import Packing, entry_label
from optserve.jobs.problem import ErrorMethod
from optserve.optimizers.lengths import lengths

if TYPE_CHECKING:  # most jobs do without
    from optserve.jobs.evidence.uncertainty.block_errors import BlockErrors

__all__ = ["LEVEL", "EstimateErrors", "by_delta_method", "no_uncertainty", "uncertainty_of"]

LEVEL = 0.95

AUTO = ErrorMethod()

LATE = "the time was up"

DIGIT = 0.1
"""The share of an estimate by which rounding may move it, and leave a digit."""


@dataclass(frozen=True)
class EstimateErrors:
    """What is known of the errors of the estimates, on the natural scale.

    ``standard_errors`` have the parameters' shapes and ``intervals`` an axis more, of their two
    ends; both are NaN where there is none, and ``unavailable`` then says why, by parameter.
    ``kind`` is the method by its name in a config, ``told`` which covariance that is, ``scaled`` by
    what it was multiplied, ``left_out`` what it does not count. ``covariance`` and ``correlation``
    are of the entries that ``labels`` names. ``dof`` is infinite
    where the quantiles are those of the normal. ``errors`` are those of the coordinates, if there
    are any. Of ``refits`` that were made, ``failed`` did not come to a minimum. ``notes`` say how
    they were made, ``warnings`` why not to trust them.
    """

    method: str
    standard_errors: Mapping[str, Array]
    intervals: Mapping[str, Array]
    unavailable: Mapping[str, str]
    kind: str = "none"
    told: str = ""
    scaled: str = ""
    left_out: tuple[str, ...] = ()
    level: float = LEVEL
    dof: float = inf
    labels: tuple[str, ...] = ()
    covariance: Array = field(default_factory=lambda: np.zeros((0, 0)))
    correlation: Array = field(default_factory=lambda: np.zeros((0, 0)))
    fit: Fit | None = None
    errors: CoordinateErrors | BlockErrors | None = None
    refits: int | None = None
    failed: int | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def no_uncertainty(evaluator: Evaluator, why: str, fit: Fit | None = None) -> EstimateErrors:
    """No standard error for any parameter, and the one reason."""
    shapes = {one.parameter.name: one.parameter.shape for one in evaluator.packing.segments}
    return EstimateErrors(
        method="none",
        standard_errors={name: np.full(shape, np.nan) for name, shape in shapes.items()},
        intervals={name: np.full((*shape, 2), np.nan) for name, shape in shapes.items()},
        unavailable=dict.fromkeys(shapes, why),
        fit=fit,
    )


def uncertainty_of(
    evaluator: Evaluator,
    best: Evaluated,
    refused: str = "",
    method: ErrorMethod = AUTO,
    level: float = LEVEL,
    flat: Collection[str] = (),
    held: Collection[str] = (),
) -> EstimateErrors:
    """The uncertainty of the estimates at the best point, by ``method``; ``refused`` says why there
    is to be none. There is none either where it does not fit in before the deadline of the
    ``evaluator``, nor of what depends on a coordinate whose label is ``flat``.

    Priors are part of the loss: it is then the curvature of the posterior. A coordinate at a bound,
    or whose label is ``held``, is held there, as if it were fixed.
    """
    point = best.point
    free = ~_at_lower(evaluator, point) & ~_at_upper(evaluator, point)
    if held:
        free &= np.array([label not in held for label in evaluator.packing.labels])
    minimum = FreeMinimum(evaluator, best, free)
    why = refused or _impossible(evaluator, point, free, method)
    if method.kind == "none":
        why = why or "none were asked for"
    fit: Fit | None = None
    if minimum.is_least_squares:
        why, fit = _fit(minimum, why)
    elif not why:
        prices = Prices(evaluator)
        if not evaluator.deadline.fits("product", prices.hessian, decomposition(prices.size)):
            why = LATE
    if why:
        return no_uncertainty(evaluator, why, fit)
    try:
        if not evaluator.forms_jacobian and fit is not None:
            return _by_blocks(minimum, fit, level, flat)
        covariance = covariance_of(minimum, method)
        believed = misjudged(minimum, covariance)
        if believed is not None:
            minimum = replace(minimum, believed=believed)
            fit = minimum.fit if minimum.is_least_squares else fit
            covariance = covariance_of(minimum, method)
    except NoCovarianceError as error:
        made = no_uncertainty(evaluator, str(error), fit)
        if not minimum.is_least_squares:
            return made
        free_labels = tuple(itertools.compress(evaluator.packing.labels, free))
        return replace(made, warnings=tuple(left_open(minimum.of_jacobian, free_labels)))
    return by_delta_method(evaluator, point, free, covariance, fit, level, flat)


def _fit(minimum: FreeMinimum, why: str) -> tuple[str, Fit | None]:
    """Why there are no standard errors of least squares, if that is so; how well they fit in any
    case, if there is the time."""
    evaluator = minimum.evaluator
    objective, deadline = evaluator.problem.objective, evaluator.deadline
    if objective.streamed and not evaluator.forms_jacobian:
        return why, None
    own, size = own_residuals(evaluator), int(minimum.free.sum())
    price, operations = Prices(evaluator).jacobian, decomposition(size, own.size)
    if not evaluator.forms_jacobian and evaluator.angular is not None:
        operations = evaluator.angular.operations
    late = not deadline.fits("jacobian", price, operations)
    if late and not deadline.fits("residual", 1):
        return why or LATE, None
    if late or not evaluator.forms_jacobian:
        residual = evaluator.residual(minimum.point)[own]
        told = why or (LATE if late else "")
        return told, fit_of(evaluator, minimum.point, residual, size)
    if not minimum.has_finite_jacobian:
        fit = fit_of(evaluator, minimum.point, minimum.residual, size)
        return why or "a derivative is not finite at the estimates", fit
    return why, minimum.fit


def _impossible(evaluator: Evaluator, point: Array, free: Array, method: ErrorMethod) -> str:
    """Why there can be no standard errors, or nothing."""
    objective = evaluator.problem.objective
    if objective.penalties and method.kind == "auto":
        return "a penalty biases the estimates, and an error bar would not tell by how much"
    if not free.any():
        return f"a bound holds every parameter that varies: {_bounds_that_hold(evaluator, point)}"
    streamed = objective.kind == "least_squares" and objective.streamed
    if streamed and not evaluator.forms_jacobian:
        return "the residuals of so many streamed data are not kept: `in_memory: true` does"
    if not evaluator.forms_jacobian and not _are_by_blocks(evaluator, method):
        size = evaluator.packing.size
        return f"the derivatives by {size} free coordinates are too many to be formed"
    return ""


def _are_by_blocks(evaluator: Evaluator, method: ErrorMethod) -> bool:
    """Whether standard errors are made by blocks, where the whole Jacobian is too large."""
    objective = evaluator.problem.objective
    plain = not (objective.priors or objective.penalties or evaluator.packing.transformed)
    kind = method.label_of(objective.kind, objective.weights)
    return plain and kind == "gauss_newton" and evaluator.angular is not None


def _by_blocks(
    minimum: FreeMinimum, fit: Fit, level: float, flat: Collection[str]
) -> EstimateErrors:
    """Those of parameters that are too many for a covariance."""
    from optserve.jobs.evidence.uncertainty.block_errors import block_errors, cautions_of

    packing, point = minimum.evaluator.packing, minimum.point
    (spread, scaled), dof = spread_of(minimum, fit), dof_of(minimum, fit)
    found = block_errors(minimum, spread, dof)
    sizes = found.sizes
    if fit.perfect:
        lost = _lost(fit.rounding * np.sqrt(found.inverse.variances), point)
        sizes = np.where(lost, np.nan, sizes)
    sizes = np.where([label in flat for label in packing.labels], np.nan, sizes)
    widths = student_t_quantile(level, dof) * sizes
    low, high = packing.spread(point - widths), packing.spread(point + widths)
    notes = ["a perfect fit: residuals and standard errors are 0, but for rounding"]
    return EstimateErrors(
        method="least squares",
        kind="gauss_newton",
        told=GAUSS_NEWTON,
        scaled=scaled,
        left_out=BENT,
        standard_errors=packing.spread(sizes),
        intervals={name: np.stack([low[name], high[name]], axis=-1) for name in low},
        unavailable=_unknown(packing, sizes),
        level=level,
        dof=dof,
        fit=fit,
        errors=found,
        notes=tuple(notes if fit.perfect else ()),
        warnings=tuple(cautions_of(found, packing.labels, minimum.epsilon)),
    )


def _unknown(packing: Packing, sizes: Array) -> dict[str, str]:
    """Why parameters have entries without a standard error (p,)."""
    found = {}
    for segment in packing.segments:
        why = ["fixed"] if segment.parameter.fixed.any() else []
        why += ["not determined by the data"] if np.isnan(sizes[segment.columns]).any() else []
        if why:
            found[segment.parameter.name] = ", ".join(why)
    return found


def by_delta_method(
    evaluator: Evaluator,
    point: Array,
    free: Array,
    covariance: Covariance,
    fit: Fit | None = None,
    level: float = LEVEL,
    flat: Collection[str] = (),
) -> EstimateErrors:
    """On the natural scale: the covariance of f(u) is F C F', F being the derivative of f.

    It says nothing of what depends on a coordinate whose label is ``flat``.
    """
    packing = evaluator.packing
    notes = []
    if evaluator.problem.objective.penalties:
        notes.append(f"error bars are of penalized estimates: they do not tell {BIAS}")
    if fit is not None and fit.perfect:
        notes.append("a perfect fit: residuals and standard errors are 0, but for rounding")
    varying = _varying(evaluator, point)
    derivative = varying.derivative if free.all() else varying.derivative[:, free]
    factor, determined = covariance.information.of(derivative)
    lost = np.zeros(determined.shape, bool)
    if fit is not None and fit.perfect:
        reach = fit.rounding * lengths(factor, axis=1)
        lost |= _lost(reach, varying.entries(packing.natural(point)))
    if flat:
        unseen = np.array([label in flat for label in packing.labels])[free]
        lost |= (derivative[:, unseen] != 0.0).any(axis=1)
    names = listed(tuple(itertools.compress(varying.labels, lost & determined)))
    hidden = f"the data do not determine {names}: rounding hides what it changes"
    warnings = [hidden] if names else []
    determined = determined & ~lost
    varies = (derivative != 0.0).any(axis=1)
    held = ~varies & (varying.derivative[:, ~free] != 0.0).any(axis=1)
    known = determined & varies
    spread = covariance.spread
    roots = derivative @ covariance.root
    coordinates = np.zeros((packing.size, covariance.root.shape[1]))
    coordinates[free] = spread * covariance.root
    width = student_t_quantile(level, covariance.dof)
    intervals = intervals_of(packing, point, varying, known, coordinates, width)
    errors = lengths(roots, axis=1)
    kept, correlation = spread * roots[known], _correlation(roots[known], errors[known])
    labels = tuple(itertools.compress(varying.labels, known))
    own = varying.own[known]
    return EstimateErrors(
        method=covariance.method,
        kind=covariance.kind,
        told=covariance.told,
        scaled=covariance.scaled,
        left_out=covariance.left_out,
        standard_errors=varying.laid_out(np.where(known, spread * errors, np.nan)),
        intervals=varying.laid_out(intervals.ends),
        unavailable=_unavailable(packing, varying, ~known & ~held, held),
        level=level,
        dof=covariance.dof,
        labels=labels,
        covariance=kept @ kept.T,
        correlation=correlation,
        fit=fit,
        errors=CoordinateErrors(
            covariance.information, free, spread * covariance.root, covariance.dof
        ),
        notes=(*notes, *intervals.notes),
        warnings=(
            *cautions(
                covariance.information,
                tuple(itertools.compress(packing.labels, free)),
                tuple(itertools.compress(labels, own)),
                correlation if own.all() else correlation[np.ix_(own, own)],
            ),
            *intervals.warnings,
            *warnings,
        ),
    )


def _lost(reach: Array, estimates: Array) -> Array:
    """Which ``estimates`` (m,) of a perfect fit rounding moves by so much (m,) that no digit of
    them is left. One that is 0 but for rounding has all its digits, if others are larger."""
    sizes = np.abs(estimates)
    sizes = np.where(sizes > reach, sizes, sizes.max(initial=0.0))
    return np.asarray(reach > DIGIT * sizes)


def _correlation(roots: Array, sizes: Array) -> Array:
    """Of rows (m, k) that are so long; of one of length 0 there is none with others."""
    unit = roots / np.where(sizes > 0.0, sizes, 1.0)[:, None]
    correlation = np.clip(unit @ unit.T, -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _varying(evaluator: Evaluator, point: Array) -> Varying:
    """What varies at ``point`` (p,): without transforms the same everywhere."""
    if evaluator.packing.transformed:
        return varying_entries(evaluator.packing, point)
    return evaluator.graphs.kept("varying", lambda: varying_entries(evaluator.packing, point))


def _unavailable(
    packing: Packing, varying: Varying, undetermined: Array, held: Array
) -> Mapping[str, str]:
    """Why parameters have entries without a standard error."""
    reasons = {
        segment.parameter.name: "fixed"
        for segment in packing.segments
        if segment.parameter.fixed.any()
    }
    if not (held.any() or undetermined.any()):
        return reasons
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
