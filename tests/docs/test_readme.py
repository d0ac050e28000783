"""The README is true: its sessions print what it shows, and its set-up lines are those of CI."""

from __future__ import annotations

import os
import re
import shutil
import sysconfig
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.docs.session import ROOT, Command, blocks, commands, comparable, run

README = ROOT / "README.md"
PLUGIN = "optserve-robust"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a checkout as far as the README's sessions need one; kept between them."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "configs", folder / "configs")
    return folder


@pytest.fixture
def environment() -> dict[str, str]:
    """That of a person who has activated the virtual environment."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path}


def needs_plugin(command: Command) -> bool:
    return "robust" in command.line + command.shown or command.line == "optserve plugin list"


@pytest.mark.parametrize("command", commands(README), ids=lambda command: command.line)
def test_a_session_prints_what_the_page_shows(
    command: Command, checkout: Path, environment: dict[str, str]
) -> None:
    if needs_plugin(command):
        try:
            distribution(PLUGIN)
        except PackageNotFoundError:
            pytest.skip(f"{PLUGIN} is not installed: pip install ./plugins/{PLUGIN}")
    assert comparable(run(command.line, checkout, environment)) == comparable(command.shown)


def test_the_page_has_sessions() -> None:
    assert len(commands(README)) >= 5


def test_ci_runs_the_set_up_lines_as_they_stand() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [
        line for block in blocks(README, "sh") for line in block.splitlines() if ".venv" in line
    ]
    assert len(lines) >= 2
    assert [line for line in lines if line not in script] == []


def test_the_configs_it_shows_are_the_files() -> None:
    files = {path.read_text(encoding="utf-8") for path in (ROOT / "configs").glob("*.yaml")}
    shown = blocks(README, "yaml")
    assert shown
    assert [block for block in shown if not any(block in text for text in files)] == []


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README.read_text(encoding="utf-8"))
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
