"""The csv reader: the standard library and Arrow give the same numbers and the same errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.tables import csv_arrow, csv_file
from optserve.tables.csv import csv
from optserve.tables.csv_arrow import read_rows
from optserve.tables.csv_text import Rows, text_frame
from optserve.tables.dialect import Dialect
from optserve.tables.frame import CellKind, Frame, Gapped
from optserve.tables.lines import layout_of
from optserve.tables.pieces import Pieced


class ByArrow:
    """Rows through Arrow, where it is sure of them, whatever their number."""

    def __init__(self, rows: Rows) -> None:
        self.names, self.width, self.rows = rows.layout.names, rows.layout.width, -1
        self._rows = rows

    def read(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Array]:
        return read_rows(self._rows, wanted)


COMMAS = Dialect()


def frames(content: bytes, dialect: Dialect = COMMAS) -> tuple[Frame, Frame]:
    """The same file through the standard library and through Arrow."""
    layout = layout_of("d.csv", content, dialect)
    assert layout is not None
    rows = Rows("d.csv", content[layout.start :], dialect, layout, layout.lines)
    return text_frame(rows), ByArrow(rows)


def outcome(frame: Frame, index: int, kind: CellKind) -> tuple[str, list[object]]:
    """What reading a column gives: its dtype and values, or the error as a person reads it."""
    try:
        array = frame.read({index: kind})[index]
    except ConfigError as error:
        return str(error), []
    return str(array.dtype), array.tolist()


def read(tmp_path: Path, content: str | bytes, *, header: bool = True) -> Frame:
    path = tmp_path / "d.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return csv(header)(path)


CELLS = ["1", "-2.5", "1e3", ".5", "5.", " 7 ", '"8"', "+9", "3.0", "0"]
ODD = ["", "NA", "nan", "inf", "1_0", "0x1", "1e400", "many", '"a,b"', "true", "\u0661", "9" * 25]

cells = st.sampled_from(CELLS + ODD)


@given(
    st.lists(st.tuples(cells, cells), min_size=1, max_size=6),
    st.sampled_from(["float", "integer", "bool", "text"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_both_ways_of_reading_agree(
    rows: list[tuple[str, str]], kind: CellKind, header: bool, line_end: str
) -> None:
    lines = [",".join(row) for row in ([("x", "y"), *rows] if header else rows)]
    text, arrow = frames((line_end.join(lines) + line_end).encode(), Dialect(header=header))
    for index in (0, 1):
        assert outcome(text, index, kind) == outcome(arrow, index, kind)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_both_ways_read_numbers_to_the_last_bit(numbers: list[float]) -> None:
    content = "x\n" + "".join(f"{number!r}\n" for number in numbers)
    for frame in frames(content.encode()):
        np.testing.assert_array_equal(frame.read({0: "float"})[0], np.array(numbers))


def test_a_large_file_is_read_by_arrow_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 40_000
    content = "k,x,g\n" + "".join(f"{k},{k / 7},g{k % 3}\n" for k in range(rows))
    assert len(content) > csv_file.SMALL
    frame = read(tmp_path, content)
    monkeypatch.delattr(csv_arrow, "text_frame")
    monkeypatch.delattr(csv_file, "csv_pieces")  # which goes through the file once more
    assert isinstance(frame, Pieced)
    arrays = frame.read({0: "integer", 1: "float", 2: "text"})
    assert frame.rows == rows
    np.testing.assert_array_equal(arrays[0], np.arange(rows))
    np.testing.assert_array_equal(arrays[1], np.arange(rows) / 7)
    assert arrays[0].dtype == np.int64
    assert arrays[2][:4].tolist() == ["g0", "g1", "g2", "g0"]
    with_gaps = read(tmp_path, content)
    assert isinstance(with_gaps, Gapped)
    assert not with_gaps.read_with_gaps({1: "float"})[1].missing.any()
    assert with_gaps.rows == rows


def test_an_error_in_a_large_file_names_its_line(tmp_path: Path) -> None:
    lines = ["x,y", *("1,2" for _ in range(100_000)), "1,many", "3,4"]
    frame = read(tmp_path, "\n".join(lines))
    assert frame.read({0: "float"})[0].sum() == 100_004
    with pytest.raises(ConfigError, match=r"d\.csv:100002:3: the column 'y' has 'many'"):
        frame.read({1: "float"})


def test_only_the_columns_that_are_asked_for_are_checked(tmp_path: Path) -> None:
    frame = read(tmp_path, "x,note\n1,\n2,two\n")
    assert frame.read({0: "float"})[0].tolist() == [1.0, 2.0]
    with pytest.raises(ConfigError, match="'note' has a missing value in row 1"):
        frame.read({1: "text"})


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    frame = read(tmp_path, 'x,note\n\n1,"two\nlines"\n\nbad,3\n')
    with pytest.raises(ConfigError) as caught:
        frame.read({0: "float"})
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.excerpt) == (6, "bad,3")


def test_a_file_without_a_header(tmp_path: Path) -> None:
    frame = read(tmp_path, "1,2\n3,4\n", header=False)
    assert (frame.names, frame.width, frame.rows) == ((), 2, 2)
    assert frame.read({1: "integer"})[1].tolist() == [2, 4]


def test_names_are_trimmed_and_the_byte_order_mark_is_none_of_them(tmp_path: Path) -> None:
    frame = read(tmp_path, b"\xef\xbb\xbfx, y\n1, 2\n")
    assert frame.names == ("x", "y")


@pytest.mark.parametrize(
    ("kind", "cells", "values"),
    [
        ("integer", ["3", "-4", "5.0"], [3, -4, 5]),
        ("integer", ["9007199254740993", "-9223372036854775808"], [2**53 + 1, -(2**63)]),
        ("bool", ["true", "False", "1", "0"], [True, False, True, False]),
        ("text", ["a", " b", "nary"], ["a", "b", "nary"]),
    ],
)
def test_kinds(tmp_path: Path, kind: CellKind, cells: list[str], values: list[object]) -> None:
    array: Array = read(tmp_path, "x\n" + "\n".join(cells)).read({0: kind})[0]
    assert array.tolist() == values


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("integer", "1.5"),
        ("integer", "9223372036854775808"),
        ("bool", "2"),
        ("bool", "yes"),
        ("float", "1,5"),
        ("float", "inf"),
        ("float", "9007199254740993"),
        ("float", "-100000000000000001"),
        ("float", "--"),
    ],
)
def test_what_is_not_of_its_kind_is_refused(tmp_path: Path, kind: CellKind, cell: str) -> None:
    with pytest.raises(ConfigError, match=r"d\.csv:2"):
        read(tmp_path, f'x\n"{cell}"\n').read({0: kind})


@pytest.mark.parametrize(
    "content", ["", "\n\n", 'x\n"1\n', "x,y\n1\n", "x\n\xe9\n".encode("latin-1"), 'x\n"1"2\n']
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(ConfigError):
        read(tmp_path, content)


@pytest.mark.parametrize("rows", [3, 200_000])
def test_a_long_whole_number_is_refused_however_large_the_file(tmp_path: Path, rows: int) -> None:
    text = "x\n" + "1.5\n" * rows + "9007199254740993\n"
    with pytest.raises(ConfigError, match="'9007199254740993' in row") as raised:
        read(tmp_path, text).read({0: "float"})
    assert raised.value.expected.startswith("a whole number that a float keeps")
    assert "`as: integer`" in raised.value.remedy


def test_a_long_number_that_a_float_keeps_is_read(tmp_path: Path) -> None:
    cells = ["9007199254740992", "1e300", "0.12345678901234567890", "100000000000000000000"]
    array = read(tmp_path, "x\n" + "\n".join(cells)).read({0: "float"})[0]
    assert array.tolist() == [float(cell) for cell in cells]
