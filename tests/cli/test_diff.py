"""`optserve diff`: what is different between two runs, and how far."""

from __future__ import annotations

from math import hypot
from pathlib import Path

import pytest

from optserve.jobs.record.result import read_result
from tests.cli.conftest import Invoke

CONFIG = """\
version: 1
name: line
data: {inline: {x: [0, 1, 2, 3], y: [1.1, 2.9, 5.2, 6.8]}}
parameters: {a: 0, b: 0, c: {shape: [2], init: 1, fixed: true}}
least_squares: {observed: y, predicted: "a + b * x + 0 * c[0]"}
"""


def shown(invoke: Invoke, *runs: str) -> list[list[str]]:
    done = invoke("diff", *runs)
    assert done.exit_code == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_runs_that_differ_and_runs_that_do_not(invoke: Invoke, here: Path) -> None:
    (here / "line.yaml").write_text(CONFIG)
    for out in ("a", "again"):
        assert invoke("run", "line.yaml", "--out", out, "--quiet").exit_code == 0
    (here / "line.yaml").write_text(CONFIG.replace("6.8", "7.8"))
    assert invoke("run", "line.yaml", "--out", "b", "--set", "seed=3", "--quiet").exit_code == 0
    same = shown(invoke, "a", "again/result.json")
    assert ["b", "1.94", "1.94", "0", "0"] in same
    assert ["the", "configs", "are", "the", "same"] in same
    assert not any(line[:1] == ["ended"] for line in same)
    other = shown(invoke, "a", "b")
    [b] = [line for line in other if line[:1] == ["b"]]
    assert b[1:4] == ["1.94", "2.24", "0.15"]
    errors = [read_result(here / run / "result.json").standard_errors["b"] for run in "ab"]
    assert float(b[4]) == pytest.approx(0.3 / hypot(*errors), rel=0.05)
    assert ["seed", "0", "3"] in other
    assert ["+seed:", "3"] in other


def test_what_is_no_run(invoke: Invoke, here: Path) -> None:
    done = invoke("diff", "none", "nothing")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "none" in done.stderr
