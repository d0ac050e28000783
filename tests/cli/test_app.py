"""What every command shares: help, version, usage errors, and how little is imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from optserve.cli import app as application
from tests.cli.conftest import Command, Invoke, command_line, environment

COMMANDS = [command.__name__ for command in application.COMMANDS]
HEAVY = ["numpy", "scipy", "pyarrow", "pluggy", "ruamel", "rich", "optserve.graph"]
LISTING = "import sys; from optserve.cli import main\ntry: main()\nfinally: print(*sys.modules)"


def test_help_lists_the_commands(invoke: Invoke) -> None:
    listed = invoke("--help").output.partition("Commands:")[2]
    assert re.findall(r"^  (\w+)  +[A-Z]", listed, re.MULTILINE) == COMMANDS
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


def test_help_is_plain_text_without_a_terminal(optserve: Command) -> None:
    told = optserve("run", "--help").stdout
    assert told.isascii()
    assert max(map(len, told.splitlines())) <= 100


def test_help_on_a_terminal_is_rich() -> None:
    pty = pytest.importorskip("pty")
    main, terminal = pty.openpty()
    with subprocess.Popen(
        command_line("run", "--help"), env=environment(), stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        told = b""
        while True:
            try:
                read = os.read(main, 1 << 16)
            except OSError:  # Linux says so at the end
                break
            if not read:
                break
            told += read
    os.close(main)
    assert process.returncode == 0
    assert "\N{BOX DRAWINGS LIGHT HORIZONTAL}" in told.decode()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_installed(optserve: Command, shell: str) -> None:
    done = optserve(
        "--show-completion", shell, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    )
    assert done.returncode == 0
    assert "optserve" in done.stdout.lower()


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
