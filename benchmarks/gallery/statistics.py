"""Pictures of models of chance: densities, series, counts, choices."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.special import expit, ndtr
from scipy.stats import norm

from benchmarks.gallery.drawing import BLUE, GREY, ORANGE, Fit, Picture

__all__ = ["STATISTICS"]


def _eight_schools(fit: Fit, axes: Any) -> None:
    effect, error = fit.data["effect"], fit.data["error"]
    schools = np.arange(len(effect)) + 1
    axes.errorbar(schools, effect, error, fmt="o", color=BLUE, ecolor="#bee3f8", capsize=3)
    axes.axhline(fit.p["mu"], color=ORANGE, label="mu, the posterior mode")
    axes.set(xlabel="school", ylabel="effect of coaching, points")
    axes.legend()


def _garch(fit: Fit, axes: Any) -> None:
    y, band = fit.data["y"], 2.0 * np.sqrt(fit.seen["variance"])
    time, mu = np.arange(len(y)), fit.p["mu"]
    axes.fill_between(time, mu - band, mu + band, color="#fbd38d", label="two deviations")
    axes.plot(time, y, color=BLUE, linewidth=0.9, label="observed")
    axes.set(xlabel="time", ylabel="y")
    axes.legend(ncols=2)


def _arma(fit: Fit, axes: Any) -> None:
    y = fit.data["y"]
    axes.plot(y, ".", color=BLUE, label="observed", markersize=4)
    axes.plot(y - fit.seen["errors"], color=ORANGE, linewidth=1.0, label="one step ahead")
    axes.set(xlabel="time", ylabel="y")
    axes.legend()


def _gaussian_process(fit: Fit, axes: Any) -> None:
    x, y = fit.data["x"], fit.data["y"]
    rho, alpha, sigma = (fit.p[name] for name in ("rho", "alpha", "sigma"))
    at = np.linspace(x.min() - 1.0, x.max() + 1.0, 200)

    def kernel(a: Any, b: Any) -> Any:
        return alpha**2 * np.exp(-(((a[:, None] - b) / rho) ** 2) / 2.0)

    weights = np.linalg.solve(kernel(x, x) + sigma * np.eye(len(x)), kernel(x, at))
    mean = y @ weights
    spread = np.sqrt(alpha**2 - np.sum(kernel(x, at) * weights, axis=0))
    axes.fill_between(at, mean - 2.0 * spread, mean + 2.0 * spread, color="#bee3f8")
    axes.plot(at, mean, color=BLUE, label="the curve, and two deviations")
    axes.plot(x, y, "o", color=ORANGE, label="observed")
    axes.set(xlabel="x", ylabel="y")
    axes.legend()


def _hidden_markov(fit: Fit, axes: Any) -> None:
    y, mu = fit.data["y"], fit.p["mu"]
    nearer = np.abs(y[:, None] - mu).argmin(axis=1)
    for state, color in enumerate((BLUE, ORANGE)):
        at = np.flatnonzero(nearer == state)
        axes.plot(at, y[at], "o", markersize=4, color=color)
        stays = fit.p["theta"][state, state]
        axes.axhline(mu[state], color=color, label=f"state {state + 1}, stays with {stays:.2f}")
    axes.set(xlabel="time", ylabel="y")
    axes.legend(loc="center right")


def _mixture(fit: Fit, axes: Any) -> None:
    at = np.linspace(-6.5, 6.5, 300)
    axes.hist(fit.data["y"], bins=50, density=True, color="#bee3f8")
    total = np.zeros_like(at)
    for mu, sigma, share in zip(fit.p["mu"], fit.p["sigma"], fit.p["share"], strict=True):
        part = share * norm.pdf(at, mu, sigma)
        total += part
        axes.plot(at, part, "--", color=GREY, linewidth=1.0)
    axes.plot(at, total, color=ORANGE)
    axes.set(xlabel="y", ylabel="density")


def _falcons(fit: Fit, axes: Any) -> None:
    years = 1964 + np.arange(len(fit.data["C"]))
    axes.plot(years, fit.data["C"], "o", color=BLUE, markersize=4, label="counted")
    axes.plot(years, np.exp(fit.seen["eta"]), color=ORANGE, label="expected")
    axes.set(xlabel="year", ylabel="pairs of falcons")
    axes.legend()


def _probit(fit: Fit, axes: Any) -> None:
    score = fit.p["c"] + fit.data["X"] @ fit.p["b"]
    at = np.linspace(score.min() - 0.3, score.max() + 0.3, 200)
    taught = fit.data["X"][:, 2] > 0
    for mask, color, label in ((taught, ORANGE, "new method"), (~taught, BLUE, "old method")):
        axes.plot(score[mask], fit.data["improved"][mask], "o", color=color, label=label)
    axes.plot(at, ndtr(at), color=GREY)
    axes.set(xlabel="c + X @ b", ylabel="chance that the grade improves")
    axes.legend(loc="center left")


def _lasso(fit: Fit, axes: Any) -> None:
    names = ["age", "sex", "bmi", "bp", *(f"s{i}" for i in range(1, 7))]
    axes.bar(names, fit.p["above"] - fit.p["below"], color=BLUE)
    axes.set(ylabel="coefficient")


def _item_response(fit: Fit, axes: Any) -> None:
    ability = np.linspace(-4.0, 4.0, 200)
    for a, b in zip(np.exp(fit.p["log_a"]), fit.p["b"], strict=True):
        axes.plot(ability, expit(a * (ability - b)), color=BLUE, alpha=0.6, linewidth=1.0)
    axes.set(xlabel="ability", ylabel="chance of a right answer")


STATISTICS: Mapping[str, Picture] = MappingProxyType(
    {
        "eight-schools": Picture(_eight_schools),
        "garch": Picture(_garch, {"variance": "scan(following, 0.25, y - mu)[1]"}),
        "arma11": Picture(_arma, {"errors": "scan(step, (mu, 0), y)[1]"}),
        "gaussian-process": Picture(_gaussian_process),
        "hidden-markov": Picture(_hidden_markov),
        "mixture": Picture(_mixture),
        "falcons": Picture(
            _falcons, {"eta": "b[0] + b[1] * year + b[2] * year**2 + b[3] * year**3"}
        ),
        "probit": Picture(_probit),
        "lasso": Picture(_lasso),
        "item-response": Picture(_item_response),
    }
)
