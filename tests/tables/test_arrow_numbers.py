"""Columns of Arrow become the arrays that Arrow itself makes, and import nothing for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow.parquet import write_table

from optserve.tables.arrow_numbers import as_array


@pytest.mark.parametrize(
    "column",
    [
        pa.chunked_array([[1.5, 2.5], [3.5]]),
        pa.chunked_array([pa.array([1, 2, 3], pa.int16()).slice(1)]),
        pa.chunked_array(
            [pa.array([1, 2, 3], pa.uint64()).slice(1, 1), pa.array([7], pa.uint64())]
        ),
        pa.chunked_array([pa.array([1.5, -2.0], pa.float32()), pa.array([], pa.float32())]),
        pa.chunked_array([pa.array([0.5, -2.0]).cast(pa.float16())]),
        pa.chunked_array([], pa.float64()),
        pa.chunked_array([pa.array([], pa.int64())]),
        pa.chunked_array([[1.5, None]]),
        pa.chunked_array([[1, None]]),
        pa.chunked_array([[True, False]]),
        pa.chunked_array([["a", "b"]]),
    ],
    ids=lambda column: f"{column.type} {len(column)} in {column.num_chunks}",
)
def test_a_column_is_what_arrow_makes_of_it(column: pa.ChunkedArray[Any]) -> None:
    found, wanted = as_array(column), column.to_numpy()
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)


def test_no_table_of_numbers_imports_pandas(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("raise SystemExit('pandas is imported')\n", "utf-8")
    x = np.linspace(0.0, 1.0, 5000)
    (tmp_path / "d.csv").write_text("x\n" + "\n".join(map(str, x)) + "\n", "utf-8")
    write_table(pa.table({"x": x}), tmp_path / "d.parquet")
    code = (
        "import optserve\n"
        "for name in ('d.csv', 'd.parquet'):\n"
        "    config = {'version': 1, 'data': {'read': name}, 'parameters': {'a': 0},\n"
        "              'least_squares': 'x - a'}\n"
        "    print(round(optserve.run(optserve.load(config)).parameters['a'], 6))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.stdout.split(), done.stderr) == (["0.5", "0.5"], "")
