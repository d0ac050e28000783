"""``Frame``: what a reader gives. Columns by position, converted and checked when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array

__all__ = [
    "Advised",
    "CellKind",
    "Cells",
    "Frame",
    "Gapped",
    "Located",
    "Reader",
    "advice_of",
    "no_gaps",
]

CellKind = Literal["float", "deviation", "integer", "bool", "text", "verbatim", "time"]
"""How the cells of a column are read: as float64, int64, truth values, texts, texts of which only
an empty one is missing, or moments (datetime64, in UTC)."""


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

    def read(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Array]:
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

    def read_with_gaps(self, wanted: Mapping[int, CellKind]) -> Mapping[int, Cells]:
        """What ``Frame.read`` gives, missing values being no error."""


@runtime_checkable
class Located(Protocol):
    """A frame that tells where in its file a cell stands."""

    def place(self, row: int, index: int) -> Place:
        """The place of the cell in a row, counted from 0, and a column, by its position."""


@runtime_checkable
class Advised(Protocol):
    """A frame that may have been read otherwise than it was meant."""

    @property
    def advice(self) -> str:
        """What to write in the config for the file to be read as it seems to be meant, or
        nothing."""


def advice_of(frame: Frame) -> str:
    """How ``frame`` may have been meant, if it can tell."""
    return frame.advice if isinstance(frame, Advised) else ""


def no_gaps() -> ConfigError:
    """The error for a frame that is not ``Gapped`` where it has to be."""
    return ConfigError(
        "the reader of this file does not tell which values are missing", code="contradiction"
    )


Reader = Callable[[Path], Frame]
"""What the options of a reader make: a function from a file to its frame."""
