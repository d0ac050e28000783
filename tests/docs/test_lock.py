"""docs/lock.md is true: its sessions print what it shows."""

from __future__ import annotations

import os
import sysconfig
from dataclasses import fields
from pathlib import Path

from optserve.batch.lock.entry import LockedPlugin, LockEntry
from optserve.batch.lock.locked_rules import LockedRule
from tests.docs.session import ROOT, commands, comparable, run

PAGE = ROOT / "docs" / "lock.md"


def test_the_sessions_print_what_the_page_shows(tmp_path: Path) -> None:
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    listed, *others = commands(PAGE)
    (tmp_path / "fits").mkdir()
    (tmp_path / "fits" / "decay.yaml").write_text(listed.shown)
    for command in others:
        found = run(command.line, tmp_path, environment)
        assert comparable(found) == comparable(command.shown)


def test_every_key_of_the_file_is_described() -> None:
    text = PAGE.read_text()
    keys = {one.name for kind in (LockEntry, LockedPlugin, LockedRule) for one in fields(kind)} - {
        "points"
    }
    assert {key for key in keys if f"`{key}`" not in text} == set()
