"""docs/ci.md is true: its shell runs here, and its pipelines run what there is."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from optserve.cli.app import app
from tests.docs.session import ROOT, blocks

PAGE = ROOT / "docs" / "ci.md"
PIPELINES = blocks(PAGE, "yaml")


def file_of(pipeline: str) -> str:
    return pipeline.splitlines()[0].removeprefix("# ")


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for one in value.values() for text in texts(one))
    elif isinstance(value, list):
        yield from (text for one in value for text in texts(one))
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("pipeline", PIPELINES, ids=file_of)
def test_a_pipeline_is_yaml_whose_commands_are_ours(pipeline: str) -> None:
    found = YAML(typ="safe", pure=True).load(pipeline)
    lines = [text for text in texts(found) if text.startswith("optserve ")]
    assert lines
    group: Any = get_command(app)
    for line in lines:
        words = shlex.split(re.sub(r"\$\{\{.*?\}\}|\$CI_\w+", "2", line))
        inner = group.commands[words[1]]
        name = words[2] if words[2] in inner.commands else "run"
        command = inner.commands[name]
        arguments = words[3:] if name == words[2] else words[2:]
        command.make_context(name, arguments)  # raises for what it does not know


def test_a_github_workflow_has_what_github_asks_for() -> None:
    for pipeline in PIPELINES:
        found = YAML(typ="safe", pure=True).load(pipeline)
        if "github" not in file_of(pipeline):
            assert all("script" in job for name, job in found.items() if name != "stages")
            continue
        assert {"name", "on", "jobs"} == found.keys()
        for job in found["jobs"].values():
            assert "runs-on" in job
            assert all(("uses" in step) != ("run" in step) for step in job["steps"])


def test_the_shell_of_the_page_runs(tmp_path: Path) -> None:
    first, second, third = blocks(PAGE, "sh")
    command = Path(sys.executable).with_name("optserve")
    own = f"optserve() {{ '{command}' \"$@\"; }}\npython3() {{ '{sys.executable}' \"$@\"; }}\n"

    def run(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", own + script], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    done = run(first)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 of 1 job passed" in done.stdout
    assert 'name="expect.parameters.k"' in (tmp_path / "junit.xml").read_text()
    config = tmp_path / "fits" / "decay.yaml"
    config.write_text(config.read_text().replace("near: 0.5", "near: 0.7"))
    done = run(second)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "off near 0.7" in done.stdout
    assert (tmp_path / "again" / "batch.json").exists()
    assert run(third).stdout.startswith("decay result 4 0.0")
