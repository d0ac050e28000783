"""What every room's tests share: golden files, and hypothesis without deadlines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("optserve", deadline=None, derandomize=True)
settings.load_profile("optserve")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regen", action="store_true", help="write golden files instead of comparing")


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
