"""What every command shares: help, version, usage errors, and how little is imported."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from optserve.cli import app as application
from tests.cli.conftest import Command, Invoke, command_line, environment

COMMANDS = [command.__name__ for command in application.COMMANDS]
HEAVY = ["numpy", "scipy", "pyarrow", "pluggy", "ruamel", "rich", "optserve.graph"]
LISTING = "import sys; from optserve.cli import main\ntry: main()\nfinally: print(*sys.modules)"


def test_help_lists_the_commands(invoke: Invoke) -> None:
    listed = invoke("--help").output.partition("Commands:")[2]
    assert re.findall(r"^  (\w+)  +[A-Z]", listed, re.MULTILINE) == [
        *COMMANDS,
        "batch",
        "baseline",
        "plugin",
    ]
    assert "..." not in listed  # every summary fits in its line


@pytest.mark.parametrize("group", [[], ["plugin"]])
def test_a_group_without_a_command_shows_its_help(optserve: Command, group: list[str]) -> None:
    done = optserve(*group)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: optserve")
    assert "Commands:" in done.stderr


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


def test_no_arguments_show_the_help(optserve: Command) -> None:
    done = optserve()
    assert done.returncode == 2
    assert "Usage:" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "told", "remedy"),
    [
        (["rum"], "optserve: no such command 'rum'", "did you mean 'run'?"),
        (["run"], "optserve run: missing argument 'CONFIG'", "`optserve run --help`"),
        (
            ["run", "x.yaml", "--formt", "json"],
            "optserve run: no such option: --formt",
            "did you mean '--format'?",
        ),
        (["run", "x.yaml", "--format", "xml"], "'--format'", "`optserve run --help`"),
        (["run", "x.yaml", "--seed", "-1"], "'--seed'", "`optserve run --help`"),
        (["run", "x.yaml", "--threads", "two"], "'--threads'", "`optserve run --help`"),
        (["init", "curves"], "curves", "`optserve init --help`"),
    ],
)
def test_usage_errors(invoke: Invoke, arguments: list[str], told: str, remedy: str) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    first, expected, last = result.stderr.replace("root", "optserve").splitlines()
    assert told in first
    assert expected.startswith("  expected: optserve ")
    assert last.startswith(f"  remedy: {remedy}")


@pytest.mark.parametrize("wrong", [["--threads", "two"], ["--sed", "1"], ["y.yaml"]])
def test_usage_errors_in_json(invoke: Invoke, wrong: list[str]) -> None:
    result = invoke("run", "x.yaml", "--format", "json", *wrong)
    told = json.loads(result.stdout)
    assert result.exit_code == told["exit_code"] == 2
    assert told["error"]["code"] == "usage"
    assert told["error"]["remedy"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_alone_is_what_it_is_among_all(command: str) -> None:
    alone, among = application.app_of(command), application.app
    assert len(alone.registered_commands) == 1
    shown = [CliRunner().invoke(app, [command, "--help"]).output for app in (alone, among)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("word", ["", "--help", "rnu", "batch", "plugin"])
def test_without_a_command_all_are_there(word: str) -> None:
    assert application.app_of(word) is application.app
