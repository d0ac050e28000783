"""Numbers of more than 1,000 entries stand in ``arrays.npz``; ``result.json`` describes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.errors import ConfigError
from optserve.jobs.packing import Packing
from optserve.jobs.parameters import JobParameter
from optserve.jobs.record.artefacts import save
from optserve.jobs.record.large import LISTED
from optserve.jobs.record.result import Result, read_result
from optserve.reports.text import text_report


def fitted(size: int, **more: Any) -> Result:
    config = {
        "version": 1,
        "name": "many",
        "parameters": {"w": {"shape": [size], "init": 0.5}, "b": 3.0},
        "loss": "sum((w - 1)**2 + 0.1 * w**4) + (b - 2)**2",
        "optimizer": "lbfgs",
    }
    return optserve.run(optserve.load({**config, **more}))


def test_a_large_array_is_described_and_kept_beside(tmp_path: Path) -> None:
    result = fitted(5000)
    assert isinstance(result.parameters["w"], np.ndarray)
    assert isinstance(result.parameters["b"], float)
    folder = save(result, out=tmp_path / "run")
    written = json.loads((folder / "result.json").read_text())
    assert len((folder / "result.json").read_text()) < 5000
    w = result.parameters["w"]
    assert written["parameters"]["w"] == {
        "shape": [5000],
        "min": w.min(),
        "max": w.max(),
        "missing": 0,
        "array": "parameters.w",
    }
    assert written["standard_errors"]["w"] == {
        "shape": [5000],
        "min": None,
        "max": None,
        "missing": 5000,
        "array": None,
    }
    assert written["starts"][0]["parameters"]["w"]["array"] == "starts[0].parameters.w"
    with np.load(folder / "arrays.npz") as arrays:
        assert sorted(arrays) == ["gradient.w", "parameters.w", "starts[0].parameters.w"]
        np.testing.assert_array_equal(arrays["parameters.w"], w)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    result = fitted(2000)
    folder = save(result, out=tmp_path / "run")
    again = read_result(folder / "result.json")
    for name in ("parameters", "standard_errors", "intervals", "gradient"):
        np.testing.assert_array_equal(getattr(again, name)["w"], getattr(result, name)["w"])
        assert getattr(again, name)["b"] == getattr(result, name)["b"]
    np.testing.assert_array_equal(again.starts[0].parameters["w"], np.full(2000, 0.5))
    assert again.to_json() == result.to_json()


def test_small_results_have_no_such_file(tmp_path: Path) -> None:
    result = fitted(LISTED)
    folder = save(result, out=tmp_path / "run")
    assert isinstance(result.parameters["w"], list)
    assert not (folder / "arrays.npz").exists()


def test_a_result_of_before_holds_its_numbers_itself(tmp_path: Path) -> None:
    result = fitted(2000)
    tree = json.loads(result.to_json())
    listed = result.parameters["w"].tolist()
    tree["parameters"]["w"] = listed
    for name in ("standard_errors", "intervals", "gradient"):
        tree[name]["w"] = [None] * 2000
    tree["starts"][0]["parameters"]["w"] = [0.5] * 2000
    (tmp_path / "result.json").write_text(json.dumps(tree))
    assert read_result(tmp_path / "result.json").parameters["w"] == listed


def test_a_lost_file_is_told(tmp_path: Path) -> None:
    folder = save(fitted(2000), out=tmp_path / "run")
    (folder / "arrays.npz").unlink()
    with pytest.raises(ConfigError, match="does not hold the array") as told:
        read_result(folder / "result.json")
    assert "keep the files of a run together" in str(told.value)


def test_infinities_and_nan_have_no_number() -> None:
    result = fitted(2000)
    w = np.array(result.parameters["w"])
    w[:3] = [np.inf, -np.inf, np.nan]
    changed = Result.model_validate({**dict(result), "parameters": {"w": w, "b": np.array(np.inf)}})
    assert np.isnan(changed.parameters["w"][:3]).all()
    assert changed.parameters["b"] is None
    found = json.loads(changed.to_json())["parameters"]["w"]
    assert (found["missing"], found["max"]) == (3, w[3:].max())


def test_expectations_look_into_large_arrays() -> None:
    expect = {
        "parameters.w[1999]": {"near": 0.9, "abs": 0.2},
        "parameters.w": {"min": 0.5, "max": 1.5},
        "gradient.w": {"max": -1.0},
    }
    result = fitted(2000, expect=expect)
    assert [one.holds for one in result.expectations] == [True, True, False]
    found = json.loads(result.to_json())["expectations"]
    assert isinstance(found[0]["found"], float)
    assert found[1]["found"]["array"] == "parameters.w"
    with pytest.raises(ConfigError, match="an index below 2000"):
        fitted(2000, expect={"parameters.w[2000]": {"max": 1.0}})


def test_reports_show_the_range() -> None:
    for size in (13, 5000):
        assert f"w [{size}]" in text_report(fitted(size))
    evaluated = text_report(fitted(5000, optimizer="none"))
    assert "all 0.5" in evaluated
    assert "all -0.95" in evaluated


def test_labels_are_made_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counting(name: str, shape: tuple[int, ...], position: int) -> str:
        made.append(position)
        return f"{name}[{position}]"

    monkeypatch.setattr("optserve.jobs.packing.entry_label", counting)
    fixed = np.zeros(3000, bool)
    fixed[:10] = True
    ends = np.full(3000, np.inf)
    w = JobParameter("w", np.ones(3000), -ends, ends, fixed)
    labels = Packing([w, w], np.dtype(np.float64)).labels
    assert len(labels) == 2 * 2990
    assert made == []
    assert (labels[0], labels[2989], labels[2990], labels[-1]) == (
        "w[10]",
        "w[2999]",
        "w[10]",
        "w[2999]",
    )
    assert labels[1:3] == ("w[11]", "w[12]")
    with pytest.raises(IndexError):
        labels[2 * 2990]
