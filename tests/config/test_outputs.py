"""`outputs`: quantities and curves of the estimates, with errors that formulas confirm."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from optserve import Config, load, run
from optserve.errors import OptserveError
from optserve.jobs.record.artefacts import read_run, save
from optserve.jobs.record.result import Result
from optserve.reports.output_lines import outputs_lines

X = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 7.0])
Y = np.array([1.1, 2.3, 2.8, 4.2, 4.9, 7.3])
N, DOF = len(X), len(X) - 2
SLOPE, INTERCEPT = np.polyfit(X, Y, 1)
SPREAD = np.sum((X - X.mean()) ** 2)
S = np.sqrt(np.sum((Y - INTERCEPT - SLOPE * X) ** 2) / DOF)
COVARIANCE = S**2 * np.array(
    [[1 / N + X.mean() ** 2 / SPREAD, -X.mean() / SPREAD], [-X.mean() / SPREAD, 1 / SPREAD]]
)


def found(outputs: dict[str, Any], **changes: Any) -> Result:
    """The line through the points, with ``outputs``."""
    config = {
        "version": 1,
        "name": "line",
        "data": {"inline": {"x": X.tolist(), "y": Y.tolist()}},
        "parameters": {"a": 0.1, "b": 1},
        "define": {"mu": "a + b * x"},
        "least_squares": {"observed": "y", "predicted": "mu"},
        "outputs": outputs,
        **changes,
    }
    return run(load(config))


def test_the_mean_response_of_a_line_has_its_textbook_error() -> None:
    """Draper & Smith 1998, equation 3.1.6."""
    result = found({"curve": {"value": "mu", "at": {"x": "linspace(0, 10, 5)"}, "band": 0.9}})
    curve, x = result.outputs["curve"], np.linspace(0, 10, 5)
    error = S * np.sqrt(1 / N + (x - X.mean()) ** 2 / SPREAD)
    half = stats.t.ppf(0.95, DOF) * error
    value = INTERCEPT + SLOPE * x
    assert curve.at["x"] == x.tolist()
    assert np.allclose(curve.value, value, rtol=1e-9)
    assert np.allclose(curve.standard_error, error, rtol=1e-9)
    assert np.allclose(curve.interval, np.stack([value - half, value + half], -1), rtol=1e-9)
    assert curve.level == 0.9
    assert curve.unavailable == ""


def test_a_ratio_has_the_error_of_the_delta_method() -> None:
    ratio = found({"ratio": "a / b"}).outputs["ratio"]
    gradient = np.array([1 / SLOPE, -INTERCEPT / SLOPE**2])
    assert ratio.value == pytest.approx(INTERCEPT / SLOPE, rel=1e-9)
    assert ratio.standard_error == pytest.approx(
        np.sqrt(gradient @ COVARIANCE @ gradient), rel=1e-9
    )


@pytest.mark.parametrize("transform", [None, "log"])
def test_errors_do_not_depend_on_the_scale_of_the_descent(transform: str | None) -> None:
    """A half-life of an exponential decay, as lmfit's derived parameters have it."""
    t = np.linspace(0.0, 4.0, 12)
    y = 3.0 * np.exp(-0.7 * t) + 0.02 * np.cos(9 * t)
    k: dict[str, Any] = {"init": 1.0} | ({"transform": transform} if transform else {})
    config = {
        "version": 1,
        "data": {"inline": {"t": t.tolist(), "y": y.tolist()}},
        "parameters": {"A": 2, "k": k},
        "least_squares": {"observed": "y", "predicted": "A * exp(-k * t)"},
        "outputs": {"half_life": "log(2) / k"},
    }
    result = run(load(config))
    output, rate = result.outputs["half_life"], result.parameters["k"]
    model = result.parameters["A"] * np.exp(-rate * t)
    jacobian = np.stack([np.exp(-rate * t), -t * model], axis=1)
    covariance = np.linalg.inv(jacobian.T @ jacobian) * np.sum((y - model) ** 2) / (len(t) - 2)
    expected = np.log(2) / rate**2 * np.sqrt(covariance[1, 1])
    assert output.value == pytest.approx(np.log(2) / rate)
    assert output.standard_error == pytest.approx(expected, rel=1e-6)


def test_a_likelihood_has_normal_quantiles() -> None:
    """The log odds of a proportion: 1 / sqrt(n p (1 - p)) (Agresti 2013, section 1.3.3)."""
    config = {
        "version": 1,
        "data": {"inline": {"y": [1.0] * 7 + [0.0] * 13}},
        "parameters": {"p": {"init": 0.5, "transform": "logit"}},
        "log_likelihood": "y * log(p) + (1 - y) * log1p(-p)",
        "outputs": {"odds": "log(p / (1 - p))"},
    }
    odds = run(load(config)).outputs["odds"]
    error = 1 / np.sqrt(20 * 0.35 * 0.65)
    assert odds.standard_error == pytest.approx(error, rel=1e-6)
    assert odds.interval[1] - odds.value == pytest.approx(stats.norm.ppf(0.975) * error, rel=1e-6)


def test_rows_of_the_data_and_names_of_its_own() -> None:
    result = found({"fitted": "mu", "twice": {"value": "2 * b * t", "at": {"t": "[1, mean(x)]"}}})
    assert np.allclose(result.outputs["fitted"].value, INTERCEPT + SLOPE * X)
    assert np.allclose(result.outputs["twice"].value, 2 * SLOPE * np.array([1, X.mean()]))


def test_where_there_are_no_error_bars_there_is_the_reason() -> None:
    config = {
        "version": 1,
        "parameters": {"x": 3},
        "loss": "(x - 1)**2",
        "outputs": {"twice": "2 * x"},
    }
    output = run(load(config)).outputs["twice"]
    assert output.value == pytest.approx(2.0)
    assert output.standard_error is None
    assert output.interval == [None, None]
    assert output.unavailable.startswith("a loss is no likelihood")


def test_what_hangs_on_a_bound_alone_has_no_error_and_what_hangs_on_nothing_has_0() -> None:
    result = found(
        {"held": "2 * c", "both": "b + c", "none": 3},
        parameters={"a": 0.1, "b": 1, "c": {"init": 0.5, "bounds": [0, 0.5]}},
        least_squares={"observed": "y", "predicted": "mu + 0 * c - 10 * (0.5 - c)"},
    )
    assert result.unavailable == {"c": "at a bound"}
    assert result.outputs["held"].standard_error is None
    assert "at a bound" in result.outputs["held"].unavailable
    assert result.outputs["both"].standard_error == pytest.approx(COVARIANCE[1, 1] ** 0.5)
    assert result.outputs["none"].standard_error == 0.0


def test_a_value_that_is_not_finite_has_no_error() -> None:
    output = found({"bad": "log(-b)"}).outputs["bad"]
    assert (output.value, output.standard_error) == (None, None)
    why = "the value is not finite: `log` gives no number there (outputs.bad:1:1)"
    assert output.unavailable == why


def test_of_values_that_are_partly_finite_those_have_errors() -> None:
    output = found({"some": {"value": "log(b * t)", "at": {"t": "[-1.0, 10.0]"}}}).outputs["some"]
    assert output.value[0] is output.standard_error[0] is None
    assert output.standard_error[1] > 0
    assert output.unavailable.startswith("1 of 2 values are not finite: `log`")
    [line] = outputs_lines({"some": output})
    assert "  1 of 2 values are not finite: " in line
    assert "all" not in line


def test_a_run_that_fails_has_no_numbers() -> None:
    config = {
        "version": 1,
        "parameters": {"x": -3},
        "loss": "log(x)",
        "outputs": {"curve": {"value": "x * t", "at": {"t": "[1, 2]"}}},
        "expect": {"outputs.curve.value[1]": {"min": 0}},
    }
    result = run(load(config))
    assert result.outputs["curve"].value == [None, None]
    assert result.exit_code == 5
    assert [one.holds for one in result.expectations] == [False]


def test_expectations_reach_every_number() -> None:
    result = found(
        {"curve": {"value": "mu", "at": {"x": "[0, 1]"}}},
        expect={
            "outputs.curve.value": {"near": [INTERCEPT, INTERCEPT + SLOPE], "rel": 1e-6},
            "outputs.curve.interval[1][0]": {"min": 0},
            "outputs.curve.standard_error[0]": {"max": 1e-3},
        },
    )
    assert [one.holds for one in result.expectations] == [True, True, False]


def test_what_is_long_is_in_arrays_and_every_array_in_a_table_of_its_own(tmp_path: Path) -> None:
    result = found({"curve": {"value": "mu", "at": {"x": "linspace(0, 1, 2000)"}}, "n": "a"})
    folder = save(result, out=tmp_path / "run")
    read = read_run(folder)
    assert read.outputs["curve"].value.shape == (2000,)
    assert np.allclose(read.outputs["curve"].at["x"], np.linspace(0, 1, 2000), rtol=1e-15)
    assert read.outputs["n"] == result.outputs["n"]
    with (folder / "outputs" / "curve.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert [*rows[0]] == ["x", "value", "standard_error", "low", "high"]
    assert float(rows[-1]["value"]) == pytest.approx(INTERCEPT + SLOPE)
    assert [path.name for path in (folder / "outputs").iterdir()] == ["curve.csv"]


def test_a_table_keeps_what_has_the_name_of_a_computed_column(tmp_path: Path) -> None:
    result = found({"c": {"value": "a + b * low", "at": {"low": "[3, 5]"}}})
    with (save(result, out=tmp_path / "run") / "outputs" / "c.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert [row["at.low"] for row in rows] == ["3.0", "5.0"]
    assert [float(row["low"]) for row in rows] == pytest.approx(
        np.asarray(result.outputs["c"].interval)[:, 0]
    )


def test_the_table_of_the_fit_is_left_and_read_back(tmp_path: Path) -> None:
    result = found({})
    read = read_run(save(result, out=tmp_path / "run"))
    table = read.fitted
    assert [*table] == [
        "x",
        "observed",
        "predicted",
        "standard_error",
        "leverage",
        "residual",
    ]
    assert np.array_equal(table["x"], X)
    assert np.allclose(table["predicted"], INTERCEPT + SLOPE * X)
    assert np.allclose(table["residual"], Y - table["predicted"])
    error = S * np.sqrt(1 / N + (X - X.mean()) ** 2 / SPREAD)
    assert np.allclose(table["standard_error"], error)
    assert [[one[:3] for one in start] for start in read.history] == [
        [one[:3] for one in start] for start in result.history
    ]


def test_a_table_with_sigma_is_in_the_units_of_the_data() -> None:
    sigma = [0.1, 0.2, 0.1, 0.2, 0.1, 0.2]
    result = found(
        {},
        data={"inline": {"x": X.tolist(), "y": Y.tolist(), "s": sigma}},
        least_squares={"observed": "y", "predicted": "mu", "sigma": "s"},
    )
    weights = 1 / np.array(sigma) ** 2
    design = np.stack([np.ones(N), X], axis=1)
    covariance = np.linalg.inv(design.T @ (weights[:, None] * design))
    fit = design @ covariance @ design.T @ (weights * Y)
    table = result.fitted
    assert np.allclose(table["predicted"], fit)
    assert np.allclose(table["residual"], (Y - fit) / sigma)
    assert np.allclose(table["standard_error"], np.sqrt(np.diag(design @ covariance @ design.T)))


def test_several_residuals_stand_below_each_other() -> None:
    result = found({}, least_squares={"up": "y - mu", "down": "0.1 * (b - 1)"})
    assert result.fitted["term"].tolist() == ["up"] * N + ["down"]
    assert [*result.fitted] == ["term", "residual"]


@pytest.mark.parametrize(
    ("outputs", "code", "words"),
    [
        (
            {"c": {"value": "b * t", "at": {"t": "a * x"}}},
            "wrong-output",
            "depends on the parameter",
        ),
        (
            {"c": {"value": "b * t", "at": {"b": "[1]"}}},
            "declared-twice",
            "'b' is declared already",
        ),
        ({"c": {"value": "b * t", "at": {"mu": "[1]"}}}, "declared-twice", "'mu' is declared"),
        ({"c": {"value": "b * (x - mean(x))", "at": {"x": "[0, 1]"}}}, "wrong-output", "together"),
        ({"c": {"value": "b * (x - mean(x))", "at": {"x": "3"}}}, "wrong-output", "together"),
        ({"c": {"value": "cumsum(mu)", "at": {"x": "[0, 1]"}}}, "wrong-output", "together"),
        ({"c": "b * tt"}, "unknown-value", "tt"),
        ({"c": {"value": "y - mu", "at": {"x": "[0, 1]"}}}, "shape", ""),
        ({"c": {"value": "b", "band": 95}}, "wrong-value", "band"),
        ({"c": {"value": "b", "bnad": 0.9}}, "unknown-key", "bnad"),
        ({"a.b": "b"}, "wrong-name", "dot"),
        ({"c": "b > 1"}, "shape", "real numbers"),
    ],
    ids=lambda value: next(iter(value.items()), "")[0] if isinstance(value, dict) else None,
)
def test_what_is_refused(outputs: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(OptserveError) as caught:
        found(outputs)
    assert words in caught.value.block()
    assert caught.value.code == code


def test_outputs_of_a_config_in_python() -> None:
    config = Config.model_validate(
        {"version": 1, "parameters": {"x": 3}, "loss": "(x - 1)**2", "outputs": {"u": "x + 1"}}
    )
    assert run(load(config)).outputs["u"].value == pytest.approx(2.0)


def test_criteria_are_those_of_lmfit_where_sigma_is_not_given() -> None:
    result = found({})
    rss = float(np.sum((Y - INTERCEPT - SLOPE * X) ** 2))
    assert result.aic == pytest.approx(N * np.log(rss / N) + 2 * 2)
    assert result.bic == pytest.approx(N * np.log(rss / N) + 2 * np.log(N))
    assert result.fit is not None
    assert result.fit.reduced_chi_square is None


def test_criteria_are_those_of_the_likelihood_where_sigma_is_known() -> None:
    squares = {"observed": "y", "predicted": "mu", "sigma": 0.3}
    result = found({}, least_squares=squares)
    chi_square = float(np.sum(((Y - INTERCEPT - SLOPE * X) / 0.3) ** 2))
    assert result.fit is not None
    assert result.fit.reduced_chi_square == pytest.approx(chi_square / DOF)
    assert result.aic == pytest.approx(chi_square + 2 * 2)
    other = run(
        load(
            {
                "version": 1,
                "data": {"inline": {"x": X.tolist(), "y": Y.tolist()}},
                "parameters": {"a": 0.1, "b": 1},
                "log_likelihood": "normal_logpdf(y, mean=a + b * x, std=0.3)",
            }
        )
    )
    constant = N * np.log(2 * np.pi * 0.3**2)
    assert other.aic == pytest.approx(result.aic + constant)
    assert result.bic is not None
    assert other.bic == pytest.approx(result.bic + constant)


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"a": {"init": 0.1, "penalty": {"l2": 1}}, "b": 1}},
        {"optimizer": "none"},
        {"stop": {"steps": 0}},
        {"parameters": {"a": 0.1, "b": 1}, "least_squares": "0 * mu"},
    ],
    ids=["penalty", "evaluated", "not converged", "nothing fits"],
)
def test_there_are_no_criteria_where_they_mean_nothing(changes: dict[str, Any]) -> None:
    result = found({}, **changes)
    assert result.aic is None
    assert result.bic is None


TRANSFORMED = {
    "simplex": ([0.2, 0.3, 0.5], "[0.5, 0.3, 0.2]"),
    "ordered": ([0.0, 1.0, 3.0], "[0.4, 1.1, 2.0]"),
    "unit_vector": ([0.6, 0.0, 0.8], "[0.5, 0.5, 0.7]"),
    "softplus": ([1.0, 2.0, 3.0], "[0.5, 1.5, 2.5]"),
}


@pytest.mark.parametrize("transform", TRANSFORMED)
def test_the_output_of_a_parameter_has_its_errors(transform: str) -> None:
    start, truth = TRANSFORMED[transform]
    config = {
        "version": 1,
        "data": {"inline": {"x": X.tolist(), "y": Y.tolist()}},
        "parameters": {"p": {"shape": [3], "init": start, "transform": transform}},
        "least_squares": {
            "near": f"30 * (p - {truth} * 1.01)",
            "also": "sin(9 * x) * 0.3 - 0.1 * p[0] * x + 0.05 * p[1]",
        },
        "outputs": {"p": "p", "first": "p[0]", "sum": "sum(p)", "norm": "sum(p**2)"},
    }
    result = run(load(config))
    assert result.uncertainty == "least squares"
    outputs = result.outputs
    assert np.allclose(outputs["p"].value, result.parameters["p"])
    assert np.allclose(outputs["p"].standard_error, result.standard_errors["p"], rtol=1e-9)
    assert outputs["first"].standard_error == pytest.approx(result.standard_errors["p"][0])
    covariance = np.array(result.covariance)
    assert outputs["sum"].standard_error == pytest.approx(
        np.sqrt(max(covariance.sum(), 0.0)), abs=1e-6
    )
    if transform == "simplex":
        assert outputs["sum"].standard_error == pytest.approx(0.0, abs=1e-9)
    if transform == "unit_vector":
        assert outputs["norm"].standard_error == pytest.approx(0.0, abs=1e-9)


def test_sums_over_names_of_their_own_are_what_they_say() -> None:
    output = found(
        {"area": {"value": "sum(model(t))", "at": {"t": "[0, 1, 2]"}}},
        define={"model(t)": "a + b * t", "mu": "model(x)"},
    ).outputs["area"]
    assert output.value == pytest.approx(3 * INTERCEPT + 3 * SLOPE)


def test_an_index_at_new_rows() -> None:
    config = {
        "version": 1,
        "data": {
            "inline": {"k": [0, 1, 2, 0, 1, 2], "y": Y.tolist()},
            "columns": {"k": {"take": "k", "as": "integer"}, "y": "y"},
        },
        "parameters": {"p": {"shape": [3], "init": 1}},
        "define": {"path": "cumsum(p)"},
        "least_squares": {"observed": "y", "predicted": "path[k]"},
        "outputs": {"late": {"value": "path[k]", "at": {"k": "1 + arange(2)"}}},
    }
    output = run(load(config)).outputs["late"]
    assert output.at["k"] == [1, 2]
    assert np.allclose(output.value, [(Y[1] + Y[4]) / 2, (Y[2] + Y[5]) / 2])
    assert output.standard_error is not None
