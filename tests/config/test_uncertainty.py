"""`uncertainty`: errors by each method, compared with other programs and with the formulas.

The numbers of Grunfeld's data are those of Stata 12 (`regress invest mvalue kstock, vce(cluster
company)`), as statsmodels 0.15.0 keeps them in
`regression/tests/results/results_grunfeld_ols_robust_cluster.py`; the others were computed by
statsmodels 0.15.0, with the calls that stand beside them. Stata has the data in single precision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve import load, run
from optserve.errors import OptserveError
from optserve.jobs.record.artefacts import read_run, save
from optserve.jobs.record.result import Result
from optserve.reports.text import text_report

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
GRUNFELD = {
    "version": 1,
    "data": {
        "read": str(CONFIGS / "grunfeld.csv"),
        "columns": {
            "firm": {"take": "firm", "as": "category"},
            "invest": "invest",
            "value": "value",
            "capital": "capital",
        },
    },
    "parameters": {"c": 0, "v": 0, "k": 0},
    "least_squares": {"observed": "invest", "predicted": "c + v * value + k * capital"},
}
SPECTOR = {
    "version": 1,
    "data": {
        "read": str(CONFIGS / "spector.csv"),
        "columns": {"X": ["GPA", "TUCE", "PSI"], "TUCE": "TUCE", "GRADE": "GRADE"},
        "derive": {"half": "floor(TUCE / 2)"},
    },
    "parameters": {"c": 0, "w": [0, 0, 0]},
    "define": {"z": "c + X @ w"},
    "log_likelihood": "GRADE * z - softplus(z)",
}


def found(config: dict[str, Any], uncertainty: Any, **changes: Any) -> Result:
    return run(load({**config, "uncertainty": uncertainty, **changes}, allow_path=True))


def errors(result: Result, method: str) -> list[float]:
    one = result.uncertainties[method].standard_errors
    return [*np.concatenate([np.ravel(value) for value in one.values()])]


def test_clustered_errors_are_those_of_stata() -> None:
    result = found(GRUNFELD, {"method": {"cluster": "firm"}})
    errors = [20.425202580078, 0.01589433647768, 0.08496711097464]
    ends = [[-88.919387334862, 3.4906493013959], [0.07960666895505, 0.15151764317688]]
    assert [*result.standard_errors.values()] == pytest.approx(errors, rel=1e-7)
    assert result.intervals["c"] == pytest.approx(ends[0], rel=1e-6)
    assert result.intervals["v"] == pytest.approx(ends[1], rel=1e-6)
    assert result.dof == 9
    assert result.uncertainty == "sandwich, cluster(firm)"
    told = result.uncertainties["cluster"]
    assert told.scaled == "times G / (G - 1) (n - 1) / (n - p) = 1.12239, G = 10 clusters"
    assert result.covariance is not None
    assert result.covariance[1][1] == pytest.approx(0.00025262993207, rel=1e-7)


def test_robust_errors_of_a_line_are_those_of_statsmodels() -> None:
    """``sm.OLS(invest, X).fit(cov_type="HC1").bse``"""
    result = found(GRUNFELD, "sandwich")
    wanted = [11.574701117100, 0.0068109544568720, 0.048865539534342]
    assert errors(result, "sandwich") == pytest.approx(wanted, rel=1e-9)
    assert result.uncertainty == "sandwich, HC1"


def test_weights_are_those_of_sigma() -> None:
    """``sm.WLS(y, X, weights=1 / sigma**2).fit(cov_type="HC1")``, by its formula: r and J are in
    units of sigma, and what scales sigma does not change a sandwich."""
    once = found(GRUNFELD, "sandwich", least_squares=_weighted("10 + 0.01 * value"))
    twice = found(GRUNFELD, "sandwich", least_squares=_weighted("2 * (10 + 0.01 * value)"))
    assert errors(once, "sandwich") == pytest.approx(errors(twice, "sandwich"), rel=1e-8)
    raw = np.genfromtxt(CONFIGS / "grunfeld.csv", delimiter=",", skip_header=1)[:, 2:]
    invest, value, capital = raw.T
    weight = 1.0 / (10 + 0.01 * value)
    J = np.stack([np.ones(200), value, capital], axis=1) * weight[:, None]
    r = invest * weight - J @ np.linalg.lstsq(J, invest * weight, rcond=None)[0]
    bread = np.linalg.inv(J.T @ J)
    covariance = 200 / 197 * bread @ (J.T * r**2) @ J @ bread
    assert errors(once, "sandwich") == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-7)


def _weighted(sigma: str) -> dict[str, str]:
    return {**GRUNFELD["least_squares"], "sigma": sigma}  # type: ignore[dict-item]


def test_robust_errors_of_a_likelihood_are_those_of_statsmodels() -> None:
    """``sm.Logit(GRADE, X).fit(cov_type="HC0")``, and ``cov_type="cluster"`` by TUCE // 2."""
    result = found(SPECTOR, ["hessian", "sandwich", {"cluster": "half"}, "score"])
    robust = [5.1975854102993, 1.2675459820157, 0.1179222677494, 0.9644192096529]
    clustered = [5.9678773681578, 1.5931511885576, 0.0874927998276, 0.4380989694619]
    assert errors(result, "sandwich") == pytest.approx(robust, rel=1e-6)
    assert errors(result, "cluster") == pytest.approx(clustered, rel=1e-6)


def test_outer_products_of_scores() -> None:
    """``Logit.score_obs`` of statsmodels: the roots of the diagonal of (S'S)^-1."""
    wanted = [4.8438448749638, 1.3733102220255, 0.1789402129473, 1.2142163622756]
    assert errors(found(SPECTOR, "score"), "score") == pytest.approx(wanted, rel=1e-6)


def test_a_hessian_of_least_squares_has_the_curvature_of_the_model() -> None:
    x = np.linspace(0.1, 3.0, 12)
    y = 2.0 * np.exp(-0.8 * x) + 0.3 * np.cos(5.0 * x)
    config = {
        "version": 1,
        "data": {"inline": {"x": x.tolist(), "y": y.tolist()}},
        "parameters": {"a": 2, "k": 1},
        "least_squares": {"observed": "y", "predicted": "a * exp(-k * x)"},
    }
    result = found(config, ["hessian", "gauss_newton"])
    a, k = result.parameters["a"], result.parameters["k"]
    e = np.exp(-k * x)
    r = a * e - y
    J = np.stack([e, -a * x * e], axis=1)
    second = np.array([[0.0, np.sum(r * -x * e)], [np.sum(r * -x * e), np.sum(r * a * x**2 * e)]])
    variance = np.sum(r**2) / 10
    wanted = np.sqrt(np.diag(variance * np.linalg.inv(J.T @ J + second)))
    assert errors(result, "hessian") == pytest.approx(wanted, rel=1e-6)
    assert abs(errors(result, "gauss_newton")[1] / wanted[1] - 1) > 0.01


def test_several_methods_stand_side_by_side(tmp_path: Path) -> None:
    result = found(GRUNFELD, ["gauss_newton", "sandwich"])
    assert [*result.uncertainties] == ["gauss_newton", "sandwich"]
    assert result.standard_errors == result.uncertainties["gauss_newton"].standard_errors
    assert result.uncertainties["gauss_newton"].left_out == [
        "the second derivatives of the residuals"
    ]
    folder = save(result, out=tmp_path / "run")
    assert read_run(folder).uncertainties == result.uncertainties
    report = text_report(result)
    assert "s.e. sandwich" in report
    assert "errors   sandwich: (J'J)^-1 M (J'J)^-1" in report


def test_what_nobody_asks_for_is_as_it_was() -> None:
    plain, auto = run(load(GRUNFELD, allow_path=True)), found(GRUNFELD, "auto")
    assert plain.standard_errors == auto.standard_errors
    assert [*plain.uncertainties] == ["gauss_newton"]
    assert "errors " not in text_report(plain)


def test_none_are_none() -> None:
    result = found(GRUNFELD, "none")
    assert result.uncertainty == "none"
    assert {*result.unavailable.values()} == {"none were asked for"}
    assert result.fit is not None


def test_the_level_is_that_of_the_intervals() -> None:
    result = found(GRUNFELD, {"level": 0.5})
    low, high = result.intervals["v"]
    assert result.level == 0.5
    assert high - low == pytest.approx(2 * 0.6757 * result.standard_errors["v"], rel=1e-3)


def test_expectations_reach_every_method() -> None:
    expect = {
        "standard_errors.v": {"near": 0.01589433668706, "rel": 1e-9},
        "intervals.v[1]": {"near": 0.15151764317688, "rel": 1e-7},
        "uncertainties.sandwich.standard_errors.v": {"near": 0.00681095446, "rel": 1e-8},
        "fit.r_squared": {"near": 0.8124080178314147, "rel": 1e-7},
        "aic": {"max": 2000},
    }
    result = found(GRUNFELD, [{"cluster": "firm"}, "sandwich"], expect=expect)
    assert [one.message for one in result.expectations] == [""] * 5


LOSS = {"version": 1, "data": {"inline": {"y": [1, 2]}}, "parameters": {"b": 1}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uncertainty": "sandwhich"}, "is the text 'sandwhich'"),
        ({"uncertainty": {"method": {"cluster": "firms"}}}, "there is no column 'firms' of rows"),
        ({"uncertainty": ["sandwich", "sandwich"]}, "`sandwich` is asked for twice"),
        ({"uncertainty": ["none", "sandwich"]}, "`none` stands beside other methods"),
        ({"uncertainty": {"method": {"cluster": "firm", "bootstrap": {}}}}, "a method is one of"),
        ({"uncertainty": {"profile": ["d"]}}, "there is no parameter 'd'"),
        ({"uncertainty": {"level": 1.5}}, "is the number 1.5"),
        ({"uncertainty": "hessian", "optimizer": "none"}, "nothing is estimated"),
        (
            {"uncertainty": "none", "expect": {"standard_errors.v": {"max": 1}}},
            "`uncertainty: none` asks for no errors",
        ),
        (
            {"uncertainty": {"method": "none"}, "expect": {"intervals.v[0]": {"max": 1}}},
            "`uncertainty: none` asks for no errors",
        ),
        ({"uncertainty": {"method": []}}, "the list of methods is empty"),
        ({"expect": {"uncertainties.sandwich.standard_errors.v": {"max": 1}}}, "names nothing"),
        ({"expect": {"fit.chi": {"max": 1}}}, "names nothing"),
    ],
)
def test_what_there_can_never_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptserveError, match=message) as raised:
        load({**GRUNFELD, **changes}, allow_path=True)
    assert raised.value.place is not None
    assert raised.value.expected or raised.value.remedy


@pytest.mark.parametrize("method", ["hessian", "sandwich"])
def test_a_loss_is_no_likelihood(method: str) -> None:
    with pytest.raises(OptserveError, match="a loss is no likelihood"):
        load({**LOSS, "loss": "sum((y - b)**2)", "uncertainty": method})


def test_scores_of_a_posterior_are_refused() -> None:
    parameters = {"b": {"init": 1, "prior": {"normal": {"mean": 0, "std": 1}}}}
    config = {**LOSS, "parameters": parameters, "log_likelihood": "-(y - b)**2"}
    with pytest.raises(OptserveError, match="'b' has a prior"):
        load({**config, "uncertainty": "sandwich"})


def test_one_number_has_no_scores() -> None:
    result = found({**LOSS, "log_likelihood": "-sum((y - b)**2)"}, "sandwich")
    assert "write it as an array" in result.unavailable["b"]


def test_a_text_column_as_cluster_says_what_to_do() -> None:
    config = {**GRUNFELD, "data": {"read": str(CONFIGS / "grunfeld.csv")}}
    config["uncertainty"] = {"method": {"cluster": "firm"}}
    with pytest.raises(OptserveError) as raised:
        load(config, allow_path=True)
    assert "category" in raised.value.remedy + raised.value.expected


RIDGE = {
    **GRUNFELD,
    "data": {"inline": {"x": [1, 2, 3, 4, 5, 7], "y": [1.1, 2.3, 2.8, 4.2, 4.9, 7.3]}},
    "parameters": {"b": {"init": 1, "penalty": {"l2": 3}}},
    "least_squares": "b * x - y",
}


def test_penalized_estimates_have_errors_of_a_name_of_their_own() -> None:
    """Ridge regression by its formulas."""
    x, y = np.array([1.0, 2, 3, 4, 5, 7]), np.array([1.1, 2.3, 2.8, 4.2, 4.9, 7.3])
    result = found(RIDGE, ["gauss_newton", "sandwich", "hessian", "jackknife"])
    b, bread = x @ y / (x @ x + 3), 1 / (x @ x + 3)
    r = b * x - y
    variance, scores = r @ r / 5, r * x - np.mean(r * x)
    assert result.parameters["b"] == pytest.approx(b, rel=1e-7)
    assert errors(result, "gauss_newton") == pytest.approx([np.sqrt(variance * bread)])
    assert errors(result, "hessian") == pytest.approx([np.sqrt(variance * bread)])
    assert errors(result, "sandwich") == pytest.approx([bread * np.sqrt(6 / 5 * scores @ scores)])
    assert result.uncertainty == "curvature of the penalized loss"
    assert "the bias that the penalty makes" in result.uncertainties["jackknife"].left_out
    assert any("they do not tell the bias" in one for one in result.notes)
    assert found(RIDGE, "auto").uncertainty == "none"
    with pytest.raises(OptserveError, match="'b' has a penalty"):
        found(RIDGE, "score")
