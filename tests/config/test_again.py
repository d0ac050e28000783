"""A config that is loaded again over other data: the same problem as if it were the first."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.config import problem as loading
from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.problem import Problem

LINE = {
    "version": 1,
    "parameters": {"a": 1.0, "b": 0.5},
    "least_squares": {"observed": "y", "predicted": "a + b * x"},
}


def columns(seed: int, rows: int = 9) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    x = np.linspace(1.0, 3.0, rows)
    return {"x": x, "y": 1.0 + 2.0 * x + 0.1 * rng.normal(size=rows)}


def anew(monkeypatch: pytest.MonkeyPatch, config: Mapping[str, Any], data: Any) -> Problem:
    """The problem as it is made where nothing was kept."""
    with monkeypatch.context() as patched:
        patched.setattr(loading, "made_before", lambda *given: None)
        return optserve.load(config, data=data)


def is_kept(monkeypatch: pytest.MonkeyPatch, config: Mapping[str, Any], data: Any) -> bool:
    """Whether a second problem of the config is made without its tables being opened."""
    optserve.load(config, data=data)
    opened, before = list[object](), loading.tables_of

    def opening(*given: Any) -> Any:
        opened.append(given)
        return before(*given)

    with monkeypatch.context() as patched:
        patched.setattr(loading, "tables_of", opening)
        optserve.load(config, data=data)
    return not opened


@pytest.mark.parametrize("rows", [9, 14])
def test_the_problem_is_the_same(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    config = {**LINE, "stop": {"steps": 40}, "name": "again"}
    assert is_kept(monkeypatch, config, columns(0))
    data = columns(1, rows)
    found, wanted = optserve.load(config, data=data), anew(monkeypatch, config, data)
    for field in fields(Problem):
        if field.name != "objective":
            assert getattr(found, field.name) == getattr(wanted, field.name), field.name
    for field in fields(found.objective):
        if field.name != "data":
            one, other = getattr(found.objective, field.name), getattr(wanted.objective, field.name)
            assert one == other, field.name
    assert [*found.objective.data] == [*wanted.objective.data]
    for name, array in found.objective.data.items():
        np.testing.assert_array_equal(array, wanted.objective.data[name])
    results = [optserve.run(problem).model_dump() for problem in (found, wanted)]
    for one in results:
        for name in ("seconds", "memory", "starts", "evidence"):
            del one[name]
    assert results[0] == results[1]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_wrong_with_the_data_is_told_as_before(
    monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    assert is_kept(monkeypatch, LINE, columns(0))
    data = columns(1)
    data["y"][3] = bad
    with pytest.raises(ConfigError) as told:
        optserve.load(LINE, data=data)
    with pytest.raises(ConfigError) as wanted:
        anew(monkeypatch, LINE, data)
    assert str(told.value) == str(wanted.value)


@pytest.mark.parametrize(
    "data",
    [
        {**columns(1), "y": columns(1)["y"][:-1]},
        {"x": columns(1)["x"]},
        {name: one[:0] for name, one in columns(1).items()},
        {**columns(1), "y": ["a"] * 9},
    ],
    ids=["shorter", "missing", "empty", "texts"],
)
def test_other_data_are_refused_as_before(
    monkeypatch: pytest.MonkeyPatch, data: dict[str, Any]
) -> None:
    assert is_kept(monkeypatch, LINE, columns(0))
    with pytest.raises(ConfigError):
        optserve.load(LINE, data=data)


def test_integers_and_frames_of_the_same_numbers_are_taken_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert is_kept(monkeypatch, LINE, columns(0))
    data = {"x": np.arange(9), "y": np.arange(9) ** 2}
    found = optserve.load(LINE, data=data)
    assert found.objective.data["y"].dtype == np.float64
    np.testing.assert_array_equal(found.objective.data["y"], data["y"])


@pytest.mark.parametrize(
    "more",
    [
        {"data": {"missing": "drop"}},
        {"data": {"columns": {"x": {"take": "x", "standardize": True}}}},
        {"data": {"split": {"validation": 0.3}}},
        {"parameters": {"a": {"init": "mean(y)"}, "b": 0.5}},
        {"least_squares": {"observed": "y", "predicted": "a + b * x", "sigma": "0.1 * x"}},
        {"least_squares": {"observed": "y", "predicted": "a + b * x / rows(data)"}},
        {"outputs": {"curve": {"value": "a + b * x", "at": {"x": "x"}}}},
        {"metrics": {"worst": "max(abs(y - a - b * x))"}},
        {"uncertainty": {"method": {"cluster": "x"}}},
        {"precision": "float32"},
    ],
    ids=lambda more: " ".join(f"{key} {value}" for key, value in more.items())[:60],
)
def test_what_depends_on_more_of_the_data_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    assert not is_kept(monkeypatch, {**LINE, **more}, columns(0))


def test_data_are_not_kept() -> None:
    data = columns(0)
    optserve.load(LINE, data=data)
    gone = weakref.ref(data["y"])
    del data
    gc.collect()
    assert gone() is None
