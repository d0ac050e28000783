"""Cells that have a type already, as those of NumPy's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

import optserve
from optserve.errors import ConfigError
from optserve.tables.typed import Spot, cells, cells_with_gaps


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("read", [cells, cells_with_gaps])
def test_a_number_of_no_character_is_told_with_its_row(read: Any, order: str) -> None:
    codes = np.array([97, 98, 0x110000], dtype=f"{order}u4")
    with pytest.raises(ConfigError, match="column g has a character that is none in row 3"):
        read(codes.view(f"{order}U1"), "text", Spot("d.npy", "g"))
    assert cells(codes[:0].view(f"{order}U1"), "text", Spot("d.npy", "g")).size == 0
    assert cells(codes[:2].view(f"{order}U1"), "text", Spot("d.npy", "g")).tolist() == ["a", "b"]


def test_two_columns_of_one_name_are_read_by_their_position(tmp_path: Path) -> None:
    columns = [pyarrow.array([1.0, 2.0]), pyarrow.array([3.0, 4.0])]
    parquet.write_table(
        pyarrow.Table.from_arrays(columns, names=["x", "x"]), tmp_path / "d.parquet"
    )
    config = (
        "version: 1\nname: two\ndata: {read: d.parquet, columns: {a: 0, b: 1}}\n"
        "parameters: {p: 0}\nloss: (p - mean(b) + mean(a))**2\n"
    )
    (tmp_path / "fit.yaml").write_text(config)
    result = optserve.run(optserve.load(tmp_path / "fit.yaml"))
    assert result.parameters["p"] == pytest.approx(2.0)
