"""Values that are missing, as every reader tells them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from optserve.errors import ConfigError
from optserve.tables import csv_file
from optserve.tables.csv import csv
from optserve.tables.frame import CellKind, Cells, Gapped
from optserve.tables.npy import npy
from optserve.tables.npz import npz
from optserve.tables.parquet import parquet as parquet_reader
from optserve.tables.several_files import joined

NAN = float("nan")


def gaps(frame: Any, wanted: Mapping[int, CellKind]) -> dict[int, list[Any]]:
    """The columns with ``None`` where there is no value."""
    assert isinstance(frame, Gapped)
    return {index: listed(cells) for index, cells in frame.read_with_gaps(wanted).items()}


def listed(cells: Cells) -> list[Any]:
    pairs = zip(cells.values.tolist(), cells.missing.tolist(), strict=True)
    return [None if missing else value for value, missing in pairs]


@pytest.mark.parametrize("small", [1 << 18, 4])
def test_csv(tmp_path: Path, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "SMALL", small)
    path = tmp_path / "d.csv"
    path.write_text("x,k,b,t\n1,2,true,a\n ,NA,?,\nnan,3,0,none\n2.5,4,1,b\n")
    wanted: dict[int, CellKind] = {0: "float", 1: "integer", 2: "bool", 3: "text"}
    found: dict[int, list[Any]] = {
        0: [1.0, None, None, 2.5],
        1: [2, None, 3, 4],
        2: [True, None, False, True],
        3: ["a", None, None, "b"],
    }
    frame = csv()(path)
    assert gaps(frame, wanted) == found
    assert gaps(joined([path, path], csv()), wanted) == {at: 2 * one for at, one in found.items()}


@pytest.mark.parametrize("small", [1 << 18, 4])
def test_csv_without_gaps(tmp_path: Path, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "SMALL", small)
    path = tmp_path / "d.csv"
    path.write_text("x\n1\n2.5\n")
    assert gaps(csv()(path), {0: "float"}) == {0: [1.0, 2.5]}


def test_parquet(tmp_path: Path) -> None:
    columns = {
        "x": [1.0, None, NAN, 2.5],
        "k": [2, None, 3, 4],
        "b": [True, None, False, True],
        "t": ["a", None, "", "b"],
    }
    path = tmp_path / "d.parquet"
    parquet.write_table(pyarrow.table(columns), path, row_group_size=3)
    wanted: dict[int, CellKind] = {0: "float", 1: "integer", 2: "bool", 3: "text"}
    assert gaps(parquet_reader()(path), wanted) == {
        0: [1.0, None, None, 2.5],
        1: [2, None, 3, 4],
        2: [True, None, False, True],
        3: ["a", None, None, "b"],
    }


def test_dictionaries_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    parquet.write_table(
        pyarrow.table({"t": pyarrow.array(["a", None, "b"]).dictionary_encode()}), path
    )
    assert gaps(parquet_reader()(path), {0: "text"}) == {0: ["a", None, "b"]}


def test_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.array([[1.0, NAN], [NAN, 3.0]], dtype=np.float32))
    assert gaps(npy()(tmp_path / "d.npy"), {0: "float", 1: "integer"}) == {
        0: [1.0, None],
        1: [None, 3],
    }


def test_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", k=[1, 2], t=["a", ""], W=[[1.0, NAN], [2.0, 3.0]])
    found = gaps(npz()(tmp_path / "d.npz"), {0: "integer", 1: "text", 2: "float"})
    assert found == {0: [1, 2], 1: ["a", None], 2: [None, [2.0, 3.0]]}


MARKS = ["", " ", "NA", "n/a", "NaN", "null", "None", "?", ".", "-", "#N/A", "<NA>", " na "]


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_missing_in_a_category_of_any_format(tmp_path: Path, mark: str) -> None:
    (tmp_path / "d.csv").write_text(f"g,y\na,1\n{mark},2\n")
    parquet.write_table(pyarrow.table({"g": ["a", mark]}), tmp_path / "d.parquet")
    np.savez(tmp_path / "d.npz", g=np.array(["a", mark]))
    np.save(tmp_path / "d.npy", np.array([b"a", mark.encode()]))
    for reader, name in ((csv, "csv"), (parquet_reader, "parquet"), (npz, "npz"), (npy, "npy")):
        frame = reader()(tmp_path / f"d.{name}")
        assert gaps(frame, {0: "text"}) == {0: ["a", None]}
        with pytest.raises(ConfigError, match=r"missing value.* in row 2"):
            frame.read({0: "text"})


@pytest.mark.parametrize("small", [1 << 18, 4])
def test_a_mark_in_a_category_of_a_large_file(
    tmp_path: Path, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "SMALL", small)
    (tmp_path / "d.csv").write_text("g,y\na,1\nNA,2\n")
    frame = csv()(tmp_path / "d.csv")
    with pytest.raises(ConfigError, match=r"d\.csv:3:1: the column 'g' has a missing value \(NA\)"):
        frame.read({0: "text"})
    assert gaps(frame, {0: "text"}) == {0: ["a", None]}


def test_another_wrong_value_is_told(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x,y\n,1\n2,many\n")
    with pytest.raises(ConfigError, match=r"d\.csv:3:3: the column 'y' has 'many' in row 2"):
        csv()(path).read_with_gaps({0: "float", 1: "float"})  # type: ignore[attr-defined]
