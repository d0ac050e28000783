"""Refits by several processes: the same to the bit, failures counted, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from optserve.cli.processes import by_processes, fits_by_processes
from optserve.jobs.evidence.uncertainty.refits import Refit, StoppedError
from optserve.jobs.interruption import Interruption
from tests.cli.conftest import Invoke

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")

DECAY = """version: 1
data:
  inline:
    t: [0.1, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8]
    y: [9.4, 7.9, 6.4, 5.0, 4.3, 2.6, 2.1, 1.4, 1.2, 0.9]
    g: [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
  columns: {t: t, y: y, g: {take: g, as: category}}
parameters: {a: 8, k: 0.5, c: 0}
least_squares: {observed: y, predicted: a * exp(-k * t) + c}
"""

KINDS = {
    "bootstrap": "{method: {bootstrap: {n: 41}}}",
    "clusters": "{method: {bootstrap: {n: 20, by: g}}}",
    "jackknife": "{method: [jackknife, {bootstrap: {n: 5}}]}",
}


def found(invoke: Invoke, *arguments: str) -> dict[str, Any]:
    result = invoke("run", "fit.yaml", "--format", "json", "--quiet", *arguments)
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_they_find_the_same_to_the_bit(invoke: Invoke, here: Path, kind: str) -> None:
    (here / "fit.yaml").write_text(f"{DECAY}uncertainty: {KINDS[kind]}\n")
    alone = found(invoke)
    assert alone["uncertainties"]
    for jobs in ("2", "5"):
        several = found(invoke, "--jobs", jobs)
        for part in ("uncertainties", "intervals", "standard_errors", "covariance", "warnings"):
            assert several[part] == alone[part]


def test_failed_refits_are_counted_alike(invoke: Invoke, here: Path) -> None:
    rows = "{inline: {x: [0, 0, 0, 0, 0, 1], y: [1, 2, 1.5, 1, 2, 3]}}"
    text = f"version: 1\ndata: {rows}\nparameters: {{a: 0, b: 1}}\n"
    text += "least_squares: {observed: y, predicted: a + b * x}\n"
    (here / "fit.yaml").write_text(f"{text}uncertainty: {{method: {{bootstrap: {{n: 40}}}}}}\n")
    alone = found(invoke)["uncertainties"]["bootstrap"]
    assert 0 < alone["failed"] < 20
    assert found(invoke, "--jobs", "3")["uncertainties"]["bootstrap"] == alone


def test_errors_afterwards(invoke: Invoke, here: Path) -> None:
    (here / "fit.yaml").write_text(DECAY)
    found(invoke, "--out", "run")
    asked = ("uncertainty", "run", "--method", "{bootstrap: {n: 12}}", "--format", "json")
    alone, several = (invoke(*asked, "--jobs", jobs).stdout for jobs in ("1", "2"))
    assert json.loads(alone)["uncertainties"] == json.loads(several)["uncertainties"]


def test_time_that_is_up_stops_all(invoke: Invoke, here: Path) -> None:
    asked = "uncertainty: {method: {bootstrap: {n: 1000000}}}\nstop: {seconds: 1}\n"
    (here / "fit.yaml").write_text(DECAY + asked)
    began = time.perf_counter()
    result = invoke("run", "fit.yaml", "--jobs", "2", "--quiet")
    assert time.perf_counter() - began < 60.0
    assert "the time was up" in result.output


def test_ctrl_c_ends_all_processes(here: Path) -> None:
    asked = "uncertainty: {method: {bootstrap: {n: 1000000}}}\n"
    (here / "fit.yaml").write_text(DECAY + asked)
    command = [str(Path(sys.executable).with_name("optserve")), "run", "fit.yaml", "--jobs", "2"]
    running = subprocess.Popen(
        command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    if not children.exists():
        running.kill()
        pytest.skip("nothing tells which processes a process has")
    until = time.monotonic() + 60.0
    while len(started := children.read_text().split()) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=60.0)
    assert running.returncode == 130, output
    assert "no errors by bootstrap: interrupted" in output
    assert not [one for one in started if Path(f"/proc/{one}").exists()]


def test_what_a_process_does_not_come_to_is_made_here() -> None:
    here = os.getpid()

    def fit(number: int) -> int:
        if number == 3 and os.getpid() != here:
            os._exit(9)
        return number * number

    with Interruption() as interruption:
        assert [*fits_by_processes(fit, 6, 2, interruption)] == [0, 1, 4, 9, 16, 25]


def test_one_that_stops_all() -> None:
    def refit(number: int) -> Refit:
        if number == 2:
            raise StoppedError("the time was up")
        return Refit({}, float(number))

    with Interruption() as interruption, pytest.raises(StoppedError):
        [*by_processes(2)(interruption)(refit, 5)]
