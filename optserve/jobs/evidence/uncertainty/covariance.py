"""``covariance_of``: the covariance of the free coordinates at a minimum, by one of the methods.

Each is a root of the covariance, and words that say which covariance it is, how it is scaled, and
what it leaves out.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.uncertainty.fit import Fit
from optserve.jobs.evidence.uncertainty.information import Information, of_hessian, of_jacobian
from optserve.jobs.evidence.uncertainty.minimum import FreeMinimum, NoCovarianceError
from optserve.jobs.problem import ErrorKind, ErrorMethod
from optserve.optimizers.tall import triangle

__all__ = [
    "BENT",
    "BIAS",
    "GAUSS_NEWTON",
    "Covariance",
    "covariance_of",
    "dof_of",
    "spread_of",
]

GAUSS_NEWTON = "(J'J)^-1, J being the derivative of the residuals"
BENT = ("the second derivatives of the residuals",)
"""What it is called, and what it leaves out."""

BIAS = "the bias that the penalty makes"
"""What no covariance of penalized estimates tells."""


class Covariance(NamedTuple):
    """The covariance ``spread**2 * root @ root.T`` of the free coordinates (q,), ``root`` being
    (q, k).

    ``information`` tells what the data leave open. Quantiles are those of Student's t with ``dof``
    degrees of freedom, infinite for the normal. ``kind`` is its name, ``told`` says what it is,
    ``scaled`` by what it was multiplied, ``left_out`` what it does not count. ``method`` is how
    the ``uncertainty`` of a result names it.
    """

    information: Information
    root: Array
    dof: float
    kind: str
    method: str
    told: str
    scaled: str = "as it is"
    left_out: tuple[str, ...] = ()
    spread: float = 1.0


def covariance_of(minimum: FreeMinimum, method: ErrorMethod) -> Covariance:
    """The covariance that ``method`` asks for; raises ``NoCovarianceError``, saying why not.

    ``auto`` is ``gauss_newton`` for least squares, else ``hessian``.
    """
    objective = minimum.evaluator.problem.objective
    kind = method.label_of(objective.kind, objective.weights)
    if kind in ("score", "sandwich", "cluster") and minimum.has_priors:
        other = "`hessian` is the curvature of the posterior"
        if objective.weights == "sampling":
            other = "`bootstrap` fits samples with them"
        raise NoCovarianceError(
            f"`{kind}` is of a likelihood alone, and parameters have priors: {other}"
        )
    if kind == "score" and minimum.has_penalties:
        raise NoCovarianceError("`score` is of a likelihood alone, and there is a penalty")
    made = _by_kind(minimum, method, kind)
    if minimum.has_penalties:
        made = made._replace(left_out=(*made.left_out, BIAS))
    return made


def _by_kind(minimum: FreeMinimum, method: ErrorMethod, kind: ErrorKind) -> Covariance:
    match kind:
        case "gauss_newton":
            return _gauss_newton(minimum)
        case "hessian":
            return _hessian(minimum)
        case "score":
            return _score(minimum)
    return _sandwich(minimum, replace(method, kind=kind))


def _gauss_newton(minimum: FreeMinimum) -> Covariance:
    """The inverse of J'J, times RSS / (n - rank) where no sigma is given (Seber & Wild 1989,
    section 2.1)."""
    if not minimum.is_least_squares:
        raise NoCovarianceError("`gauss_newton` is of least squares: `hessian` is of a likelihood")
    information = minimum.of_jacobian
    spread, scaled = spread_of(minimum, minimum.fit)
    return Covariance(
        information,
        _root(information),
        dof_of(minimum, minimum.fit),
        "gauss_newton",
        _named(minimum, "least squares"),
        GAUSS_NEWTON + (", those of the penalties too" if minimum.has_penalties else ""),
        scaled,
        BENT,
        spread,
    )


def _hessian(minimum: FreeMinimum) -> Covariance:
    """The inverse of the observed information, by exact second derivatives; of least squares, of
    half the Hessian of the sum of squares, scaled as (J'J)^-1 is."""
    hessian = minimum.hessian
    if not np.isfinite(hessian).all():
        raise NoCovarianceError("a second derivative is not finite at the estimates")
    gradient, point = minimum.gradient, minimum.coordinates
    if minimum.is_least_squares:
        hessian, gradient = 0.5 * hessian, 0.5 * gradient
    information = of_hessian(hessian, gradient, point, minimum.epsilon)
    if not information.definite:
        what = "sum of squares" if minimum.is_least_squares else "log likelihood"
        where = "minimum" if minimum.is_least_squares else "maximum"
        raise NoCovarianceError(f"the {what} is not at a {where}: its Hessian is indefinite")
    spread, scaled, dof = 1.0, "as it is", inf
    if minimum.is_least_squares:
        (spread, scaled), dof = spread_of(minimum, minimum.fit), dof_of(minimum, minimum.fit)
    told = "H^-1, H being the second derivative of " + (
        "half the sum of squares" if minimum.is_least_squares else "-log L"
    )
    method = _named(minimum, "observed information")
    return Covariance(
        information, _root(information), dof, "hessian", method, told, scaled, spread=spread
    )


def _score(minimum: FreeMinimum) -> Covariance:
    """The inverse of the sum of the outer products of the scores (Berndt, Hall, Hall & Hausman
    1974), those of least squares being r J / s^2 for a normal likelihood."""
    if not minimum.variance:
        raise NoCovarianceError("the residuals are nothing but rounding: there are no scores")
    scores = minimum.scores / minimum.variance
    information = of_jacobian(scores, minimum.epsilon)
    if information.rank < min(minimum.bread.rank, scores.shape[1]):
        raise NoCovarianceError(
            f"{len(scores)} scores do not determine {minimum.bread.rank} parameters"
        )
    return Covariance(
        information,
        _root(information),
        inf,
        "score",
        "outer product of scores",
        "(sum of g g')^-1, g being the score of an observation",
        "as it is",
        ("that the model may be wrong",),
    )


def _sandwich(minimum: FreeMinimum, method: ErrorMethod) -> Covariance:
    """B M B of the bread B, (J'J)^-1 or H^-1, and the meat M, the outer products of the scores
    (Huber 1967; White 1980), summed within clusters first (Liang & Zeger 1986).

    Least squares have the factor n / (n - p) of HC1 (MacKinnon & White 1985), clusters
    G / (G - 1) (n - 1) / (n - p) (Stata's `regress`; Cameron & Miller 2015, equation 12), and a
    likelihood without clusters none.
    """
    information, scores = minimum.bread, minimum.scores
    counting = minimum.counting
    scores = scores[counting]
    count, rank = minimum.count, information.rank
    factor, scaled, dof = 1.0, "as it is", inf
    centred = " about their mean" if minimum.has_penalties else ""
    told = "(J'J)^-1 M (J'J)^-1" if minimum.is_least_squares else "H^-1 M H^-1"
    left_out = ("that observations may depend on each other",)
    if method.groups is not None:
        groups = minimum.groups_of(method)[counting]
        known, which = np.unique(groups, return_inverse=True)
        summed = np.zeros((known.size, scores.shape[1]))
        np.add.at(summed, which, scores)
        scores = _about_mean(summed) if minimum.has_penalties else summed
        if known.size <= 1:
            raise NoCovarianceError(f"`{method.column}` has one cluster, and they are to vary")
        if count <= rank:
            raise NoCovarianceError(_no_freedom(minimum))
        factor = known.size / (known.size - 1) * (count - 1) / (count - rank)
        scaled = f"times G / (G - 1) (n - 1) / (n - p) = {factor:.6g}, G = {known.size} clusters"
        dof = float(known.size - 1)
        told += f", M being the outer products of scores{centred} summed by `{method.column}`"
        left_out = ("that clusters may depend on each other",)
        if known.size <= rank:
            left_out = (f"directions: {known.size} clusters tell of at most {known.size} of them",)
    else:
        told += f", M being the outer products of scores{centred}"
        scores = _about_mean(scores) if minimum.has_penalties else scores
        if minimum.is_least_squares:
            if count <= rank:
                raise NoCovarianceError(_no_freedom(minimum))
            factor = count / (count - rank)
            scaled = f"times n / (n - p) = {factor:.6g}"
            dof = float(count - rank)
    base = information.of(np.eye(scores.shape[1])).factor
    root = sqrt(factor) * base @ triangle(scores @ base).T
    name = "HC1" if minimum.is_least_squares else "Huber-White"
    named = f"cluster({method.column})" if method.groups is not None else name
    penalized = " of penalized estimates" if minimum.has_penalties else ""
    name = f"sandwich, {named}{penalized}"
    return Covariance(information, root, dof, method.kind, name, told, scaled, left_out)


def _named(minimum: FreeMinimum, plain: str) -> str:
    """What a curvature is called: that of a posterior, or of what looks like one."""
    if minimum.has_priors:
        return "curvature of the posterior"
    return "curvature of the penalized loss" if minimum.has_penalties else plain


def _about_mean(scores: Array) -> Array:
    """Scores whose sum a penalty holds away from 0, about their mean."""
    found: Array = scores - scores.mean(axis=0)
    return found


def _root(information: Information) -> Array:
    """A root of the inverse of the information (q, rank)."""
    return information.of(np.eye(information.scale.size)).factor


def spread_of(minimum: FreeMinimum, fit: Fit) -> tuple[float, str]:
    """By what least squares scale a root, and the words for it."""
    if minimum.has_sigma:
        return 1.0, "as sigma says, not by the residuals"
    if fit.residual_standard_error is None:
        raise NoCovarianceError(_no_freedom(minimum, fit))
    if fit.perfect:
        return 0.0, "by residuals that are nothing but rounding: 0"
    spread = fit.residual_standard_error
    return spread, f"times RSS / (n - p) = {spread**2:.6g}, n - p = {fit.degrees_of_freedom}"


def dof_of(minimum: FreeMinimum, fit: Fit) -> float:
    """The degrees of freedom of the quantiles, infinite for those of the normal."""
    return inf if minimum.has_sigma else float(fit.degrees_of_freedom)


def _no_freedom(minimum: FreeMinimum, fit: Fit | None = None) -> str:
    count = minimum.count if fit is None else fit.observations
    size = minimum.coordinates.size
    left = f"{count} residual{'s leave' if count > 1 else ' leaves'} no degree of freedom"
    return f"{left} beside {size} parameter{'s' if size > 1 else ''}"
