"""`optserve baseline`: written where a job is right, shown, and compared with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Invoke

CONFIG = """\
version: 1
name: line
data: {inline: {x: [0, 1, 2, 3], y: [1.1, 2.9, 5.2, 6.8]}}
parameters: {a: 0, b: 0}
least_squares: {observed: y, predicted: a + b * x}
expect: {termination: {one_of: [gradient, precision]}}
baseline: {file: baselines/fits.json, rel: 1.0e-6}
"""


@pytest.fixture
def config(here: Path) -> Path:
    file = here / "line.yaml"
    file.write_text(CONFIG)
    return file


def test_update_run_and_show(invoke: Invoke, config: Path, here: Path) -> None:
    missing = invoke("run", "line.yaml", "--quiet")
    assert missing.exit_code == 2
    assert "optserve baseline update" in missing.stderr
    written = invoke("baseline", "update", "line.yaml")
    assert (written.exit_code, written.stdout) == (
        0,
        "  line: 3 values in baselines/fits.json\n",
    )
    assert invoke("run", "line.yaml", "--quiet").exit_code == 0
    shown = invoke("baseline", "show", "line.yaml")
    assert "parameters.b   1.94" in shown.stdout
    config.write_text(CONFIG.replace("6.8", "6.9"))
    failed = invoke("run", "line.yaml", "--quiet")
    assert failed.exit_code == 4
    assert "(baseline: baselines/fits.json, other data)" in " ".join(failed.stdout.split())
    compared = invoke("baseline", "diff", "line.yaml")
    assert compared.exit_code == 0
    assert "other data" in compared.stdout
    assert "joint s.e." in compared.stdout


def test_nothing_is_written_of_a_job_that_is_wrong(
    invoke: Invoke, config: Path, here: Path
) -> None:
    config.write_text(CONFIG.replace("expect: {", "expect: {loss: {max: 0}, "))
    done = invoke("baseline", "update", "line.yaml")
    assert done.exit_code == 4
    assert "not written, exit 4" in done.stderr
    assert not (here / "baselines").exists()


def test_without_a_baseline(invoke: Invoke, config: Path) -> None:
    assert "there is no baseline of 'line'" in invoke("baseline", "diff", "line.yaml").stderr
    config.write_text(CONFIG.partition("baseline")[0])
    done = invoke("baseline", "show", "line.yaml")
    assert (done.exit_code, "has no baseline" in done.stderr) == (2, True)
