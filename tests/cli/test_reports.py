"""`optserve run --report ... --github`: of a job that runs, and of a config that is wrong."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path

import pytest

from optserve.reports.builtin import optserve_reports
from tests.cli.conftest import Invoke

KINDS = {kind.__name__ for kind in optserve_reports()}
if find_spec("matplotlib") is None:
    KINDS -= {"pdf"}

FIT = """version: 1
data: {inline: {x: [1, 2, 3, 4], y: [1.1, 2.3, 2.8, 4.2]}}
parameters: {a: 0, b: 1}
least_squares: {observed: y, predicted: a + b * x}
expect:
  loss: {max: 0.001}
  parameters.b: {near: 1, abs: 0.3}
"""


@pytest.fixture
def fit(here: Path) -> Path:
    (here / ".git").mkdir()
    (here / "fits").mkdir()
    path = here / "fits" / "fit.yaml"
    path.write_text(FIT)
    return path


def test_every_kind_at_once_of_a_job_that_fails(invoke: Invoke, here: Path, fit: Path) -> None:
    wanted = [f"--report={kind}=reports/{kind}" for kind in KINDS]
    result = invoke("run", fit, *wanted)
    assert result.exit_code == 4
    assert sorted(path.name for path in (here / "reports").iterdir()) == sorted(KINDS)
    told = json.loads((here / "reports" / "json").read_text())
    assert told["exit_code"] == 4
    [job] = told["jobs"]
    assert job["result"] == json.loads((here / "runs/fit/0001/result.json").read_text())
    assert [(one["name"], one["level"], one["line"]) for one in job["findings"]] == [
        ("termination", "passed", 0),
        ("expect.loss", "failed", 6),
        ("expect.parameters.b", "passed", 7),
    ]
    assert job["findings"][1]["file"] == "fits/fit.yaml"


def test_a_config_that_is_wrong_is_reported_and_nothing_else_is_written(
    invoke: Invoke, here: Path, fit: Path
) -> None:
    fit.write_text(FIT.replace("a + b", "epx(a) + lgo(b)"))
    result = invoke("run", fit, "--report", "junit=a.xml", "--github", "--format", "json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["exit_code"] == 2
    suite = ET.parse(here / "a.xml").getroot()[0]
    cases = suite.findall("testcase")
    assert [(case.get("name"), case.get("file"), case.get("line")) for case in cases] == [
        ("unknown-function", "fits/fit.yaml", "4"),
        ("unknown-function 2", "fits/fit.yaml", "4"),
    ]
    assert suite.get("errors") == suite.get("tests") == str(result.stderr.count("::error "))
    assert sorted(path.name for path in here.iterdir()) == [".git", "a.xml", "fits"]


def test_a_report_that_cannot_be_written_is_refused_before_the_descent(
    invoke: Invoke, here: Path, fit: Path
) -> None:
    result = invoke("run", fit, "--report", "junit=fits")
    assert result.exit_code == 2
    assert "it is a folder" in result.stderr
    assert not (here / "runs").exists()


@pytest.mark.parametrize("name", ["base.yml", "rows.csv", "ROWS.CSV.gz", "rows.parquet"])
def test_a_report_replaces_no_data(invoke: Invoke, here: Path, fit: Path, name: str) -> None:
    (here / name).write_text("x\n1\n")
    result = invoke("run", fit, "--report", f"junit={name}")
    assert result.exit_code == 2
    assert "may be data or a config" in result.stderr
    assert (here / name).read_text() == "x\n1\n"


def test_a_report_of_a_plugin_that_fails_is_told_beside_the_result(
    invoke: Invoke, here: Path, fit: Path
) -> None:
    (here / "mine.py").write_text(
        "from optserve.plugin import hookimpl\n"
        "def breaks():\n    return lambda jobs: 1 / 0\n"
        "@hookimpl\ndef optserve_reports():\n    return [breaks]\n"
    )
    result = invoke("run", fit, "--report", "breaks=a", "--report", "tap=b", "--plugin", "mine.py")
    assert result.exit_code == 6
    assert "the report breaks failed: ZeroDivisionError" in result.stderr
    assert result.stdout.splitlines()[-1].split(";")[1].split()[:2] == ["exit", "6"]
    assert (here / "b").exists()
    assert not (here / "a").exists()


def test_an_internal_error_is_reported(
    invoke: Invoke, here: Path, fit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("optserve.jobs.run.run", broken)
    result = invoke("run", fit, "--report", "tap=a.tap")
    assert result.exit_code == 1
    assert "internal error: RuntimeError: a fault" in (here / "a.tap").read_text()


def test_the_summary_of_a_step(
    invoke: Invoke, here: Path, fit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "summary.md"))
    result = invoke("run", fit, "--github")
    assert result.exit_code == 4
    [line] = [line for line in result.stderr.splitlines() if line.startswith("::error ")]
    assert line.startswith("::error file=fits/fit.yaml,line=6,col=3,title=fit%3A expect.loss::")
    assert "| b | 0.98000 |" in (here / "summary.md").read_text()


def test_a_mistake_on_the_command_line_is_told_of_the_config(
    invoke: Invoke, here: Path, fit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here / "fits")
    result = invoke("run", fit, "--set", "stop.stpes=3", "--report", "gitlab=a.json")
    assert result.exit_code == 2
    [issue] = json.loads((here / "fits" / "a.json").read_text())
    assert issue["location"] == {"path": "fits/fit.yaml", "lines": {"begin": 1}}
    assert "--set" in issue["description"]


def test_lines_that_hold_data_are_not_repeated(invoke: Invoke, here: Path, fit: Path) -> None:
    numbers = [float(one) for one in range(5000)]
    fit.write_text(
        f"version: 1\ndata: {{inline: {{x: {numbers}, y: {numbers}}}, wherre: 1}}\n"
        "parameters: {b: 0}\nleast_squares: {observed: y, predicted: b * x}\n"
    )
    assert invoke("run", fit, "--report", "sarif=a.sarif").exit_code == 2
    assert (here / "a.sarif").stat().st_size < 5000
    fit.write_text(fit.read_text().replace(", wherre: 1", ""))
    assert invoke("run", fit, "--report", "html=a.html").exit_code == 0
    page = (here / "a.html").read_text()
    assert len(re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)[0]) < 10_000
