"""Intervals around estimates, and how well predictions fit, at the edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy import numpy_backend
from optserve.jobs.bijections import log
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.estimate_errors import uncertainty_of
from optserve.jobs.known_points import Evaluated
from optserve.jobs.packing import Packing
from optserve.jobs.parameters import ParameterTransform
from optserve.jobs.problem import Problem
from optserve.jobs.run import run
from tests.jobs.problems import least_squares, log_likelihood, parameter

X = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
Y = np.array([1.1, 2.9, 5.2, 6.8, 9.1])


def line(**fields: Any) -> Problem:
    return least_squares(
        lambda a, b, x, y: y - (a + b * x),
        [parameter("a"), parameter("b")],
        {"x": X, "y": Y},
        response="y",
        **fields,
    )


def test_a_transform_changes_neither_estimates_nor_standard_errors() -> None:
    def fit(logarithmic: bool) -> Problem:
        transform = log() if logarithmic else None
        return least_squares(
            lambda k, w, x, y: y - (k * np.exp(-x * w[0]) + w[1]),
            [
                parameter("k", 8.0, transform=transform),
                parameter("w", [1.0, 0.5], transform=transform),
            ],
            {"x": X, "y": 8.5 * np.exp(-1.2 * X) + 0.75 + 0.125 * np.cos(7.0 * X)},
        )

    plain, transformed = run(fit(False)), run(fit(True))
    assert transformed.parameters["k"] == pytest.approx(plain.parameters["k"], rel=1e-7)
    assert transformed.standard_errors["k"] == pytest.approx(plain.standard_errors["k"], rel=1e-6)
    np.testing.assert_allclose(
        transformed.standard_errors["w"], plain.standard_errors["w"], rtol=1e-6
    )
    np.testing.assert_allclose(
        np.array(transformed.covariance), np.array(plain.covariance), rtol=1e-5
    )


def test_rows_without_weight_do_not_count() -> None:
    sigma = np.array([0.5, np.inf, 0.5, 0.5, 0.5])
    made = least_squares(
        lambda a, b, x, y, s: (y - (a + b * x)) / s,
        [parameter("a"), parameter("b")],
        {"x": X, "y": Y, "s": sigma},
        objective={"sigma": True, "weightless": 1},
    )
    result = run(made)
    assert result.fit is not None
    assert (result.fit.observations, result.fit.degrees_of_freedom) == (4, 2)
    matrix = np.stack([np.ones(4), np.delete(X, 1)], axis=1)
    expected = 0.25 * np.linalg.inv(matrix.T @ matrix)
    np.testing.assert_allclose(np.array(result.covariance), expected, rtol=1e-10)


def test_the_interval_of_a_transformed_parameter_is_that_of_its_logarithm() -> None:
    y = np.array([0.02, 0.3, 0.01, 0.2, 0.05])
    made = least_squares(
        lambda k, w, x, y: y - (k + w[0] * 0.0 * x + 0.0 * w[1]),
        [parameter("k", 1.0, transform=log()), parameter("w", [1.0, 1.0], fixed=[True, True])],
        {"x": X, "y": y},
    )
    result = run(made)
    error = np.std(y, ddof=1) / np.sqrt(5)
    assert result.standard_errors["k"] == pytest.approx(error)
    widths = np.array([-1.0, 1.0]) * 2.7764451051978 * error / y.mean()
    np.testing.assert_allclose(result.intervals["k"], y.mean() * np.exp(widths), rtol=1e-7)
    assert result.intervals["k"][0] > 0.0
    assert result.notes == ["the interval of k is made on the scale of log, and mapped back"]


def test_an_entangled_transform_keeps_its_intervals_where_it_leads() -> None:
    """Shares that sum to 1, by a softmax with one coordinate too many: all are determined."""

    def softmax(u: Any) -> Any:
        e = np.exp(u)
        return e / np.sum(e)

    simplex = ParameterTransform("simplex", softmax, np.log, lambda value: True, "shares")
    made = log_likelihood(
        lambda p, n: n * np.log(p[0]) + (4.0 - n) * np.log(p[1]) + 3.0 * np.log(p[2]),
        [parameter("p", [0.3, 0.3, 0.4], transform=simplex)],
        {"n": [1.0, 0.0, 1.0]},
    )
    result = run(made)
    counts = np.array([2.0, 10.0, 9.0])
    shares = counts / 21.0
    np.testing.assert_allclose(result.parameters["p"], shares, rtol=1e-6)
    np.testing.assert_allclose(
        result.standard_errors["p"], np.sqrt(shares * (1 - shares) / 21.0), rtol=1e-6
    )
    low, high = np.array(result.intervals["p"]).T
    assert (low > 0.0).all()
    assert (high < 1.0).all()
    assert (low < shares).all()
    assert (shares < high).all()


def test_an_interval_that_would_cross_a_bound_is_cut_there_and_says_so() -> None:
    made = least_squares(
        lambda a, b, x, y: y - (a + b * x),
        [parameter("a", low=0.9), parameter("b", high=1e3)],
        {"x": X, "y": Y},
    )
    result, free = run(made), run(line())
    assert result.intervals["a"] == [0.9, pytest.approx(free.intervals["a"][1])]
    assert free.intervals["a"][0] < 0.9
    assert "the interval of a is cut at a bound, which it would cross" in result.warnings
    assert result.intervals["b"] == pytest.approx(free.intervals["b"])


def test_a_perfect_fit_has_standard_errors_of_0_and_says_so_once() -> None:
    for y in (1.0 + X, 0.1 + 0.3 * X):
        made = least_squares(
            lambda a, b, x, y: y - (a + b * x),
            [parameter("a"), parameter("b")],
            {"x": X, "y": y},
            response="y",
        )
        result = run(made)
        assert result.standard_errors == {"a": 0.0, "b": 0.0}
        assert result.intervals["b"] == [result.parameters["b"]] * 2
        assert [note for note in result.notes if "perfect" in note] == result.notes
        assert len(result.notes) == 1
        assert result.correlation is not None
        assert result.correlation[0][1] == pytest.approx(-np.sqrt(2 / 3))


@pytest.mark.parametrize("unit", [1e-200, 1e-9, 1e9, 1e150])
def test_squares_that_vanish_or_overflow_leave_the_standard_errors_right(unit: float) -> None:
    made = least_squares(
        lambda k, x, y: y - k * x,
        [parameter("k", 1.0 * unit)],
        {"x": X, "y": Y * unit},
        response="y",
    )
    packing = Packing(made.parameters, np.dtype(np.float64))
    at_work = Evaluator(made, packing, numpy_backend())
    estimate = X @ Y / (X @ X)
    best = Evaluated(np.array([estimate * unit]), 0.0, np.zeros(1))
    found = uncertainty_of(at_work, best)
    error = np.sqrt(np.sum((Y - estimate * X) ** 2) / 4 / (X @ X))
    assert found.standard_errors["k"] == pytest.approx(error * unit)
    assert found.fit is not None
    total = np.sum((Y - Y.mean()) ** 2)
    assert found.fit.r_squared == pytest.approx(1.0 - error**2 * 4 * (X @ X) / total)


def test_r_squared_is_absent_where_the_response_does_not_vary() -> None:
    for y in (np.full(5, 0.1), np.array([0.1])):
        made = least_squares(
            lambda a, x, y: y - a * x,
            [parameter("a")],
            {"x": X[: len(y)], "y": y},
            response="y",
        )
        result = run(made)
        assert result.fit is not None
        assert result.fit.r_squared is None
        assert "no R2: the observed response does not vary" in result.notes


def test_what_has_vanished_on_the_way_back_is_at_no_bound() -> None:
    made = least_squares(
        lambda a, k, x, y: y - a - k * x,
        [parameter("a", Y.mean()), parameter("k", 1e-300, transform=log())],
        {"x": X - 2.0, "y": Y[::-1]},
    )
    packing = Packing(made.parameters, np.dtype(np.float64))
    at_work = Evaluator(made, packing, numpy_backend())
    vanished = Evaluated(np.array([Y.mean(), -1e4]), 1.0, np.zeros(2))
    found = uncertainty_of(at_work, vanished)
    assert found.unavailable == {"k": "not determined by the data"}
    assert found.standard_errors["a"] == pytest.approx(np.std(Y, ddof=1) / np.sqrt(5))
