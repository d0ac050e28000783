"""What every command shares: help, version, usage errors, and how little is imported."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from optserve.cli.app import COMMANDS
from tests.cli.conftest import Command, Invoke, environment

HEAVY = ["numpy", "scipy", "pyarrow", "pydantic", "pluggy", "ruamel", "rich", "optserve.graph"]
LISTING = "import sys; from optserve.cli import main\ntry: main()\nfinally: print(*sys.modules)"


def test_help_lists_the_commands(invoke: Invoke) -> None:
    listed = invoke("--help").output.partition("Commands:")[2]
    assert re.findall(r"^  (\w+)  +[A-Z]", listed, re.MULTILINE) == [*COMMANDS]
    assert "..." not in listed  # every summary fits in its line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(invoke: Invoke, command: str) -> None:
    result = invoke(command, "-h")
    assert result.exit_code == 0
    assert f"Usage: optserve {command} " in result.output.replace("root", "optserve")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_and_version_import_nothing_heavy(optserve: Command, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {name.split(".")[0] for name in done.stdout.split()} | {*done.stdout.split()}
    assert "optserve.cli.app" in imported
    assert imported.isdisjoint(HEAVY)


def test_version(invoke: Invoke) -> None:
    result = invoke("--version")
    assert (result.exit_code, result.output) == (0, "optserve 0.1.0\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Usage:"),
        (["rum"], "No such command 'rum'"),
        (["run"], "Missing argument 'CONFIG'"),
        (["run", "x.yaml", "--formt", "json"], "--format"),
        (["run", "x.yaml", "--format", "xml"], "xml"),
        (["run", "x.yaml", "--seed", "-1"], "--seed"),
        (["init", "curves"], "curves"),
    ],
)
def test_usage_errors(optserve: Command, arguments: list[str], told: str) -> None:
    done = optserve(*arguments)
    assert done.returncode == 2
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
