"""Every call of the system that touches the files of a run fails once, in turn."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Invoke

CONFIG = """
version: 1
name: line
data: {read: line.csv}
parameters: {a: 0, b: 1}
least_squares: {observed: y, predicted: a + b * x}
outputs: {sum: a + b}
"""
TOUCHES = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir"})


class Faults:
    """An audit hook, which cannot be taken away: it lets one call fail, or none."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.fails = self.seen = 0
        self.event = ""
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None or event not in TOUCHES or isinstance(arguments[0], int | None):
            return
        if Path(os.fsdecode(arguments[0])).absolute().is_relative_to(self.folder):
            self.count(event)

    def count(self, event: str) -> None:
        self.seen += self.folder is not None
        if self.folder is not None and self.seen == self.fails:
            self.event = event
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    @contextmanager
    def of(self, number: int, folder: Path) -> Iterator[None]:
        self.folder, self.fails, self.seen, self.event = folder, number, 0, ""
        try:
            yield
        finally:
            self.folder = None


FAULTS = Faults()


def test_each_fails_with_a_word_and_leaves_nothing_half(
    invoke: Invoke, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "line.yaml").write_text(CONFIG)
    (here / "line.csv").write_text("x,y\n1,1.1\n2,1.9\n3,3.2\n4,3.9\n")
    sync = os.fsync

    def counted(file: int) -> None:
        FAULTS.count("fsync")
        sync(file)

    monkeypatch.setattr(os, "fsync", counted)
    with FAULTS.of(0, here):
        assert invoke("run", "line.yaml").exit_code == 0
    count = FAULTS.seen
    assert count > 12
    failed = set()
    for number in range(1, count + 1):
        before = {*here.rglob("result.json")}
        with FAULTS.of(number, here):
            done = invoke("run", "line.yaml")
        where = f"call {number}, {FAULTS.event}: {done.stdout}{done.stderr}"
        assert done.exception is None or isinstance(done.exception, SystemExit), where
        assert "Traceback" not in done.stderr, where
        assert done.exit_code in (0, 1, 2), where
        if done.exit_code:
            failed.add(FAULTS.event)
            assert "Input/output error" in done.stdout + done.stderr, where
        new = {*here.rglob("result.json")} - before
        assert len(new) == (done.exit_code == 0), where
        for path in new:
            assert json.loads(path.read_text())["termination"]["reason"] == "gradient"
    assert failed >= {"open", "os.mkdir", "fsync"}
    assert invoke("run", "line.yaml").exit_code == 0
    assert not [*here.rglob(".unfinished*")]
