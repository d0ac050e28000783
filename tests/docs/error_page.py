"""docs/errors.md, made of tests/docs/errors.yaml and of what its examples print."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from optserve.cli.app import app
from optserve.config import written
from optserve.errors import OptserveError
from tests.docs.session import ROOT

PAGE = ROOT / "docs" / "errors.md"
EXAMPLES: Mapping[str, Mapping[str, Any]] = YAML(typ="safe").load(
    Path(__file__).with_name("errors.yaml")
)
"""What is told of each code."""

CHECK = "optserve check fit.yaml"

HEAD = """\
# Errors and their codes

<!-- All of this page is written by: pytest tests/docs/test_errors.py --regen -->

Each kind of mistake has a code, a word that never changes; messages may. The command line shows it
in brackets, at the end of an error's first line. With `--format json`, `optserve check` and
`optserve run` tell an error with its `code`; where several things are wrong, `errors` lists each.
In Python the code is the attribute `code` of an `optserve.errors.OptserveError`.

All that is wrong with a config is told at once: first all that is wrong with its keys, then, where
these are right, everything else.

Each example is run, and makes exactly the error that it is for. The exit code is 2 where none is
told.
"""


@dataclass(frozen=True)
class Told:
    """What an example printed for people, and the codes and the exit code that it gave."""

    block: str
    codes: tuple[str, ...]
    exit_code: int


def run(code: str, folder: Path) -> Told:
    """Run the example of ``code`` in an empty folder."""
    example = EXAMPLES[code]
    for name, text in example.get("files", {}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    if "config" in example:
        (folder / "fit.yaml").write_text(example["config"], encoding="utf-8")
    if "python" in example:
        return _of_python(example["python"])
    if "signal" in example:
        return _of_signal(folder, signal.Signals[example["signal"]])
    if "fault" in example:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(written, "validated", lambda *given: 1 / 0)
            told = _of_command(folder, CHECK)
        block = re.sub(r"at: .*, in", "at: FILE:LINE, in", told.block)
        return Told(block, told.codes, told.exit_code)
    return _of_command(folder, example.get("command", CHECK))


def _of_python(source: str) -> Told:
    try:
        exec(source, {})
    except OptserveError as error:
        return Told(error.block(), (error.code,), error.exit_code)
    raise AssertionError("nothing was wrong")


def _of_command(folder: Path, command: str) -> Told:
    words = shlex.split(command)[1:]
    with contextlib.chdir(folder):
        block = CliRunner().invoke(app, words, prog_name="optserve").output
        told = CliRunner().invoke(app, [*words, "--format", "json"], prog_name="optserve").stdout
    return _told(block.replace(f"{folder.resolve()}/", ""), told)


def _told(block: str, output: str) -> Told:
    told = json.loads(output)
    each = told["error"].get("errors", [told["error"]])
    return Told(block.rstrip(), tuple(one["code"] for one in each), told["exit_code"])


def _of_signal(folder: Path, number: signal.Signals) -> Told:
    """A signal while the config is being read: a pipe that nothing is written to."""
    os.mkfifo(folder / "fit.yaml")
    code = "from optserve.cli import main; main()"
    outputs = []
    for words in ([], ["--format", "json"]):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *shlex.split(CHECK)[1:], *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if words else subprocess.STDOUT,
            text=True,
        )
        writer = os.open(folder / "fit.yaml", os.O_WRONLY)  # waits until it is read
        process.send_signal(number)
        outputs.append(process.communicate(timeout=120)[0])
        os.close(writer)
    return _told(*outputs)


def section(code: str, told: Told) -> str:
    """What the page says of a code."""
    example = EXAMPLES[code]
    lines = [f"## `{code}`", "", example["means"], ""]
    if "config" in example:
        lines += ["```yaml", example["config"].rstrip(), "```", ""]
    for name, text in example.get("files", {}).items():
        if name.endswith(".py"):
            lines += [f"`{name}`:", "", "```python", text.rstrip(), "```", ""]
        elif name.endswith(".csv"):
            lines += [f"`{name}`:", "", "```text", text.rstrip(), "```", ""]
    if "python" in example:
        lines += ["```python", example["python"].rstrip(), "```", "", "```text"]
    else:
        lines += ["```console", f"$ {example.get('command', CHECK)}"]
    ending = "" if told.exit_code == 2 else f" The exit code is {told.exit_code}."
    lines += [told.block, "```", "", f"**Remedy.** {example['remedy']}{ending}", ""]
    return "\n".join(lines)


def page(told: Mapping[str, Told]) -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(code, told[code]) for code in EXAMPLES)])
