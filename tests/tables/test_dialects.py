"""Text files as people write them: every key, every suffix, small, large and in pieces."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.errors import ConfigError
from optserve.tables import csv_file, csv_pieces
from optserve.tables.csv import csv, dat, tsv, txt
from optserve.tables.csv_arrow import read_rows
from optserve.tables.csv_text import Rows, text_frame
from optserve.tables.dialect import Dialect
from optserve.tables.frame import CellKind, Frame, Reader, advice_of
from optserve.tables.lines import layout_of
from optserve.tables.pieces import PieceFrame, pieces_of


@pytest.fixture(params=["small", "large", "pieces"])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Frame]:
    """A file of some content, read as small ones, as large ones or in pieces of a few rows."""
    if request.param != "small":
        monkeypatch.setattr(csv_file, "SMALL", 4)
    monkeypatch.setattr(csv_pieces, "PIECE_BYTES", 8)

    def make(reader: Reader, content: str | bytes, name: str = "d.csv") -> Frame:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        frame = reader(path)
        if request.param == "pieces":
            return PieceFrame(frame.names, frame.width, pieces_of(frame))
        return frame

    return make


def columns(frame: Frame, kind: CellKind = "float") -> dict[str, list[Any]]:
    wanted: dict[int, CellKind] = dict.fromkeys(range(frame.width), kind)
    names = frame.names or tuple(map(str, range(frame.width)))
    return {names[at]: array.tolist() for at, array in frame.read(wanted).items()}


XY = {"x": [1.0, 2.0, 3.5], "y": [2.0, 4.0, 6.1]}


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (csv(), "x,y\n1,2\n2,4\n3.5,6.1\n"),
        (csv(), "x,y\r\n1,2\r\n2,4\r\n3.5,6.1"),
        (csv(), "x,y\r1,2\r2,4\r3.5,6.1\r"),
        (csv(), b"\xef\xbb\xbfx,y\n1,2\n2,4\n3.5,6.1\n"),
        (csv(), "\n\nx,y\n\n1,2\n   \n2,4\n\t\n3.5,6.1\n\n"),
        (csv(), 'x,"y"\n"1",2\n2,"4"\n"3.5", 6.1 \n'),
        (csv(separator=";"), "x;y\n1;2\n2;4\n3.5;6.1\n"),
        (csv(separator=";", decimal=","), "x;y\n1;2\n2,0;4\n3,5;6,1\n"),
        (csv(decimal=","), 'x,y\n1,2\n2,"4,0"\n"3,5","6,1"\n'),
        (csv(separator="\t"), "x\ty\n1\t2\n2\t4\n3.5\t6.1\n"),
        (csv(separator="\\t"), "x\ty\n1\t2\n2\t4\n3.5\t6.1\n"),
        (csv(separator="|"), "x|y\n1|2\n2|4\n3.5|6.1\n"),
        (csv(separator=" "), "x y\n1 2\n 2   4\n3.5\t 6.1  \n"),
        (csv(comment="#"), "# by hand\nx,y # names\n1,2\n  # gone\n2,4#\n3.5,6.1 # last\n#\n"),
        (csv(comment="#"), '# 5" wide\n"x",y\n1,2\n2,4 # 6" wide\n3.5,"6.1"\n'),
        (csv(comment="//"), "x,y\n1,2//a\n2,4\n//b\n3.5,6.1\n"),
        (csv(skip=2), 'made by "us\n,,,\nx,y\n1,2\n2,4\n3.5,6.1\n'),
        (csv(skip=1, comment="%"), "a\n% b\nx,y\n1,2\n2,4\n3.5,6.1\n"),
        (csv(encoding="utf-16"), "x,y\n1,2\n2,4\n3.5,6.1\n".encode("utf-16")),
        (csv(encoding="utf-16-le"), "\ufeffx,y\r\n1,2\r\n2,4\r\n3.5,6.1".encode("utf-16-le")),
        (csv(encoding="UTF8"), "x,y\n1,2\n2,4\n3.5,6.1\n"),
        (tsv(), "x\ty\n1\t2\n2\t4\n3.5\t6.1\n"),
        (txt(), "x y\n1 2\n2 4\n3.5 6.1\n"),
        (dat(), "    x    y\r\n  1.0  2.\r\n\t2\t4\r\n 3.5D0  0.61E+01\r\n"),
        (dat(separator=","), "x,y\n1.D0,2\n2,4\n35d-1,6.1\n"),
        (dat(comment="!"), '! "\n x y ! z\n 1 2\n 2 4 ! "\n 3.5 "6.1"\n'),
    ],
)
def test_a_table(opened: Callable[..., Frame], reader: Reader, content: str | bytes) -> None:
    frame = opened(reader, content)
    assert columns(frame) == XY
    assert (frame.names, frame.rows) == (("x", "y"), 3)
    packed = gzip.compress(content.encode() if isinstance(content, str) else content)
    assert columns(opened(reader, packed, "d.csv.GZ")) == XY


def test_columns_by_position_after_skipped_lines(opened: Callable[..., Frame]) -> None:
    frame = opened(dat(header=False, skip=1), "NIST 60 lines\n 1  2\n 3  4 \n")
    assert columns(frame) == {"0": [1.0, 3.0], "1": [2.0, 4.0]}


def test_texts_between_quotes_are_kept(opened: Callable[..., Frame]) -> None:
    content = 'a b\n"x  # y" 1\n"say ""hi""  you" "p\tq" # no\n'
    frame = opened(csv(separator=" ", comment="#"), content)
    assert columns(frame, "text") == {"a": ["x  # y", 'say "hi"  you'], "b": ["1", "p\tq"]}


def test_an_encoding_is_read(opened: Callable[..., Frame]) -> None:
    content = "Größe,site\n1,Köln\n2,Züri\n"
    for encoding in ("latin-1", "cp1252", "utf-8", "utf-16", "utf-32", "cp437"):
        frame = opened(csv(encoding=encoding), content.encode(encoding))
        assert frame.names == ("Größe", "site")
        assert frame.read({1: "text"})[1].tolist() == ["Köln", "Züri"]
    frame = opened(csv(encoding="gb18030"), "名,值\n一,1\n".encode("gb18030"))
    assert columns(frame, "text") == {"名": ["一"], "值": ["1"]}


@pytest.mark.parametrize(
    ("reader", "content", "keys"),
    [
        (csv(), "x;y\n1,5;3,1\n2,5;5,0\n", '`separator: ";"` and `decimal: ","`'),
        (csv(), "x;y\n1;3\n2;5\n", '`separator: ";"`'),
        (csv(), "x\ty\n1\t2\n2\t4\n", '`separator: "\\t"`'),
        (csv(), "x|y\n1|2\n2|4\n", '`separator: "|"`'),
        (csv(), "x   y\n1   2\n2   4.5\n", '`separator: " "`'),
        (csv(), 'x,y\n"1,5","3,1"\n', '`decimal: ","`'),
        (csv(), "# made by hand\nx,y\n1,2\n3,4\n", '`comment: "#"`'),
        (csv(), "x,y\n1,2\n% half-way\n3,4\n", '`comment: "%"`'),
        (csv(), "a title\nand, another, line\nx,y\n1,2\n3,4\n", "`skip: 2`"),
        (csv(), "title\nx;y\n1,5;2\n3;4\n", '`separator: ";"` and `decimal: ","` and `skip: 1`'),
        (txt(), "x,y\n1,2\n3,4\n", '`separator: ","`'),
        (txt(), "x, y\n1, 2\n3, 4\n", '`separator: ","`'),
        (dat(), "x y\n1,5 2\n3 4\n", '`decimal: ","`'),
        (tsv(), "x,y\n1,2\n3,4\n", '`separator: ","`'),
    ],
)
def test_the_error_names_the_key(
    opened: Callable[..., Frame], reader: Reader, content: str, keys: str
) -> None:
    assert advice(lambda: opened(reader, content)) == f"write {keys} beside `read`"


def test_a_point_between_digits_may_part_groups_of_them(opened: Callable[..., Frame]) -> None:
    told = advice(lambda: opened(csv(separator=";", decimal=","), "x;y\n1.5;2.5\n"))
    assert told.startswith('write `decimal: "."` beside `read`, unless ')


def advice(make: Callable[[], Frame]) -> str:
    """What the error says of the keys; of a file that can be read, what its frame says."""
    try:
        frame = make()
        columns(frame)
    except ConfigError as error:
        return error.remedy
    return advice_of(frame)


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ("x,Größe\n1,2\n".encode("latin-1"), "`encoding: latin-1` reads this line as 'x,Größe'"),
        ("x,€\n1,2\n".encode("cp1252"), "`encoding: cp1252` reads this line as 'x,€'"),
        ("x,y\n1,2\n".encode("utf-16"), "`encoding: utf-16` reads it"),
        ("x,y\n1,2\n".encode("utf-16-le"), "`encoding: utf-16-le` reads it"),
        ("x,y\n1,2\n".encode("utf-16-be"), "`encoding: utf-16-be` reads it"),
        (gzip.compress(b"x,y\n1,2\n", mtime=0), "it is packed by gzip: let its name end in .gz"),
        (b"PK\x03\x04\xff\xfe\x00\n", "it is a workbook or another archive: save its table as CSV"),
        (b"x,y\n1,\0\n", "mend it, or write it again as text"),
    ],
)
def test_what_is_not_utf8_names_the_encoding(
    opened: Callable[..., Frame], content: bytes, keys: str
) -> None:
    with pytest.raises(ConfigError, match="not text in UTF-8") as caught:
        columns(opened(csv(), content), "text")
    assert caught.value.remedy == keys


def test_a_byte_that_is_not_utf8_is_told_with_its_line(opened: Callable[..., Frame]) -> None:
    content = "x,note\n1,a\n2,b\n3,Köln\n4,d\n".encode("latin-1")
    with pytest.raises(ConfigError, match=r"d\.csv:4: .*byte 0xf6") as caught:
        opened(csv(), content).read({0: "float"})
    assert caught.value.remedy == "`encoding: latin-1` reads this line as '3,Köln'"


@pytest.mark.parametrize("separator", ["", ",,", "a", "1", ".", "-", "+", '"', "\n", "§", "_"])
def test_separators_that_part_nothing(separator: str) -> None:
    with pytest.raises(ConfigError, match="separator"):
        csv(separator=separator)


@pytest.mark.parametrize("comment", ["a", "-", " ", "####", '"', ",", "§"])
def test_comments_that_may_be_values(comment: str) -> None:
    with pytest.raises(ConfigError, match="comment"):
        csv(comment=comment)


@pytest.mark.parametrize(
    "encoding", ["", "none", "rot13", "base64", "unicode_escape", "idna", "undefined", "a\0b"]
)
def test_encodings_that_are_none(encoding: str) -> None:
    with pytest.raises(ConfigError, match="no encoding"):
        csv(encoding=encoding)


def test_another_encoding_than_that_of_the_file(opened: Callable[..., Frame]) -> None:
    with pytest.raises(ConfigError, match="not text in ascii"):
        opened(csv(encoding="ascii"), "x\nö\n")


@pytest.mark.parametrize("cut", [0, 1, 5, 12, -1, -9])
def test_a_packed_file_that_is_not_whole(opened: Callable[..., Frame], cut: int) -> None:
    packed = gzip.compress(b"x,y\n1,2\n")
    with pytest.raises(ConfigError, match=r"gzip|empty"):
        opened(csv(), packed[:cut] if cut else b"x,y\n1,2\n", "d.csv.gz")


@pytest.mark.parametrize("content", ["", "\n", "a\n"])
def test_more_lines_are_skipped_than_there_are(opened: Callable[..., Frame], content: str) -> None:
    with pytest.raises(ConfigError, match="nothing after the first 3 lines"):
        opened(csv(skip=3), content)


def test_a_separator_at_the_end_of_every_row(opened: Callable[..., Frame]) -> None:
    frame = opened(csv(), "x,y,\n1,2,\n3,4,\n")
    assert frame.names == ("x", "y", "")
    assert frame.read({1: "float"})[1].tolist() == [2.0, 4.0]
    with pytest.raises(ConfigError, match="this row has 3 values, the first line has 2") as caught:
        opened(csv(), "x,y\n1,2,\n3,4,\n").read({0: "float"})
    assert caught.value.remedy.startswith("every row ends in a separator")


def test_errors_are_those_of_a_small_file(opened: Callable[..., Frame]) -> None:
    content = "# c\n  x   y\n" + " 1   2\n" * 30 + " 1 many\n"
    with pytest.raises(ConfigError) as caught:
        opened(dat(comment="#"), content).read({1: "float"})
    assert str(caught.value).splitlines()[:3] == [
        str(caught.value.place) + ": the column 'y' has 'many' in row 31",
        "     1 many",
        "       ^^^^",
    ]
    assert str(caught.value.place).endswith("d.csv:33:4")


@pytest.mark.parametrize("cell", ["1,5", "1.5.1", "1e", "D3", "1d", "0x1p3", "1.0-100", "1_0"])
def test_what_is_no_number(opened: Callable[..., Frame], cell: str) -> None:
    with pytest.raises(ConfigError, match="row 1"):
        opened(csv(), f'x\n"{cell}"\n').read({0: "float"})


def test_wide_tables_are_opened(tmp_path: Path) -> None:
    names = [f"column{number}" for number in range(60_000)]
    path = tmp_path / "d.csv"
    path.write_text(",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n")
    assert csv()(path).names == tuple(names)
    assert csv(header=False)(path).width == len(names)


CELLS = ["1", "-2.5", "1e3", "7,5", '"8"', "0.1D1", "x", '"a b"', '"#"', "NA", '"q""q"', "'"]
SIGNS = [*",;|#%", "\t", " ", "  ", "\n", "\r\n", "\n\n"]


@given(
    st.lists(st.one_of(st.sampled_from(CELLS), st.sampled_from(SIGNS)), max_size=30),
    st.sampled_from([",", ";", "\t", " "]),
    st.sampled_from([".", ","]),
    st.sampled_from(["", "#", "%"]),
    st.integers(0, 2),
    st.booleans(),
    st.sampled_from(["float", "integer", "text"]),
)
def test_both_ways_of_reading_agree(
    parts: list[str],
    separator: str,
    decimal: str,
    comment: str,
    skip: int,
    header: bool,
    kind: CellKind,
) -> None:
    dialect = Dialect.of(separator, decimal, "utf-8", comment, skip, header)
    content = "".join(parts).encode()
    try:
        layout = layout_of("d.csv", content, dialect)
    except ConfigError:
        return
    assert layout is not None
    rows = Rows("d.csv", content[layout.start :], dialect, layout, layout.lines)
    for at in range(layout.width):
        assert read(rows, at, kind) == read(rows, at, kind, by_arrow=True)


def read(rows: Rows, at: int, kind: CellKind, *, by_arrow: bool = False) -> Any:
    wanted: Mapping[int, CellKind] = {at: kind}
    try:
        return (read_rows(rows, wanted) if by_arrow else text_frame(rows).read(wanted))[at].tolist()
    except ConfigError as error:
        return str(error)


def test_pieces_hold_every_row_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "SMALL", 4)
    lines = ["x y # n", *(f' {k}  "{k}\n{k}"' if k % 7 == 0 else f"{k} a # {k}" for k in range(99))]
    path = tmp_path / "d.csv"
    path.write_text("\n".join(lines))
    for size in (1, 7, 20, 100, 5000):
        monkeypatch.setattr(csv_pieces, "PIECE_BYTES", size)
        frame = csv(separator=" ", comment="#")(path)
        pieces = pieces_of(frame)
        assert sum(piece.rows for piece in pieces) == frame.rows == 99
        parts = [piece.read({0: "float"})[0] for piece in pieces]
        np.testing.assert_array_equal(np.concatenate(parts), np.arange(99.0))
