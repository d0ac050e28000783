from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.jobs import evaluator
from optserve.jobs.problem import Problem, StoppingRule
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from optserve.optimizers import gradient_descent, lbfgs
from optserve.plugin import opaque
from tests.jobs.problems import least_squares, log_likelihood, parameter, problem, table

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


def test_a_logistic_regression_has_its_published_standard_errors() -> None:
    """Spector and Mazzeo's data; Greene, Econometric Analysis, chapter 21 (by statsmodels)."""
    data = table("spector.csv")
    y = data.pop("y")
    X = np.stack(list(data.values()), axis=1)
    made = log_likelihood(
        lambda w, X, y: y * (X @ w) - np.logaddexp(X @ w, 0.0),
        [parameter("w", np.zeros(4))],
        {"X": X, "y": y},
    )
    result = run(made)
    published = [2.82611297201, 0.0951576702557, 2.37868772835, -13.0213483201]
    errors = [1.26294114526, 0.141554207662, 1.06456430165, 4.93132462871]
    assert result.uncertainty == "observed information"
    assert result.dof is None
    np.testing.assert_allclose(result.parameters["w"], published, rtol=1e-6)
    np.testing.assert_allclose(result.standard_errors["w"], errors, rtol=1e-6)
    low, high = result.intervals["w"][0]
    assert high - low == pytest.approx(2 * 1.959963985 * 1.26294114526, rel=1e-6)


def test_ill_conditioned_least_squares_keep_their_certified_digits() -> None:
    """Longley's data, certified by NIST; the condition number of the matrix is 5e9."""
    data = table("longley.csv")
    y = data.pop("y")
    made = least_squares(
        lambda w, X, y: y - X @ w,
        [parameter("w", np.zeros(7))],
        {"X": np.stack(list(data.values()), axis=1), "y": y},
        response="y",
    )
    result = run(made)
    certified = [15.0618722713733, -0.035819179292591, -2.02022980381683, -1.03322686717359]
    certified += [-0.0511041056535807, 1829.15146461355, -3482258.63459582]
    errors = [84.9149257747669, 0.0334910077722432, 0.488399681651699, 0.214274163161675]
    errors += [0.22607320006937, 455.478499142212, 890420.383607373]
    assert result.exit_code == 0
    np.testing.assert_allclose(result.parameters["w"], certified, rtol=1e-6)
    np.testing.assert_allclose(result.standard_errors["w"], errors, rtol=1e-7)
    assert any("correlate" in warning for warning in result.warnings)


def test_least_squares_without_sigma_scale_with_the_residuals() -> None:
    result = run(line())
    matrix = np.stack([np.ones(5), X], axis=1)
    estimate, squares, *_ = np.linalg.lstsq(matrix, Y, rcond=None)
    covariance = squares[0] / 3 * np.linalg.inv(matrix.T @ matrix)
    np.testing.assert_allclose(np.array(result.covariance), covariance, rtol=1e-10)
    np.testing.assert_allclose(list(result.parameters.values()), estimate, rtol=1e-10)
    assert result.labels == ["a", "b"]
    assert result.correlation is not None
    assert result.correlation[0][1] == pytest.approx(
        covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    )
    assert result.fit is not None
    assert result.fit.r_squared == pytest.approx(np.corrcoef(X, Y)[0, 1] ** 2)
    low, high = result.intervals["b"]
    assert high - low == pytest.approx(2 * 3.182446305 * result.standard_errors["b"])


def test_with_sigma_they_are_taken_as_they_are() -> None:
    made = least_squares(
        lambda a, b, x, y: (y - (a + b * x)) / 0.5,
        [parameter("a"), parameter("b")],
        {"x": X, "y": Y},
        objective={"sigma": True},
    )
    result = run(made)
    matrix = np.stack([np.ones(5), X], axis=1)
    expected = 0.25 * np.linalg.inv(matrix.T @ matrix)
    np.testing.assert_allclose(np.array(result.covariance), expected, rtol=1e-10)
    assert result.dof is None
    assert result.fit is not None
    assert result.fit.residual_standard_error is None


def test_a_fixed_parameter_has_none_and_says_so() -> None:
    made = least_squares(
        lambda w, c, x, y: y - (w[0] + w[1] * x + w[2] * x * x + c),
        [
            parameter("w", [0.0, 2.0, 0.0], fixed=[False, True, False]),
            parameter("c", 1.0, fixed=True),
        ],
        {"x": X, "y": Y},
    )
    result = run(made)
    assert result.standard_errors["c"] is None
    assert result.standard_errors["w"][1] is None
    assert result.intervals["w"][1] == [None, None]
    assert result.parameters["w"][1] == 2.0
    assert result.unavailable == {"w": "fixed", "c": "fixed"}
    alone = run(
        least_squares(
            lambda a, b, x, y: y - (a + 2.0 * x + b * x * x + 1.0),
            [parameter("a"), parameter("b")],
            {"x": X, "y": Y},
        )
    )
    assert result.standard_errors["w"][0] == pytest.approx(alone.standard_errors["a"], rel=1e-9)
    assert result.labels == ["w[0]", "w[2]"]


def test_an_estimate_at_its_bound_is_held_there() -> None:
    made = least_squares(
        lambda a, b, x, y: y - (a + b * x),
        [parameter("a", 3.0, low=2.0), parameter("b", 1.0)],
        {"x": X, "y": Y},
    )
    result = run(made)
    assert result.parameters["a"] == 2.0
    assert result.termination.converged
    assert result.standard_errors["a"] is None
    assert result.unavailable == {"a": "at a bound"}
    assert result.gradient["a"] > 0
    b = X @ (Y - 2.0) / (X @ X)
    spread = np.sum((Y - 2.0 - b * X) ** 2) / 4
    assert result.parameters["b"] == pytest.approx(b)
    assert result.standard_errors["b"] == pytest.approx(np.sqrt(spread / (X @ X)))


def test_what_the_data_do_not_determine_has_none_and_the_rest_keeps_its_own() -> None:
    made = least_squares(
        lambda a, b, c, x, y: y - (a + b + c * x),
        [parameter("a"), parameter("b"), parameter("c")],
        {"x": X, "y": Y},
    )
    result = run(made)
    assert result.standard_errors["a"] is None
    assert result.standard_errors["b"] is None
    assert result.unavailable == dict.fromkeys("ab", "not determined by the data")
    assert result.standard_errors["c"] is not None
    assert any("do not determine" in warning for warning in result.warnings)


def test_why_there_are_none_at_all() -> None:
    plain = problem(
        lambda x: np.sum((x - 1.0) ** 2),
        [parameter("x", [0.0, 3.0])],
        optimizer=gradient_descent(0.1),
    )
    assert "no likelihood" in run(plain).unavailable["x"]
    penalized = line(objective={"residuals": ("residual",), "penalties": frozenset({"penalty.a"})})
    assert "penalty" in run(penalized).unavailable["a"]
    few = least_squares(
        lambda a, b, x, y: y - (a + b * x),
        [parameter("a"), parameter("b")],
        {"x": X[:2], "y": Y[:2]},
    )
    assert "no degree of freedom" in run(few).unavailable["a"]
    saddle = log_likelihood(
        lambda x, y: y * (x[0] ** 2 - x[1] ** 2),
        [parameter("x", [0.0, 0.0])],
        {"y": [1.0, 1.0]},
    )
    assert "did not converge" in run(saddle).unavailable["x"]
    early = run(line(stop=StoppingRule(steps=0)))
    assert early.unavailable["a"] == "the descent did not converge"
    assert early.exit_code == 3
    assert early.fit is not None
    assert early.fit.sum_of_squares == pytest.approx(Y @ Y)


def test_too_many_coordinates_have_none_but_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "LARGEST_COUNT", 1)
    result = run(line(optimizer=lbfgs()))
    assert result.termination.reason == "gradient"
    assert "too many to be formed" in result.unavailable["a"]
    assert result.fit is not None
    assert result.loss is not None
    assert result.fit.residual_standard_error == pytest.approx(np.sqrt(result.loss / 3))
    np.testing.assert_allclose(result.parameters["b"], run(line()).parameters["b"], rtol=1e-6)


def test_a_second_derivative_that_a_plugin_has_not_is_named() -> None:
    slope = opaque("slope", lambda x: 3.0 * x**2, shape=lambda x: x, doc="Without a rule.")
    cubed = opaque(
        "cubed",
        lambda x: x**3,
        shape=lambda x: x,
        pullback=lambda ct, out, x: (ct * slope(x),),
        doc="The third power.",
    )
    made = log_likelihood(
        lambda x, y: -((cubed(x) - y) ** 2), [parameter("x", 1.0)], {"y": [8.0, 8.0]}
    )
    assert "slope has no derivative rule" in run(made).unavailable["x"]


@pytest.mark.parametrize("steps", [0, 3])
def test_a_method_without_a_tolerance_has_none_where_it_merely_ended(steps: int) -> None:
    result = run(line(optimizer=gradient_descent(1e-3), stop=StoppingRule(steps=steps)))
    assert result.exit_code == 0
    assert "not known to be a minimum" in result.unavailable["a"]


def test_what_trades_off_is_named_and_counts_once() -> None:
    """The slope is as in the model with one intercept, with as many degrees of freedom."""
    made = least_squares(
        lambda a, b, c, x, y: y - (a + b + c * x),
        [parameter("a"), parameter("b"), parameter("c")],
        {"x": X, "y": Y},
    )
    result, alone = run(made), run(line())
    assert result.standard_errors["c"] == pytest.approx(alone.standard_errors["b"], rel=1e-9)
    assert result.intervals["c"] == pytest.approx(alone.intervals["b"], rel=1e-9)
    assert (result.dof, result.labels) == (3.0, ["c"])
    assert result.fit is not None
    assert alone.fit is not None
    assert result.fit.degrees_of_freedom == 3
    assert result.fit.residual_standard_error == pytest.approx(alone.fit.residual_standard_error)
    told = "the data do not determine a and b: they trade off against each other"
    assert f"{told}; fix one, or penalize them" in result.warnings


def test_fewer_rows_than_parameters() -> None:
    """1, x, x**2 at 0 and 1: the value at 0 is known, and what trades off is not."""
    made = least_squares(
        lambda a, b, c, x, y: (y - (a + b * x + c * x**2)) / 0.5,
        [parameter("a"), parameter("b"), parameter("c")],
        {"x": X[:2], "y": [1.0, 3.0]},
        objective={"sigma": True},
    )
    result = run(made)
    assert result.standard_errors == {"a": pytest.approx(0.5), "b": None, "c": None}
    assert result.unavailable == dict.fromkeys("bc", "not determined by the data")
    told = "the data do not determine b and c: they trade off against each other"
    assert f"{told}; fix one, or penalize them" in result.warnings
    assert result.fit is not None
    assert result.fit.degrees_of_freedom == 0


def test_where_every_parameter_is_at_a_bound_they_are_named() -> None:
    made = least_squares(
        lambda b, c, x, y: y - (b[0] * x + b[1] * x * x + c),
        [parameter("b", [0.0, 0.0], high=0.0), parameter("c", 7.0, fixed=True)],
        {"x": X, "y": Y + 100.0},
    )
    result = run(made)
    assert result.unavailable["b"] == (
        "a bound holds every parameter that varies: "
        "b[0] at its upper bound 0 and b[1] at its upper bound 0"
    )


def test_a_log_likelihood_has_none_along_what_is_flat_and_keeps_the_others() -> None:
    """Two coefficients for one column: the others are as in the model with one."""
    data = table("spector.csv")
    y = data.pop("y")
    columns = np.stack(list(data.values()), axis=1)

    def fit(X: Any) -> Result:
        return run(
            log_likelihood(
                lambda w, X, y: y * (X @ w) - np.logaddexp(X @ w, 0.0),
                [parameter("w", np.zeros(X.shape[1]))],
                {"X": X, "y": y},
            )
        )

    single, double = fit(columns), fit(np.concatenate([columns, 2.0 * columns[:, 2:3]], axis=1))
    assert double.standard_errors["w"][2] is None
    assert double.standard_errors["w"][4] is None
    kept = [0, 1, 3]
    np.testing.assert_allclose(
        [double.standard_errors["w"][one] for one in kept],
        [single.standard_errors["w"][one] for one in kept],
        rtol=1e-5,
    )
    assert any("w[2] and w[4]: they trade off" in warning for warning in double.warnings)


def test_the_log_likelihood_of_a_penalized_one_is_without_the_penalty() -> None:
    def outputs(x: Any, y: Any) -> list[Any]:
        found = -0.5 * (y - x) ** 2
        return [-np.sum(found) + 2.0 * x**2, found]

    made = problem(
        outputs,
        [parameter("x")],
        {"y": Y},
        kind="log_likelihood",
        optimizer=lbfgs(),
        objective={"penalties": frozenset({"penalty.x"})},
    )
    result = run(made)
    x = result.parameters["x"]
    assert result.log_likelihood == pytest.approx(-0.5 * np.sum((Y - x) ** 2))
    assert result.loss == pytest.approx(2.0 * x**2 - result.log_likelihood)


def test_a_fit_without_a_degree_of_freedom_claims_no_perfection() -> None:
    result = run(
        least_squares(
            lambda a, b, x, y: y - (a + b * x),
            [parameter("a"), parameter("b")],
            {"x": [0.0, 1.0], "y": [1.0, 3.0]},
            response="y",
        )
    )
    assert result.unavailable["a"] == "2 residuals leave no degree of freedom beside 2 parameters"
    assert result.notes == []
