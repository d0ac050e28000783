"""Batches: the same bits as one by one, and what is lost costs only itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import CONFIGS, command_line, environment

SAME = ("misra1a", "eight-schools")
"""Examples that take little time."""

VARIES = {"seconds", "memory", "environment"}

FAULTS = """
import ctypes, os, signal, subprocess, sys, time
import numpy as np
from optserve.plugin import aligned, hookimpl, opaque

def kill(x):
    os.kill(os.getpid(), signal.SIGKILL)

def crash(x):
    ctypes.string_at(0)

def hang(x):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    while True:
        time.sleep(60)

def leave(x):
    print("leaving without a word", flush=True)
    os._exit(0)

def primitive(fault):
    return opaque(
        fault.__name__ + "_now",
        fault,
        shape=lambda x: x,
        pullback=lambda ct, out, x: (ct * x,),
        axes=aligned,
        doc="No number at all.",
    )

@hookimpl
def optserve_primitives():
    return [primitive(fault) for fault in (kill, crash, hang, leave)]
"""

FINE = "version: 1\nparameters: {b: 3}\nloss: (b - 1)**2\nexpect: {loss: {max: 1.0e-6}}\n"

HUNGRY = "version: 1\nparameters: {b: {shape: [16000000], init: 3}}\nloss: sum((b - 1)**2)\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "faults.py").write_text(FAULTS)
    return folder


def batch(here: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """The exit code of ``optserve batch``, and what it printed."""
    done = subprocess.run(
        command_line("batch", *arguments),
        cwd=here,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def outcomes(here: Path, folder: str = "runs/batch/0001") -> dict[str, dict[str, Any]]:
    """The jobs of a batch by id."""
    record = json.loads((here / folder / "batch.json").read_text())
    return {job["id"]: job for job in record["jobs"]}


def without_what_varies(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_what_varies(one) for key, one in value.items() if key not in VARIES}
    return [without_what_varies(one) for one in value] if isinstance(value, list) else value


def left_behind(here: Path) -> list[str]:
    """Processes that work in ``here``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == here:
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_the_same_bits_as_one_by_one(here: Path) -> None:
    configs = [CONFIGS / f"{name}.yaml" for name in SAME]
    code, told, _ = batch(here, *configs, "--jobs", "2")
    assert code == 0, told
    for config in configs:
        subprocess.run(
            command_line("run", config, "--out", config.stem, "--quiet"),
            cwd=here,
            env=environment(),
            capture_output=True,
            check=True,
        )
        alone, many = here / config.stem, here / "runs/batch/0001" / config.stem
        results = [json.loads((one / "result.json").read_text()) for one in (alone, many)]
        assert without_what_varies(results[0]) == without_what_varies(results[1])
        assert (alone / "config.resolved.yaml").read_text() == (
            many / "config.resolved.yaml"
        ).read_text()
        with np.load(alone / "checkpoint.npz") as one, np.load(many / "checkpoint.npz") as other:
            assert {n: a.tobytes() for n, a in one.items()} == {
                n: a.tobytes() for n, a in other.items()
            }
        rows = [(one / "history.csv").read_text().splitlines() for one in (alone, many)]
        assert len({tuple(row.rpartition(",")[0] for row in lines) for lines in rows}) == 1


def test_what_is_lost_costs_only_itself(here: Path) -> None:
    for number in range(4):
        (here / f"fine{number}.yaml").write_text(FINE)
    for fault in ("kill", "crash", "hang", "leave"):
        (here / f"{fault}.yaml").write_text(
            f"version: 1\nparameters: {{b: 3}}\nloss: {fault}_now(b)\n"
        )
    (here / "hungry.yaml").write_text(HUNGRY)
    (here / "strict.yaml").write_text(FINE.replace("max: 1.0e-6", "min: 1"))
    options = ("--jobs", "3", "--timeout", "3", "--memory", "100MiB", "--plugin", "faults.py")
    code, told, log = batch(here, ".", *options)
    assert code == 1, told + log
    found = {name: (one["ended"], one["exit_code"]) for name, one in outcomes(here).items()}
    assert found == {
        **{f"fine{number}": ("result", 0) for number in range(4)},
        "kill": ("killed", 1),
        "crash": ("killed", 1),
        "hang": ("timeout", 1),
        "leave": ("killed", 1),
        "hungry": ("memory", 1),
        "strict": ("result", 4),
    }
    jobs = outcomes(here)
    assert jobs["crash"]["message"].startswith("crashed: SIGSEGV")
    assert "string_at" in jobs["crash"]["output"]
    assert jobs["leave"]["output"] == "leaving without a word"
    assert "4 of 10 jobs passed" in told
    assert log.count("\n") == 10
    left = sorted(one.name for one in (here / "runs/batch/0001").iterdir())
    assert left == ["batch.csv", "batch.json", *sorted(f"fine{n}" for n in range(4)), "strict"]
    assert left_behind(here) == []


def test_every_mistake_is_told_before_anything_runs(here: Path) -> None:
    (here / "a.yaml").write_text(FINE)
    (here / "b.yaml").write_text(FINE.replace("b - 1", "c - 1"))
    (here / "c.yaml").write_text(FINE + "optimiser: adam\n")
    (here / "d.yaml").write_text("version: 1\nname: [\n")
    code, told, log = batch(here, ".")
    assert (code, told) == (2, "")
    assert not (here / "runs").exists()
    assert "d.yaml:" in log
    (here / "d.yaml").unlink()
    code, told, log = batch(here, ".")
    assert (code, told) == (2, "")
    assert "b.yaml:3:8: " in log
    assert "c.yaml:5:1: " in log
    assert not (here / "runs").exists()
    code, told, log = batch(here, ".", "--keep-going")
    assert code == 2
    assert "1 of 3 jobs passed, 2 refused" in told
    assert "b.yaml:3:8: " in told


def test_a_failure_ends_a_batch_that_is_to_fail_fast(here: Path) -> None:
    for name, text in {"a": FINE, "b": FINE.replace("max", "min"), "c": FINE, "d": FINE}.items():
        (here / f"{name}.yaml").write_text(text.replace("min: 1.0e-6", "min: 1"))
    code, _, _ = batch(here, ".", "--fail-fast", "--jobs", "1")
    assert code == 4
    ends = [one["ended"] for one in outcomes(here).values()]
    assert ends == ["result", "result", "not run", "not run"]


@pytest.fixture
def long_batch(here: Path) -> Iterator[subprocess.Popen[str]]:
    """A batch of a job that ends at once, one that takes hours, and one that waits."""
    (here / "a.yaml").write_text(FINE)
    slow = "optimizer: {gradient_descent: {learning_rate: 1.0e-12}}\nstop: {steps: 10000000000}\n"
    for name in "bc":
        (here / f"{name}.yaml").write_text(FINE + slow)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command_line("batch", "a.yaml", "b.yaml", "c.yaml", "--jobs", "1"),
        cwd=here,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    assert "Z [1/3] a  " in process.stderr.readline()
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_what_is_done(
    long_batch: subprocess.Popen[str], here: Path, number: int, code: int
) -> None:
    time.sleep(0.5)
    os.killpg(long_batch.pid, number)
    told, _ = long_batch.communicate(timeout=60)
    assert long_batch.returncode == code, told
    found = outcomes(here)
    assert [one["ended"] for one in found.values()] == ["result", "result", "not run"]
    assert found["b"]["exit_code"] == code
    assert (here / "runs/batch/0001/b/checkpoint.npz").exists()
    assert left_behind(here) == []


def test_no_job_outlives_a_batch_that_was_killed(
    long_batch: subprocess.Popen[str], here: Path
) -> None:
    long_batch.kill()
    long_batch.wait()
    until = time.monotonic() + 20
    while left_behind(here) and time.monotonic() < until:
        time.sleep(0.05)
    assert left_behind(here) == []
    assert (here / "runs/batch/0001/batch.json").exists()
