"""Dates and times as days or seconds since an origin, numbers less an origin, and long integers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optserve.errors import ConfigError
from tests.config.evaluation import Load

TAIL = "\nparameters: {b: 1}\nloss: sum(t * b)\noptimizer: none\n"
MOMENTS = ["2024-01-02", "2024-01-01T12:00:00", "2024-01-03T00:00:00Z", "2024-01-03T02:00+02:00"]
DAYS = [1.0, 0.5, 2.0, 2.0]


def made(problem: Load, table: str, column: str, **options: Any) -> list[Any]:
    data = f"data: {{{table}, columns: {{t: {{take: t, {column}}}}}}}"
    column_of: list[Any] = problem(f"{data}{TAIL}", **options).objective.data["t"][0:9].tolist()
    return column_of


@pytest.mark.parametrize(
    ("column", "factor"),
    [
        ("as: time, origin: 2024-01-01", 1.0),
        ("as: time, origin: '2024-01-01T01:00:00+01:00', unit: days", 1.0),
        ("as: time, origin: 2024-01-01, unit: seconds", 86_400.0),
        ("as: time, origin: 2024-01-01, divide: 7", 1 / 7),
    ],
)
def test_moments_count_from_their_origin(
    column: str, factor: float, problem: Load, tmp_path: Path
) -> None:
    wanted = pytest.approx([day * factor for day in DAYS], rel=1e-15)
    (tmp_path / "t.csv").write_text("\n".join(["t", *MOMENTS]))
    for in_memory in ("true", "false"):
        assert made(problem, f"read: t.csv, in_memory: {in_memory}", column) == wanted
    assert made(problem, f"inline: {{t: [{', '.join(MOMENTS)}]}}", column) == wanted
    utc = [np.datetime64("2024-01-01") + np.timedelta64(round(86_400 * day), "s") for day in DAYS]
    for unit in ("s", "ms", "us", "ns", "h"):
        array = np.array(utc).astype(f"datetime64[{unit}]")
        assert made(problem, "rows: true", column, data={"t": array}) == wanted
        if unit != "h":
            pq.write_table(pa.table({"t": array}), tmp_path / "t.parquet")
            assert made(problem, "read: t.parquet", column) == wanted
    dates = pa.array([19_724, 19_725], pa.date32())
    pq.write_table(pa.table({"t": dates}), tmp_path / "t.parquet")
    assert made(problem, "read: t.parquet", column) == pytest.approx([factor, 2 * factor])


def test_nanoseconds_are_kept(problem: Load) -> None:
    array = np.array(["2024-01-01T00:00:00.000000001"], dtype="datetime64[ns]")
    column = "as: time, origin: 2024-01-01, unit: seconds"
    assert made(problem, "rows: true", column, data={"t": array}) == [1e-9]


def test_missing_moments(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("t,x\n2024-01-02,1\nNA,2\n")
    pq.write_table(
        pa.table({"t": pa.array([86_400, None], pa.timestamp("s")), "x": [1, 2]}),
        tmp_path / "t.parquet",
    )
    arrays = {"t": np.array(["1970-01-02", "NaT"], dtype="datetime64[D]"), "x": [1, 2]}
    column = "as: time, origin: 1970-01-01"
    for table, options in (
        ("read: t.csv", {}),
        ("read: t.parquet", {}),
        ("rows: true", {"data": arrays}),
    ):
        with pytest.raises(ConfigError, match=r"missing value.* in row 2"):
            made(problem, table, column, **options)
        assert len(made(problem, f"{table}, missing: drop", column, **options)) == 1


def test_a_text_of_nanoseconds_is_refused_and_not_cut(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("t,x\n2024-01-02T00:00:00.123456000Z,1\n")
    assert len(made(problem, "read: t.csv", "as: time, origin: 2024-01-01")) == 1
    (tmp_path / "t.csv").write_text("t,x\n2024-01-02T00:00:00.123456789Z,1\n")
    with pytest.raises(ConfigError) as caught:
        made(problem, "read: t.csv", "as: time, origin: 2024-01-01")
    assert "up to six digits after the second" in caught.value.expected


@pytest.mark.parametrize("cell", ["01.02.2024", "2024-13-01", "12:00", "5", "2024-01-01 25:00"])
def test_what_is_no_moment(cell: str, problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"t,x\n2024-01-02,1\n{cell},2\n")
    with pytest.raises(ConfigError, match=r"t\.csv:3:1: the column 't' has .* in row 2") as caught:
        made(problem, "read: t.csv", "as: time, origin: 2024-01-01")
    assert "such as 2024-12-31" in caught.value.expected


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("as: time", "a time counts from an origin.*`origin: 2024-01-01`"),
        ("as: time, origin: 2024", "no moment"),
        ("as: time, origin: soon", "no moment"),
        ("as: time, origin: '0001-01-01T00:00:00+05:00'", "no moment"),
        ("as: time, origin: 2024-01-01, unit: hours", "one of days, seconds"),
        ("unit: days", "read as float has no unit.*add `as: time`"),
        ("origin: 2024-01-01", "this origin is a text.*`as: time`"),
        ("as: integer, origin: 1.5", "this origin is a fraction"),
        ("as: bool, origin: 1", "read as bool has no origin"),
        ("as: category, origin: 1", "read as category has no origin"),
    ],
)
def test_misuse(column: str, says: str, problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("t\n2024-01-01\n")
    with pytest.raises(ConfigError) as caught:
        made(problem, "read: t.csv", column)
    assert re.search(says, " ".join(str(caught.value).split())), str(caught.value)


def test_a_number_less_its_origin(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("t\n2451545.5\n2451546\n")
    assert made(problem, "read: t.csv", "origin: 2451545") == [0.5, 1.0]
    assert made(problem, "read: t.csv", "origin: 2451545, divide: 2") == [0.25, 0.5]


@pytest.mark.parametrize("file", ["t.csv", "t.parquet"])
def test_long_whole_numbers(file: str, problem: Load, tmp_path: Path) -> None:
    times = [1_700_000_000_000_000_001, 1_700_000_000_000_000_003]
    (tmp_path / "t.csv").write_text("\n".join(map(str, ["t", *times])))
    pq.write_table(pa.table({"t": times}), tmp_path / "t.parquet")
    assert made(problem, f"read: {file}", "as: integer") == times
    with pytest.raises(ConfigError, match=r"1700000000000000001'? in row 1") as caught:
        made(problem, f"read: {file}", "as: float")
    pattern = r"`(as: integer)` keeps .*; `(origin: \d+)` beside .*"
    found = re.fullmatch(pattern, caught.value.remedy)
    assert found is not None
    assert made(problem, f"read: {file}", f"{found[1]}, {found[2]}") == [1, 3]


def test_an_origin_that_is_too_far(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"t\n0\n{2**63 - 1}\n")
    with pytest.raises(ConfigError, match="too far from its origin in row 2"):
        made(problem, "read: t.csv", "as: integer, origin: -9")
