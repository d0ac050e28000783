from __future__ import annotations

import csv
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.jobs.problem import StoppingRule
from optserve.jobs.record.artefacts import check_new, room, save
from optserve.jobs.record.result import Result, read_result
from optserve.jobs.run import run
from optserve.optimizers import adam, gradient_descent, lbfgs
from tests.jobs.problems import parameter, problem, rosenbrock


@pytest.fixture(scope="module")
def result() -> Result:
    return run(rosenbrock(adam(0.1), stop=StoppingRule(steps=50), name="valley"))


def test_the_folder_holds_the_whole_record(result: Result, tmp_path: Path) -> None:
    folder = save(result, config="version: 1\n", runs=tmp_path / "runs")
    assert folder == tmp_path / "runs" / "valley" / "0001"
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "checkpoint.npz",
        "config.resolved.yaml",
        "history.csv",
        "result.json",
    ]
    record = json.loads((folder / "result.json").read_text())
    assert record["version"] == 1
    assert record["loss"] == result.loss
    apart: dict[str, Any] = {"history": [], "checkpoint": {}}
    assert read_result(folder / "result.json") == result.model_copy(update=apart)
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["evaluation"]) for row in rows] == list(range(1, 52))
    assert float(rows[0]["loss"]) == pytest.approx(24.2)
    assert (folder / "config.resolved.yaml").read_text() == "version: 1\n"


def test_the_checkpoint_is_where_the_method_would_go_on(result: Result, tmp_path: Path) -> None:
    folder = save(result, out=tmp_path / "here")
    with np.load(folder / "checkpoint.npz", allow_pickle=False) as found:
        assert found["evaluations"] == 51
        step, first, second = (found[f"state_00{number}"] for number in range(3))
        assert step == 51
        assert first.shape == second.shape == found["point"].shape == (2,)
        assert found["best"].tolist() == list(result.parameters.values())


def test_numbers_go_on_and_names_stay_inside(result: Result, tmp_path: Path) -> None:
    assert [save(result, runs=tmp_path).name for _ in range(3)] == ["0001", "0002", "0003"]
    outside = result.model_copy(update={"name": "../../etc/x y"})
    assert save(outside, runs=tmp_path).parent == tmp_path / "etc_x_y"


def test_a_folder_that_exists_is_never_written_into(result: Result, tmp_path: Path) -> None:
    out = tmp_path / "taken"
    out.mkdir()
    for attempt in (lambda: check_new(out), lambda: save(result, out=out)):
        with pytest.raises(ConfigError, match="taken exists already"):
            attempt()
    assert list(out.iterdir()) == []
    assert list(tmp_path.iterdir()) == [out]


def test_what_fails_half_way_leaves_nothing(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space left"):
        save(result, runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(result: Result, tmp_path: Path) -> None:
    home = tmp_path / "valley"
    left = home / ".unfinished-4194305-0123456789ab"
    foreign = home / ".unfinished-notes"
    for folder in (left, foreign):
        folder.mkdir(parents=True)
        (folder / "result.json").write_text("{")
    with room("valley", runs=tmp_path) as other:  # one that is still at work
        save(result, runs=tmp_path)
        assert other.folder.exists()
        assert foreign.exists()
        assert not left.exists()


def test_a_name_that_was_taken_while_the_job_ran_loses_nothing(
    result: Result, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    with room("valley", out=out) as place:
        out.mkdir()
        (out / "theirs").write_text("")
        assert place.keep(result) == tmp_path / "mine-2"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["mine", "mine-2"]


def test_there_is_a_place_before_the_job_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(ConfigError, match="there is no place"), room("a", runs=tmp_path / "runs"):
        pytest.fail("it ran")
    deep = tmp_path / "deep" / "runs"
    with room("a", runs=deep) as place:
        assert place.folder.parent == deep / "a"
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs"]


def _save_many(result: Result, runs: Path, count: int) -> None:
    for _ in range(count):
        save(result, runs=runs)


def test_many_processes_may_save_at_once(result: Result, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_save_many, args=(result, tmp_path, 15)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    folders = sorted(entry.name for entry in (tmp_path / "valley").iterdir())
    assert folders == [f"{number:04d}" for number in range(1, 61)]
    assert all(len(list((tmp_path / "valley" / name).iterdir())) == 3 for name in folders)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_the_folder_has_the_permissions_of_any_other(result: Result, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    folder = save(result, runs=tmp_path)
    assert folder.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_failure_leaves_a_record_too(tmp_path: Path) -> None:
    made = problem(
        lambda x: x + np.log(x), [parameter("x", 0.1)], optimizer=gradient_descent(0.5), name="fell"
    )
    folder = save(run(made), runs=tmp_path)
    record = json.loads((folder / "result.json").read_text())
    assert record["termination"]["exit_code"] == 5
    assert record["failure"]["primitive"] == "log"
    assert "nan" in (folder / "history.csv").read_text()
    never = problem(lambda x: np.log(x), [parameter("x", -1.0)], optimizer=lbfgs(), name="never")
    record = json.loads((save(run(never), runs=tmp_path) / "result.json").read_text())
    assert record["loss"] is None
    assert record["gradient"] == {"x": None}
