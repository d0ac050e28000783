"""``curve_fit`` beside SciPy's and on NIST's regressions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds
from scipy.optimize import curve_fit as curve_fit_of_scipy

import optserve
from optserve.errors import ConfigError, OptserveError, ShapeError
from optserve.graph.aval import Array
from tests.reference.judged import digits
from tests.reference.published import FUNCTIONS, nist

X = np.linspace(0.0, 4.0, 25)
Y = 2.5 * np.exp(-1.3 * X) + 0.5 + 0.05 * np.cos(9.0 * X)
SIGMA = 0.05 + 0.02 * X


def decay(x: Any, scale: Any, rate: Any, offset: Any) -> Any:
    return scale * np.exp(-rate * x) + offset


@pytest.mark.parametrize("start", ["start1", "start2"])
@pytest.mark.parametrize("name", nist())
def test_certified_values_of_nist_are_found(name: str, start: str) -> None:
    certified = nist()[name].certified
    data = {column: np.array(values) for column, values in certified["data"].items()}
    functions = {one: getattr(np, one) for one in FUNCTIONS}
    y = eval(certified["lhs_expr"], functions, data)
    predictors = [data[one] for one in certified["predictors"]]
    names = certified["param_names"]

    def model(x: Any, *parameters: Any) -> Any:
        columns = dict(zip(certified["predictors"], x, strict=True))
        values = {**columns, **dict(zip(names, parameters, strict=True))}
        return eval(certified["rhs_expr"], functions, values)

    found = optserve.curve_fit(model, predictors, y, certified[start])
    assert found.success, found.message
    assert digits(found.popt, certified["certified"]) >= 6
    if name != "Lanczos1":  # its residuals are the rounding of its data
        assert digits(np.sqrt(np.diag(found.pcov)), certified["certified_std"]) >= 6


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("sigma", [None, SIGMA])
def test_it_gives_what_scipy_gives(sigma: Array | None, absolute: bool) -> None:
    expected, covariance = curve_fit_of_scipy(decay, X, Y, sigma=sigma, absolute_sigma=absolute)
    found = optserve.curve_fit(decay, X, Y, sigma=sigma, absolute_sigma=absolute)
    popt, pcov = found
    np.testing.assert_allclose(popt, expected, rtol=1e-6)
    np.testing.assert_allclose(pcov, covariance, rtol=1e-4)
    assert len(found) == 2
    assert found[0] is not None
    np.testing.assert_array_equal(found[1], pcov)
    np.testing.assert_allclose(found.predict(X), decay(X, *expected), rtol=1e-6)
    assert list(found.x) == ["scale", "rate", "offset"]
    assert found.standard_errors["rate"] == pytest.approx(np.sqrt(pcov[1, 1]))


@pytest.mark.parametrize("unit", [1e-18, 1e-9, 1e9, 1e18])
def test_the_unit_of_a_relative_sigma_does_not_count(unit: float) -> None:
    found = optserve.curve_fit(decay, X, Y, sigma=SIGMA * unit)
    popt, pcov = optserve.curve_fit(decay, X, Y, sigma=SIGMA)
    np.testing.assert_allclose(found.popt, popt, rtol=1e-6)
    np.testing.assert_allclose(found.pcov, pcov, rtol=1e-5)
    assert found.result.fit is not None
    assert found.result.fit.r_squared is None


def test_a_sigma_of_one_number_counts_for_every_value() -> None:
    expected, covariance = curve_fit_of_scipy(
        decay, X, Y, sigma=np.full(X.shape, 0.1), absolute_sigma=True
    )
    popt, pcov = optserve.curve_fit(decay, X, Y, sigma=0.1, absolute_sigma=True)
    np.testing.assert_allclose(popt, expected, rtol=1e-6)
    np.testing.assert_allclose(pcov, covariance, rtol=1e-4)


@pytest.mark.parametrize("absolute", [False, True])
def test_sigma_may_be_a_covariance_matrix(absolute: bool) -> None:
    apart = np.abs(np.subtract.outer(X, X))
    covariance = np.outer(SIGMA, SIGMA) * np.exp(-apart)
    expected = curve_fit_of_scipy(decay, X, Y, sigma=covariance, absolute_sigma=absolute)
    found = optserve.curve_fit(decay, X, Y, sigma=covariance, absolute_sigma=absolute)
    np.testing.assert_allclose(found.popt, expected[0], rtol=1e-5)
    np.testing.assert_allclose(found.pcov, expected[1], rtol=1e-4)


def test_without_a_start_it_begins_within_the_bounds() -> None:
    bounds = ([2, 0, -np.inf], [3, np.inf, 0.9])
    found = optserve.curve_fit(decay, X, Y, bounds=bounds)
    expected, _ = curve_fit_of_scipy(decay, X, Y, bounds=bounds)
    np.testing.assert_allclose(found.popt, expected, rtol=1e-6)
    starts = [float(one.init) for one in found.unknowns.parameters]
    assert starts == [2.5, 1.0, pytest.approx(-0.1)]


@pytest.mark.parametrize(
    "bounds",
    [
        ([0, 0, -1], [10, 1.0, 10]),
        (0, [10, 1.0, 10]),
        [(0, 10), (None, 1.0), (-1, 10)],
        {"rate": (None, 1.0)},
        Bounds([0, 0, -1], [10, 1.0, 10]),
    ],
    ids=["scipy", "broadcast", "pairs", "names", "Bounds"],
)
def test_bounds_are_kept(bounds: Any) -> None:
    found = optserve.curve_fit(decay, X, Y, (1.0, 0.5, 0.0), bounds=bounds)
    expected, _ = curve_fit_of_scipy(
        decay, X, Y, (1.0, 0.5, 0.0), bounds=([0, 0, -1], [10, 1.0, 10])
    )
    assert found.success
    assert found.x["rate"] == 1.0
    np.testing.assert_allclose(found.popt, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [list, tuple])
def test_two_bounds_are_lower_and_upper_as_in_scipy(kind: type) -> None:
    def line(x: Any, a: Any, b: Any) -> Any:
        return a + b * x

    y, bounds = 3.0 + 4.0 * X, kind([[0.0, 1.0], [2.0, 10.0]])
    expected, _ = curve_fit_of_scipy(line, X, y, (1.0, 2.0), bounds=bounds)
    found = optserve.curve_fit(line, X, y, (1.0, 2.0), bounds=bounds)
    np.testing.assert_allclose(found.popt, expected, rtol=1e-5)
    again = optserve.least_squares(lambda p: y - line(X, *p), np.array([1.0, 2.0]), bounds=bounds)
    np.testing.assert_allclose(again.x, expected, rtol=1e-5)


def test_the_start_may_have_names_and_leave_some_out() -> None:
    found = optserve.curve_fit(decay, X, Y, {"rate": 2.0})
    np.testing.assert_allclose(found.popt, curve_fit_of_scipy(decay, X, Y)[0], rtol=1e-6)


def test_several_predictors_reach_the_model_as_they_are_given() -> None:
    given = np.stack([X, X**2])
    popt, _ = optserve.curve_fit(lambda x, a, b: a * x[0] + b * x[1], given, 2 * X - 3 * X**2)
    np.testing.assert_allclose(popt, [2.0, -3.0])


def test_a_model_may_know_how_many_rows_there_are() -> None:
    def model(x: Any, a: Any, b: Any) -> Any:
        return a * np.arange(len(x)) + b

    popt, _ = optserve.curve_fit(model, X, 3.0 * np.arange(25) + 1.0)
    np.testing.assert_allclose(popt, [3.0, 1.0])


def test_data_sets_in_a_loop_are_fitted_as_each_alone() -> None:
    rng = np.random.default_rng(3)
    for rows in (25, 25, 30):
        x = np.linspace(0.0, 4.0, rows)
        y = decay(x, 2.5, 1.3, 0.5) + 0.1 * rng.standard_normal(rows)
        expected, covariance = curve_fit_of_scipy(decay, x, y)
        popt, pcov = optserve.curve_fit(decay, x, y)
        np.testing.assert_allclose(popt, expected, rtol=1e-6)
        np.testing.assert_allclose(pcov, covariance, rtol=1e-4)


def test_a_function_that_changes_meanwhile_is_seen() -> None:
    power = 1.0

    def model(x: Any, a: Any) -> Any:
        return a * x**power

    first = optserve.curve_fit(model, X, 2.0 * X**2)
    power = 2.0
    second = optserve.curve_fit(model, X, 2.0 * X**2)
    assert first.x["a"] != pytest.approx(2.0)
    assert second.x["a"] == pytest.approx(2.0)


def test_what_is_no_minimum_is_told() -> None:
    found = optserve.curve_fit(lambda x, a, b: a + b + 0.0 * x, X, Y)
    assert found.success
    assert np.isinf(found.pcov).all()
    runaway = optserve.curve_fit(lambda x, a: np.exp(-a) + 0.0 * x, X, np.zeros(25))
    assert not runaway.success
    assert runaway.status == 3
    assert "runs away" in runaway.message
    assert "runs away" in str(runaway)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: optserve.curve_fit(lambda x: x, X, Y), "the model has no parameters"),
        (lambda: optserve.curve_fit(lambda x, *p: x, X, Y), "any number of parameters"),
        (lambda: optserve.curve_fit(decay, X, Y, [1.0]), "takes 3 parameters"),
        (lambda: optserve.curve_fit(decay, X, Y, {"tau": 1.0}), "p0 names 'tau'"),
        (lambda: optserve.curve_fit(decay, X, Y[:-1]), "and ydata has"),
        (lambda: optserve.curve_fit(decay, X, np.where(X > 3, np.nan, Y)), "not finite"),
        (lambda: optserve.curve_fit(decay, X, []), "ydata is empty"),
        (lambda: optserve.curve_fit(decay, X, Y, sigma=-SIGMA), "not positive"),
        (lambda: optserve.curve_fit(decay, X, Y, sigma=SIGMA[:3]), "sigma has the shape"),
        (lambda: optserve.curve_fit(decay, X, Y, sigma=-np.eye(25)), "covariance matrix"),
        (lambda: optserve.curve_fit(decay, X, Y, bounds=([0, 0], [1, 1])), "bounds do not fit"),
        (lambda: optserve.curve_fit(decay, X, Y, np.ones(3), bounds=(2, 3)), "outside of its"),
        (lambda: optserve.curve_fit(decay, X, Y, bounds={"rate": 3}), "bounds of rate"),
        (lambda: optserve.curve_fit(decay, X, Y, tol=-1.0), "tol is -1.0"),
        (lambda: optserve.curve_fit(decay, X, Y, method="lm"), "method is 'lm'"),  # type: ignore[arg-type]
    ],
)
def test_wrong_calls_say_what_is_wrong(call: Any, words: str) -> None:
    with pytest.raises(OptserveError, match=words) as raised:
        call()
    assert raised.value.expected or raised.value.remedy
    assert isinstance(raised.value, ConfigError | ShapeError)


@pytest.mark.parametrize("absolute", [False, True])
def test_values_of_infinite_sigma_do_not_count(absolute: bool) -> None:
    y, sigma = Y.copy(), SIGMA.copy()
    y[[3, 7]], sigma[[3, 7]] = 99.0, np.inf
    found = optserve.curve_fit(decay, X, y, sigma=sigma, absolute_sigma=absolute)
    kept = np.isfinite(sigma)
    alone = curve_fit_of_scipy(decay, X[kept], y[kept], sigma=sigma[kept], absolute_sigma=absolute)
    np.testing.assert_allclose(found.popt, alone[0], rtol=1e-6)
    np.testing.assert_allclose(found.pcov, alone[1], rtol=1e-4)
    assert "residuals of infinite sigma do not count: 2" in found.result.notes


def test_a_sigma_that_is_nowhere_finite_is_refused() -> None:
    with pytest.raises(ConfigError, match="nowhere finite"):
        optserve.curve_fit(decay, X, Y, sigma=np.full(X.shape, np.inf))


class _Series:
    """What holds an array, as a series of pandas does."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def to_numpy(self) -> Array:
        return self.values


class _Tensor:
    def __init__(self, values: Array) -> None:
        self.values = values

    def __array__(self, *_arguments: Any, **_keywords: Any) -> Array:
        return self.values


@pytest.mark.parametrize("kind", [_Series, _Tensor, "pandas"])
def test_whatever_holds_an_array_is_data(kind: Any) -> None:
    if kind == "pandas":
        kind = pytest.importorskip("pandas").Series
    expected = optserve.curve_fit(decay, X, Y, [1, 1, 1], SIGMA)
    found = optserve.curve_fit(decay, kind(X), kind(Y), kind(np.ones(3)), kind(SIGMA))
    np.testing.assert_array_equal(found.popt, expected.popt)
    np.testing.assert_array_equal(found.pcov, expected.pcov)

    def plane(x: Any, a: Any, b: Any) -> Any:
        return a * x[0] + b * x[1]

    two = optserve.curve_fit(plane, [kind(X), kind(X**2)], kind(Y))
    np.testing.assert_array_equal(two.popt, optserve.curve_fit(plane, [X, X**2], Y).popt)
    start = optserve.minimize(lambda x: np.sum(np.square(x - 3.0)), kind(np.ones(2)))
    assert start.x == pytest.approx([3.0, 3.0])


def test_a_list_of_numbers_is_predicted_at() -> None:
    fit = optserve.curve_fit(lambda x, a, b: a + b * x, [1, 2, 3, 4], [1.1, 2.9, 5.2, 6.8])
    assert np.array_equal(fit.predict([5, 6]), fit.predict(np.array([5.0, 6.0])))
