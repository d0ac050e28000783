"""Contours of two entries, compared with their formulas, with iminuit, and with brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from optserve import load, run
from optserve.errors import OptserveError
from optserve.jobs.record.ended import EndedJob
from optserve.jobs.record.parts import ContourFound
from optserve.jobs.record.result import Result
from optserve.reports.html.page import page
from optserve.reports.html.pictures import contour_pictures
from optserve.reports.text import text_report
from optserve.reports.text_plot import text_plot
from tests.config.test_profiles import PUROMYCIN
from tests.config.test_uncertainty import SPECTOR


def found(config: dict[str, Any], a: str, b: str, **changes: Any) -> tuple[Result, ContourFound]:
    asked = {"contours": [[a, b]]}
    result = run(load({**config, "uncertainty": asked, **changes}, allow_path=True))
    return result, result.contours[f"{a},{b}"]


def line_of(contour: ContourFound) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Both entries of the points (2, n) of the one line."""
    [line] = contour.lines
    return np.array(line)


def test_the_contour_of_least_squares_is_where_the_f_test_says() -> None:
    """(S(V, K) - S) / s^2 is twice the quantile of F with 2 and n - 2 degrees of freedom (Bates &
    Watts 1988, section 6.1.3), whatever the transform; Minuit's contours have the same ends."""
    K = {"init": 0.1, "transform": "log"}
    result, contour = found(PUROMYCIN, "V", "K", parameters={"V": 200, "K": K})
    data: Any = PUROMYCIN["data"]
    x, y = (np.array(data["inline"][name]) for name in "xy")

    def squares(V: Any, K: Any) -> Any:
        return np.sum((y - V * x / (K + x)) ** 2)

    least = squares(result.parameters["V"], result.parameters["K"])
    V, K_found = line_of(contour)
    rises = [(squares(*pair) - least) / (least / 10) for pair in zip(V, K_found, strict=True)]
    assert rises == pytest.approx([2 * stats.f.ppf(0.95, 2, 10)] * V.size, rel=1e-4)
    assert contour.closed
    assert (V[0], K_found[0]) == (V[-1], K_found[-1])
    assert np.abs(np.diff(V)).max() < 0.15 * np.ptp(V)
    level = float(stats.t.cdf(contour.limit, 10) - stats.t.cdf(-contour.limit, 10))
    alone = run(load({**PUROMYCIN, "uncertainty": {"profile": ["V", "K"], "level": level}}))
    for ends, name in ((V, "V"), (K_found, "K")):
        interval = alone.profiles[name].interval
        assert [ends.min(), ends.max()] == pytest.approx(interval, rel=1e-5)


def test_the_contour_of_a_linear_model_is_an_ellipse() -> None:
    """All of it is (z - z0)' C^-1 (z - z0) = the quantile of chi-square, C being the covariance of
    the two: the third parameter is fitted again."""
    x = np.linspace(0.0, 3.0, 8)
    config = {
        "version": 1,
        "data": {"inline": {"x": x.tolist(), "y": (1 + x - 0.3 * x**2 + np.sin(9 * x)).tolist()}},
        "parameters": {"w": [0, 0, 0]},
        "least_squares": {
            "observed": "y",
            "predicted": "w[0] + w[1] * x + w[2] * x**2",
            "sigma": 0.5,
        },
    }
    result, contour = found(config, "w[2]", "w[0]")
    design = np.stack([x**0, x, x**2], axis=1) / 0.5
    covariance = np.linalg.inv(design.T @ design)[np.ix_([2, 0], [2, 0])]
    away = line_of(contour).T - np.array(result.parameters["w"])[[2, 0]]
    sizes = np.einsum("ni,ij,nj->n", away, np.linalg.inv(covariance), away)
    assert sizes == pytest.approx(np.full(len(away), stats.chi2.ppf(0.95, 2)), rel=1e-4)
    angles = np.unwrap(np.arctan2(*np.linalg.solve(np.linalg.cholesky(covariance), away.T)[::-1]))
    assert angles[-1] - angles[0] == pytest.approx(2 * np.pi)
    assert np.all(np.diff(angles) > 0)  # it goes around once, and never back


@pytest.mark.nightly
def test_the_contour_of_a_likelihood_is_that_of_brute_force() -> None:
    """By fits of the rest with BFGS at each sixth point of it."""
    result, contour = found(SPECTOR, "w[0]", "w[2]")
    problem = load(SPECTOR, allow_path=True)
    data = {name: np.asarray(value) for name, value in problem.objective.data.items()}
    assert result.log_likelihood is not None
    X, y = data["X"], data["GRADE"]
    w, c = np.array(result.parameters["w"]), result.parameters["c"]

    def rest_of(a: float, b: float) -> float:
        def minus(free: Any) -> Any:
            z = free[0] + X @ np.array([a, free[1], b])
            return -np.sum(y * z - np.logaddexp(0.0, z))

        return float(optimize.minimize(minus, [c, w[1]], tol=1e-10).fun)

    for a, b in line_of(contour).T[::6]:
        rise = 2 * (rest_of(a, b) + result.log_likelihood)
        assert rise == pytest.approx(stats.chi2.ppf(0.95, 2), rel=1e-4)


def test_a_region_may_be_bent() -> None:
    """By iminuit 2.33: ``mncontour("a", "b", cl=0.95)`` of the same function."""
    config = {
        "version": 1,
        "parameters": {"a": -1, "b": 1, "c": 0},
        "log_likelihood": "-((1 - a)**2 + (b - a**2)**2) / 2 - (c - a)**2 / 2",
    }
    _, contour = found(config, "a", "b")
    a, b = line_of(contour)
    assert contour.closed
    rises = (1 - a) ** 2 + (b - a**2) ** 2
    assert rises == pytest.approx(np.full(a.size, stats.chi2.ppf(0.95, 2)), rel=1e-4)
    assert [a.min(), a.max()] == pytest.approx([1 - 5.991464547**0.5, 1 + 5.991464547**0.5])
    assert [b.min(), b.max()] == pytest.approx([-2.2739137, 12.064174], rel=1e-6)


def test_a_bound_is_the_edge_where_it_cuts_the_region() -> None:
    config = {**PUROMYCIN, "parameters": {"V": {"init": 220, "bounds": [205, None]}, "K": 0.1}}
    _, contour = found(config, "V", "K")
    V, K = line_of(contour)
    assert contour.closed
    assert V.min() == 205
    at_bound = K[V == 205]
    assert len(at_bound) >= 2
    whole = line_of(found(PUROMYCIN, "V", "K")[1])
    upper = whole[:, (whole[0] > 204) & (whole[0] < 206)]
    assert at_bound.max() - at_bound.min() == pytest.approx(np.ptp(upper[1]), rel=0.1)
    assert V.max() == pytest.approx(whole[0].max(), rel=1e-6)


def test_one_that_does_not_close_says_so() -> None:
    """The rate at which nothing is left may be as large as it likes; the level is estimated apart
    from it."""
    config = {
        "version": 1,
        "data": {"inline": {"x": [0, 0, 1, 1], "y": [1.1, 0.9, 0.05, 0.15]}},
        "parameters": {"a": 1, "k": 2},
        "least_squares": {
            "observed": "y",
            "predicted": "a * (1 - x) + x * exp(-k)",
            "sigma": 0.1,
        },
    }
    result, contour = found(config, "a", "k")
    assert not contour.closed
    assert contour.unavailable[0].startswith("k above: the loss rises by 2")
    assert any("the contour of a and k does not close: k above" in one for one in result.warnings)
    [line] = contour.lines
    a, k = map(np.array, line)
    assert (a[0], k[0]) != (a[-1], k[-1])
    rises = 2 * ((a - 1) / 0.1) ** 2 + 2 * ((np.exp(-k) - 0.1) / 0.1) ** 2
    assert rises == pytest.approx(np.full(a.size, stats.chi2.ppf(0.95, 2)), rel=1e-4)
    [picture] = contour_pictures(result)
    assert "does not close" in picture.caption
    assert "joint" not in text_report(result)


def test_a_lower_minimum_is_told_and_makes_no_contour() -> None:
    config = {
        "version": 1,
        "parameters": {"b": 1.2, "c": 0},
        "log_likelihood": "-((b**2 - 1)**2 + 0.3 * b) - (c - b)**2",
    }
    _, contour = found(config, "c", "b")
    assert (contour.lines, contour.closed) == ([], False)
    assert "a lower loss is at" in contour.unavailable[0]


def test_it_is_drawn_and_told() -> None:
    result, _ = found(PUROMYCIN, "V", "K")
    [picture] = contour_pictures(result)
    assert picture.name == "contours.V,K"
    assert picture.svg.count("<polyline") == 1
    drawn = text_plot(picture.drawn, 40, 12)
    assert drawn.count("x") == 1
    assert drawn.count(".") > 30
    html = page([EndedJob("fit", 0, "fit.yaml", result)])
    assert "<h2>Contours</h2>" in html
    assert picture.svg in html
    assert "V [193.10, 234.29], K [0.0427, 0.0935]: the joint 95% region" in text_report(result)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uncertainty": {"contours": [["V", "W"]]}}, "there is no parameter 'W'"),
        ({"uncertainty": {"contours": [["V", "V"]]}}, "a contour of V and itself"),
        ({"uncertainty": {"contours": [["V", "K"], ["K", "V"]]}}, "is asked for twice"),
        ({"uncertainty": {"contours": [["V"]]}}, "two entries that vary"),
        ({"parameters": {"V": {"init": 1, "fixed": True}, "K": 1}}, "'V' is fixed"),
        ({"parameters": {"V": [1, 2], "K": 1},
          "least_squares": "sum(V) * x / (K + x) - y"}, "'V' has several entries"),
        ({"optimizer": "none"}, "nothing is estimated"),
    ],
)  # fmt: skip
def test_what_has_no_contour(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptserveError, match=message):
        load({**PUROMYCIN, "uncertainty": {"contours": [["V", "K"]]}, **changes})


def test_what_comes_to_no_minimum_has_none() -> None:
    result = run(
        load({**PUROMYCIN, "uncertainty": {"contours": [["V", "K"]]}, "stop": {"steps": 1}})
    )
    assert result.contours == {}
    assert any("no contour of V and K" in one for one in [*result.notes, *result.warnings])
