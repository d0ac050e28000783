"""docs/scaling.md is true: its commands are ours, and its settings are those that a test sets."""

from __future__ import annotations

import re
import shlex
from typing import Any

from typer.main import get_command

from optserve.cli.app import app
from tests.docs.session import ROOT, blocks

PAGE = ROOT / "docs" / "scaling.md"


def test_its_commands_are_ours() -> None:
    lines = [line for block in blocks(PAGE, "sh") for line in block.splitlines()]
    ours = [line for line in lines if line.startswith("optserve ")]
    assert len(ours) == 3
    group: Any = get_command(app)
    for line in ours:
        group.commands["batch"].commands["run"].make_context("run", shlex.split(line)[2:])


def test_its_settings_are_those_of_the_test_of_tls() -> None:
    named = re.findall(r"export (DASK_\w+)=", PAGE.read_text(encoding="utf-8"))
    assert len(named) == 3
    tested = (ROOT / "tests" / "batch" / "test_dask.py").read_text(encoding="utf-8")
    for name in named:
        prefix, _, kind = name.rpartition("__")
        assert f'"{kind}"' in tested or f"{kind}" in tested
        assert prefix.removesuffix("__CLIENT") in tested
