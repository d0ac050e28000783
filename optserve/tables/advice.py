"""Which keys would read a text file that was not meant as it is read: found by trying them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from optserve.errors import ConfigError
from optserve.tables.cells import conversions, fits, is_grouped
from optserve.tables.dialect import BLANKS, Dialect
from optserve.tables.lines import prepared, records

__all__ = ["COMMENTS", "advised"]

SEPARATORS = (",", ";", "\t", "|", BLANKS)
COMMENTS = ("#", "%", "!", "//")
SAMPLE = 200
"""Lines that are looked at."""
MOST_SKIPPED = 100


class _Table(NamedTuple):
    """How a dialect reads a text: the values of a row, the numbers in all, and whether each that
    has a comma may as well be one of groups of digits."""

    width: int
    numbers: int
    grouped: bool


def advised(content: bytes, dialect: Dialect) -> str:
    """The keys that read more of ``content``, the beginning of a file, as numbers in rows; or "".

    >>> advised(b"x;y\\n1,5;2\\n2,5;3\\n", Dialect())
    'write `separator: ";"` and `decimal: ","` beside `read`'
    """
    now = _read(content, dialect)
    best, most, grouped = dialect, now.numbers if now else 0, False
    for comment, skip in _passed_over(content, dialect):
        for separator in dict.fromkeys((dialect.separator, *SEPARATORS)):
            for decimal in (".", ","):
                with suppress(ConfigError):
                    tried = Dialect.of(separator, decimal, "utf-8", comment, skip, dialect.header)
                    found = _read(content, tried)
                    if found and found.width > 1 and found.numbers > most:
                        best, most, grouped = tried, found.numbers, found.grouped
        if best is not dialect:
            break
    words = _written(dialect, best)
    if grouped and best.decimal != dialect.decimal:
        return f"{words}, unless its commas part groups of digits: then take them out of the file"
    return words


def _passed_over(content: bytes, dialect: Dialect) -> Iterator[tuple[str, int]]:
    """Comments and lines to skip, the least change first."""
    yield dialect.comment, dialect.skip
    for comment in COMMENTS:
        if comment.encode() in content:
            yield comment, dialect.skip
    for skip in range(dialect.skip + 1, min(MOST_SKIPPED, content.count(b"\n"))):
        yield dialect.comment, skip


def _read(content: bytes, dialect: Dialect) -> _Table | None:
    """How ``dialect`` reads the text; ``None`` where that makes no table."""
    lines = content.splitlines(keepends=True)[dialect.skip : dialect.skip + SAMPLE]
    try:
        text = prepared(b"".join(lines), dialect)
        rows = [one.cells for one in records("", text, dialect, 0)]
    except ConfigError:
        return None
    if len(rows) < 2 or len({len(row) for row in rows}) > 1:
        return None
    convert = conversions(dialect.decimal)["float"]
    if dialect.header and any(fits(name, convert) for name in rows[0]):
        return None  # a row of the table, not the names of its columns
    cells = (cell for row in rows[dialect.header :] for cell in row)
    numbers = [cell for cell in cells if fits(cell, convert) and not cell.endswith(",")]
    grouped = all(map(is_grouped, (cell for cell in numbers if "," in cell)))
    return _Table(len(rows[0]), len(numbers), grouped)


def _written(dialect: Dialect, best: Dialect) -> str:
    """The keys in which ``best`` differs, as they are written."""
    keys = ("separator", "decimal", "comment", "skip")
    changed = {key: getattr(best, key) for key in keys}
    words = [
        f"`{key}: {json.dumps(value)}`"
        for key, value in changed.items()
        if value != getattr(dialect, key)
    ]
    return f"write {' and '.join(words)} beside `read`" if words else ""
