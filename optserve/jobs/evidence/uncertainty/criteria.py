"""Information criteria, by which fits of one data set are compared."""

from __future__ import annotations

from math import log
from typing import NamedTuple

from optserve.jobs.evidence.uncertainty.estimate_errors import EstimateErrors
from optserve.jobs.problem import Objective

__all__ = ["Criteria", "criteria_of"]


class Criteria(NamedTuple):
    """Akaike's and Schwarz's criterion, Akaike's for few observations, and the deviance; ``None``
    where they mean nothing."""

    aic: float | None = None
    bic: float | None = None
    aicc: float | None = None
    deviance: float | None = None


def criteria_of(
    objective: Objective, uncertainty: EstimateErrors, log_likelihood: float | None
) -> Criteria:
    """The criteria at a verified maximum of a likelihood, without penalties and priors.

    With k the directions in which the data tell something of the parameters, AIC is
    -2 log L + 2 k, and BIC -2 log L + k log n (Burnham & Anderson 2002, sections 2.2 and 6.4.1). Of
    least squares -2 log L is the sum of squares where sigma is given, else n log(RSS / n): what
    does not depend on the model is left out. Of a log likelihood n is the number of its rows.
    AICc is AIC + 2 K (K + 1) / (n - K - 1) (Hurvich & Tsai 1989), where K counts the variance too
    if it is estimated, and means nothing of n up to K + 1. The deviance is -2 log L, of least
    squares the sum of squares.
    """
    errors, fit = uncertainty.errors, uncertainty.fit
    if errors is None or objective.priors or objective.penalties:
        return Criteria()
    if objective.weights == "sampling":  # a weighted sample has no likelihood
        return Criteria()
    k = errors.rank
    if fit is None:
        if log_likelihood is None:
            return Criteria()
        deviance, count = -2.0 * log_likelihood, objective.counted
    elif objective.sigma:
        deviance, count = fit.sum_of_squares, fit.observations
    elif fit.perfect or not fit.sum_of_squares:
        return Criteria()
    else:
        count = fit.observations
        deviance = count * log(fit.sum_of_squares / count)
    aic = deviance + 2.0 * k
    whole = k + (0 if fit is None or objective.sigma else 1)
    corrected = None
    if count and count > whole + 1:
        corrected = aic + 2.0 * whole * (whole + 1) / (count - whole - 1)
    told = deviance if fit is None else fit.sum_of_squares
    return Criteria(aic, deviance + k * log(count) if count else None, corrected, told)
