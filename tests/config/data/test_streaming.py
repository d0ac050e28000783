"""Streamed tables: the same numbers as in memory, to the bit, and what they cannot do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optserve.config.data import data_table
from optserve.errors import ConfigError
from optserve.graph.streamed import Streamed
from optserve.jobs import evaluator, reduced
from optserve.jobs.problem import Problem
from optserve.jobs.run import run
from optserve.tables import csv_pieces
from optserve.tables import npy as npy_module
from optserve.tables.available import available_bytes
from optserve.tables.statistics import moments_of

Load = Callable[..., Problem]
ROWS = 150_001
SQUARES = "least_squares: y - a - b * x - c[g]"

FIT = """
parameters: {a: 0, b: 0, c: {shape: [3], init: zeros}}
loss: mean((y - a - b * x - c[g])**2)
"""
COLUMNS = """columns:
    x: {take: x, standardize: true}
    y: y
    g: {take: g, as: category}
"""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_pieces, "PIECE_BYTES", 50_000)
    monkeypatch.setattr(npy_module, "PIECE_ROWS", 12_345)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """One table as parquet in odd row groups and files, one of them empty; as csv; as npy."""
    rng = np.random.default_rng(3)
    x, g = rng.normal(size=ROWS), rng.integers(0, 3, ROWS)
    y = 1.0 + 2.0 * x + g + rng.normal(size=ROWS)
    table = pa.table({"x": x, "y": y, "g": pa.array([f"k{k}" for k in g])})
    (tmp_path / "parts").mkdir()
    ends = [0, 7, 7, 60_000, 60_001, ROWS]
    for number, (first, last) in enumerate(pairwise(ends)):
        path = tmp_path / "parts" / f"{number}.parquet"
        pq.write_table(table.slice(first, last - first), path, row_group_size=7_777)
    np.save(tmp_path / "d.npy", np.stack([x, y, g], axis=1))
    lines = [f"{p!r},{q!r},k{k}" for p, q, k in zip(x.tolist(), y.tolist(), g, strict=True)]
    lines.insert(77_777, "")
    (tmp_path / "d.csv").write_text("\n".join(["x,y,g", *lines]) + "\n")
    return tmp_path


def config(read: str, in_memory: str, columns: str = COLUMNS, more: str = "") -> str:
    table = f'  read: "{read}"\n  in_memory: {in_memory}\n  {columns}'
    return f"data:\n{table}{FIT}optimizer: lbfgs\nstop: {{steps: 12}}\n{more}"


IN_EVERY_RUN = frozenset(
    {
        ("parts/*.parquet", "float64", "numpy"),
        ("parts/*.parquet", "float32", "llvm"),
        ("d.csv", "float64", "llvm"),
        ("d.npy", "float32", "numpy"),
    }
)
"""The others, in which the same readers meet the same backends, are nightly."""


def each_way() -> Iterator[Any]:
    ways = product(("parts/*.parquet", "d.csv", "d.npy"), ("float64", "float32"), ("numpy", "llvm"))
    for way in ways:
        yield pytest.param(*way, marks=[] if way in IN_EVERY_RUN else [pytest.mark.nightly])


@pytest.mark.parametrize(("read", "precision", "backend"), [*each_way()])
def test_a_fit_has_the_bits_of_one_in_memory(
    read: str, precision: str, backend: str, problem: Load, written: Path
) -> None:
    columns = COLUMNS
    if read == "d.npy":
        columns = columns.replace("take: x", "take: 0").replace("y: y", "y: 1")
        columns = columns.replace("take: g", "take: 2")
    results = []
    for in_memory in ("true", "false"):
        more = f"backend: {backend}\nprecision: {precision}"
        made = problem(config(read, in_memory, columns, more))
        assert made.objective.streamed == (in_memory == "false")
        assert made.rows_read == ROWS
        result = run(made)
        results.append((result.loss, result.parameters, result.gradient))
    assert results[0] == results[1]


def test_columns_are_those_in_memory(problem: Load, written: Path) -> None:
    for read in ("parts/*.parquet", "d.csv"):
        whole = problem(config(read, "true")).objective.data
        parts = problem(config(read, "false")).objective.data
        for name, array in whole.items():
            column = parts[name]
            assert isinstance(column, Streamed)
            assert (column.shape, column.dtype) == (array.shape, array.dtype)
            for first, last in ((0, ROWS), (5, 9), (59_990, 60_010), (ROWS - 1, ROWS), (3, 3)):
                np.testing.assert_array_equal(column[first:last], array[first:last])


def test_moments_do_not_depend_on_how_rows_are_read() -> None:
    column = np.random.default_rng(0).normal(5.0, 2.0, (200_000, 2))
    moments = moments_of(column)
    np.testing.assert_allclose(moments.mean, column.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(moments.deviation, column.std(axis=0), rtol=1e-13)


def test_auto_streams_what_does_not_fit(
    problem: Load, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    assert not problem(config("parts/*.parquet", "auto")).objective.streamed
    monkeypatch.setattr(data_table, "SMALL_BYTES", 0)
    monkeypatch.setattr(data_table, "available_bytes", lambda: 1_000_000)
    for read in ("parts/*.parquet", "d.csv"):
        assert problem(config(read, "auto")).objective.streamed


def test_few_residuals_of_streamed_data_are_kept_and_many_are_not(
    problem: Load, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, streamed = (
        run(
            problem(
                config("parts/*.parquet", in_memory)
                .replace("loss: mean((y - a - b * x - c[g])**2)", SQUARES)
                .replace("steps: 12", "steps: 200")
            )
        )
        for in_memory in ("true", "false")
    )
    assert memory.uncertainty == "least squares"
    for name in ("loss", "parameters", "standard_errors", "covariance", "evaluations"):
        assert getattr(memory, name) == getattr(streamed, name), name
    monkeypatch.setattr(evaluator, "LARGEST_BESIDE", 1000)
    text = config("parts/*.parquet", "false").replace(
        "loss: mean((y - a - b * x - c[g])**2)", SQUARES
    )
    result = run(problem(text.replace("steps: 12", "steps: 200")))
    assert result.uncertainty == "none"
    assert "`in_memory: true` does" in result.unavailable["b"]


def least_squares(in_memory: str) -> str:
    text = config("parts/*.parquet", in_memory).replace("optimizer: lbfgs\n", "")
    residual = "least_squares: y - a - b * x - c[g]"
    return text.replace("loss: mean((y - a - b * x - c[g])**2)", residual).replace("12", "2")


@pytest.mark.parametrize("entries", [1 << 30, 1 << 18, 1 << 10])
def test_levenberg_marquardt_goes_through_streamed_rows(
    entries: int, problem: Load, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reduced, "BLOCK_ENTRIES", entries)
    held, streamed = (run(problem(least_squares(one))) for one in ("true", "false"))
    assert held.history is not None
    assert streamed.history is not None
    assert [entry.loss for entry in held.history[0]] == [e.loss for e in streamed.history[0]]
    assert held.parameters["b"] == streamed.parameters["b"]


def test_rows_that_depend_on_others_need_memory(problem: Load, written: Path) -> None:
    text = least_squares("false").replace("b * x", "b * (x - mean(a * x))")
    with pytest.raises(ConfigError, match="depends on other rows than its own") as caught:
        problem(text)
    assert "optimizer: lbfgs" in caught.value.remedy


def test_a_wrong_value_is_placed_when_it_is_met(problem: Load, written: Path) -> None:
    content = (written / "d.csv").read_text().splitlines()
    content[100_000] = "1,many,k1"
    (written / "d.csv").write_text("\n".join(content))
    made = problem(config("d.csv", "false"))
    with pytest.raises(ConfigError, match=r"d\.csv:100001:3: .*'y' has 'many' in row 99999"):
        run(made)


def test_arrays_of_npz_are_not_streamed(problem: Load, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    with pytest.raises(ConfigError, match="read whole"):
        problem("data: {read: a.npz, in_memory: false}\nparameters: {b: 1}\nloss: sum(x * b)")


def test_what_memory_is_left(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 4096 kB\n",
        "sys/fs/cgroup/memory.max": "3000000\n",
        "sys/fs/cgroup/memory.current": "1000000\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_bytes(tmp_path) == 2_000_000
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert available_bytes(tmp_path) == 4096 * 1024
