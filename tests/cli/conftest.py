"""Running commands: in a process of their own, for exit codes and streams, or in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"

Command = Callable[..., subprocess.CompletedProcess[str]]
Invoke = Callable[..., Result]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name index of the tests' own."""
    folder = tmp_path_factory.getbasetemp() / "optserve-cache"
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(folder))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def command_line(*arguments: str | Path) -> list[str]:
    """`optserve ARGUMENTS` as a process of this very Python."""
    return [sys.executable, "-m", "optserve", *map(str, arguments)]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment, with the package findable from any folder."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, **(extra or {})}


@pytest.fixture
def optserve(here: Path) -> Command:
    """Runs `optserve ARGUMENTS` in a process, in an empty folder."""

    def run(
        *arguments: str | Path, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        options = {"capture_output": True, "text": True, "timeout": 120, **options}
        return subprocess.run(
            command_line(*arguments), env=environment(env), check=False, cwd=here, **options
        )

    return run


@pytest.fixture
def invoke(here: Path) -> Invoke:
    """Runs `optserve ARGUMENTS` in this process, in an empty folder."""
    from optserve.cli.app import app

    def run(*arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run
