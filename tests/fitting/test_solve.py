"""``minimize`` and ``least_squares`` beside SciPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import optimize

import optserve
from optserve.errors import ConfigError, OptserveError, ShapeError, TraceError
from optserve.jobs.watch import Snapshot
from optserve.optimizers import adam, levenberg_marquardt
from optserve.plugin import elementwise


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@pytest.mark.parametrize("size", [2, 5, 20])
def test_the_minimum_of_a_curved_valley(size: int) -> None:
    start = np.where(np.arange(size) % 2, 1.0, -1.2)
    found = optserve.minimize(rosenbrock, start)
    assert found.success
    assert found.status == 0
    np.testing.assert_allclose(found.x, np.ones(size), rtol=1e-6)
    assert found.fun == pytest.approx(0.0, abs=1e-12)
    assert np.abs(found.jac).max() < 1e-5
    assert found.nfev > 0
    assert found.nit > 0


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_the_answer_has_the_shape_of_the_start(shape: tuple[int, ...]) -> None:
    found = optserve.minimize(lambda x: np.sum((x - 3.0) ** 2), np.zeros(shape))
    np.testing.assert_allclose(found.x, np.full(shape, 3.0))
    assert np.shape(found.x) == shape
    assert np.shape(found.jac) == shape


def test_a_start_with_names_gives_an_answer_with_names() -> None:
    def loss(p: Any) -> Any:
        return (p["a"] - 1.0) ** 2 + np.sum((p["b"] - p["a"]) ** 2)

    found = optserve.minimize(loss, {"a": 4.0, "b": [5.0, 6.0]}, bounds={"a": (2.0, None)})
    assert found.x["a"] == pytest.approx(2.0)
    np.testing.assert_allclose(found.x["b"], [2.0, 2.0], rtol=1e-6)
    assert set(found.jac) == {"a", "b"}


def test_entries_can_have_names_for_the_report() -> None:
    found = optserve.least_squares(
        lambda b: np.array([1.0, 3.0, 5.5]) - b[0] - b[1] * np.arange(3.0),
        [0.0, 0.0],
        names=["intercept", "slope"],
    )
    assert "slope" in str(found)
    np.testing.assert_allclose(found.x, [0.91666667, 2.25], rtol=1e-6)
    assert found.jac.shape == (3, 2)


def test_further_arguments_reach_the_function() -> None:
    found = optserve.minimize(lambda x, a, b: a * (x - b) ** 2, 0.0, (2.0, 5.0))
    assert found.x == pytest.approx(5.0)


def test_single_precision_is_kept() -> None:
    found = optserve.minimize(lambda x: np.sum((x - 3.0) ** 2), np.zeros(2, np.float32))
    assert found.x.dtype == np.float32
    assert found.result.used.precision == "float32"


@pytest.mark.parametrize(
    "bounds",
    [(0.5, 0.8), [(0.5, 0.8), (None, 0.8)], optimize.Bounds([0.5, -1.0], [0.8, 0.8])],
)
def test_bounds_are_kept_as_scipy_keeps_them(bounds: Any) -> None:
    start = np.array([0.6, 0.7])
    expected = optimize.minimize(
        rosenbrock, start, bounds=[(0.5, 0.8), (-1.0, 0.8)], method="L-BFGS-B"
    )
    found = optserve.minimize(rosenbrock, start, bounds=bounds)
    np.testing.assert_allclose(found.x, expected.x, atol=1e-5)


def test_residuals_cost_jacobian_and_covariance_are_scipys() -> None:
    t = np.linspace(0.0, 3.0, 12)
    y = 2.0 * np.exp(-0.7 * t) + 0.1 * np.cos(7.0 * t)

    def residuals(b: Any) -> Any:
        return b[0] * np.exp(-b[1] * t) - y

    expected = optimize.least_squares(residuals, [1.0, 1.0], xtol=1e-14, ftol=1e-14)
    found = optserve.least_squares(residuals, [1.0, 1.0])
    assert found.success
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-6)
    np.testing.assert_allclose(found.fun, expected.fun, atol=1e-8)
    assert found.cost == pytest.approx(expected.cost)
    np.testing.assert_allclose(found.jac, np.asarray(expected.jac), atol=1e-6)
    scaled = np.linalg.inv(found.jac.T @ found.jac) * 2.0 * found.cost / 10
    np.testing.assert_allclose(found.covariance, scaled, rtol=1e-6)
    np.testing.assert_allclose(found.standard_errors, np.sqrt(np.diag(scaled)), rtol=1e-6)
    assert found.intervals.shape == (2, 2)


@pytest.mark.parametrize(("size", "known"), [(40, True), (101, False)])
def test_a_covariance_is_there_up_to_a_hundred_entries(size: int, known: bool) -> None:
    rng = np.random.default_rng(1)
    design, y = rng.normal(size=(200, size)), rng.normal(size=200)
    found = optserve.least_squares(lambda b: y - design @ b, np.zeros(size))
    assert found.success
    assert np.isfinite(found.standard_errors).all()
    expected = np.linalg.inv(design.T @ design) * 2.0 * found.cost / (200 - size)
    if known:
        np.testing.assert_allclose(found.covariance, expected, rtol=1e-6)
    else:
        assert np.isnan(found.covariance).all()
    np.testing.assert_allclose(found.standard_errors**2, np.diag(expected), rtol=1e-6)


def test_bounds_of_residuals_may_be_two_arrays() -> None:
    found = optserve.least_squares(lambda x: x - 3.0, [0.0, 0.0], bounds=([-1, -1], [1, 5]))
    np.testing.assert_allclose(found.x, [1.0, 3.0])


def test_another_method_and_when_to_stop() -> None:
    quick = optserve.minimize(rosenbrock, [-1.2, 1.0], method=adam(learning_rate=0.01), maxiter=7)
    assert quick.nit == 7
    seen: list[Snapshot] = []
    slow = optserve.minimize(
        rosenbrock, [-1.2, 1.0], method=adam(1e-4), seconds=0.3, maxiter=10**9, progress=seen.append
    )
    assert slow.result.termination.reason == "seconds"
    assert seen


def test_what_has_no_minimum_is_told() -> None:
    found = optserve.minimize(lambda x: np.sum(np.exp(-x)), np.zeros(2))
    assert not found.success
    assert found.status == 3
    assert "runs away" in found.message or "run away" in found.message
    failed = optserve.minimize(lambda x: np.sum(np.log(x)), -np.ones(2))
    assert failed.status == 5
    assert np.isnan(failed.fun)


def test_a_primitive_of_ones_own_is_certified_first() -> None:
    wrong = elementwise("my_square", lambda x: x * x, partials=lambda out, x: (3.0 * x,))
    found = optserve.minimize(lambda x: np.sum(wrong(x - 1.0)), np.zeros(2))
    assert not found.success
    assert found.status == 6
    assert "my_square" in found.message or "my_square" in str(found)
    right = elementwise("my_square", lambda x: x * x, partials=lambda out, x: (2.0 * x,))
    found = optserve.minimize(lambda x: np.sum(right(x - 1.0)), np.zeros(2))
    assert found.success
    assert [one.primitive for one in found.result.plugins] == ["my_square"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: optserve.minimize(lambda x: x, np.zeros(2)), "a value of shape"),
        (lambda: optserve.minimize(lambda x: 3.0, 0.0), "whatever its argument is"),
        (lambda: optserve.minimize(lambda x: [x, x], 0.0), "a list of values"),
        (lambda: optserve.minimize(lambda x: float(x), 0.0), "__float__"),
        (lambda: optserve.minimize(rosenbrock, "two"), "starts at 'two'"),
        (lambda: optserve.minimize(rosenbrock, [np.nan, 1.0]), "finite"),
        (lambda: optserve.minimize(rosenbrock, []), "starts at"),
        (lambda: optserve.minimize(rosenbrock, {}), "nothing to vary"),
        (lambda: optserve.minimize(rosenbrock, [1.0, 2.0], names=["a"]), "1 names"),
        (lambda: optserve.minimize(rosenbrock, {"a": 1.0}, names=["a"]), "names beside"),
        (lambda: optserve.minimize(rosenbrock, {"a": 1.0}, bounds=(0, 1)), "do not name"),
        (lambda: optserve.minimize(rosenbrock, [1.0, 2.0, 3.0], bounds=[(0, 1)]), "do not fit"),
        (lambda: optserve.minimize(rosenbrock, [1.0, 2.0], bounds=(3, 1)), "above the upper"),
        (lambda: optserve.minimize(rosenbrock, [1.0, 2.0], bounds=(3, 4)), "outside"),
        (
            lambda: optserve.minimize(rosenbrock, [1.0, 2.0], method=levenberg_marquardt()),
            "needs residuals",
        ),
        (lambda: optserve.minimize(rosenbrock, [1.0, 2.0], method="BFGS"), "the method is"),  # type: ignore[arg-type]
    ],
)
def test_wrong_calls_say_what_is_wrong(call: Any, words: str) -> None:
    with pytest.raises(OptserveError, match=words) as raised:
        call()
    assert isinstance(raised.value, ConfigError | ShapeError | TraceError)
    assert raised.value.expected or raised.value.remedy


@pytest.mark.parametrize(
    "args", [np.array([1.0, 2.0]), (np.array([1.0, 2.0]),)], ids=["one", "tuple"]
)
def test_one_further_argument_needs_no_tuple(args: Any) -> None:
    found = optserve.minimize(lambda x, a: np.sum((x - a) ** 2), [0.0, 0.0], args)
    np.testing.assert_allclose(found.x, [1.0, 2.0])
    line = optserve.least_squares(lambda x, a: x - a, [0.0, 0.0], args)
    np.testing.assert_allclose(line.x, [1.0, 2.0])


def test_a_value_of_one_entry_is_a_number() -> None:
    np.testing.assert_allclose(optserve.minimize(lambda x: (x - 2.0) ** 2, [0.0]).x, [2.0])


@pytest.mark.parametrize(
    "limit", [{"tol": -1.0}, {"maxiter": -1}, {"seconds": float("nan")}, {"tol": "1e-8"}]
)
def test_limits_that_are_none_are_refused(limit: Any) -> None:
    with pytest.raises(OptserveError, match=f"{next(iter(limit))} is"):
        optserve.minimize(lambda x: np.sum(x**2), [1.0], **limit)


def test_residuals_are_those_that_were_fitted_whatever_the_function_reads_by_now() -> None:
    t, columns = np.arange(4.0), [np.array([1.0, 3.0, 4.0, 7.0]), np.array([0.0, 1.0, 5.0, 5.0])]
    y, fits = np.zeros(4), []
    for y[:] in columns:
        fits.append(optserve.least_squares(lambda b: y - b[0] - b[1] * t, [0.0, 0.0]))
    fits.append(optserve.least_squares(lambda b, y: y - b[0] - b[1] * t, [0.0, 0.0], columns[0]))
    expected = [one - np.polyval(np.polyfit(t, one, 1), t) for one in (*columns, columns[0])]
    t[:] = columns[0][:] = 0.0
    for fit, residuals in zip(fits, expected, strict=True):
        np.testing.assert_allclose(fit.fun, residuals, atol=1e-12)
        np.testing.assert_allclose(fit.jac, -np.vander(np.arange(4.0), 2, increasing=True))


def _stretched(factor: float) -> Any:
    @optserve.custom_vjp
    def stretched(x: Any) -> Any:
        return factor * x

    stretched.defvjp(lambda x: (factor * x, None), lambda _, cotangent: (factor * cotangent,))
    return stretched


@pytest.mark.parametrize(
    "made", [_stretched, lambda factor: optserve.checkpoint(lambda x: factor * x)]
)
def test_functions_of_one_name_are_not_taken_for_each_other(made: Any) -> None:
    for factor in (1.0, 2.0):
        found = optserve.minimize(lambda x, once: (once(x) - 6.0) ** 2, 0.0, (made(factor),))
        assert found.x == pytest.approx(6.0 / factor)
