"""``TextFrame``: a table whose cells are texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.tables.cells import (
    DTYPES,
    FILL_IN,
    LEVEL,
    MEND,
    conversions,
    expected_of,
    filling,
    fits,
    is_missing,
    number_remedy,
)
from optserve.tables.frame import CellKind, Cells

__all__ = ["TextFrame"]


class TextFrame:
    """A frame over texts.

    ``column(index)`` gives the texts of a column, ``place(row, index)`` where one of them stands;
    both count from 0. ``first`` is the row of the table that the first of these is. ``advise`` says
    how the file may have been meant, where a text does not fit.

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
        *,
        decimal: str = ".",
        first: int = 0,
        advise: Callable[[], str] = lambda: "",
    ) -> None:
        self.names = names
        self.width = width
        self.rows = rows
        self.place = place
        self._column = column
        self._decimal = decimal
        self._first = first
        self._advise = advise
        self._conversions = conversions(decimal)

    @property
    def advice(self) -> str:
        """How the file may have been meant."""
        return self._advise()

    def read(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Array]:
        """The columns at the positions ``wanted``."""
        return {
            index: self._converted(index, kind, self._column(index))
            for index, kind in wanted.items()
        }

    def read_with_gaps(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Cells]:
        """The columns at the positions ``wanted``, and which rows of them lack a value."""
        return {index: self._read_gaps(index, kind) for index, kind in wanted.items()}

    def _read_gaps(self, index: int, kind: CellKind) -> Cells:
        texts = self._column(index)
        missing = [is_missing(text, kind) for text in texts]
        filled = [
            filling(kind) if gone else text for text, gone in zip(texts, missing, strict=True)
        ]
        return Cells(self._converted(index, kind, filled), np.array(missing, dtype=bool))

    def _converted(self, index: int, kind: CellKind, texts: Sequence[str]) -> Array:
        convert = self._conversions[kind]
        try:
            values = [convert(text) for text in texts]
        except ValueError:
            raise self._error(index, kind, texts) from None
        return np.array(values, dtype=DTYPES[kind])

    def _error(self, index: int, kind: CellKind, texts: Sequence[str]) -> ConfigError:
        """The error for the first cell that does not convert."""
        convert = self._conversions[kind]
        row = next(row for row, text in enumerate(texts) if not fits(text, convert))
        name = f"'{self.names[index]}'" if self.names else f"at position {index}"
        text = texts[row].strip()
        if is_missing(text, kind):
            what = f"a missing value ({text})" if text else "a missing value"
            remedy = FILL_IN + (LEVEL if text and kind == "text" else "")
        else:
            what = f"{text[:40]!r}"
            remedy = number_remedy(text, self._decimal) if kind in ("float", "deviation") else MEND
            if kind not in ("text", "verbatim"):
                remedy = self._advise() or remedy
        return ConfigError(
            f"the column {name} has {what} in row {self._first + row + 1}",
            place=self.place(row, index),
            expected=f"{expected_of(kind, text)} in every row of a column that is used",
            remedy=remedy,
            code="wrong-cell",
        )
