"""A file, a mapping and models written in Python give the same problem; data may be in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import optserve
from optserve.config import load
from optserve.config.given import tree_of
from optserve.config.nodes import plain
from optserve.config.parse_yaml import parse
from optserve.config.resolved import resolved_text
from optserve.config.source import read_source
from optserve.errors import ConfigError, ConfigErrors
from optserve.jobs.problem import Problem
from optserve.jobs.run import run
from tests.config.evaluation import evaluate

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "configs").glob("*.yaml"))
COLUMNS = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.1, 5.9, 8.2]}
LINE: Mapping[str, Any] = {
    "version": 1,
    "parameters": {"a": 0, "b": {"init": 1, "bounds": [0, None]}},
    "define": {"line(t)": "a + b * t"},
    "least_squares": {"observed": "y", "predicted": "line(x)"},
}


def fingerprint(problem: Problem) -> tuple[Any, ...]:
    """What a descent is made of."""
    return (
        str(problem.objective.graph),
        [(one.name, one.init.tolist(), one.lower.tolist()) for one in problem.parameters],
        problem.optimizer.name if problem.optimizer else "",
        replace(problem.stop, plateau=None),  # it has a place
        [np.asarray(one).tobytes() for one in problem.objective.data.values()],
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_three_forms_give_the_same_problem(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "robust" in path.stem:
        pytest.skip("needs a plugin")
    written: Any = plain(parse(read_source(path)))
    monkeypatch.chdir(path.parent)
    expected = fingerprint(load(path))
    assert fingerprint(load(str(path))) == expected
    assert fingerprint(load(written)) == expected
    config = optserve.Config.model_validate(written)
    assert fingerprint(load(config)) == expected
    assert plain(tree_of(config)) == plain(tree_of(optserve.Config(**written)))


def test_whole_numbers_stay_whole() -> None:
    config = {
        "version": 1,
        "parameters": {"b": 1},
        "define": {"k": 1, "shifted": {"compose": [{"take": 2}]}},
        "loss": "(take(x, k) - b)**2",
        "data": {"inline": {"x": [1, 5, 7]}, "rows": False},
    }
    for one in (config, optserve.Config.model_validate(config)):
        assert evaluate(load(one))[0] == 16.0
    assert optserve.Config(version=1, parameters={"b": 1}, loss=2).loss == 2
    with pytest.raises(ConfigError, match="`loss` is inf"):
        load({"version": 1, "parameters": {"b": 1}, "loss": float("inf")})


def test_a_config_is_built_of_its_parts() -> None:
    config = optserve.Config(
        version=1,
        parameters={"a": 0, "b": optserve.Parameter(init=1, bounds=(0, None))},
        define={"line(t)": "a + b * t"},
        least_squares=optserve.Comparison(observed="y", predicted="line(x)"),
        data=optserve.Table(inline=COLUMNS),
        stop=optserve.Stop(steps=50),
    )
    problem = load(config)
    assert fingerprint(problem)[1] == [("a", 0.0, -np.inf), ("b", 1.0, 0.0)]
    assert run(problem).parameters["b"] == pytest.approx(2.04)
    again = parse(read_source_text(resolved_text(problem)))
    assert fingerprint(load(plain(again))) == fingerprint(problem)  # type: ignore[arg-type]


def read_source_text(written: str) -> Any:
    from optserve.config.source import Source

    return Source("config.yaml", written)


class Series:
    """A column as a data frame of another library gives it."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def to_numpy(self) -> Any:
        return np.array(self.values, dtype=object)


class DataFrame:
    """As much of a data frame as is asked for."""

    columns = ("x", "y", "site")

    def __getitem__(self, name: str) -> Series:
        return Series({**COLUMNS, "site": ["b", "a", None, "b"]}[name])


@pytest.mark.parametrize(
    "data",
    [
        COLUMNS,
        {name: np.array(column) for name, column in COLUMNS.items()},
        pa.table(COLUMNS),
        DataFrame(),
    ],
    ids=["lists", "arrays", "Arrow", "a data frame"],
)
def test_data_are_given_in_memory(data: Any) -> None:
    problem = load(LINE, data=data)
    inline = load({**LINE, "data": {"inline": COLUMNS}})
    assert fingerprint(problem) == fingerprint(inline)
    assert problem.rows_used == 4
    assert run(problem).parameters["a"] == pytest.approx(run(inline).parameters["a"], rel=1e-9)


def test_the_config_says_how_rows_in_memory_are_used() -> None:
    rows = {"where": "x > 1", "derive": {"xc": "x - mean(x)"}, "columns": {"x": "x", "y": "y"}}
    problem = load({**LINE, "data": rows, "metrics": {"m": "mean(xc)"}}, data=COLUMNS)
    assert (problem.rows_used, problem.rows_read) == (3, 4)
    matrix = {"X": np.ones((4, 2)), "y": np.zeros(4)}
    squares = {"version": 1, "parameters": {"w": [1, 2]}, "least_squares": "y - X @ w"}
    made = load(squares, data=matrix)
    assert evaluate(made)[0] == 4 * 9.0


@pytest.mark.parametrize(
    ("config", "data", "message"),
    [
        (LINE, {"x": [1.0, 2.0], "y": [1.0]}, "no number of rows in common"),
        (LINE, {"x": [1.0, np.nan], "y": [1.0, 2.0]}, "column x has a missing value in row 2"),
        (LINE, {"x": [1.0, None], "y": [1.0, 2.0]}, "column x has a missing value in row 2"),
        (LINE, {"x": ["1", "2"], "y": [1.0, 2.0]}, "column x holds texts"),
        (LINE, {"x": [object(), 1], "y": [1.0, 2.0]}, "column x holds Python objects"),
        (LINE, {"x": [[1.0], [1.0, 2.0]], "y": [1.0, 2.0]}, "column x is no array"),
        (LINE, {"x": [], "y": []}, "the table data has no rows"),
        (LINE, {"x": [1j, 2], "y": [1.0, 2.0]}, "values of the type complex128"),
        (LINE, {}, "the data given is empty"),
        (LINE, [1.0], "the data given is a list"),
        (LINE, {1: [1.0]}, "called by a text"),
        (LINE, {"x": [1.0]}, "no value is called 'y'"),
        ({**LINE, "data": {"read": "d.csv"}}, COLUMNS, "`read` is about what the config reads"),
        ({**LINE, "data": {"where": "x > 1"}}, None, "a table without `read` or `inline`"),
        ({**LINE, "data": {"where": "x > 1", "header": True}}, COLUMNS, "without `read`"),
    ],
)
def test_data_that_cannot_be_used_are_refused(config: Any, data: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(config, data=data)


def test_what_is_wrong_in_python_is_told_by_its_key() -> None:
    wrong = {**LINE, "stop": {"steps": -1}, "optimiser": "adam"}
    with pytest.raises(ConfigErrors) as caught:
        load(wrong)
    assert caught.value.block() == (
        "stop.steps: `stop.steps` is the number -1\n"
        "  expected: a whole number of at least 0\n\n"
        "optimiser: there is no key `optimiser` here\n"
        f"  expected: one of {', '.join(optserve.Config.keys())}\n"
        "  remedy: did you mean 'optimizer'?"
    )
    with pytest.raises(ConfigError) as found:
        load({**LINE, "define": {"line(t)": "a + bb * t"}}, data=COLUMNS)
    assert found.value.block().startswith(
        "define.line(t):1:5: no value is called 'bb', in line(t) called at "
        "least_squares.predicted:1:1\n    a + bb * t\n        ^^\n"
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [("seed", {1, 2}), ("name", object()), ("stop", {1: 2}), ("loss", float("nan")), ("seed", 1j)],
)
def test_what_no_config_holds_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ConfigError):
        load({**LINE, key: value}, data=COLUMNS)


def test_what_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["a"] = endless
    with pytest.raises(ConfigError, match="nested too deeply"):
        load({**LINE, "define": endless})


def test_the_result_says_what_ran() -> None:
    problem = load({**LINE, "name": "line"}, data=COLUMNS)
    result = json.loads(run(problem).to_json())
    assert result["name"] == "line"
    assert load(LINE, data=COLUMNS).name == "config"


def test_arrays_may_stand_in_a_config() -> None:
    config = {"version": 1, "parameters": {"w": np.array([1.0, 2.0])}, "loss": "sum(w**2)"}
    made = load({**config, "seed": np.int64(3)})
    assert (made.parameters[0].init.tolist(), made.seed) == ([1.0, 2.0], 3)


def test_a_process_loads_many_small_configs() -> None:
    load(LINE, data=COLUMNS)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        for seed in range(20):
            load({**LINE, "seed": seed}, data=COLUMNS)
        seconds.append((time.process_time() - start) / 20)
    assert min(seconds) < 0.01


def test_what_is_masked_is_missing() -> None:
    x, y = np.ma.masked_greater([1.0, 2.0, 99.0], 50.0), np.array([1.0, 2.0, 3.0])
    with pytest.raises(ConfigError, match="x has a missing value in row 3"):
        optserve.load(LINE, data={"x": x, "y": y})
    counted = np.ma.masked_array([1, 2, 99], mask=[False, False, True])
    for column in (x, counted):
        problem = optserve.load({**LINE, "data": {"missing": "drop"}}, data={"x": column, "y": y})
        assert problem.objective.data["x"].tolist() == [1.0, 2.0]


def test_only_a_problem_runs() -> None:
    with pytest.raises(ConfigError, match="what is to run is a dict") as caught:
        optserve.run(LINE)  # type: ignore[arg-type]
    assert "optserve.run(optserve.load(config))" in str(caught.value)
