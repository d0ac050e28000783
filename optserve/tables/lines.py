"""The lines of a text file: which come before the rows, and what of each is read."""

from __future__ import annotations

import csv as standard
import io
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from optserve.errors import ConfigError, Place
from optserve.tables.dialect import BLANKS, Dialect

__all__ = ["Layout", "count_lines", "count_rows", "layout_of", "line_of", "prepared", "records"]

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BLANK = " \t\v\f"


class Layout(NamedTuple):
    """The columns of a file, and where its rows begin: the offset, and the lines before it."""

    names: tuple[str, ...]
    width: int
    start: int
    lines: int


class Record(NamedTuple):
    """The cells of a row, and the lines of the file that it begins and ends on, from 1."""

    cells: list[str]
    line: int
    last: int


def prepared(content: bytes, dialect: Dialect) -> bytes:
    """``content`` without comments, and with one blank where any number may separate.

    No line is lost, and nothing changes between quotes.

    >>> prepared(b"  a   b  # note", Dialect(separator=" ", comment="#"))
    b'a b'
    """
    if dialect.plain:
        return content
    if dialect.comment:
        comment = re.escape(dialect.comment.encode()) + rb"[^\r\n]*"
        blank_line = rb"(?<![^\r\n])[ \t]*" + comment
        content = _outside_quotes(blank_line + rb"|" + comment, content, lambda found: b"")
    if dialect.separator == BLANKS:
        content = _outside_quotes(rb"[ \t]+", content, _one_blank)
    return content


def _outside_quotes(
    pattern: bytes, content: bytes, made: Callable[[re.Match[bytes]], bytes]
) -> bytes:
    if b'"' not in content:
        return re.sub(pattern, made, content)

    def unless_quoted(found: re.Match[bytes]) -> bytes:
        return found[0] if found[0].startswith(b'"') else made(found)

    return re.sub(rb'"(?:[^"]|"")*"|' + pattern, unless_quoted, content)


def _one_blank(found: re.Match[bytes]) -> bytes:
    """A blank, or nothing at an end of a line."""
    text, start, end = found.string, found.start(), found.end()
    outer = start == 0 or end == len(text) or text[start - 1] in b"\r\n" or text[end] in b"\r\n"
    return b"" if outer else b" "


def layout_of(file: str, head: bytes, dialect: Dialect, *, whole: bool = True) -> Layout | None:
    """The columns of the file that begins with ``head``, and where its rows begin.

    ``None`` where that needs more of the file, of which ``head`` is not the ``whole``. Raises
    ``ConfigError`` for a file without a row.
    """
    ends = [found.end() for found in _LINE.finditer(head)]
    start = ends[min(dialect.skip, len(ends)) - 1] if dialect.skip and ends else 0
    try:
        rows = records(file, prepared(head[start:], dialect), dialect, dialect.skip)
        first = next(rows, None)
    except ConfigError:
        if whole:
            raise
        return None
    if not whole and (first is None or ends[first.last - 1] == len(head)):
        return None
    if first is None:
        before = f"after the first {dialect.skip} lines " if dialect.skip else ""
        raise ConfigError(
            f"there is nothing {before}in the file" if before else "the file is empty",
            place=Place(file, 1),
            expected="rows of values",
            code="malformed-file",
        )
    if not dialect.header:
        return Layout((), len(first.cells), start, dialect.skip)
    names = tuple(name.strip() for name in first.cells)
    return Layout(names, len(names), ends[first.last - 1], first.last)


def records(file: str, content: bytes, dialect: Dialect, before: int) -> Iterator[Record]:
    """The rows of ``content``, which is prepared and follows ``before`` lines of the file.

    Lines without anything but blanks are passed over. Raises ``ConfigError`` where it is no CSV.
    """
    text = io.StringIO(content.decode("utf-8", "replace"), newline="")
    reader = standard.reader(text, delimiter=dialect.separator, strict=True)
    end = before
    try:
        for cells in reader:
            line, end = end + 1, before + reader.line_num
            if len(cells) > 1 or (cells and (not cells[0] or cells[0].strip(_BLANK))):
                yield Record(cells, line, end)
    except standard.Error as error:
        raise ConfigError(
            f"not valid CSV: {error}",
            place=Place(file, before + reader.line_num),
            remedy="a quote inside a value that is quoted is written twice",
            code="malformed-file",
        ) from None


def count_rows(content: bytes, dialect: Dialect) -> int:
    """The number of rows of ``content``, which is prepared and has no quotes."""
    blank = _BLANK.replace(dialect.separator, "").encode()
    return sum(1 for line in content.splitlines() if line.strip(blank))


def count_lines(content: bytes) -> int:
    """The number of line ends in ``content``."""
    return len(_LINE_END.findall(content)) if b"\r" in content else content.count(b"\n")


def line_of(content: bytes, number: int) -> str:
    """The line of ``content`` of that number, from 1."""
    found = next(islice(_LINE.finditer(content), number - 1, None), None)
    return found[0].decode("utf-8", "replace").rstrip("\r\n") if found else ""
