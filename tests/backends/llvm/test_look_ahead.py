"""Gathers and scatters look ahead at later indices, and never past the rows they were given."""

from __future__ import annotations

import ctypes
import mmap
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.backends import chunks, llvm, streamed_blocks
from optserve.backends.llvm.rows import native_pass
from optserve.graph.aval import Array
from optserve.graph.interpret import interpret
from optserve.graph.streamed import Streamed
from tests.backends.losses import Loss

TABLE = 3
GATHER = Loss("gather", lambda t, g, y: np.sum((t[g] - y) ** 2), [(TABLE,)], ["label", ()])
TURNED = Loss("turned", lambda t, g, y: np.sum((t[2 - g] - y) ** 2), [(TABLE,)], ["label", ()])
COUNTS = (0, 1, 7, 8, 15, 16, 17, 255, 263, 264, 1000)


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(_work: object) -> None:
        raise AssertionError("a pass without native code")

    monkeypatch.setattr(native_pass, "tiled", refuse)
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))


def fenced(array: Array) -> Array:
    """The same entries right before memory that may not be read."""
    page = mmap.PAGESIZE
    pages = -(-array.nbytes // page)
    memory = mmap.mmap(-1, (pages + 1) * page)
    fence = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + pages * page
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(fence), ctypes.c_size_t(page), 0):
        raise OSError("memory cannot be protected")
    offset = pages * page - array.nbytes
    kept: Array = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
    kept[...] = array
    return kept


class Fenced(Streamed):
    """An array that is handed out in blocks, each before memory that may not be read."""

    def __init__(self, array: Array) -> None:
        super().__init__("g", array.shape, array.dtype)
        self.array = array

    def rows(self, first: int, last: int) -> Array:
        return fenced(self.array[first:last])


@pytest.mark.skipif(sys.platform == "win32", reason="protects memory as POSIX systems do")
@pytest.mark.parametrize("loss", [GATHER, TURNED], ids=lambda loss: loss.name)
def test_no_index_is_read_behind_the_last(loss: Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed_blocks, "BLOCK_BYTES", 1)
    graph = loss.graph()
    call = llvm.compile_graph(graph, 2)
    for rows in (*COUNTS, 2 * chunks.MAX_TILE_ROWS + 3):
        table, indices, wanted = loss.arguments(rows)
        expected = interpret(graph, table, indices, wanted)
        whole = call(table, fenced(indices), wanted)
        parts = call(table, Fenced(indices), wanted)
        for one, other, true in zip(whole, parts, expected, strict=True):
            assert one.tobytes() == other.tobytes()
            np.testing.assert_allclose(one, true, rtol=1e-12)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_indices_from_the_end_and_out_of_range(precision: str) -> None:
    graph = GATHER.graph(precision)
    table, indices, wanted = GATHER.arguments(600, precision)
    from_end: Any = indices - TABLE
    call = llvm.compile_graph(graph)
    for one, other in zip(call(table, from_end, wanted), call(table, indices, wanted), strict=True):
        assert one.tobytes() == other.tobytes()
    for far in (TABLE, -TABLE - 1, 1 << 40, -(1 << 62), (1 << 63) - 1):
        indices[500] = far
        assert np.isnan(call(table, indices, wanted)[0])
