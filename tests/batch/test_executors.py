"""Jobs that an executor has run elsewhere: the same bits, nothing lost, nothing twice."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from benchmarks.batches import config
from tests.batch.test_batch import (
    FAULTS,
    FINE,
    batch,
    here,
    left_behind,
    outcomes,
    without_what_varies,
)

__all__ = ["here"]

EXECUTORS = """
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from optserve.plugin import hookimpl
import pickle

def threads(address: str = "", workers: int = 1):
    def execute(orders, stopped):
        with ThreadPoolExecutor(workers) as pool:
            for future in as_completed([pool.submit(order.do) for order in orders]):
                yield future.result()
    return execute

def twice(address: str = "", workers: int = 1):
    def execute(orders, stopped):
        for order in orders:
            yield order.do()
            yield order.do()
    return execute

def pickling(address: str = "", workers: int = 1):
    def execute(orders, stopped):
        for order in orders:
            yield pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(order)).do()))
    return execute

def changing(address: str = "", workers: int = 1):
    def execute(orders, stopped):
        Path("points.csv").write_text("x\\n1\\n2\\n4\\n")
        for order in orders:
            yield order.do()
    return execute

def losing(address: str = "", workers: int = 1):
    lost = []
    def execute(orders, stopped):
        for order in orders:
            if order.number in lost:
                yield order.do()
            else:
                lost.append(order.number)
                yield order.lost()
    return execute

def forgetting(address: str = "", workers: int = 1):
    def execute(orders, stopped):
        [*orders]
        return iter(())
    return execute

def escaping(address: str = "", workers: int = 1):
    from dataclasses import replace
    def execute(orders, stopped):
        for order in orders:
            yield replace(order.do(), files={"../../stray": b"no"})
    return execute

def failing(address: str = "", workers: int = 1):
    raise RuntimeError("no address")

@hookimpl
def optserve_executors():
    return [threads, twice, pickling, changing, losing, forgetting, escaping, failing]
"""


@pytest.fixture
def there(here: Path) -> Path:
    (here / "executors.py").write_text(EXECUTORS)
    (here / "faults.py").write_text(FAULTS)
    (here / "fits").mkdir()
    return here


def small_fits(there: Path, count: int) -> None:
    random = Random(count)
    for number in range(count):
        (there / "fits" / f"j{number:04d}.yaml").write_text(config(random))


def same_bits(there: Path, one: str, other: str) -> None:
    """Hold that two batches came to the same, folder by folder."""
    folders = [{path.name for path in (there / name).iterdir()} for name in (one, other)]
    assert folders[0] == folders[1]
    for name in folders[0] - {"batch.json", "batch.csv"}:
        files = [
            {path.name for path in (there / batch_ / name).iterdir()} for batch_ in (one, other)
        ]
        assert files[0] == files[1]
        told = [
            json.loads((there / batch_ / name / "result.json").read_text())
            for batch_ in (one, other)
        ]
        assert without_what_varies(told[0]) == without_what_varies(told[1])
        texts = [(there / b / name / "config.resolved.yaml").read_text() for b in (one, other)]
        assert texts[0] == texts[1]


@pytest.mark.parametrize("executor", ["threads", "twice", "pickling"])
def test_the_same_bits_as_here(there: Path, executor: str) -> None:
    small_fits(there, 4)
    assert batch(there, "fits", "--out", "local", "--quiet")[0] == 0
    on = ("--on", executor, "--plugin", "executors.py", "--jobs", "2")
    code, told, log = batch(there, "fits", "--out", "all", *on, "--log-format", "json")
    assert code == 0, told + log
    same_bits(there, "local", "all")
    ended = [json.loads(line)["job"] for line in log.splitlines() if '"ended"' in line]
    assert sorted(ended) == sorted(outcomes(there, "all"))
    assert left_behind(there) == []


def test_what_is_lost_elsewhere_costs_only_itself(there: Path) -> None:
    (there / "fits" / "fine.yaml").write_text(FINE)
    for fault in ("kill", "hang", "leave"):
        text = f"version: 1\nparameters: {{b: 3}}\nloss: {fault}_now(b)\n"
        (there / "fits" / f"{fault}.yaml").write_text(text)
    plugins = ("--plugin", "executors.py", "--plugin", "faults.py", "--on", "threads")
    code, told, _ = batch(there, "fits", "--jobs", "2", "--timeout", "5", *plugins)
    assert code == 1, told
    found = {name: (one["ended"], one["exit_code"]) for name, one in outcomes(there).items()}
    assert found == {
        "fine": ("result", 0),
        "kill": ("killed", 1),
        "hang": ("timeout", 1),
        "leave": ("killed", 1),
    }
    assert outcomes(there)["leave"]["output"] == "leaving without a word"
    assert left_behind(there) == []


def test_a_machine_with_other_data_runs_nothing(there: Path) -> None:
    (there / "points.csv").write_text("x\n1\n2\n3\n")
    (there / "fits" / "line.yaml").write_text(
        "version: 1\ndata: {read: ../points.csv}\nparameters: {b: 1}\nleast_squares: x - b\n"
    )
    on = ("--on", "changing", "--plugin", "executors.py", "--allow-path")
    code, told, _ = batch(there, "fits", *on)
    assert code == 2, told
    assert outcomes(there)["line"]["ended"] == "refused"
    assert "has other data for it" in told


def test_what_a_worker_lost_is_retried_where_that_is_asked_for(there: Path) -> None:
    (there / "fits" / "fine.yaml").write_text(FINE)
    on = ("--on", "losing", "--plugin", "executors.py")
    assert batch(there, "fits", *on, "--out", "once")[0] == 1
    assert outcomes(there, "once")["fine"]["ended"] == "killed"
    assert batch(there, "fits", *on, "--out", "again", "--retries", "1")[0] == 0
    assert outcomes(there, "again")["fine"]["retries"] == 1


def test_what_no_executor_answers_is_no_success(there: Path) -> None:
    (there / "fits" / "fine.yaml").write_text(FINE)
    plugin = ("--plugin", "executors.py")
    code, told, _ = batch(there, "fits", "--on", "forgetting", *plugin, "--out", "none")
    assert code == 1, told
    assert outcomes(there, "none")["fine"]["ended"] == "killed"
    code, _, log = batch(there, "fits", "--on", "escaping", *plugin)
    assert code == 6
    assert "outside of the folder of its job: ../../stray" in log
    assert not (there / "stray").exists()
    code, _, log = batch(there, "fits", "--on", "failing", *plugin)
    assert code == 6
    assert "RuntimeError: no address" in log


def test_an_executor_that_is_not_there_is_told(there: Path) -> None:
    (there / "fits" / "fine.yaml").write_text(FINE)
    code, _, log = batch(there, "fits", "--on", "dusk")
    assert (code, (there / "runs").exists()) == (2, False)
    assert "did you mean 'dask'?" in log
    code, _, log = batch(there, "fits", "--scheduler", "tcp://localhost:8786")
    assert code == 2
    assert "--scheduler needs --on" in log
