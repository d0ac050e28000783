"""The peers' intervals of a data set: Wald's, and those by the profile of the likelihood."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from optserve.graph.aval import Array

__all__ = [
    "Data",
    "Intervals",
    "PeerError",
    "iminuit_errors",
    "iminuit_profiles",
    "lmfit_errors",
    "lmfit_profiles",
    "logit_rise",
    "poisson_rise",
    "statsmodels_errors",
]

Data = Mapping[str, Array]
"""The columns of a data set, by name."""

Intervals = Mapping[str, tuple[float, float]]
"""Both ends of the interval of each parameter; NaN where there is none."""


class PeerError(Exception):
    """The peer has no fit of a data set."""


def lmfit_errors(
    model: Callable[..., Array], start: Mapping[str, float], level: float, data: Data
) -> Intervals:
    """Estimate and standard error of ``lmfit.minimize``, by Student's t."""
    _, result = _lmfit(model, start, data)
    width = float(stats.t.ppf(0.5 + 0.5 * level, result.nfree))
    return {
        name: (float(one.value - width * one.stderr), float(one.value + width * one.stderr))
        for name, one in result.params.items()
    }


def lmfit_profiles(
    model: Callable[..., Array],
    start: Mapping[str, float],
    names: Sequence[str],
    level: float,
    data: Data,
) -> Intervals:
    """``lmfit.conf_interval``: where the F test of the sum of squares has that probability."""
    import lmfit

    minimizer, result = _lmfit(model, start, data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = lmfit.conf_interval(minimizer, result, p_names=[*names], sigmas=[level])
        except Exception as error:
            raise PeerError(str(error)) from error
    return {name: (float(found[name][0][1]), float(found[name][-1][1])) for name in names}


def _lmfit(model: Callable[..., Array], start: Mapping[str, float], data: Data) -> tuple[Any, Any]:
    import lmfit

    parameters = lmfit.Parameters()
    for name, value in start.items():
        parameters.add(name, value=value)

    def residual(given: Any) -> Array:
        return data["y"] - model(data["x"], **given.valuesdict())

    minimizer = lmfit.Minimizer(residual, parameters)
    with np.errstate(all="ignore"):
        result = minimizer.minimize(method="leastsq", ftol=1e-12, xtol=1e-12)
    if not result.success or not result.errorbars:
        raise PeerError(str(result.message))
    return minimizer, result


def iminuit_errors(
    rise: Callable[..., float], parameters: Mapping[str, Any], level: float, data: Data
) -> Intervals:
    """The inverse of the matrix of Hesse, by the quantile of the normal distribution; cut at
    bounds, as ours are."""
    minuit = _iminuit(rise, parameters, data)
    width = float(stats.norm.ppf(0.5 + 0.5 * level))
    found = {}
    for name, one in parameters.items():
        half = width * float(np.sqrt(minuit.covariance[name, name]))
        value, lowest = minuit.values[name], 0.0 if isinstance(one, Mapping) else -np.inf
        found[name] = max(value - half, lowest), value + half
    return found


def iminuit_profiles(
    rise: Callable[..., float],
    parameters: Mapping[str, Any],
    names: Sequence[str],
    level: float,
    data: Data,
) -> Intervals:
    """Both ends that Minos finds; NaN where it finds none."""
    minuit = _iminuit(rise, parameters, data)
    minuit.minos(*names, cl=level)
    found = {}
    for name in names:
        one, value = minuit.merrors[name], minuit.values[name]
        found[name] = (
            value + one.lower if one.lower_valid else np.nan,
            value + one.upper if one.upper_valid else np.nan,
        )
    return found


def _iminuit(rise: Callable[..., float], parameters: Mapping[str, Any], data: Data) -> Any:
    import iminuit

    def at(*values: float) -> float:
        with np.errstate(all="ignore"):
            return rise(data, *values)

    start = {
        name: one["init"] if isinstance(one, Mapping) else one for name, one in parameters.items()
    }
    minuit = iminuit.Minuit(at, *start.values(), name=[*start])
    minuit.errordef, minuit.strategy, minuit.tol = 1.0, 2, 1e-4
    for name, one in parameters.items():
        if isinstance(one, Mapping):
            minuit.limits[name] = one["bounds"]
    minuit.migrad(ncall=10_000)
    minuit.hesse()
    if not minuit.valid or minuit.covariance is None:
        raise PeerError("no valid minimum")
    return minuit


def logit_rise(data: Data, a: float, b: float) -> float:
    """-2 log L of the logistic regression of ``y`` on ``x``."""
    chance = a + b * data["x"]
    return -2.0 * float(np.sum(data["y"] * chance - np.logaddexp(0.0, chance)))


def poisson_rise(data: Data, a: float, b: float) -> float:
    """-2 log L of the Poisson regression of ``k`` on ``x``."""
    return -2.0 * float(np.sum(stats.poisson.logpmf(data["k"], np.exp(a + b * data["x"]))))


def statsmodels_errors(kind: str, level: float, data: Data) -> Intervals:
    """``conf_int`` of the regression on ``x``, of this kind."""
    import statsmodels.api as sm

    x = sm.add_constant(data["x"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind in ("nonrobust", "HC1"):
                made = sm.OLS(data["y"], x).fit(cov_type=kind, use_t=True)
            elif kind == "cluster":
                groups = {"groups": data["g"]}
                made = sm.OLS(data["y"], x).fit(cov_type="cluster", cov_kwds=groups, use_t=True)
            elif kind == "Logit":
                made = sm.Logit(data["y"], x).fit(disp=0, tol=1e-12)
            elif kind == "Poisson":
                made = sm.GLM(data["k"], x, family=sm.families.Poisson()).fit(tol=1e-12)
            else:
                model = sm.NegativeBinomial(data["k"], x)
                first = model.fit(disp=0, method="bfgs", maxiter=1000)
                made = model.fit(first.params, disp=0, method="newton", tol=1e-12)
        except Exception as error:
            raise PeerError(str(error)) from error
    if not getattr(made, "converged", True) or not getattr(made, "mle_retvals", {}).get(
        "converged", True
    ):
        raise PeerError("not converged")
    ends = np.asarray(made.conf_int(1.0 - level))
    if not np.isfinite(ends).all():
        raise PeerError("no standard errors")
    named = zip(("a", "b", "alpha"), ends.tolist(), strict=False)
    return {name: (low, high) for name, (low, high) in named}
