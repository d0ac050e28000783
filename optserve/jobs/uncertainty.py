"""Standard errors and intervals of the estimates, and why where there are none."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import numpy as np

from optserve.frozen import factory, frozen, replace
from optserve.graph.aval import Array
from optserve.jobs.delta_method import Varying, varying_entries
from optserve.jobs.descent import Evaluated
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.fit import Fit, fit_of
from optserve.jobs.information import Information, of_hessian, of_jacobian
from optserve.jobs.student_t import student_t_quantile

__all__ = ["Uncertainty", "no_uncertainty", "uncertainty_of"]

LEVEL = 0.95
CORRELATED = 0.995
"""The correlation from which on two estimates are reported as hardly told apart."""

MOST_PAIRS = 3
"""Correlated pairs that are named; there may be many where a model is overparametrized."""


@frozen
class Uncertainty:
    """What is known of the errors of the estimates, on the natural scale.

    ``standard_errors`` and ``half_widths`` (of the intervals) have the parameters' shapes, NaN
    where there is none; ``unavailable`` then says why, by parameter. ``covariance`` is of the
    entries that ``labels`` names. ``dof`` is infinite where the quantiles are those of the normal.
    """

    method: str
    standard_errors: Mapping[str, Array]
    half_widths: Mapping[str, Array]
    unavailable: Mapping[str, str]
    level: float = LEVEL
    dof: float = inf
    labels: tuple[str, ...] = ()
    covariance: Array = factory(default_factory=lambda: np.zeros((0, 0)))
    fit: Fit | None = None
    warnings: tuple[str, ...] = ()

    @property
    def correlation(self) -> Array:
        errors = np.sqrt(np.diagonal(self.covariance))
        found: Array = self.covariance / errors / errors[:, None]
        return found


def no_uncertainty(evaluator: Evaluator, why: str, fit: Fit | None = None) -> Uncertainty:
    """No standard error for any parameter, and the one reason."""
    none = {
        segment.parameter.name: np.full(segment.parameter.shape, np.nan)
        for segment in evaluator.packing.segments
    }
    return Uncertainty("none", none, none, dict.fromkeys(none, why), fit=fit)


def uncertainty_of(evaluator: Evaluator, best: Evaluated, refused: str = "") -> Uncertainty:
    """The uncertainty of the estimates at the best point; ``refused`` says why there is to be none.

    Least squares: the inverse of J'J, times RSS / (n - p) where no sigma is given (Seber & Wild
    1989, section 2.1). Log likelihoods: the inverse of the observed information, by exact second
    derivatives. A coordinate at a bound is held there, as if it were fixed.
    """
    free = ~_at_bounds(evaluator, best.point)
    fit = jacobian = None
    objective = evaluator.problem.objective
    if objective.kind == "least_squares" and objective.streamed:
        why = "the residuals of streamed data are not kept: `in_memory: true` does"
        return no_uncertainty(evaluator, refused or why)
    if evaluator.problem.objective.kind == "least_squares":
        if evaluator.forms_jacobian:
            *_, residual, jacobian = evaluator.linearized(best.point)
        else:
            residual = evaluator.residual(best.point)
        fit = fit_of(evaluator, best.point, residual, int(free.sum()))
    why = refused or _impossible(evaluator, fit, int(free.sum()))
    if why:
        return no_uncertainty(evaluator, why, fit)
    epsilon = float(np.finfo(evaluator.packing.dtype).eps)
    if jacobian is None or fit is None:
        hessian = evaluator.hessian(best.point)[np.ix_(free, free)]
        information = of_hessian(hessian, epsilon)
        if not information.definite:
            why = "the log likelihood is not at a maximum: its Hessian is indefinite"
            return no_uncertainty(evaluator, why)
        return _by_delta_method(evaluator, best, free, information, "observed information")
    information = of_jacobian(jacobian[:, free].astype(np.float64), epsilon)
    dof = inf if evaluator.problem.objective.sigma else float(fit.degrees_of_freedom)
    if dof < inf:
        factor = fit.sum_of_squares / dof
        information = replace(information, covariance=factor * information.covariance)
    found = _by_delta_method(evaluator, best, free, information, "least squares", dof)
    return replace(found, fit=fit)


def _impossible(evaluator: Evaluator, fit: Fit | None, size: int) -> str:
    """Why there can be no standard errors, or nothing."""
    objective, packing = evaluator.problem.objective, evaluator.packing
    if objective.kind == "loss":
        return "a loss is no likelihood: use least_squares or log_likelihood"
    if objective.penalties:
        return "a penalty biases the estimates, and an error bar would not tell by how much"
    if not size:
        return "nothing is free to vary"
    if not evaluator.forms_jacobian:
        return f"the derivatives by {packing.size} free coordinates are too many to be formed"
    if fit is not None and fit.degrees_of_freedom <= 0 and not objective.sigma:
        return f"{fit.observations} residuals leave no degree of freedom beside {size} parameters"
    return ""


def _at_bounds(evaluator: Evaluator, point: Array) -> Array:
    lower, upper = evaluator.bounds
    if lower is None or upper is None:
        return np.zeros(point.shape, bool)
    found: Array = (point <= lower) | (point >= upper)
    return found


def _by_delta_method(
    evaluator: Evaluator,
    best: Evaluated,
    free: Array,
    information: Information,
    method: str,
    dof: float = inf,
) -> Uncertainty:
    """On the natural scale: the covariance of f(u) is F C F', F being the derivative of f."""
    varying = varying_entries(evaluator.packing, best.point)
    derivative = varying.derivative[:, free]
    covariance = derivative @ information.covariance @ derivative.T
    touched = (derivative[:, information.undetermined] != 0.0).any(axis=1)
    held = ~(derivative != 0.0).any(axis=1)
    known = ~touched & ~held
    errors = varying.laid_out(np.where(known, np.sqrt(np.diagonal(covariance)), np.nan))
    quantile = student_t_quantile(LEVEL, dof)
    found = Uncertainty(
        method=method,
        standard_errors=errors,
        half_widths={name: quantile * error for name, error in errors.items()},
        unavailable=_unavailable(evaluator, varying, touched, held),
        dof=dof,
        labels=tuple(label for label, kept in zip(varying.labels, known, strict=True) if kept),
        covariance=covariance[np.ix_(known, known)],
    )
    warnings = [*_ill_conditioned(information, evaluator), *_correlated(found)]
    return replace(found, warnings=tuple(warnings))


def _unavailable(
    evaluator: Evaluator, varying: Varying, touched: Array, held: Array
) -> Mapping[str, str]:
    """Why parameters have entries without a standard error."""
    reasons = {
        segment.parameter.name: "fixed"
        for segment in evaluator.packing.segments
        if segment.parameter.fixed.any()
    }
    for name, of_parameter in varying.parts.items():
        why = [reasons[name]] if name in reasons else []
        why += ["at a bound"] if held[of_parameter].any() else []
        why += ["not determined by the data"] if touched[of_parameter].any() else []
        if why:
            reasons[name] = ", ".join(why)
    return reasons


def _ill_conditioned(information: Information, evaluator: Evaluator) -> list[str]:
    epsilon = float(np.finfo(evaluator.packing.dtype).eps)
    warnings = []
    if information.undetermined.any():
        warnings.append("the data do not determine all parameters: some have no standard error")
    elif information.condition * np.sqrt(epsilon) > 1.0:
        digits = max(0, int(-np.log10(information.condition * epsilon)))
        warnings.append(
            f"the parameters are nearly undetermined (condition number {information.condition:.2g})"
            f": standard errors are good to {digits} digits at most"
        )
    return warnings


def _correlated(found: Uncertainty) -> list[str]:
    """The pairs that correlate most, strongest first."""
    correlation = np.triu(found.correlation, 1)
    order = np.argsort(-np.abs(correlation), axis=None)[: MOST_PAIRS + 1]
    pairs = [np.unravel_index(int(flat), correlation.shape) for flat in order]
    strong = [(i, j) for i, j in pairs if abs(correlation[i, j]) >= CORRELATED]
    warnings = [
        f"{found.labels[i]} and {found.labels[j]} correlate {_shown(correlation[i, j])}: "
        "their error bars are nearly one direction"
        for i, j in strong[:MOST_PAIRS]
    ]
    return warnings + (["more pairs correlate as strongly"] if len(strong) > MOST_PAIRS else [])


def _shown(correlation: float) -> str:
    """Four decimals, and more of them rather than a 1."""
    return f"{correlation:.4f}" if abs(correlation) < 0.99995 else f"{correlation:.8f}"
