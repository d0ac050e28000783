"""`optserve report RUN`: what a run left, as a page and in every other kind."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.conftest import CONFIGS, Invoke


def test_a_run_becomes_a_page(invoke: Invoke, here: Path) -> None:
    assert invoke("run", CONFIGS / "misra1a.yaml", "--report", "html=at-once.html").exit_code == 0
    result = invoke("report", "runs/misra1a/0001")
    assert result.exit_code == 0
    assert result.stdout == "wrote runs/misra1a/0001/report.html\n"
    later = (here / "runs/misra1a/0001/report.html").read_text()
    assert later.count("<svg") == 5
    assert "sha256" in later
    assert "model(t)" in later
    graph = (here / "runs/misra1a/0001/graph.txt").read_text()
    assert graph.startswith("inputs  ")
    assert f"<pre>{graph.rstrip()}</pre>" in later.replace("&#x27;", "'")
    assert _bare(later) == _bare((here / "at-once.html").read_text())


def _bare(page: str) -> str:
    """Without times, which a table holds to the microsecond."""
    return re.sub(r"<td>time</td><td[^>]*>[^<]*", "", page)


def test_other_kinds_of_a_run(invoke: Invoke, here: Path) -> None:
    invoke("run", CONFIGS / "misra1a.yaml", "--out", "run", "--report", "tap=a.tap")
    result = invoke("report", "run/result.json", "--report", "tap=b.tap")
    assert result.stdout == "wrote b.tap\n"
    assert (here / "a.tap").read_text() == (here / "b.tap").read_text()
    assert not (here / "run/report.html").exists()


def test_what_is_no_run(invoke: Invoke, here: Path) -> None:
    result = invoke("report", "nothing")
    assert result.exit_code == 2
    assert "there is no folder nothing" in result.stderr
    assert "runs/NAME/0001" in result.stderr


def test_a_folder_of_runs_names_its_last(invoke: Invoke, here: Path) -> None:
    for number in (1, 2):
        invoke("run", CONFIGS / "sigmoid.yaml", "--out", f"runs/s/000{number}")
    result = invoke("report", "runs/s")
    assert result.exit_code == 2
    assert f"such as {Path('runs/s/0002')}" in result.stderr
