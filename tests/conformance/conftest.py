"""Passes over few rows that go the way of passes over many."""

from __future__ import annotations

from pathlib import Path

import pytest

from optserve.backends import chunks

TILE = 16


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tiles so small that several make a chunk and several chunks a pass; nothing remembered."""
    monkeypatch.setattr(chunks, "MAX_TILE_ROWS", TILE)
    monkeypatch.setattr(chunks, "MAX_CHUNKS", 3)
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))
