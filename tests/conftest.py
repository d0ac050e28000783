"""What every room's tests share: golden files, small tiles, and hypothesis without deadlines."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from optserve.backends import chunks
from optserve.jobs.interruption import unanswered

settings.register_profile("optserve", deadline=None, derandomize=True)
settings.load_profile("optserve")

# Where bytecode is not kept, each of the many processes that tests start compiles all sources anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regen", action="store_true", help="write golden files instead of comparing")


PENDING = Path(__file__).with_name("pending.txt")
"""The tests that do not pass yet, by node id: what they ask is still to be built.

One may pass where rounding falls otherwise, so passing is no failure; `pytest --runxfail` tells.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    pending = set(PENDING.read_text(encoding="utf-8").splitlines())
    for item in items:
        if item.nodeid in pending:
            item.add_marker(pytest.mark.xfail(reason="pending", strict=False))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)`` compares ``text`` with the file ``golden/name`` beside the test.

    ``pytest --regen`` writes the file; a person reads the diff before it is committed.
    """
    folder = request.path.parent / "golden"

    def compare(name: str, text: str) -> None:
        path: Path = folder / name
        if request.config.getoption("--regen"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden file {path.name}; write it with: pytest --regen"
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(autouse=True)
def no_signal_is_left() -> Iterator[None]:
    """Signals that a test has sent end no later one."""
    yield
    unanswered().clear()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Signals are heeded, also where the tests run in the background and inherited not to."""
    ctrl_c = signal.signal(signal.SIGINT, signal.default_int_handler)
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, ctrl_c)
    signal.signal(signal.SIGHUP, hang_up)


TILE = 16
"""Rows of a tile, where they are small."""


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tiles so small that several make a chunk and several chunks a pass; nothing remembered."""
    monkeypatch.setattr(chunks, "MAX_TILE_ROWS", TILE)
    monkeypatch.setattr(chunks, "MAX_CHUNKS", 3)
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))
