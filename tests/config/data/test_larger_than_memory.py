"""The proof: a fit of data twice as large as all the address space that the process has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optserve.graph.aval import Array

LIMIT = 5 << 28
"""Bytes of address space; what numpy, pyarrow, LLVM and threads reserve is part of it."""
COLUMNS = 8
ROWS = 2 * LIMIT // (8 * COLUMNS)
FILES = 4
GROUPS = 64

CONFIG = """\
version: 1
data:
  read: parts/*.parquet
  columns: {X: "x*", y: y}
parameters: {w: {shape: [7], init: zeros}}
loss: mean((y - X @ w)**2)
optimizer: {gradient_descent: {learning_rate: 0.24}}
stop: {steps: 1}
"""

FIT = """\
import resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
from optserve.cli import main
sys.argv = ["optserve", "run", "fit.yaml", "--out", sys.argv[2], "--set", "backend=" + sys.argv[2]]
main()
"""


WEIGHTS = np.arange(1.0, COLUMNS)


def matrix() -> Array:
    """The rows of a group, (rows, 7), which all groups have."""
    rng = np.random.default_rng(0)
    return rng.integers(-2, 3, (ROWS // FILES // GROUPS, COLUMNS - 1)).astype(float)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of ``2 * LIMIT`` bytes: values of few digits, which take little room on disk."""
    made = tmp_path_factory.mktemp("large")
    (made / "parts").mkdir()
    (made / "fit.yaml").write_text(CONFIG)
    X = matrix()
    table = pa.table({**{f"x{i}": X[:, i] for i in range(COLUMNS - 1)}, "y": X @ WEIGHTS})
    first = made / "parts" / "0.parquet"
    with pq.ParquetWriter(first, table.schema) as writer:
        for _ in range(GROUPS):
            writer.write_table(table)
    for number in range(1, FILES):
        (made / "parts" / f"{number}.parquet").hardlink_to(first)
    return made


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of address space is Linux's")
@pytest.mark.parametrize("backend", [pytest.param("numpy", marks=pytest.mark.nightly), "llvm"])
def test_a_fit_of_twice_the_address_space(folder: Path, backend: str) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", FIT, str(LIMIT), backend],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    result = json.loads((folder / backend / "result.json").read_text())
    assert result["used"]["rows_used"] == ROWS, result["used"]
    X = matrix()
    step = 0.24 * 2 * X.T @ (X @ WEIGHTS) / len(X)
    np.testing.assert_allclose(result["parameters"]["w"], step, rtol=1e-11)
