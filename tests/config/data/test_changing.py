"""Data that change, or are cut, while a streamed table is gone through."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optserve.errors import ConfigError, DataFailure
from optserve.jobs.run import run
from optserve.tables import csv_file, csv_pieces
from optserve.tables import npy as npy_module
from optserve.tables import stream as stream_module
from optserve.tables.stream import Stream
from tests.config.evaluation import Load

ROWS = 5_000
X = np.random.default_rng(0).normal(size=ROWS)
FIT = "parameters: {a: 0, b: 0}\nloss: mean((1 + 2 * x**3 - a - b * x)**4)\noptimizer: lbfgs\n"


def write(path: Path, x: Any = X) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"x": x}), path, row_group_size=500)
    elif path.suffix == ".npy":
        np.save(path, np.asarray(x)[:, None])
    else:
        path.write_text("x\n" + "".join(f"{one!r}\n" for one in np.asarray(x).tolist()))


@pytest.fixture(autouse=True)
def pieces_are_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "SMALL", 4)
    monkeypatch.setattr(csv_pieces, "PIECE_BYTES", 20_000)
    monkeypatch.setattr(npy_module, "PIECE_ROWS", 500)
    monkeypatch.setattr(stream_module, "KEPT_BYTES", 0)


def after(reads: int, change: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``change`` happen after that many pieces were decoded."""
    decoded, count = Stream._decoded, [0]

    def counted(self: Stream, number: int) -> Any:
        count[0] += 1
        if count[0] == reads:
            change()
        return decoded(self, number)

    monkeypatch.setattr(Stream, "_decoded", counted)


def shortened(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def rewritten(path: Path) -> None:
    write(path, X[::-1])


def replaced(path: Path) -> None:
    other = path.with_name(f"other{path.suffix}")
    write(other, X[::-1])
    other.replace(path)


def altered_in_secret(path: Path) -> None:
    """Another value, in a file of the same size and time."""
    status = path.stat()
    x = X.copy()
    x[ROWS - 1] = X[ROWS - 2]
    x[ROWS - 2] = -X[ROWS - 1]
    write(path, x)
    os.truncate(path, status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [shortened, rewritten, replaced, altered_in_secret, os.remove])
@pytest.mark.parametrize("file", ["d.csv", "d.parquet", "d.npy"])
def test_a_run_ends_with_the_best_point(
    file: str,
    change: Callable[[Path], None],
    problem: Load,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if change is altered_in_secret and file != "d.npy":
        pytest.skip("the size tells")
    path = tmp_path / file
    write(path)
    columns = "columns: {x: 0}, " if file == "d.npy" else ""
    made = problem(f"data: {{read: {file}, {columns}in_memory: false}}\n{FIT}")
    after(60, lambda: change(path), monkeypatch)
    result = run(made)
    assert result.termination.reason == "data"
    assert result.exit_code == 5
    assert result.loss is not None
    assert np.isfinite(result.loss)
    assert result.failure is not None
    assert file in result.failure.message or file in str(result.failure.place)
    assert result.termination.message.startswith("the data could not be read any more")
    assert result.uncertainty == "none"


@pytest.mark.parametrize("change", [shortened, rewritten])
@pytest.mark.parametrize("file", ["d.csv", "d.parquet", "d.npy"])
def test_before_anything_is_computed_it_is_an_error_of_the_data(
    file: str, change: Callable[[Path], None], problem: Load, tmp_path: Path
) -> None:
    path = tmp_path / file
    write(path)
    columns = "columns: {x: 0}, " if file == "d.npy" else ""
    made = problem(f"data: {{read: {file}, {columns}in_memory: false}}\n{FIT}")
    change(path)
    with pytest.raises(DataFailure, match="has changed since it was first read") as caught:
        run(made)
    assert caught.value.exit_code == 2


def test_a_file_that_is_cut_is_no_whole_file(problem: Load, tmp_path: Path) -> None:
    write(tmp_path / "d.npy")
    shortened(tmp_path / "d.npy")
    with pytest.raises(ConfigError, match=r"not a whole file of NumPy: 19[0-9]* of 40000 bytes"):
        problem(f"data: {{read: d.npy, columns: {{x: 0}}}}\n{FIT}")


def test_arrays_by_column_are_read(problem: Load, tmp_path: Path) -> None:
    matrix = np.arange(4_000.0).reshape(2_000, 2)
    np.save(tmp_path / "d.npy", np.asfortranarray(matrix))
    for in_memory in ("true", "false"):
        data = f"data: {{read: d.npy, columns: {{x: 1, z: 0}}, in_memory: {in_memory}}}"
        made = problem(f"{data}\nparameters: {{b: 1}}\nloss: sum(x * z * b)")
        np.testing.assert_array_equal(made.objective.data["x"][0:2_000], matrix[:, 1])
