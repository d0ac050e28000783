"""Many small jobs, some of them lost: the same bits as alone, exactly the lost ones reported."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from benchmarks.batches import config, descents, measured
from optserve.config import load
from optserve.jobs.run import run
from tests.batch.test_batch import (
    HUNGRY,
    batch,
    here,
    left_behind,
    outcomes,
    without_what_varies,
)
from tests.cli.conftest import command_line, environment

__all__ = ["here"]

LOST = {"kill": "killed", "crash": "killed", "hang": "timeout", "leave": "killed"}


def many(here: Path, count: int, share: float, faults: Sequence[str]) -> None:
    """Run ``count`` configs of which a ``share`` has one of ``faults``, and hold what must hold."""
    random = Random(count)
    expected = {}
    for number in range(count):
        name, text, expected_end = f"j{number:04d}", config(random), "result"
        if random.random() < share:
            fault = random.choice(faults)
            expected_end = LOST.get(fault, "memory")
            text = f"version: 1\nparameters: {{b: 3}}\nloss: {fault}_now(b)\n"
            text = HUNGRY if fault == "hungry" else text
        (here / f"{name}.yaml").write_text(text)
        expected[name] = expected_end
    limits = ("--timeout", "20", "--memory", "100MiB", "--plugin", "faults.py")
    code, told, _ = batch(here, ".", "--jobs", "2", "--quiet", "--out", "all", *limits)
    assert code == 1, told
    found = outcomes(here, "all")
    assert {name: one["ended"] for name, one in found.items()} == expected
    folders = {one.name for one in (here / "all").iterdir()} - {"batch.json", "batch.csv"}
    assert folders == {name for name, end in expected.items() if end == "result"}
    assert left_behind(here) == []
    for name in sorted(folders)[:: max(1, count // 100)]:
        alone = json.loads(run(load(here / f"{name}.yaml")).to_json())
        together = json.loads((here / "all" / name / "result.json").read_text())
        assert Path(alone.pop("config")).name == together.pop("config")
        assert without_what_varies(alone) == without_what_varies(together)


def test_some_jobs(here: Path) -> None:
    many(here, 16, 0.3, ("kill", "crash", "leave", "hungry"))


@pytest.mark.nightly
def test_a_thousand_jobs_of_which_one_in_twenty_is_lost(here: Path) -> None:
    many(here, 1000, 0.05, ("kill", "crash", "hang", "leave", "hungry"))


@pytest.mark.nightly
def test_a_small_job_costs_little_beside_its_descent(here: Path) -> None:
    random = Random(1000)
    (here / "jobs").mkdir()
    for number in range(1000):
        (here / "jobs" / f"j{number:04d}.yaml").write_text(config(random))
    before = descents(here / "jobs")
    spent, _, _ = measured(here / "jobs", here / "all", "--jobs", "2")
    alone = (before + descents(here / "jobs")) / 2
    assert (spent - alone) / 1000 < 0.020
    assert left_behind(here) == []


def test_a_terminal_shows_what_runs_and_is_left_as_it_was(here: Path) -> None:
    (here / "slow.yaml").write_text(
        "version: 1\nparameters: {b: 3}\nloss: (b - 1)**2\nstop: {seconds: 1}\n"
        "optimizer: {gradient_descent: {learning_rate: 1.0e-12}}\nexpect: {loss: {max: 0}}\n"
    )
    terminal, inside = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        while True:
            try:
                seen.append(os.read(terminal, 4096))
            except OSError:
                return

    reading = threading.Thread(target=read)
    reading.start()
    done = subprocess.run(
        command_line("batch", "slow.yaml"),
        cwd=here,
        env=environment({"TERM": "xterm"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=inside,
        timeout=120,
        check=False,
    )
    os.close(inside)
    reading.join(timeout=10)
    os.close(terminal)
    shown = b"".join(seen).decode()
    assert done.returncode == 4, shown
    assert "0 done" in shown
    assert "  slow  " in shown
    assert "[1/1] slow" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
