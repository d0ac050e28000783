"""A text file, or a piece of one, through the standard library."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from optserve.errors import ConfigError, Place
from optserve.tables.advice import COMMENTS
from optserve.tables.dialect import BLANKS, Dialect
from optserve.tables.encoded import check_utf8
from optserve.tables.lines import Layout, Record, line_of, prepared, records
from optserve.tables.text_frame import TextFrame

__all__ = ["Rows", "text_frame"]


class Rows(NamedTuple):
    """Rows of a file as they are written: its name, how it is to be read, the lines and rows
    before them, and how the file may have been meant."""

    file: str
    content: bytes
    dialect: Dialect
    layout: Layout
    before: int
    first: int = 0
    advise: Callable[[], str] = lambda: ""

    def prepared(self) -> bytes:
        """Their text as it is parsed."""
        return prepared(self.content, self.dialect)


def text_frame(rows: Rows) -> TextFrame:
    """The columns of ``rows``; raises ``ConfigError`` where they are not equally long."""
    check_utf8(rows.content, rows.file, rows.before + 1)
    dialect, layout = rows.dialect, rows.layout
    found = list(records(rows.file, rows.prepared(), dialect, rows.before))
    for one in found:
        if len(one.cells) != layout.width:
            raise _other_length(rows, one, found)

    def place(row: int, index: int) -> Place:
        return _place(rows, found[row], index)

    def column(index: int) -> Sequence[str]:
        return [one.cells[index] for one in found]

    return TextFrame(
        layout.names,
        layout.width,
        len(found),
        column,
        place,
        decimal=dialect.decimal,
        first=rows.first,
        advise=rows.advise,
    )


def _place(rows: Rows, record: Record, index: int) -> Place:
    """Where a cell stands; of the whole line where quotes hide that."""
    excerpt = line_of(rows.content, record.line - rows.before)
    separator, cell = rows.dialect.separator, record.cells[index]
    if separator == BLANKS or '"' in excerpt:
        before = excerpt.find(cell) if excerpt.count(cell) == 1 else -1
    else:
        before = len(separator.join(record.cells[:index])) + (index > 0)
    excerpt = excerpt.replace("\t", " ")
    if before < 0:
        return Place(rows.file, record.line, 1, excerpt)
    return Place(rows.file, record.line, before + 1, excerpt, max(1, len(cell)))


def _other_length(rows: Rows, record: Record, found: Sequence[Record]) -> ConfigError:
    """The error for a row that is not as long as the first."""
    width, cells = rows.layout.width, record.cells
    line = line_of(rows.content, record.line - rows.before)
    sign = next((sign for sign in COMMENTS if line.lstrip().startswith(sign)), "")
    if all(len(one.cells) == width + 1 and not one.cells[-1] for one in found):
        remedy = "every row ends in a separator and the first line does not: add one to it"
    elif sign and not rows.dialect.comment:
        remedy = f"write `comment: {json.dumps(sign)}` beside `read`"
    else:
        remedy = rows.advise() or "quote a value that holds a separator"
    return ConfigError(
        f"this row has {len(cells)} values, the first line has {width}",
        place=Place(rows.file, record.line, 1, line.replace("\t", " ")),
        expected="the same number of values in every row",
        remedy=remedy,
        code="malformed-file",
    )
