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


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder like a checkout as far as the README's sessions need one; kept between them."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    return tmp_path


@pytest.fixture
def environment() -> dict[str, str]:
    """That of a person who has activated the virtual environment."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path}


def needs_plugin(command: Command) -> bool:
    return "robust" in command.line + command.shown or command.line == "optserve plugin list"


def has_plugin() -> bool:
    try:
        distribution(PLUGIN)
    except PackageNotFoundError:
        return False
    return True


def test_sessions_print_what_the_page_shows(checkout: Path, environment: dict[str, str]) -> None:
    """All of them, as a reader types them, but for what needs a plugin that is not installed."""
    typed = [one for one in commands(README) if has_plugin() or not needs_plugin(one)]
    printed = [run(one.line, checkout, environment) for one in typed]
    for command, output in zip(typed, printed, strict=True):
        assert comparable(output) == comparable(command.shown), command.line


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
