"""The bootstrap and the jackknife, compared with what their samples give by formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve import load, run
from optserve.errors import OptserveError
from optserve.jobs.record.result import Result

Y = np.array([1.1, 2.3, 2.8, 4.2, 4.9, 7.3, 6.8, 8.4])
G = [0, 0, 1, 1, 1, 2, 2, 3]
MEAN: dict[str, Any] = {
    "version": 1,
    "data": {
        "inline": {"y": Y.tolist(), "g": G},
        "columns": {"y": "y", "g": {"take": "g", "as": "integer"}},
    },
    "parameters": {"m": 0},
    "least_squares": "y - m",
}


def found(method: Any, threads: int | None = None, **changes: Any) -> Result:
    problem = load({**MEAN, "uncertainty": {"method": method}, **changes})
    return run(problem, threads=threads)


def test_a_jackknife_of_a_mean_is_its_standard_error() -> None:
    """Efron & Tibshirani 1993, equation 11.6."""
    result = found("jackknife")
    assert result.standard_errors["m"] == pytest.approx(Y.std(ddof=1) / np.sqrt(8), rel=1e-10)
    assert result.dof == 7
    assert result.uncertainties["jackknife"].refits == 8
    assert result.uncertainty == "jackknife"


def test_a_bootstrap_has_the_spread_and_the_percentiles_of_its_samples() -> None:
    result = found({"bootstrap": {"n": 60, "seed": 5}})
    draws = [np.random.Philox(key=[5, 64 * number]).random_raw(8) % 8 for number in range(60)]
    means = Y[np.array(draws, int)].mean(axis=1)
    assert result.standard_errors["m"] == pytest.approx(means.std(ddof=1), rel=1e-9)
    assert result.intervals["m"] == pytest.approx(np.quantile(means, [0.025, 0.975]), rel=1e-9)
    told = result.uncertainties["bootstrap"]
    assert (told.refits, told.failed) == (60, 0)
    assert "60 samples of rows" in told.covariance


def test_clusters_are_drawn_together() -> None:
    result = found({"bootstrap": {"n": 40, "by": "g"}})
    draws = [np.random.Philox(key=[0, 64 * number]).random_raw(4) % 4 for number in range(40)]
    means = [
        np.concatenate([Y[np.array(G) == one] for one in sample.astype(int)]).mean()
        for sample in draws
    ]
    assert result.standard_errors["m"] == pytest.approx(np.std(means, ddof=1), rel=1e-9)


def test_the_seed_and_nothing_else_draws() -> None:
    method = {"bootstrap": {"n": 20, "seed": 1}}
    one, two = found(method, threads=1), found(method, threads=2)
    assert one.uncertainties == two.uncertainties
    other = found({"bootstrap": {"n": 20, "seed": 2}})
    assert other.standard_errors != one.standard_errors


def test_refits_that_fail_are_counted_and_told() -> None:
    """The rate of a saturation is infinite for samples of its rows beyond the rise."""
    result = found(
        {"bootstrap": {"n": 40}},
        data={"inline": {"x": [0, 1, 2, 3, 4, 5], "y": [0.1, 0.9, 1.05, 0.98, 1.01, 1]}},
        parameters={"a": 1, "k": 1},
        least_squares="a * (1 - exp(-k * x)) - y",
    )
    told = result.uncertainties["bootstrap"]
    assert told.refits == 40
    assert told.failed == 11
    assert any("11 of 40 refits failed" in one for one in result.warnings)


def test_samples_that_leave_parameters_open_fail() -> None:
    """A sample of one value of x determines no line: 2 (1/2)^3 of those of 3 rows of a kind."""
    result = found(
        {"bootstrap": {"n": 60}},
        data={"inline": {"x": [0, 0, 1, 1], "y": [1, 1.2, 2, 2.3]}},
        parameters={"a": 0, "b": 0},
        least_squares="a + b * x - y",
    )
    draws = [np.random.Philox(key=[0, 64 * number]).random_raw(4) % 4 for number in range(60)]
    same = sum(len({int(one) // 2 for one in sample}) == 1 for sample in draws)
    assert same > 0
    assert result.uncertainties["bootstrap"].failed == same
    with_jackknife = found("jackknife", data={"inline": {"x": [0, 0, 1], "y": [1, 1.2, 2]}},
        parameters={"a": 0, "b": 0}, least_squares="a + b * x - y")  # fmt: skip
    assert "1 of 3 refits failed" in with_jackknife.unavailable["b"]


def test_a_loss_has_errors_by_refits() -> None:
    """The median: a loss that is no likelihood, smoothed."""
    change = {"loss": "mean(sqrt((y - m)**2 + 0.01))"}
    config = {key: value for key, value in MEAN.items() if key != "least_squares"}
    result = run(load({**config, **change, "uncertainty": "jackknife"}))
    assert result.standard_errors["m"] > 0
    assert result.uncertainty == "jackknife"


def test_errors_that_were_asked_for_and_are_not_there_are_a_warning() -> None:
    result = found({"bootstrap": {"n": 100_000}}, stop={"seconds": 0.2})
    assert result.uncertainty == "none"
    assert result.uncertainties["bootstrap"].unavailable == {"m": "the time was up"}
    assert "no errors by bootstrap: the time was up" in result.warnings


def test_a_series_is_warned_of() -> None:
    result = found("jackknife", least_squares="y[1:] - m * y[:-1]", parameters={"m": 1})
    assert any("the loss takes rows together" in one for one in result.warnings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"least_squares": "y - m * rows(data)"}, "a sample has other rows"),
        ({"data": None, "least_squares": "m - 1"}, "there are no data"),
    ],
)
def test_what_is_not_drawn(changes: dict[str, Any], message: str) -> None:
    config = {**MEAN, "uncertainty": "bootstrap", **changes}
    with pytest.raises(OptserveError, match=message):
        load({key: value for key, value in config.items() if value is not None})


def test_a_column_of_clusters_that_is_not_there() -> None:
    with pytest.raises(OptserveError, match="there is no column 'h' of rows") as raised:
        found({"bootstrap": {"by": "h"}})
    assert raised.value.expected == "one of y, g"


def test_samples_that_end_at_a_bound_are_estimates() -> None:
    """A mean that is bounded: the larger of the mean of the sample and the bound."""
    bounded = {"m": {"init": 6, "bounds": [4.5, None]}}
    result = found({"bootstrap": {"n": 60, "seed": 5}}, parameters=bounded)
    draws = [np.random.Philox(key=[5, 64 * number]).random_raw(8) % 8 for number in range(60)]
    means = np.maximum(Y[np.array(draws, int)].mean(axis=1), 4.5)
    assert sum(means == 4.5) > 5
    assert result.uncertainties["bootstrap"].failed == 0
    assert result.standard_errors["m"] == pytest.approx(means.std(ddof=1), rel=1e-7)


@pytest.mark.parametrize("out", ["weights", "sigma"])
def test_rows_that_do_not_count_are_in_no_sample_and_make_no_cluster(out: str) -> None:
    methods: list[Any] = [{"cluster": "g"}, "jackknife", {"bootstrap": {"n": 20}}]
    methods += [{"bootstrap": {"n": 20, "by": "g"}}]
    kept = {name: values[2:] for name, values in MEAN["data"]["inline"].items()}
    fit: dict[str, Any] = {"observed": "y", "predicted": "0 * y + m"}
    counts = "where(g == 0, 0, 1)"
    how: dict[str, Any] = {"weights": {"precision": counts}} if out == "weights" else {}
    scaled = fit if how else {**fit, "sigma": f"1 / {counts}"}
    for method in methods:
        one = found(method, least_squares=scaled, **how)
        data = {**MEAN["data"], "inline": kept}
        other = found(
            method, least_squares=fit if how else {**fit, "sigma": "0 * y + 1"}, data=data
        )
        assert one.standard_errors["m"] == pytest.approx(other.standard_errors["m"], rel=1e-9)
        assert one.dof == other.dof
