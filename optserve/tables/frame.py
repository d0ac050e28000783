"""``Frame``: what a reader gives. Columns by position, converted and checked when asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array

__all__ = [
    "EXACT",
    "FILL_IN",
    "MEND",
    "TOO_LONG",
    "Cells",
    "Frame",
    "Gapped",
    "Kind",
    "Reader",
    "TextFrame",
    "is_missing",
    "no_gaps",
]

Kind = Literal["float", "integer", "bool", "text"]
"""How the cells of a column are read: as float64, int64, truth values, or texts as they are."""

_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
MEND = "mend it, or leave the column out of the loss"
_WHOLE = re.compile(r"[-+]?[0-9]+")
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]*,[0-9]+([eE][-+]?[0-9]+)?")
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", ".", "-", "#n/a", "<na>"})
TOO_LONG = "a float keeps 53 bits: subtract an origin from the column in the file"
"""What to do about a whole number that a float would round."""
_TRUTH = {"true": True, "false": False, "1": True, "0": False}
EXACT = 2**53
"""Whole numbers below it are the same as floats."""
FILL_IN = "fill it in, leave out such rows with `missing: drop`, or do without the column"
"""What to do about a missing value."""
_EXPECTED = {
    "float": "a finite number",
    "integer": "a whole number below 2**53",
    "bool": "true, false, 1 or 0",
    "text": "a text",
}


class Frame(Protocol):
    """A table as a reader sees it."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns in order; empty where they have none."""

    @property
    def width(self) -> int:
        """The number of columns."""

    @property
    def rows(self) -> int:
        """The number of rows."""

    def read(self, wanted: Mapping[int, Kind]) -> Mapping[int, Array]:
        """The columns at the positions ``wanted``, each of shape (rows,).

        Raises ``ConfigError``, placed at the cell, where one is missing or of another kind.
        """


class Cells(NamedTuple):
    """A column, and which of its rows lack a value; these hold a value that means nothing."""

    values: Array
    missing: Array


@runtime_checkable
class Gapped(Protocol):
    """A frame that tells which values are missing, so that rows can be left out."""

    def read_with_gaps(self, wanted: Mapping[int, Kind]) -> Mapping[int, Cells]:
        """What ``Frame.read`` gives, missing values being no error."""


def is_missing(text: str) -> bool:
    """Whether a cell of this text lacks a value, of whatever kind its column is.

    >>> is_missing(" NA "), is_missing("nary")
    (True, False)
    """
    return text.strip().casefold() in _MISSING


def no_gaps() -> ConfigError:
    """The error for a frame that is not ``Gapped`` where it has to be."""
    return ConfigError("the reader of this file does not tell which values are missing")


Reader = Callable[[Path], Frame]
"""What the options of a reader make: a function from a file to its frame."""


class TextFrame:
    """A frame over texts.

    ``column(index)`` gives the texts of a column, ``place(row, index)`` where one of them stands.

    >>> frame = TextFrame(("x",), 1, 2, lambda index: ["1", " 2.5"], lambda row, index: Place("d"))
    >>> frame.read({0: "float"})[0]
    array([1. , 2.5])
    """

    def __init__(
        self,
        names: tuple[str, ...],
        width: int,
        rows: int,
        column: Callable[[int], Sequence[str]],
        place: Callable[[int, int], Place],
    ) -> None:
        self.names = names
        self.width = width
        self.rows = rows
        self._column = column
        self._place = place

    def read(self, wanted: Mapping[int, Kind]) -> Mapping[int, Array]:
        """The columns at the positions ``wanted``."""
        return {index: self._read_column(index, kind) for index, kind in wanted.items()}

    def read_with_gaps(self, wanted: Mapping[int, Kind]) -> Mapping[int, Cells]:
        """The columns at the positions ``wanted``, and which rows of them lack a value."""
        return {index: self._read_gaps(index, kind) for index, kind in wanted.items()}

    def _read_column(self, index: int, kind: Kind) -> Array:
        return self._converted(index, kind, self._column(index))

    def _read_gaps(self, index: int, kind: Kind) -> Cells:
        texts = self._column(index)
        missing = [is_missing(text) for text in texts]
        filled = ["0" if gone else text for text, gone in zip(texts, missing, strict=True)]
        return Cells(self._converted(index, kind, filled), np.array(missing, dtype=bool))

    def _converted(self, index: int, kind: Kind, texts: Sequence[str]) -> Array:
        convert = _CONVERSIONS[kind]
        try:
            values = [convert(text) for text in texts]
        except ValueError:
            raise self._error(index, kind, texts) from None
        return np.array(values, dtype=_DTYPES[kind])

    def _error(self, index: int, kind: Kind, texts: Sequence[str]) -> ConfigError:
        """The error for the first cell that does not convert."""
        row = next(row for row, text in enumerate(texts) if not _converts(text, kind))
        name = f"'{self.names[index]}'" if self.names else f"at position {index}"
        text = texts[row].strip()
        if is_missing(text):
            what = f"a missing value ({text})" if text else "a missing value"
            remedy = FILL_IN
        else:
            what = f"{text[:40]!r}"
            remedy = MEND
            if kind == "float" and _WHOLE.fullmatch(text):
                remedy = TOO_LONG
            if _DECIMAL_COMMA.fullmatch(text):
                remedy = f"numbers have a decimal point here: write {text.replace(',', '.')}"
            if kind == "float" and not _NUMBER.search(text):
                remedy += "; texts can be read with `as: category`"
        return ConfigError(
            f"the column {name} has {what} in row {row + 1}",
            place=self._place(row, index),
            expected=f"{_EXPECTED[kind]} in every row of a column that is used",
            remedy=remedy,
        )


def _number(text: str) -> float:
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        raise ValueError(text)
    number = float(stripped)
    if number - number != 0.0 or _is_rounded(stripped, number):  # infinite
        raise ValueError(text)
    return number


def _is_rounded(text: str, number: float) -> bool:
    """Whether a whole number lost digits: it means an identifier or a count, not a measurement."""
    return abs(number) >= EXACT and _WHOLE.fullmatch(text) is not None and int(text) != number


def _integer(text: str) -> int:
    number = _number(text)
    if not number.is_integer() or abs(number) >= EXACT:
        raise ValueError(text)
    return int(number)


def _truth(text: str) -> bool:
    truth = _TRUTH.get(text.strip().casefold())
    if truth is None:
        raise ValueError(text)
    return truth


def _text(text: str) -> str:
    if is_missing(text):
        raise ValueError(text)
    return text.strip()


_CONVERSIONS: Mapping[Kind, Callable[[str], object]] = {
    "float": _number,
    "integer": _integer,
    "bool": _truth,
    "text": _text,
}
_DTYPES: Mapping[Kind, type] = {"float": float, "integer": np.int64, "bool": bool, "text": object}


def _converts(text: str, kind: Kind) -> bool:
    try:
        _CONVERSIONS[kind](text)
    except ValueError:
        return False
    return True
