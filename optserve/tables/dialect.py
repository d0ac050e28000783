"""``Dialect``: how a text file writes a table, as its suffix and the keys of the config say."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple, Self

from optserve.errors import ConfigError

__all__ = ["BLANKS", "Dialect"]

BLANKS = " "
"""The separator that stands for any run of blanks and tabs."""
_UNSUITABLE = frozenset({"unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined"})
"""Codecs that are no encodings of files."""


class Dialect(NamedTuple):
    """Signs and lines of a text file.

    ``separator`` stands between values: one sign, of which ``BLANKS`` means any run of blanks and
    tabs. ``comment`` begins what is passed over up to the end of a line; empty where there are no
    comments. ``skip`` lines come before everything else. ``encoding`` is one that Python knows.

    >>> Dialect.of(";", ",", "latin-1").separator
    ';'
    """

    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    comment: str = ""
    skip: int = 0
    header: bool = True

    @classmethod
    def of(
        cls,
        separator: str = ",",
        decimal: str = ".",
        encoding: str = "utf-8",
        comment: str = "",
        skip: int = 0,
        header: bool = True,
    ) -> Self:
        """A dialect whose signs can be told from what stands between them."""
        separator = {"\\t": "\t", "tab": "\t"}.get(separator, separator)
        if len(separator) != 1 or not re.fullmatch(r"(?![\w\"'.+\-\r\n\0])[\0-\x7f]", separator):
            raise ConfigError(
                f"the separator {separator!r} does not part values",
                expected='one sign, such as "," ";" "|" "\\t" (a tab) or " " (any blanks)',
                code="wrong-value",
            )
        if decimal not in (".", ","):
            raise ConfigError(
                f"the decimal sign {decimal!r} is none",
                expected='a point "." or a comma ","',
                code="wrong-value",
            )
        if comment and not re.fullmatch(r"((?![\w\s\"'.+\-])[\0-\x7f]){1,3}", comment):
            raise ConfigError(
                f"the comment {comment!r} may be part of a value",
                expected='one to three signs, such as "#" "%" or "//"',
                code="wrong-value",
            )
        if comment and separator in comment:
            raise ConfigError(
                f"the comment {comment!r} holds the separator {separator!r}",
                expected="different signs",
                code="contradiction",
            )
        return cls(separator, decimal, _known(encoding), comment, skip, header)

    @property
    def plain(self) -> bool:
        """Whether lines are parsed as they are written, up to their separator."""
        return not self.comment and self.separator != BLANKS


def _known(encoding: str) -> str:
    """The name by which Python knows an encoding."""
    try:
        name = codecs.lookup(encoding).name
        if name.replace("-", "_") in _UNSUITABLE:
            raise LookupError
        "x".encode(name)  # which refuses what is no encoding of text
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):  # UnicodeError and an embedded NUL are of the latter
        raise ConfigError(
            f"there is no encoding {encoding[:40]!r}",
            expected="one that Python knows, such as utf-8, latin-1, cp1252 or utf-16",
            code="wrong-value",
        ) from None
    return "utf-8" if name == "utf-8-sig" else name
