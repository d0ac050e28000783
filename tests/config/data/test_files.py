"""Several files as one table, and which of them a config may reach."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optserve.errors import ConfigError
from optserve.jobs.problem import Problem

Load = Callable[..., Problem]
FIT = "parameters: {b: 1}\nloss: mean((y - b * x)**2)"


def write(folder: Path, *tables: pa.Table) -> None:
    folder.mkdir(exist_ok=True)
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"part-{number}.parquet")


def test_files_are_joined_in_the_order_of_their_names(problem: Load, tmp_path: Path) -> None:
    empty = pa.table({"x": pa.array([], pa.int64()), "y": pa.array([], pa.int64())})
    write(tmp_path / "parts", pa.table({"x": [1, 2], "y": [3, 4]}), empty)
    write(tmp_path / "more", pa.table({"x": [5], "y": [6]}))
    (tmp_path / "more" / "part-0.parquet").rename(tmp_path / "parts" / "part-9.parquet")
    made = problem(f'data: {{read: "parts/*.parquet"}}\n{FIT}')
    assert made.objective.data["x"].tolist() == [1.0, 2.0, 5.0]
    assert made.rows_read == 3


@pytest.mark.parametrize("suffix", ["csv", "npy"])
def test_globs_of_other_formats(suffix: str, problem: Load, tmp_path: Path) -> None:
    for number in range(3):
        if suffix == "csv":
            (tmp_path / f"p{number}.csv").write_text(f"x,y\n{number},1\n")
        else:
            np.save(tmp_path / f"p{number}.npy", np.array([[number, 1]]))
    made = problem(f'data: {{read: "p*.{suffix}", columns: {{x: 0, y: 1}}}}\n{FIT}')
    assert made.objective.data["x"].tolist() == [0.0, 1.0, 2.0]


def test_other_columns_name_the_file(problem: Load, tmp_path: Path) -> None:
    write(tmp_path / "parts", pa.table({"x": [1], "y": [2]}), pa.table({"x": [1], "z": [2]}))
    with pytest.raises(ConfigError, match="'z' for 'y'") as caught:
        problem(f'data: {{read: "parts/*.parquet"}}\n{FIT}')
    assert caught.value.place is not None
    assert caught.value.place.file.endswith("part-1.parquet")


def test_a_glob_without_files(problem: Load) -> None:
    with pytest.raises(ConfigError, match="no file matches"):
        problem(f'data: {{read: "parts/*.parquet"}}\n{FIT}')


@pytest.mark.parametrize("pattern", ["../out*/*.parquet", "link/*.parquet", "*.parquet"])
def test_globs_stay_in_the_folder(pattern: str, problem: Load, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"out-{tmp_path.name}"
    write(outside, pa.table({"x": [1], "y": [2]}))
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "d.parquet").symlink_to(outside / "part-0.parquet")
    with pytest.raises(ConfigError, match="leaves the folder of the config") as caught:
        problem(f'data: {{read: "{pattern}"}}\n{FIT}')
    assert "--allow-path" in caught.value.remedy
    if not pattern.startswith(".."):
        made = problem(f'data: {{read: "{pattern}"}}\n{FIT}', allow_path=True)
        assert made.rows_read == 1


def test_the_digest_of_several_files_is_that_of_all(problem: Load, tmp_path: Path) -> None:
    write(tmp_path / "parts", pa.table({"x": [1], "y": [2]}), pa.table({"x": [1], "y": [2]}))
    content = b"".join(path.read_bytes() for path in sorted((tmp_path / "parts").iterdir()))
    digest = hashlib.sha256(content).hexdigest()

    def with_digest(digest: str) -> Problem:
        return problem(f'data: {{read: "parts/*.parquet", sha256: "{digest}"}}\n{FIT}')

    made = with_digest(digest)
    assert made.metadata["data"]["data"]["sha256"] == digest
    with pytest.raises(ConfigError, match="another SHA-256"):
        with_digest("0" * 64)
