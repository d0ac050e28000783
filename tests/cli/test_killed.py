"""A run that is killed at any moment: no half result, and nothing left after the next run."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tests.cli.conftest import command_line, environment

FEW, MANY = 6, 100

CONFIG = """
version: 1
name: fit
data: {read: d.csv.gz, encoding: latin-1, columns: {g: {take: g, as: category}}, in_memory: false}
parameters: {a: {shape: [3], init: 0}, b: 0}
loss: mean((y - a[g] - b * x)**2)
optimizer: {gradient_descent: {learning_rate: 0.01}}
stop: {steps: 300}
"""

ARTEFACTS = {"result.json", "config.resolved.yaml", "graph.txt", "history.csv", "checkpoint.npz"}


@pytest.fixture
def fit(here: Path) -> list[str]:
    """A run that streams a packed file and leaves a history of some hundred lines."""
    import gzip

    random = np.random.default_rng(0)
    x, g = random.normal(size=20_000).round(4), random.integers(0, 3, 20_000)
    lines = [f"{one},k{of},{2 * one + of:.4f}\n" for one, of in zip(x, g, strict=True)]
    (here / "d.csv.gz").write_bytes(gzip.compress(("x,g,y\n" + "".join(lines)).encode()))
    (here / "fit.yaml").write_text(CONFIG)
    return command_line("run", "fit.yaml", "--quiet")


def finished(arguments: list[str], here: Path) -> float:
    """The seconds that a whole run takes; it ends as it should."""
    before = time.perf_counter()
    done = subprocess.run(arguments, cwd=here, env=environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - before


def check_results(here: Path) -> int:
    """Hold that every result is a whole one; returns how many there are."""
    folders = [one for one in (here / "runs" / "fit").iterdir() if one.name.isdigit()]
    for folder in folders:
        assert {one.name for one in folder.iterdir()} == ARTEFACTS
        assert json.loads((folder / "result.json").read_text())["name"] == "fit"
        assert (folder / "history.csv").read_text().endswith("\n")
        np.load(folder / "checkpoint.npz").close()
    return len(folders)


def kill_at_random(arguments: list[str], here: Path, times: int, seed: int) -> None:
    random, longest = Random(seed), finished(arguments, here)
    ends = 0
    for number in range(times):
        process = subprocess.Popen(arguments, cwd=here, env=environment(), stdout=-3, stderr=-3)
        late = number % 2 == 1  # where the result is written
        time.sleep(longest * (random.uniform(0.85, 1.05) if late else random.random()))
        process.send_signal(signal.SIGKILL)
        ends += process.wait() == 0
        check_results(here)
    before = check_results(here)
    finished(arguments, here)
    assert check_results(here) == before + 1
    assert ends + 2 <= before + 1
    left = {one.name for one in here.rglob("*")} - ARTEFACTS
    assert {one for one in left if not one.isdigit()} == {"d.csv.gz", "fit.yaml", "runs", "fit"}


@pytest.mark.slow
def test_killed_at_a_few_moments(fit: list[str], here: Path) -> None:
    kill_at_random(fit, here, FEW, seed=0)


@pytest.mark.nightly
def test_killed_at_many_moments(fit: list[str], here: Path) -> None:
    kill_at_random(fit, here, MANY, seed=1)
