"""docs/uncertainty.md is true: its sessions print what it shows."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from tests.docs.session import ROOT, commands, comparable, run

PAGE = ROOT / "docs" / "uncertainty.md"


def test_the_sessions_print_what_the_page_shows(tmp_path: Path) -> None:
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    for command in commands(PAGE):
        if "<<'END'" in command.line:  # the lines of a file that is written
            text, _, _ = command.shown.partition("END\n")
            (tmp_path / command.line.split()[2]).write_text(text, encoding="utf-8")
            continue
        assert comparable(run(command.line, tmp_path, environment)) == comparable(command.shown)
