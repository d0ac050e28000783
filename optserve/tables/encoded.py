"""``EncodedText``: a text file as bytes of UTF-8, whatever its encoding, packed by gzip or not."""

from __future__ import annotations

import codecs
import gzip
import os
import re
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO

from optserve.errors import ConfigError, Place
from optserve.tables.file_version import Version

__all__ = ["EncodedText", "check_utf8"]

BLOCK = 1 << 20
"""Bytes that are unpacked at once."""
_MARK = codecs.BOM_UTF8


class EncodedText:
    """The text of a file; ``size`` and offsets count bytes of UTF-8, without a byte order mark.

    A file that is packed or in another encoding is unpacked at once, into memory if it is small or
    else into a file without a name, which goes with this object, however the process ends.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        self._version = Version(path)
        self._lock = Lock()
        self._start = 0
        self._unpacked: IO[bytes] | None = None
        packed = path.suffix.casefold() == ".gz"
        if packed or encoding != "utf-8":
            self._unpacked = _unpacked(path, packed, encoding)
            weakref.finalize(self, self._unpacked.close)
            self._unpacked.seek(0, os.SEEK_END)
            self.size = self._unpacked.tell()
        else:
            self.size = path.stat().st_size
        if self.part(0, len(_MARK)) == _MARK:
            self._start = len(_MARK)
            self.size -= len(_MARK)

    def check(self) -> None:
        """Raise ``ConfigError`` where the file that is read is no longer as it was."""
        if self._unpacked is None:
            self._version.check()

    def part(self, start: int = 0, size: int = -1) -> bytes:
        """``size`` bytes from ``start`` on, or all; fewer at the end of the text.

        Raises ``ConfigError`` where the file is no longer as it was.
        """
        if self._unpacked is None:
            with self._version.open() as file:
                file.seek(self._start + start)
                return file.read(size)
        with self._lock:
            self._unpacked.seek(self._start + start)
            return self._unpacked.read(size)


def _unpacked(path: Path, packed: bool, encoding: str) -> IO[bytes]:
    """The text in UTF-8."""
    # A file in memory up to the size of a block, without a name beyond.
    text: IO[bytes] = tempfile.SpooledTemporaryFile(BLOCK)  # noqa: SIM115
    try:
        for block in _recoded(path, _blocks(path, packed), encoding):
            text.write(block)
    except BaseException:
        text.close()
        raise
    return text


def _blocks(path: Path, packed: bool) -> Iterator[bytes]:
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ConfigError(
            f"not a whole file of gzip: {error}",
            place=Place(str(path)),
            remedy="pack it again, or unpack it and name that file",
            code="malformed-file",
        ) from None


def _recoded(path: Path, blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    if encoding == "utf-8":  # what is wrong with it is found where it is read
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    try:
        for block in blocks:
            text = decoder.decode(block)
            lines += text.count("\n")
            yield text.encode("utf-8")
        yield decoder.decode(b"", final=True).encode("utf-8")
    except (UnicodeError, ValueError) as error:
        raise ConfigError(
            f"the file is not text in {encoding}: {error}"[:200],
            place=Place(str(path), lines),
            expected="the encoding that it was written in",
            remedy="try `encoding: latin-1`, which reads any bytes",
            code="unreadable-file",
        ) from None


def check_utf8(content: bytes, file: str, line: int = 1) -> None:
    """Hold that ``content``, which begins on ``line`` of ``file``, is UTF-8.

    The error names the ``encoding`` that would read it.

    >>> check_utf8("Größe".encode("latin-1"), "d.csv")
    Traceback (most recent call last):
    optserve.errors.ConfigError: d.csv:1: the file is not text in UTF-8: byte 0xf6 here
      expected: UTF-8, or its `encoding` beside `read`
      remedy: `encoding: latin-1` reads this line as 'Größe'
    """
    if b"\0" in content:
        raise _not_utf8(content, content.index(b"\0"), file, line)
    if content.isascii():
        return
    try:
        codecs.utf_8_decode(content, "strict", True)
    except UnicodeDecodeError as error:
        raise _not_utf8(content, error.start, file, line) from None


def _not_utf8(content: bytes, at: int, file: str, line: int) -> ConfigError:
    first = content.rfind(b"\n", 0, at) + 1
    ends = [end for sign in b"\r\n" if (end := content.find(sign, at)) >= 0]
    line_here = content[first : min(ends, default=len(content))]
    return ConfigError(
        f"the file is not text in UTF-8: byte 0x{content[at]:02x} here",
        place=Place(file, line + content.count(b"\n", 0, at)),
        expected="UTF-8, or its `encoding` beside `read`",
        remedy=_packed(content) or _encoding(content, line_here),
        code="unreadable-file",
    )


def _packed(content: bytes) -> str:
    """What to do about a file that is no text at all."""
    if content.startswith(b"\x1f\x8b"):
        return "it is packed by gzip: let its name end in .gz"
    if content.startswith(b"PK\x03\x04"):
        return "it is a workbook or another archive: save its table as CSV"
    return ""


def _encoding(content: bytes, line: bytes) -> str:
    """The ``encoding`` to write for this text, of which ``line`` is not UTF-8."""
    head = content[: 1 << 16]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "`encoding: utf-16` reads it"
    if b"\0" in head:
        for encoding in ("utf-16-le", "utf-16-be"):
            decoded = head[: len(head) // 2 * 2].decode(encoding, "ignore")
            if "\0" not in decoded and len(decoded.encode("ascii", "ignore")) > len(head) // 4:
                return f"`encoding: {encoding}` reads it"
        return "mend it, or write it again as text"
    encoding = "latin-1"
    if re.search(rb"[\x80-\x9f]", content):
        with suppress(UnicodeDecodeError):
            content.decode("cp1252")
            encoding = "cp1252"
    shown = line.decode(encoding).strip()
    return f"`encoding: {encoding}` reads this line as {shown[:60]!r}"
