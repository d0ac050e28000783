"""Streamed operands: read block by block, they give the bits of operands in memory."""

from __future__ import annotations

import numpy as np
import pytest

from optserve.backends import chunks, llvm, numpy, streamed_blocks
from optserve.backends.streamed_blocks import blocks
from optserve.errors import ConfigError
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.streamed import Streamed
from optserve.primitives.tracing import trace
from tests.backends.losses import LOSSES, Loss

BACKENDS = {"numpy": numpy.compile_graph, "llvm": llvm.compile_graph}


class Held(Streamed):
    """An array that is handed out in copies of a few rows, at an address of their own."""

    def __init__(self, array: Array) -> None:
        super().__init__("x", array.shape, array.dtype)
        self.array = array
        self.longest = 0

    def rows(self, first: int, last: int) -> Array:
        self.longest = max(self.longest, last - first)
        return self.array[first:last].copy()


STREAMS = [loss for loss in LOSSES if loss.name not in ("neighbours", "farthest")]
"""Rows beside each other, and the position of the largest, are looked for outside of a pass."""


@pytest.mark.parametrize("loss", STREAMS, ids=lambda loss: loss.name)
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_bits_are_those_of_arrays_in_memory(
    loss: Loss, precision: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_blocks, "BLOCK_BYTES", 1)
    monkeypatch.setattr(chunks, "MAX_CHUNKS", 2)  # so that a chunk has many blocks
    graph = loss.graph(precision)
    for rows in (loss.smallest, 257, 2 * chunks.MAX_TILE_ROWS + 1):
        arguments = loss.arguments(rows, precision)
        columns = [Held(column) for column in arguments[len(loss.parameters) :]]
        for threads in (1, 3):
            evaluate = BACKENDS[backend](graph, threads)
            expected = evaluate(*arguments)
            streamed = evaluate(*arguments[: len(loss.parameters)], *columns)
            mixed = evaluate(*arguments[:-1], columns[-1])
            for whole, parts, some in zip(expected, streamed, mixed, strict=True):
                assert whole.tobytes() == parts.tobytes() == some.tobytes()
        assert all(column.longest <= chunks.MAX_TILE_ROWS for column in columns)


def test_blocks_cover_the_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed_blocks, "BLOCK_BYTES", 64)
    array = np.arange(50.0)
    found = list(blocks([2.0, Held(array)], 3, 50, align=4))
    assert [(one.first, one.last) for one in found][:2] == [(3, 11), (11, 19)]
    np.testing.assert_array_equal(np.concatenate([one.operands[1] for one in found]), array[3:])
    assert [one.origins for one in found] == [[0, one.first] for one in found]


def test_what_needs_all_rows_is_refused() -> None:
    n = Dim.rows("data")
    column = Aval((n,), np.dtype(np.float64))
    graph = trace(lambda x: np.sort(x)[0], column).graph
    with pytest.raises(ConfigError, match="all rows of x are needed at once"):
        numpy.compile_graph(graph)(Held(np.ones(5)))
