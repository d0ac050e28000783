"""Progress where nobody watches a terminal."""

from __future__ import annotations

import pytest

from optserve.cli.progress import shown_progress
from optserve.jobs.watch import Snapshot


def test_a_log_has_a_line_every_half_minute(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(quiet=False) as progress:
        assert progress is not None
        for seconds in (0.1, 29.0, 31.0, 45.0, 60.5, 62.0):
            progress(Snapshot(1, 1, int(seconds), None, 0.5, None, None, seconds))
    assert capsys.readouterr().err.splitlines() == [
        "step 31  loss 0.5  31.0 s",
        "step 62  loss 0.5  62.0 s",
    ]


def test_quiet_is_quiet() -> None:
    with shown_progress(quiet=True) as progress:
        assert progress is None
