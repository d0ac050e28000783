"""A result as a dict, a DataFrame and a table of HTML."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.errors import ConfigError
from optserve.fitting.answer import CurveFit

X = np.linspace(0.0, 4.0, 30)


@pytest.fixture(scope="module")
def fit() -> CurveFit:
    def decay(x: Any, scale: Any, rate: Any) -> Any:
        return scale * np.exp(-rate * x)

    return optserve.curve_fit(decay, X, decay(X, 2.0, 0.5) + 0.1 * np.sin(9.0 * X))


def test_a_dict_is_what_result_json_holds(fit: CurveFit) -> None:
    assert fit.to_dict() == json.loads(fit.result.to_json())
    assert fit.to_dict()["parameters"]["rate"] == fit.x["rate"]


def test_a_data_frame_has_a_row_for_each_entry(
    fit: CurveFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = SimpleNamespace(DataFrame=lambda columns, index: (columns, index))
    monkeypatch.setitem(sys.modules, "pandas", made)
    columns, index = fit.to_dataframe()
    assert index == ["scale", "rate"]
    assert columns["estimate"] == fit.popt.tolist()
    assert columns["standard_error"] == [float(fit.standard_errors[one]) for one in index]
    assert [columns["low"][1], columns["high"][1]] == fit.intervals["rate"].tolist()
    many = optserve.minimize(lambda x: np.sum((x - 3.0) ** 2), np.zeros((2, 1))).to_dataframe()
    assert many[1] == ["x[0][0]", "x[1][0]"]
    assert np.isnan(many[0]["standard_error"]).all()


def test_without_pandas_it_says_so(fit: CurveFit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="needs pandas"):
        fit.to_dataframe()


def test_a_notebook_shows_the_estimates(fit: CurveFit) -> None:
    shown = fit._repr_html_()
    assert shown == fit.result._repr_html_()
    assert "<th>scale</th><td>2.0" in shown
    assert "converged" in shown
    assert "&lt;=" in shown
    many = optserve.minimize(lambda x: np.sum(x**2), np.ones(70))
    assert "and 10 more" in many._repr_html_()
