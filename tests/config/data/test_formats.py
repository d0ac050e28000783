"""Formats beside csv: types, missing values, and files that are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optserve.errors import ConfigError
from optserve.jobs.problem import Problem
from optserve.tables.frame import CellKind
from optserve.tables.npy import npy
from optserve.tables.npz import npz
from optserve.tables.parquet import parquet

Load = Callable[..., Problem]


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (pa.array([1, 2], pa.int8()), "float", [1.0, 2.0]),
        (pa.array([1, 2], pa.uint64()), "integer", [1, 2]),
        (pa.array([2**60, -(2**63)]), "integer", [2**60, -(2**63)]),
        (pa.array([1.0, 2.0], pa.float32()), "integer", [1, 2]),
        (pa.array([True, False]), "float", [1.0, 0.0]),
        (pa.array([True, False]), "bool", [True, False]),
        (pa.array([0, 1]), "bool", [False, True]),
        (pa.array([Decimal("1.5"), Decimal("2.5")]), "float", [1.5, 2.5]),
        (pa.array(["b", "a"]), "text", ["b", "a"]),
        (pa.array(["b", "a"]).dictionary_encode(), "text", ["b", "a"]),
        (pa.array([7, 8]), "text", ["7", "8"]),
    ],
)
def test_types_of_parquet(
    column: pa.Array[Any], kind: CellKind, values: list[object], tmp_path: Path
) -> None:
    pq.write_table(pa.table({"x": column}), tmp_path / "d.parquet")
    assert parquet()(tmp_path / "d.parquet").read({0: kind})[0].tolist() == values


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        (pa.array([1.0, None, 2.0]), "float", "'x' has a missing value in row 2"),
        (pa.array([1.0, float("nan")]), "float", "'x' has a missing value in row 2"),
        (pa.array([1.0, float("inf")]), "float", "'x' has inf in row 2"),
        (pa.array(["a", None]), "text", "'x' has a missing value in row 2"),
        (pa.array(["a", " "]), "text", "'x' has a missing value in row 2"),
        (pa.array(["a", "b"]), "float", "'x' holds texts"),
        (pa.array([1.5, 2.0]), "integer", "'x' has 1.5 in row 1"),
        (pa.array([2**63], pa.uint64()), "integer", "in row 1"),
        (pa.array([2**53 + 1]), "float", "in row 1"),
        (pa.array([0, 2]), "bool", "'x' has 2 in row 2"),
        (pa.array([[1], [2]]), "float", "values of the type list"),
        (pa.array([0], pa.timestamp("s")), "float", "dates or times"),
    ],
)
def test_what_is_no_number_is_refused(
    column: pa.Array[Any], kind: CellKind, message: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"x": column}), tmp_path / "d.parquet")
    with pytest.raises(ConfigError, match=message) as caught:
        parquet()(tmp_path / "d.parquet").read({0: kind})
    assert caught.value.place is not None
    assert caught.value.place.file.endswith("d.parquet")


def test_a_missing_value_is_found_in_a_later_row_group(tmp_path: Path) -> None:
    table = pa.table({"x": [1.0] * 25 + [None]})
    pq.write_table(table, tmp_path / "d.parquet", row_group_size=10)
    with pytest.raises(ConfigError, match="missing value in row 26"):
        parquet()(tmp_path / "d.parquet").read({0: "float"})


@pytest.mark.parametrize(
    ("array", "columns"),
    [
        (np.array([1, 2], np.int16), [[1.0, 2.0]]),
        (np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), [[1.0, 3.0], [2.0, 4.0]]),
        (np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), [[1.0, 3.0], [2.0, 4.0]]),
        (np.array([(1, 0.5), (2, 1.5)], [("k", "i4"), ("v", ">f8")]), [[1.0, 2.0], [0.5, 1.5]]),
        (np.zeros((0, 2)), [[], []]),
    ],
)
def test_arrays_of_npy(array: Any, columns: list[list[float]], tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", array)
    frame = npy()(tmp_path / "d.npy")
    assert frame.names == (array.dtype.names or ())
    assert frame.width == len(columns)
    found = frame.read(dict.fromkeys(range(frame.width), "float"))
    assert [found[index].tolist() for index in range(frame.width)] == columns


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"x,y\n1,2\n"])
@pytest.mark.parametrize("reader", [npy, npz, parquet])
def test_files_that_are_none_of_their_kind(
    content: bytes, reader: Callable[[], Any], tmp_path: Path
) -> None:
    (tmp_path / "d").write_bytes(content)
    with pytest.raises(ConfigError, match="not a whole"):
        reader()(tmp_path / "d").read({0: "float"})


@pytest.mark.parametrize("suffix", ["npy", "npz", "parquet"])
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.99])
def test_truncated_files(suffix: str, kept: float, tmp_path: Path) -> None:
    path = tmp_path / f"d.{suffix}"
    values = np.random.default_rng(0).normal(size=1000)
    writers: dict[str, Callable[[], Any]] = {
        "npy": lambda: np.save(path, values),
        "npz": lambda: np.savez(path, x=values),
        "parquet": lambda: pq.write_table(pa.table({"x": values}), path),
    }
    writers[suffix]()
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    reader = {"npy": npy, "npz": npz, "parquet": parquet}[suffix]
    with pytest.raises(ConfigError, match="not a whole") as caught:
        reader()(path).read({0: "float"})
    assert caught.value.place is not None


def test_damaged_pages_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(pa.table({"x": np.arange(5000.0)}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[100:400] = bytes(300)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="not a whole Parquet file"):
        parquet()(path).read({0: "float"})


@pytest.mark.parametrize("reader", [npy, npz])
def test_objects_are_never_unpickled(reader: Callable[[], Any], tmp_path: Path) -> None:
    path = tmp_path / f"d.{reader.__name__}"
    objects = np.array([{}, 1], dtype=object)
    if reader is npy:
        np.save(path, objects, allow_pickle=True)
    else:
        np.savez(path, x=objects)
    with pytest.raises(ConfigError, match="never loaded") as caught:
        reader()(path)
    assert "plain dtypes" in caught.value.remedy or "plain dtype" in caught.value.remedy


def test_arrays_of_npz_are_columns_and_matrices(problem: Load, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.arange(6.0).reshape(3, 2), y=[1.0, 2.0, 3.0])
    made = problem(
        "data: {read: a.npz}\nparameters: {w: {shape: [2], init: zeros}}\n"
        "loss: mean((y - X @ w)**2)"
    )
    assert {name: array.shape for name, array in made.objective.data.items()} == {
        "X": (3, 2),
        "y": (3,),
    }


def test_arrays_of_npz_are_constants_of_any_shape(problem: Load, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", A=np.ones((2, 3, 2)), c=4.0)
    made = problem(
        "data: {k: {read: a.npz, rows: false}}\nparameters: {b: 1}\nloss: sum(k.A) * b**2 + k.c"
    )
    shapes = sorted(np.shape(array) for array in made.objective.data.values())
    assert shapes == [(), (2, 3, 2)]


def test_arrays_of_unequal_lengths_are_no_table(problem: Load, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones(2), y=np.ones(3))
    with pytest.raises(ConfigError, match="no number of rows in common") as caught:
        problem("data: {read: a.npz}\nparameters: {b: 1}\nloss: sum(x * b)")
    assert "rows: false" in caught.value.remedy


def test_a_whole_number_that_a_float_would_round_is_refused(tmp_path: Path) -> None:
    column = pa.array([1, 2**60, 2**53 + 1], pa.int64())
    pq.write_table(pa.table({"x": column}), tmp_path / "d.parquet")
    with pytest.raises(ConfigError, match="9007199254740993 in row 3") as caught:
        parquet()(tmp_path / "d.parquet").read({0: "float"})
    assert "`as: integer`" in caught.value.remedy
