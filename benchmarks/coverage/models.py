"""The models: each with the values that hold, the data drawn at them, and a peer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.coverage import peers
from benchmarks.coverage.peers import Data, Intervals
from optserve.graph.aval import Array

__all__ = ["LEVEL", "MODELS", "Model"]

LEVEL = 0.95
"""The probability of all intervals."""


@dataclass(frozen=True)
class Model:
    """A model at its ``truth``: ``draw`` makes a data set of uniform numbers, ``uniform`` of them.

    ``told`` says what it is. ``config`` has all but the data; its intervals are those of
    ``method``, and of the ``profiled`` parameters by the profile. ``wald`` and ``profile`` are the
    peers' intervals of the same data, ``peer`` and ``profile_peer`` their names. The profile of
    least squares ``reaches`` its level, nearly; that of few counts or lifetimes does not.
    """

    told: str
    truth: Mapping[str, float]
    config: Mapping[str, Any]
    uniform: int
    draw: Callable[[Array], Data]
    peer: str
    wald: Callable[[Data], Intervals]
    method: Any = "auto"
    profiled: tuple[str, ...] = ()
    profile_peer: str = ""
    profile: Callable[[Data], Intervals] | None = None
    reaches: bool = False


def _of_squares(
    told: str,
    start: Mapping[str, Any],
    truth: Mapping[str, float],
    predicted: str,
    model: Callable[..., Array],
    x: Array,
    spread: float,
    profiled: tuple[str, ...],
) -> Model:
    """Least squares with errors of an unknown standard deviation: lmfit, and its F test."""

    def draw(uniform: Array) -> Data:
        return {"x": x, "y": model(x, **truth) + spread * stats.norm.ppf(uniform)}

    return Model(
        told,
        truth,
        {"parameters": start, "least_squares": {"observed": "y", "predicted": predicted}},
        x.size,
        draw,
        "lmfit",
        partial(peers.lmfit_errors, model, start, LEVEL),
        profiled=profiled,
        profile_peer="lmfit",
        profile=partial(peers.lmfit_profiles, model, start, profiled, LEVEL),
        reaches=True,
    )


def _of_likelihood(
    told: str,
    parameters: Mapping[str, Any],
    truth: Mapping[str, float],
    loss: Mapping[str, Any],
    uniform: int,
    draw: Callable[[Array], Data],
    rise: Callable[..., float],
    profiled: tuple[str, ...] | None = None,
    method: str = "auto",
) -> Model:
    """A likelihood, of which ``rise`` of the data and the parameters is -2 log L, or sigma given:
    Hesse and Minos of iminuit."""
    names = tuple(truth) if profiled is None else profiled
    return Model(
        told,
        truth,
        {"parameters": parameters, **loss},
        uniform,
        draw,
        "iminuit",
        partial(peers.iminuit_errors, rise, parameters, LEVEL),
        method=method,
        profiled=names,
        profile_peer="iminuit",
        profile=partial(peers.iminuit_profiles, rise, parameters, names, LEVEL),
        reaches="least_squares" in loss,
    )


POSITIVE: dict[str, Any] = {"bounds": [0, None]}


def _michaelis_menten(x: Array, V: float, K: float) -> Array:
    return V * x / (K + x)


def _decay(x: Array, a: float, k: float, c: float) -> Array:
    return a * np.exp(-k * x) + c


def _growth(x: Array, a: float, b: float, c: float) -> Array:
    return a / (1.0 + np.exp(b - c * x))


def _peak(x: Array, a: float, m: float, w: float, c: float) -> Array:
    return a * np.exp(-((x - m) ** 2) / (2.0 * w**2)) + c


def _dose(x: Array, top: float, middle: float, slope: float) -> Array:
    return top / (1.0 + (middle / x) ** slope)


_SUBSTRATE = np.array([0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.1, 1.1])
_DOSES = np.array([0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0])
_SIGMA = 0.05 + 0.05 * _DOSES / 20.0
_DOSE = {"top": 1.0, "middle": 1.5, "slope": 1.2}


def _dose_rise(data: Data, top: float, middle: float, slope: float) -> float:
    residual = (data["y"] - _dose(data["x"], top, middle, slope)) / data["s"]
    return float(residual @ residual)


def _lifetimes_rise(data: Data, tau: float) -> float:
    return -2.0 * float(np.sum(stats.expon.logpdf(data["t"], scale=tau)))


def _counts_rise(data: Data, m: float) -> float:
    return -2.0 * float(np.sum(stats.poisson.logpmf(data["k"], m)))


def _weibull_rise(data: Data, shape: float, scale: float) -> float:
    return -2.0 * float(np.sum(stats.weibull_min.logpdf(data["t"], shape, scale=scale)))


_CENTRES = np.linspace(0.25, 9.75, 20)
_LINE = np.exp(-((_CENTRES - 5.0) ** 2) / 2.0) / np.sqrt(2.0 * np.pi)


def _spectrum_rise(data: Data, signal: float, background: float) -> float:
    mean = 0.5 * (signal * data["line"] + background)
    return -2.0 * float(np.sum(stats.poisson.logpmf(data["k"], mean)))


_X = np.linspace(-2.0, 2.0, 30)
_FEW = np.linspace(0.0, 2.0, 12)
_MANY = np.linspace(0.0, 2.0, 40)
_GROUPS = np.repeat(np.arange(12), 4)
_WITHIN = np.repeat(np.linspace(0.0, 2.0, 12), 4) + np.tile([0.0, 0.1, 0.2, 0.3], 12)


def _grouped(uniform: Array) -> Data:
    """A line with an error of each row, and one that the rows of a group share."""
    own, shared = stats.norm.ppf(uniform[:48]), stats.norm.ppf(uniform[48:])
    return {
        "x": _WITHIN,
        "y": 1.0 + 0.5 * _WITHIN + 0.5 * own + 0.5 * shared[_GROUPS],
        "g": _GROUPS,
    }


def _negative_binomial(uniform: Array) -> Data:
    mean, size = np.exp(0.5 + 0.6 * _MANY), 1.0 / 0.8
    return {"x": _MANY, "k": _whole(stats.nbinom.ppf(uniform, size, size / (size + mean)))}


def _unequal(uniform: Array) -> Data:
    """A line whose errors grow."""
    return {"x": _MANY, "y": 1.0 + 0.5 * _MANY + 0.2 * np.exp(_MANY) * stats.norm.ppf(uniform)}


def _whole(values: float | Array) -> Array:
    found: Array = np.asarray(values, np.int64)
    return found


def _line(
    told: str, uniform: int, draw: Callable[[Array], Data], covariance: str, method: Any
) -> Model:
    """Least squares of a line, whose errors are not what they are taken for."""
    config = {
        "parameters": {"a": 0.0, "b": 0.0},
        "least_squares": {"observed": "y", "predicted": "a + b * x"},
    }
    wald = partial(peers.statsmodels_errors, covariance, LEVEL)
    return Model(
        told, {"a": 1.0, "b": 0.5}, config, uniform, draw, "statsmodels", wald, method=method
    )


MODELS: Mapping[str, Model] = {
    "enzyme": _of_squares(
        "Michaelis-Menten, 12 rows, errors of 5% of the most",
        {"V": 200.0, "K": 0.1},
        {"V": 212.7, "K": 0.0641},
        "V * x / (K + x)",
        _michaelis_menten,
        _SUBSTRATE,
        10.9,
        ("V", "K"),
    ),
    "decay": _of_squares(
        "a exp(-k t) + c, 10 rows up to k t = 2.5, errors of 5% of a",
        {"a": 1.0, "k": 0.5, "c": 0.1},
        {"a": 1.0, "k": 0.5, "c": 0.2},
        "a * exp(-k * x) + c",
        _decay,
        np.linspace(0.0, 5.0, 10),
        0.05,
        ("k",),
    ),
    "growth": _of_squares(
        "a / (1 + exp(b - c t)), 9 rows, errors of 3% of a",
        {"a": 100.0, "b": 2.0, "c": 1.0},
        {"a": 100.0, "b": 3.0, "c": 0.8},
        "a / (1 + exp(b - c * x))",
        _growth,
        np.linspace(0.0, 6.0, 9),
        3.0,
        ("a",),
    ),
    "peak": _of_squares(
        "a normal curve on a constant, 20 rows, errors of a fifth of its height",
        {"a": 1.0, "m": 0.2, "w": 1.0, "c": 0.0},
        {"a": 1.0, "m": 0.0, "w": 0.8, "c": 0.1},
        "a * exp(-(x - m)**2 / (2 * w**2)) + c",
        _peak,
        np.linspace(-3.0, 3.0, 20),
        0.2,
        ("w",),
    ),
    "dose": _of_likelihood(
        "a dose and its response, 8 rows, `sigma` given",
        {"top": 1.0, "middle": {"init": 1.0, **POSITIVE}, "slope": 1.0},
        _DOSE,
        {
            "least_squares": {
                "observed": "y",
                "predicted": "top / (1 + (middle / x)**slope)",
                "sigma": "s",
            }
        },
        8,
        lambda u: {
            "x": _DOSES,
            "s": _SIGMA,
            "y": _dose(_DOSES, **_DOSE) + _SIGMA * stats.norm.ppf(u),
        },
        _dose_rise,
        ("middle",),
        "hessian",  # as Hesse's is: not of the Jacobian alone
    ),
    "lifetimes": _of_likelihood(
        "8 lifetimes, exponential of mean tau",
        {"tau": {"init": 1.0, **POSITIVE}},
        {"tau": 2.0},
        {"log_likelihood": "exponential_logpdf(t, 1 / tau)"},
        8,
        lambda u: {"t": stats.expon.ppf(u, scale=2.0)},
        _lifetimes_rise,
    ),
    "counts": _of_likelihood(
        "4 counts of a Poisson mean of 2",
        {"m": {"init": 1.0, **POSITIVE}},
        {"m": 2.0},
        {"log_likelihood": "poisson_logpmf(k, m)"},
        4,
        lambda u: {"k": _whole(stats.poisson.ppf(u, 2.0))},
        _counts_rise,
    ),
    "weibull": _of_likelihood(
        "12 lifetimes, Weibull",
        {"shape": {"init": 1.0, **POSITIVE}, "scale": {"init": 1.0, **POSITIVE}},
        {"shape": 1.5, "scale": 2.0},
        {"log_likelihood": "weibull_logpdf(t, shape, scale)"},
        12,
        lambda u: {"t": stats.weibull_min.ppf(u, 1.5, scale=2.0)},
        _weibull_rise,
    ),
    "spectrum": _of_likelihood(
        "counts in 20 bins: a line of 12, on a background of 2 a unit",
        {"signal": 10.0, "background": {"init": 1.0, **POSITIVE}},
        {"signal": 12.0, "background": 2.0},
        {"log_likelihood": "poisson_logpmf(k, 0.5 * (signal * line + background))"},
        20,
        lambda u: {
            "line": _LINE,
            "k": _whole(stats.poisson.ppf(u, 0.5 * (12.0 * _LINE + 2.0))),
        },
        _spectrum_rise,
        ("signal",),
    ),
    "logit": Model(
        "a logistic regression of 30 rows",
        {"a": 0.3, "b": 1.2},
        {
            "parameters": {"a": 0.0, "b": 0.0},
            "log_likelihood": "bernoulli_logit_logpmf(y, a + b * x)",
        },
        30,
        lambda u: {"x": _X, "y": _whole(u < 1.0 / (1.0 + np.exp(-0.3 - 1.2 * _X)))},
        "statsmodels",
        partial(peers.statsmodels_errors, "Logit", LEVEL),
        profiled=("b",),
        profile_peer="iminuit",
        profile=partial(
            peers.iminuit_profiles, peers.logit_rise, {"a": 0.0, "b": 0.0}, ("b",), LEVEL
        ),
    ),
    "poisson": Model(
        "a Poisson regression of 12 rows",
        {"a": 0.2, "b": 0.7},
        {
            "parameters": {"a": 0.0, "b": 0.0},
            "log_likelihood": "poisson_logpmf(k, exp(a + b * x))",
        },
        12,
        lambda u: {"x": _FEW, "k": _whole(stats.poisson.ppf(u, np.exp(0.2 + 0.7 * _FEW)))},
        "statsmodels",
        partial(peers.statsmodels_errors, "Poisson", LEVEL),
        profiled=("b",),
        profile_peer="iminuit",
        profile=partial(
            peers.iminuit_profiles, peers.poisson_rise, {"a": 0.0, "b": 0.0}, ("b",), LEVEL
        ),
    ),
    "overdispersed": Model(
        "a negative binomial regression of 40 rows",
        {"a": 0.5, "b": 0.6, "alpha": 0.8},
        {
            "parameters": {"a": 0.0, "b": 0.0, "alpha": {"init": 1.0, **POSITIVE}},
            "log_likelihood": "negative_binomial_logpmf(k, exp(a + b * x), 1 / alpha)",
        },
        40,
        _negative_binomial,
        "statsmodels",
        partial(peers.statsmodels_errors, "NegativeBinomial", LEVEL),
    ),
    "unequal": _line("a line of 40 rows whose errors grow", 40, _unequal, "nonrobust", "auto"),
    "unequal, HC1": _line("the same", 40, _unequal, "HC1", "sandwich"),
    "groups": _line(
        "a line of 12 groups of 4 rows that share an error", 60, _grouped, "nonrobust", "auto"
    ),
    "groups, clustered": _line("the same", 60, _grouped, "cluster", {"cluster": "g"}),
}
