"""Baselines: each change of a result is caught by exactly what compares it."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from optserve.config import load
from optserve.config.baseline import entry_of, read_entries, write_entry
from optserve.errors import ConfigError
from optserve.jobs.problem import Problem
from optserve.jobs.record.expectations import check
from optserve.jobs.record.result import Result
from optserve.jobs.run import run

CONFIG = """\
version: 1
data: {read: d.csv}
parameters: {a: 0, b: 1, c: {shape: [2], init: [0.1, 0.2]}}
least_squares: {observed: y, predicted: "a + b * x + c[0] * x**2 + c[1] * x**3"}
"""

BASELINE = "baseline: {file: base.json, rel: 1.0e-6}\n"

WITHIN = "baseline: {file: base.json, compare: [parameters, loss], rel: 1.0e-6, within_se: 3}\n"

ROWS = "x,y\n" + "".join(f"{x / 4},{2 + x / 4 + (x * 7 % 5) / 10}\n" for x in range(12))


@pytest.fixture
def fit(tmp_path: Path) -> tuple[Problem, Result]:
    """A fit whose baseline is written."""
    (tmp_path / "d.csv").write_text(ROWS)
    (tmp_path / "fit.yaml").write_text(CONFIG)
    problem = load(tmp_path / "fit.yaml")
    result = run(problem)
    entry = entry_of(result, problem, ("loss", "parameters"))
    write_entry(tmp_path / "base.json", "fit", entry)
    return problem, result


def judged(folder: Path, result: Result, baseline: str = BASELINE) -> list[str]:
    """The paths of the baseline that do not hold of a result."""
    (folder / "fit.yaml").write_text(CONFIG + baseline)
    problem = load(folder / "fit.yaml")
    seen = result.model_dump()
    found = [check(one, seen) for one in problem.expectations]
    assert [one.path for one in found]
    return [one.path for one in found if not one.holds]


def changed(result: Result, path: str, factor: float) -> Result:
    tree: Any = result.model_dump()
    name, _, index = path.removeprefix("parameters.").partition("[")
    if path == "loss":
        tree["loss"] *= factor
    elif index:
        tree["parameters"][name][int(index[:-1])] *= factor
    else:
        tree["parameters"][name] *= factor
    update = {"loss": tree["loss"], "parameters": tree["parameters"]}
    return result.model_copy(update=update)


def test_each_change_is_caught_by_exactly_its_gate(
    fit: tuple[Problem, Result], tmp_path: Path
) -> None:
    _, result = fit
    assert judged(tmp_path, result) == []
    random = Random(0)
    paths = ("loss", "parameters.a", "parameters.b", "parameters.c[0]", "parameters.c[1]")
    (tmp_path / "fit.yaml").write_text(CONFIG + BASELINE)
    expectations = load(tmp_path / "fit.yaml").expectations
    for number in range(200):
        path = random.choice(paths)
        factor = 1 + random.choice((-1, 1)) * 10 ** random.uniform(-5.5, 0.5)
        seen = changed(result, path, factor).model_dump()
        wrong = [one.path for one in expectations if not check(one, seen).holds]
        assert wrong == [path.partition("[")[0]], (number, path, factor)
        seen = changed(result, path, 1 + 1e-7).model_dump()
        assert all(check(one, seen).holds for one in expectations)


def test_two_processes_that_update_one_file_lose_nothing(
    fit: tuple[Problem, Result], tmp_path: Path
) -> None:
    problem, result = fit
    entry = entry_of(result, problem, ("loss",))
    context = multiprocessing.get_context("fork")
    file = tmp_path / "many.json"

    def write(first: int) -> None:
        for number in range(first, first + 25):
            write_entry(file, f"job{number}", entry)

    processes = [context.Process(target=write, args=(25 * one,)) for one in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(read_entries(file)) == 100


def test_other_data_are_compared_within_standard_errors(
    fit: tuple[Problem, Result], tmp_path: Path
) -> None:
    _, result = fit
    (tmp_path / "d.csv").write_text(ROWS + "3,5.1\n")
    (tmp_path / "fit.yaml").write_text(CONFIG + WITHIN)
    problem = load(tmp_path / "fit.yaml")
    now = run(problem)
    assert now.exit_code == 0, [one.message for one in now.expectations]
    assert [one.path for one in now.expectations] == [f"parameters.{name}" for name in "abc"]
    assert any("loss is not compared with the baseline" in one for one in now.warnings)
    far = now.model_copy(
        update={"parameters": {**now.parameters, "a": now.parameters["a"] + 10}}
    ).model_dump()
    [wrong] = [found for one in problem.expectations if not (found := check(one, far)).holds]
    assert wrong.path == "parameters.a"
    assert wrong.message.endswith("(baseline: base.json, other data)")
    without = {**far, "standard_errors": {**far["standard_errors"], "b": None}}
    messages = [check(one, without).message for one in problem.expectations]
    assert "there is no standard error to compare by" in messages[1]
    assert result.loss != now.loss


def test_the_name_of_the_file_of_the_data_does_not_matter(
    fit: tuple[Problem, Result], tmp_path: Path
) -> None:
    (tmp_path / "d.csv").rename(tmp_path / "e.csv")
    (tmp_path / "fit.yaml").write_text(CONFIG.replace("d.csv", "e.csv") + WITHIN)
    checks = load(tmp_path / "fit.yaml").expectations[0].checks
    assert checks["baseline"] == "base.json, the same data"
    assert "within_se" not in checks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASELINE.replace("base.", "none."), "there is no baseline of 'fit' in none.json"),
        ("name: other\n" + BASELINE, "there is no baseline of 'other'"),
        ("baseline: {file: base.json, rel: 1, compare: [steps]}\n", "the baseline has no steps"),
        ("baseline: {file: base.json}\n", "the baseline has no tolerance"),
        ("baseline: {file: base.json, within_se: 2}\n", "loss of the baseline has no tolerance"),
        ("baseline: {file: d.csv, rel: 1}\n", "is no baseline"),
        ("baseline: {file: ../base.json, rel: 1}\n", "leaves the folder"),
    ],
)
def test_what_cannot_be_compared(
    fit: tuple[Problem, Result], tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "fit.yaml").write_text(CONFIG + text)
    with pytest.raises(ConfigError, match=message):
        load(tmp_path / "fit.yaml")


def test_a_parameter_that_is_new_is_told(fit: tuple[Problem, Result], tmp_path: Path) -> None:
    text = CONFIG.replace("a: 0,", "a: 0, d: 0,").replace("a + b", "a + d * x**4 + b")
    (tmp_path / "fit.yaml").write_text(text + BASELINE)
    with pytest.raises(ConfigError, match=r"the baseline has no parameters\.d"):
        load(tmp_path / "fit.yaml")


def test_entries_are_text_in_order(fit: tuple[Problem, Result], tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    entry = read_entries(file)["fit"]
    write_entry(file, "a", entry)
    assert [*json.loads(file.read_text())["jobs"]] == ["a", "fit"]
    assert entry.values["loss"] == fit[1].loss
    assert set(entry.standard_errors) == {"a", "b", "c"}
