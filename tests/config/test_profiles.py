"""Profile intervals, compared with those of lmfit, of brute force, and of distributions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve import load, run
from optserve.errors import OptserveError
from optserve.jobs.record.result import Result
from optserve.reports.html.pictures import profile_pictures
from optserve.reports.text import text_report
from tests.config.test_uncertainty import SPECTOR

PUROMYCIN = {
    "version": 1,
    "data": {
        "inline": {
            "x": [0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.1, 1.1],
            "y": [76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200],
        }
    },
    "parameters": {"V": 200, "K": 0.1},
    "least_squares": {"observed": "y", "predicted": "V * x / (K + x)"},
}
"""Bates & Watts 1988, table A1.3: the treated cells."""


def found(config: dict[str, Any], *names: str, **changes: Any) -> Result:
    return run(load({**config, "uncertainty": {"profile": [*names]}, **changes}, allow_path=True))


@pytest.mark.parametrize("transform", [None, "log"])
def test_profiles_of_least_squares_are_those_of_lmfit(transform: str | None) -> None:
    """``lmfit.conf_interval(minimizer, result, sigmas=[0.95])`` of lmfit 1.3.4, which stops its
    search for the ends at 4 digits of the probability; no transform changes a profile."""
    K = {"init": 0.1, **({"transform": transform} if transform else {})}
    result = found(PUROMYCIN, "V", "K", parameters={"V": 200, "K": K})
    V, K_found = result.profiles["V"], result.profiles["K"]
    assert V.interval == pytest.approx([197.30193, 229.28906], rel=2e-5)
    assert K_found.interval == pytest.approx([0.04692034, 0.08615691], rel=2e-4)
    assert V.unavailable == []
    assert V.failed == 0
    assert V.values == sorted(V.values)
    ends = [V.rise[V.values.index(end)] for end in V.interval]
    assert ends == pytest.approx([-V.limit, V.limit], rel=1e-5)


def test_profiles_of_a_likelihood_are_those_of_brute_force() -> None:
    """By SciPy's ``brentq`` over fits of the rest with BFGS, to the quantile of chi-square."""
    result = found(SPECTOR, "w")
    assert result.profiles["w[0]"].interval == pytest.approx([0.63915817, 5.75673145], rel=1e-5)
    assert result.profiles["w[2]"].interval == pytest.approx([0.47846659, 4.80987934], rel=1e-5)


def test_the_profile_of_a_poisson_mean_is_that_of_its_likelihood() -> None:
    """2 (k log(k / m) - k + m) = 3.8414588 has the roots 6.09448 and 15.30... for k = 10."""
    config = {
        "version": 1,
        "data": {"inline": {"k": [10]}},
        "parameters": {"m": {"init": 5, "transform": "log"}},
        "log_likelihood": "poisson_logpmf(k, m)",
    }
    low, high = found(config, "m").profiles["m"].interval
    for m in (low, high):
        assert 2 * (10 * np.log(10 / m) - 10 + m) == pytest.approx(3.841458820694124, rel=1e-5)
    assert low < 10 < high


def test_an_end_that_does_not_exist_is_none_and_says_why() -> None:
    """The rate of a saturation that the data are far beyond may be infinite: the loss comes to rest
    below the limit."""
    config = {
        "version": 1,
        "data": {"inline": {"x": [1, 2, 3, 4, 5], "y": [0.9, 1.06, 0.98, 1.03, 1.0]}},
        "parameters": {"a": 1, "k": {"init": 2, "transform": "log"}},
        "least_squares": {"observed": "y", "predicted": "a * (1 - exp(-k * x))", "sigma": 0.1},
    }
    result = found(config, "k")
    low, high = result.profiles["k"].interval
    assert low == pytest.approx(1.2, abs=0.5)
    assert high is None
    [why] = result.profiles["k"].unavailable
    assert why.startswith("above: the loss rises by ")
    assert any("the profile interval of k has no end above" in one for one in result.warnings)
    assert "inf" in text_report(result)


def test_where_nothing_else_varies_and_the_loss_is_infinite_there_is_an_end_all_the_same() -> None:
    """At the bound 0 a Poisson mean makes counts impossible."""
    config = {
        "version": 1,
        "data": {"inline": {"k": [1, 0, 0, 0]}},
        "parameters": {"m": {"init": 2, "bounds": [0, None]}},
        "log_likelihood": "poisson_logpmf(k, m)",
    }
    low, high = found(config, "m").profiles["m"].interval
    for m in (low, high):
        assert 2 * (np.log(0.25 / m) - 1 + 4 * m) == pytest.approx(3.841458820694124, rel=1e-5)


def test_an_estimate_that_is_nothing_but_rounding_is_no_bad_start() -> None:
    """By symmetry ``a`` is 0 for every ``b``, and comes out as some 1e-17; the ends by SciPy's
    ``brentq``."""
    x, y = np.arange(1.0, 5.0), np.array([0, 1, 1, 1, 0, 1])
    x, y = np.append(x, [2.5, 0.5]), y
    config = {
        "version": 1,
        "data": {"inline": {"x": [*-x, *x], "y": [*(1 - y).tolist(), *y.tolist()]}},
        "parameters": {"a": 0.3, "b": 0.5},
        "log_likelihood": "bernoulli_logit_logpmf(integer(y), a + b * x)",
    }
    result = found(config, "b")

    def likelihood(b: float) -> float:
        return float(2 * np.sum(y * b * x - np.logaddexp(0, b * x)))

    best = likelihood(result.parameters["b"])
    for end in result.profiles["b"].interval:
        assert end is not None
        assert 2 * (best - likelihood(end)) == pytest.approx(3.841458820694124, rel=1e-5)


def test_an_end_at_a_bound_is_the_bound() -> None:
    config = {**PUROMYCIN, "parameters": {"V": {"init": 220, "bounds": [205, None]}, "K": 0.1}}
    low, high = found(config, "V").profiles["V"].interval
    assert low == 205
    assert high == pytest.approx(229.28906, rel=2e-5)


def test_a_lower_minimum_is_told_and_makes_no_interval() -> None:
    """A double well, from the higher one: the profile walks over the barrier."""
    config = {
        "version": 1,
        "parameters": {"b": 1.2, "c": 0},
        "log_likelihood": "-((b**2 - 1)**2 + 0.3 * b) - (c - b)**2",
    }
    profile = found(config, "b").profiles["b"]
    assert profile.interval[0] is None
    assert "a lower loss is at" in profile.unavailable[0]


def test_expectations_and_pictures_of_profiles() -> None:
    expect = {"profiles.V.interval[0]": {"near": 197.302, "rel": 1e-4}}
    result = found(PUROMYCIN, "V", expect=expect)
    assert result.expectations[0].holds
    [picture] = profile_pictures(result)
    assert "profile of V" in picture.svg
    assert "by the profile" in text_report(result)
    with pytest.raises(OptserveError, match="names nothing"):
        found(PUROMYCIN, "V", expect={"profiles.K.interval": {"max": 1}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uncertainty": {"profile": ["W"]}}, "there is no parameter 'W'"),
        ({"parameters": {"V": {"init": 1, "fixed": True}, "K": 1}}, "'V' is fixed"),
        ({"parameters": {"V": {"init": [0, 1], "transform": "ordered"}, "K": 1},
          "least_squares": "sum(V) * x / (K + x) - y"}, "ordered mixes them"),
        ({"optimizer": "none"}, "nothing is estimated"),
    ],
)  # fmt: skip
def test_what_has_no_profile(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptserveError, match=message):
        load({**PUROMYCIN, "uncertainty": {"profile": ["V"]}, **changes})
