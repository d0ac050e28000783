"""docs/uncertainty.md is true: its sessions print what it shows."""

from __future__ import annotations

import os
import re
import sysconfig
from inspect import Signature
from pathlib import Path

from optserve.config.expressions.arguments import shown_signature
from optserve.primitives.random_terms import parameters_of, random_densities
from optserve.primitives.vocabulary import density_primitives
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


def test_the_table_has_the_random_terms_that_there_are() -> None:
    _, _, table = PAGE.read_text(encoding="utf-8").partition("| term | draws |\n")
    terms = "".join(line.split(" | ")[0] for line in table.partition("\n\n")[0].splitlines())
    there_are = [
        shown_signature(name, Signature(parameters_of(density)))
        for name, density in random_densities(density_primitives()).items()
    ]
    assert sorted(re.findall(r"`([a-z_0-9]+\(.*?\))`", terms)) == sorted(there_are)
