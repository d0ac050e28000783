"""How well a fit fits: numbers of statsmodels 0.15.0 and of SciPy, and what is told of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from optserve import load, run
from optserve.jobs.record.result import Result
from optserve.reports.text import text_report
from tests.config.test_uncertainty import GRUNFELD, SPECTOR


def found(config: dict[str, Any], **changes: Any) -> Result:
    return run(load({**config, **changes}, allow_path=True))


def test_residuals_of_firms_are_no_independent_errors() -> None:
    """``durbin_watson``, ``runstest_1samp(resid, cutoff=0, correction=False)`` and the largest of
    ``get_influence().hat_matrix_diag``."""
    result = found(GRUNFELD)
    fit = result.fit
    assert fit is not None
    assert fit.durbin_watson == pytest.approx(0.3581852697162772, rel=1e-7)
    assert fit.runs_p == pytest.approx(4.941980309311194e-27, rel=1e-6)
    assert fit.largest_leverage == pytest.approx(0.21628979885781666, rel=1e-8)
    assert max(result.fitted["leverage"]) == pytest.approx(0.21628979885781666, rel=1e-8)
    assert sum(result.fitted["leverage"]) == pytest.approx(3.0)
    assert any("no independent errors" in one for one in result.notes)


def test_chi_square_has_its_chance() -> None:
    x = np.arange(10.0)
    y = 1 + 2 * x + np.array([1, -1, 2, 0, -1, 1, 0, -2, 1, 0]) * 0.1
    config = {
        "version": 1,
        "data": {"inline": {"x": x.tolist(), "y": y.tolist()}},
        "parameters": {"a": 0, "b": 0},
        "least_squares": {"observed": "y", "predicted": "a + b * x", "sigma": 0.1},
        "expect": {
            "fit.chi_square_p": {"min": 0.05},
            "fit.reduced_chi_square": {"max": 2},
            "aicc": {"max": 100},
            "deviance": {"max": 15},
        },
    }
    result = found(config)
    fit = result.fit
    assert fit is not None
    assert fit.chi_square_p == pytest.approx(stats.chi2.sf(fit.sum_of_squares, 8), rel=1e-9)
    assert result.deviance == fit.sum_of_squares
    assert result.aic is not None
    assert result.aicc == pytest.approx(result.aic + 2 * 2 * 3 / 7)
    assert all(one.holds for one in result.expectations)
    assert "(p 0." in text_report(result)


def test_criteria_of_a_likelihood() -> None:
    result = found(SPECTOR)
    assert result.log_likelihood is not None
    assert result.deviance == pytest.approx(-2 * result.log_likelihood)
    assert result.aic is not None
    assert result.aicc == pytest.approx(result.aic + 2 * 4 * 5 / (32 - 5))


@pytest.mark.parametrize(
    ("likelihood", "split", "rows"),
    [
        ("poisson_logpmf(counts.k, exp(m + groups.offset[counts.g]))", None, 6),
        ("poisson_logpmf(counts.k, exp(m))", {"column": "fold"}, 4),
        ("poisson_logpmf(counts.k[1:], exp(m))", {"column": "fold"}, 3),
        ("sum(poisson_logpmf(counts.k, exp(m)))", {"column": "fold"}, 4),
    ],
)
def test_criteria_count_the_rows_that_are_fitted(likelihood: str, split: Any, rows: int) -> None:
    """Neither rows that are held out, nor those of a table in which rows are looked up."""
    fold = ["train", "train", "validation", "train", "test", "train"]
    table = {
        "inline": {"k": [3, 1, 4, 1, 5, 9], "g": [0, 1, 0, 1, 0, 1], "fold": fold},
        "columns": {name: {"take": name, "as": "integer"} for name in "kg"},
    }
    lookup = {"inline": {"offset": [0.1, 0.2]}, "rows": split is None}
    config = {
        "version": 1,
        "data": {"counts": table | ({} if split is None else {"split": split}), "groups": lookup},
        "parameters": {"m": 0},
        "log_likelihood": likelihood,
    }
    result = found(config)
    assert result.deviance is not None
    assert result.bic == pytest.approx(result.deviance + np.log(rows))


def test_a_variance_that_is_estimated_counts() -> None:
    """Burnham & Anderson 2002, section 2.4."""
    result = found(GRUNFELD)
    assert result.aic is not None
    assert result.aicc == pytest.approx(result.aic + 2 * 4 * 5 / (200 - 5))


def test_few_residuals_are_not_looked_at() -> None:
    config = {**GRUNFELD, "data": {"inline": {"y": [1, 2, 4]}}, "parameters": {"m": 0}}
    fit = found(config, least_squares="y - m").fit
    assert fit is not None
    assert fit.runs is None
    assert fit.chi_square_p is None


def test_a_prior_takes_of_the_leverage_in_the_table_too() -> None:
    """By how much a prediction changes with what is observed there: the diagonal of
    J (J'J + P)^-1 J', P being the precision of the prior, and the same by a fit of a change."""
    x = np.array([0.0, 1.0, 2.0, 5.0])
    y = np.array([1.0, 2.2, 2.9, 6.3])
    prior = {"normal": {"mean": 0, "std": 0.2}}

    def fitted(y: np.ndarray[Any, np.dtype[np.float64]]) -> Result:
        return found(
            {
                "version": 1,
                "data": {"inline": {"x": x.tolist(), "y": y.tolist()}},
                "parameters": {"a": 0, "b": {"init": 0, "prior": prior}},
                "least_squares": {"observed": "y", "predicted": "a + b * x", "sigma": 0.5},
            }
        )

    result = fitted(y)
    jacobian = np.stack([np.ones(4), x], axis=1) / 0.5
    inverse = np.linalg.inv(jacobian.T @ jacobian + np.diag([0.0, 1 / 0.2**2]))
    leverage = np.diagonal(jacobian @ inverse @ jacobian.T)
    assert result.fitted["leverage"] == pytest.approx(leverage, rel=1e-9)
    assert result.fit is not None
    assert result.fit.largest_leverage == pytest.approx(leverage.max(), rel=1e-9)
    moved = fitted(y + np.array([0, 0, 0, 0.1])).fitted["predicted"] - result.fitted["predicted"]
    assert moved[3] / 0.1 == pytest.approx(leverage[3], rel=1e-6)
