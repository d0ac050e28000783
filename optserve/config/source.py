"""``Source``: the text of a config, which turns offsets into places."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from optserve.config.suggest import nearest_file
from optserve.errors import ConfigError, Place

__all__ = ["LIMIT", "Source", "read_source", "without_excerpt"]

LIMIT = 1 << 20
"""Bytes a config may have. YAML is read at some 100 KiB a second; data belongs in a table."""


@dataclass(frozen=True, eq=False, repr=False)
class Source:
    """A text and where it came from.

    ``name`` is the file as the person named it, and ``folder`` what relative paths start from.

    >>> str(Source("fit.yaml", "version: 1\\nname: fit\\n").place(17, 20))
    'fit.yaml:2:7'
    """

    name: str
    text: str
    folder: Path = Path()
    first_line: int = 1

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def place(self, start: int, end: int, path: str = "") -> Place:
        """The place of ``text[start:end]``, as far as it lies on its first line."""
        index = bisect_right(self._starts, start) - 1
        line_start = self._starts[index]
        line_end = self.text.find("\n", line_start)
        excerpt = self.text[line_start : line_end if line_end >= 0 else len(self.text)]
        width = min(end, line_start + len(excerpt.rstrip())) - start
        return Place(
            file=self.name,
            line=index + self.first_line,
            column=start - line_start + 1,
            excerpt=excerpt.rstrip().replace("\t", " "),
            width=max(1, width),
            path=path,
        )


def read_source(path: Path) -> Source:
    """The text of the file ``path``; raises ``ConfigError`` where it is no text of ours."""
    first, *others = str(path).strip().splitlines() or [""]
    if others:
        raise ConfigError(
            f"a text of {len(others) + 1} lines is no path: {first[:60]!r} ...",
            expected="the path of a YAML file, a mapping or a Config",
            remedy="write the text into a file, or give what it holds as a mapping",
            code="missing-file",
        )
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"there is no file {path}", remedy=nearest_file(path), code="missing-file"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}",
            expected="a YAML file that may be read",
            remedy="name the file itself, and let it be readable",
            code="unreadable-file",
        ) from None
    start = Place(str(path), 1, 1)
    if len(content) > LIMIT:
        raise ConfigError(
            "the config is too large",
            place=start,
            expected=f"at most {LIMIT >> 20} MiB",
            remedy="put the data into a file of its own and read it with `data: {read: ...}`",
            code="too-large",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        place = Source(str(path), before).place(len(before), len(before))
        raise ConfigError(
            "the config is not text in UTF-8",
            place=without_excerpt(place),
            expected="a YAML file in UTF-8",
            code="unreadable-file",
        ) from None
    return Source(str(path), text, path.parent)


def without_excerpt(place: Place) -> Place:
    """The place without its excerpt, which a terminal could not show."""
    return Place(place.file, place.line, place.column)
