"""Progress where nobody watches a terminal."""

from __future__ import annotations

import io
import json
import re
import sys
from math import inf

import pytest

from optserve.cli.log import LogFormat
from optserve.cli.progress import shown_progress
from optserve.jobs.watch import Snapshot


def test_a_log_has_a_line_every_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(quiet=False) as progress:
        assert progress is not None
        for seconds in (0.1, 29.0, 31.0, 45.0, 60.5, 62.0):
            progress(Snapshot(1, 1, int(seconds), None, 0.5, None, None, seconds))
    lines = [line.partition(" ") for line in capsys.readouterr().err.splitlines()]
    assert [line for _, _, line in lines] == [
        "step 31  loss 0.5  31.0 s",
        "step 62  loss 0.5  62.0 s",
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time, _, _ in lines)


def test_a_log_in_json_is_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(quiet=False, log_format=LogFormat.json) as progress:
        assert progress is not None
        progress(Snapshot(1, 2, 31, None, inf, None, 1e-8, 31.0))
    told = json.loads(capsys.readouterr().err)
    assert told.pop("time").endswith("Z")
    assert told == {
        "event": "running",
        "start": 1,
        "starts": 2,
        "step": 31,
        "tolerance": 1e-8,
        "seconds": 31.0,
    }


def test_a_dumb_terminal_is_not_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name, rewritten in (("xterm", True), ("dumb", False)):
        monkeypatch.setenv("TERM", name)
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        with shown_progress(quiet=False) as progress:
            assert progress is not None
            progress(Snapshot(1, 1, 31, None, 0.5, None, None, 31.0))
        assert ("\x1b" in terminal.getvalue()) == rewritten


def test_quiet_is_quiet() -> None:
    with shown_progress(quiet=True) as progress:
        assert progress is None
