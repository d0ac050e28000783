"""Pieces of a streamed table: decoded once a pass, ahead of need, into memory used before."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import optserve
from optserve.backends.streamed_blocks import blocks
from optserve.config.data.columns import TakenColumn
from optserve.errors import ConfigError, DataFailure
from optserve.graph.aval import Array
from optserve.tables.buffer_pool import Buffers
from optserve.tables.pieces import TablePiece
from optserve.tables.scratch import Scratch
from optserve.tables.stream import Stream, StreamedColumn

ROWS, PIECES = 100, 12


def pieces() -> list[TablePiece]:
    """Each holds its own number."""
    return [
        TablePiece(ROWS, lambda wanted, number=number: {0: np.full(ROWS, float(number))})  # type: ignore[misc]
        for number in range(PIECES)
    ]


def test_each_piece_is_decoded_once_a_pass_and_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optserve.tables.stream.KEPT_BYTES", 0)
    decoded: list[tuple[int, str]] = []

    def decode(piece: TablePiece, _first: int) -> Mapping[str, Array]:
        column = piece.read({0: "float"})[0]
        decoded.append((int(column[0]), threading.current_thread().name))
        return {"x": column}

    stream = Stream(pieces(), decode)
    for _ in range(2):
        decoded.clear()
        for first in range(0, ROWS * PIECES, 25):
            rows = stream.rows("x", first, first + 25)
            assert (rows == first // ROWS).all()
            time.sleep(0.002)  # the work on these rows
        numbers = [number for number, _ in decoded]
        assert sorted(numbers) == sorted(set(numbers)) == list(range(PIECES))
        ahead = [number for number, thread in decoded if thread.startswith("optserve-decode")]
        assert len(ahead) >= PIECES // 2


def test_rows_over_several_pieces_and_from_many_threads() -> None:
    stream = Stream(pieces(), lambda piece, _first: {"x": piece.read({0: "float"})[0]})
    expected = np.repeat(np.arange(float(PIECES)), ROWS)
    found: dict[int, bool] = {}

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        good = True
        for _ in range(200):
            first, last = np.sort(rng.integers(0, ROWS * PIECES, 2))
            good &= np.array_equal(stream.rows("x", first, last), expected[first:last])
        found[seed] = good

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), True)


def test_an_error_ahead_is_raised_to_who_asks() -> None:
    def decode(piece: TablePiece, _first: int) -> Mapping[str, Array]:
        column = piece.read({0: "float"})[0]
        if column[0] == 2.0:
            raise ValueError("the third piece is bad")
        return {"x": column}

    stream = Stream(pieces(), decode)
    stream.rows("x", 0, 50)
    stream.rows("x", 100, 150)
    for _ in range(2):
        with pytest.raises(ValueError, match="third piece"):
            stream.rows("x", 200, 250)


def test_memory_is_used_again_only_when_nobody_refers_to_it() -> None:
    buffers = Buffers()
    dtype = np.dtype(np.float64)
    first = buffers.array((1000, 3), dtype)
    view, address = first[10:20], first.ctypes.data
    del first
    second = buffers.array((1000, 3), dtype)
    assert second.ctypes.data != address  # a view is still there
    view[...] = 1.0
    del view
    third = buffers.array((500, 2), np.dtype(np.float32))
    assert third.ctypes.data == address
    assert third.dtype == np.float32
    assert len(buffers._held) == 2


def test_what_is_too_small_is_given_up() -> None:
    buffers = Buffers()
    dtype = np.dtype(np.float64)
    for size in range(1, 50):
        buffers.array((size,), dtype)
    assert len(buffers._held) == 1


def test_matrices_of_a_stream_lie_in_few_buffers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200_000, 3))
    columns = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": X @ np.ones(3)}
    pq.write_table(pa.table(columns), tmp_path / "d.parquet", row_group_size=5_000)
    (tmp_path / "fit.yaml").write_text(
        "version: 1\ndata: {read: d.parquet, in_memory: false,\n"
        "  columns: {X: {take: [a, b, c]}, y: y}}\n"
        "parameters: {w: {shape: [3]}}\nloss: mean((y - X @ w)**2)\noptimizer: lbfgs\n"
    )
    monkeypatch.setattr("optserve.tables.stream.KEPT_BYTES", 0)
    monkeypatch.setattr("optserve.backends.streamed_blocks.BLOCK_BYTES", 1 << 18)
    seen: set[int] = set()
    filled: list[int] = []
    before = TakenColumn.fill

    def noting(self: TakenColumn, target: Array, *given: Any) -> None:
        seen.add(target.ctypes.data)
        filled.append(len(target))
        before(self, target, *given)

    monkeypatch.setattr(TakenColumn, "fill", noting)
    problem = optserve.load(tmp_path / "fit.yaml")
    result = optserve.run(problem)
    np.testing.assert_allclose(result.parameters["w"], np.ones(3), rtol=1e-6)
    assert len(filled) >= 40
    assert len(seen) <= 24 < len(filled)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """The numbers of the pieces as they are decoded; none is kept in memory for long."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("optserve.tables.stream.KEPT_BYTES", 0)
    monkeypatch.setattr("optserve.tables.scratch._is_memory", lambda _folder: False)
    return []


def stream_of(decoded: list[int], check: Callable[[], None] | None) -> Stream:
    def decode(piece: TablePiece, _first: int) -> Mapping[str, Array]:
        column = piece.read({0: "float"})[0]
        decoded.append(int(column[0]))
        return {"x": column, "two": np.stack([column, -column], axis=1), "n": column.astype(int)}

    return Stream([piece._replace(check=check) for piece in pieces()], decode)


def passes(stream: Stream, count: int) -> None:
    for _ in range(count):
        for number in range(PIECES):
            first = ROWS * number
            assert (stream.rows("x", first, first + ROWS) == number).all()
            assert (stream.rows("two", first + 1, first + 3) == [number, -number]).all()
            assert stream.rows("n", first, first + 1).dtype == int


def test_what_is_decoded_twice_is_read_from_disk(decoded: list[int], tmp_path: Path) -> None:
    asked: list[int] = []
    stream = stream_of(decoded, lambda: asked.append(0))
    passes(stream, 4)
    assert min(Counter(decoded).values()) >= 2
    decoded.clear()
    passes(stream, 2)
    assert decoded == []
    assert len(asked) >= PIECES
    assert list(tmp_path.iterdir()) == []


def test_what_will_be_read_again_is_decoded_once(decoded: list[int]) -> None:
    stream = stream_of(decoded, lambda: None)
    StreamedColumn(stream, "x", (), np.dtype(float)).expect_passes()
    passes(stream, 3)
    assert len(decoded) <= PIECES + 2  # those that another thread decodes meanwhile


@pytest.mark.parametrize("optimizer", ["lbfgs", "none"])
def test_a_descent_says_before_that_it_reads_again(tmp_path: Path, optimizer: str) -> None:
    pq.write_table(pa.table({"y": np.arange(100.0)}), tmp_path / "d.parquet")
    (tmp_path / "fit.yaml").write_text(
        "version: 1\ndata: {read: d.parquet, in_memory: false, columns: {y: y}}\n"
        f"parameters: {{m: 1}}\nloss: mean((y - m)**2)\noptimizer: {optimizer}\n"
    )
    problem = optserve.load(tmp_path / "fit.yaml")
    optserve.run(problem)
    [column] = problem.objective.arrays
    assert column._stream.expects_passes == (optimizer != "none")


def test_what_is_kept_is_memory_of_its_file_and_needs_no_thread(
    decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = stream_of(decoded, lambda: None)
    column = StreamedColumn(stream, "two", (2,), np.dtype(float))
    column.expect_passes()
    assert not column.at_hand(0, ROWS)
    passes(stream, 1)
    assert column.at_hand(0, ROWS * PIECES)
    assert column.at_hand(5, 5)
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", None)
    monkeypatch.setattr("optserve.backends.streamed_blocks.BLOCK_BYTES", 256)
    found = [block.operands[0] for block in blocks([column], 0, ROWS * PIECES, align=4)]
    assert len(found) > PIECES
    np.testing.assert_array_equal(np.concatenate(found)[:, 1], -np.repeat(range(PIECES), ROWS))
    assert not column[ROWS : 2 * ROWS].flags.writeable
    assert column[ROWS : 2 * ROWS].ctypes.data % 64 == 0


def test_where_there_are_no_addresses_left_all_is_decoded(
    decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_arguments: Any, **_options: Any) -> Any:
        raise OSError("cannot allocate memory")

    stream = stream_of(decoded, lambda: None)
    passes(stream, 3)
    decoded.clear()
    monkeypatch.setattr("mmap.mmap", none_left)
    passes(stream, 2)
    assert min(Counter(decoded).values()) >= 2


def test_a_process_forked_off_reads_what_is_kept_and_keeps_nothing(
    decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = Scratch.of(1000)
    assert scratch is not None
    scratch.keep(0, {"x": np.array([1.0, 2.0])})
    owner = os.getpid()
    monkeypatch.setattr("os.getpid", lambda: owner + 1)
    scratch.keep(1, {"x": np.array([3.0])})
    kept = scratch.columns(0)
    assert kept is not None
    assert kept["x"].tolist() == [1.0, 2.0]
    assert scratch.columns(1) is None


def test_a_file_that_has_changed_is_not_read_from_disk(decoded: list[int]) -> None:
    changed = False

    def check() -> None:
        if changed:
            raise ConfigError("the file has changed")

    stream = stream_of(decoded, check)
    passes(stream, 3)
    changed = True
    with pytest.raises(DataFailure, match="has changed"):
        passes(stream, 1)


@pytest.mark.parametrize("why", ["no room", "memory", "no folder", "full", "numbers"])
def test_without_a_scratch_all_is_decoded_each_time(
    decoded: list[int], monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    def full(*_arguments: Any) -> int:
        raise OSError("no space left on device")

    if why == "no room":
        monkeypatch.setattr("optserve.tables.scratch.SHARE", 1 << 60)
    elif why == "memory":
        monkeypatch.setattr("optserve.tables.scratch._is_memory", lambda _folder: True)
    elif why == "no folder":
        monkeypatch.setenv("TMPDIR", "/not/there")
    elif why == "full":
        monkeypatch.setattr("os.pwrite", full)
    passes(stream_of(decoded, None if why == "numbers" else lambda: None), 3)
    assert min(Counter(decoded).values()) >= 3
