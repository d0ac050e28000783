"""Which columns of a file a column of the config takes, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from optserve.config.schema.table import Column
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array, DType
from optserve.tables.cells import FILL_IN, LEVEL, composed, conversions, is_missing
from optserve.tables.frame import CellKind, Frame, advice_of
from optserve.tables.statistics import Moments, categories_of, codes, moments_of

__all__ = ["Levels", "LocateCell", "TakenColumn", "take"]

_RANGE = re.compile(r"([0-9]{0,9}):([0-9]{0,9})")
_KINDS: Mapping[str, CellKind] = {
    "float": "float",
    "integer": "integer",
    "bool": "bool",
    "category": "text",
    "time": "time",
}
_TICKS = {"us": 10**6, "ns": 10**9, "ps": 10**12}
"""How many of a unit are a second, of those that are fine enough."""
_SECONDS = {"days": 86_400, "seconds": 1}

Levels = Mapping[str, int]
"""The values of a category, each with its code, in the order of their codes."""
LocateCell = Callable[[int, int], tuple[Place | None, int]]
"""Where the cell in a row of what was read, and at a position, stands: its place and the number of
its row in the file, from 1."""


BLOCK_ROWS = 1024
"""Rows of a matrix that are put together at a time."""


class TakenColumn(NamedTuple):
    """A column of the config: the positions it takes, and whether they make a matrix.

    A ``deviation`` is what ``sigma`` names, infinite where a row does not count."""

    name: str
    positions: tuple[int, ...]
    matrix: bool
    settings: Column
    deviation: bool = False

    @property
    def kind(self) -> CellKind:
        """How its cells are read."""
        if any(map(is_missing, self.settings.spelled)):
            return "verbatim"
        if self.deviation and self.settings.as_ == "float":
            return "deviation"
        return _KINDS[self.settings.as_]

    @property
    def is_category(self) -> bool:
        """Whether it holds codes."""
        return self.settings.as_ == "category"

    def dtype(self, precision: DType) -> DType:
        """The dtype of the array that it becomes."""
        match self.settings.as_:
            case "float" | "time":
                return precision
            case "bool":
                return np.dtype(bool)
            case _:
                return np.dtype(np.int64)

    def levels(self, parts: Callable[[int], Iterable[Array]]) -> Mapping[int, Levels]:
        """The levels of a category by position: as they are listed, or else those in ``parts`` of
        the texts at each."""
        if not self.is_category:
            return {}
        if self.settings.levels is not None:
            listed = {composed(one): code for code, one in enumerate(self.settings.spelled)}
            return dict.fromkeys(self.positions, listed)
        return {at: categories_of(parts(at)) for at in self.positions}

    def named(self, coded: Mapping[int, Levels]) -> Mapping[str, tuple[str, ...]]:
        """The levels by the name of the column; of a matrix by those of its columns, ``X[0]``."""
        if not self.is_category:
            return {}
        listed = [tuple(coded[at]) for at in self.positions]
        if not self.matrix:
            return {self.name: listed[0]}
        return {f"{self.name}[{number}]": levels for number, levels in enumerate(listed)}

    def moments(self, raw: Any) -> Moments | None:
        """What ``raw`` is standardized by, if it is."""
        if not self.settings.standardize:
            return None
        if not raw.shape[0]:
            raise ConfigError(
                f"there are no rows to standardize {self.name} by",
                place=self.settings.place,
                expected="a table with rows",
                remedy="leave out `standardize`",
                code="no-rows",
            )
        with np.errstate(all="ignore"):
            moments = moments_of(raw)
        good = np.isfinite(moments.mean) & np.isfinite(moments.deviation)
        if not good.all() or not np.all(moments.deviation > 0.0):
            raise ConfigError(
                f"the values of {self.name} are too {'small' if good.all() else 'large'} to be "
                "standardized",
                place=self.settings.place,
                expected="a mean and a standard deviation that are numbers, and not rounded to 0",
                remedy="divide them first",
                code="not-finite",
            )
        return moments

    def raw(
        self, read: Mapping[int, Array], levels: Mapping[int, Levels], located: LocateCell
    ) -> Array:
        """The array before it is standardized, of shape (rows,) or (rows, columns)."""
        parts = [self._values(read[at], at, levels, located) for at in self.positions]
        array = np.stack(parts, axis=1) if self.matrix else parts[0]
        return array if self.settings.divide == 1.0 else array / self.settings.divide

    def scaled(self, array: Array, moments: Moments | None, precision: DType) -> Array:
        """The array as it is used, standardized by ``moments``; these are of float64."""
        if moments is not None:
            array = (array - moments.mean) / moments.deviation
        return array.astype(self.dtype(precision), copy=False)

    @property
    def is_plain_matrix(self) -> bool:
        """Whether it is a matrix of numbers as they were read, which ``fill`` writes."""
        return self.matrix and self.settings.as_ == "float" and self.settings.origin is None

    def fill(self, target: Array, read: Mapping[int, Array], moments: Moments | None) -> None:
        """Write the matrix of numbers, scaled, to ``target`` (rows, columns) block by block.

        The values are those of ``scaled`` of ``raw``. A block stays in the cache while its columns
        come one after another; whole columns would go through memory once for each.
        """
        for first in range(0, len(target), BLOCK_ROWS):
            rows = slice(first, first + BLOCK_ROWS)
            block = np.stack([read[at][rows] for at in self.positions], axis=1)
            if self.settings.divide != 1.0:
                block = block / self.settings.divide
            if moments is not None:
                block = (block - moments.mean) / moments.deviation
            target[rows] = block

    def warning(self, moments: Moments | None) -> str:
        """What there is to say of the moments, or nothing."""
        constant = 0 if moments is None else int(np.sum(moments.constant))
        return f"{constant} constant column(s) of {self.name} standardize to 0" if constant else ""

    def _values(
        self, cells: Array, at: int, levels: Mapping[int, Levels], located: LocateCell
    ) -> Array:
        """The cells of one position as numbers."""
        if self.is_category:
            made = codes(cells, levels[at])
            if made.min(initial=0) < 0:
                raise self._no_level(cells, at, levels[at], int(np.argmin(made)), located)
            return made
        origin = self.settings.origin
        if origin is None:
            return cells
        if self.settings.as_ == "time":
            return self._counted(cells, at, located)
        if self.settings.as_ == "float":
            return cells - float(origin)
        return self._from_whole(cells, at, int(origin), located)

    def _counted(self, moments: Array, at: int, located: LocateCell) -> Array:
        """Days or seconds since the origin, by whole ticks of the unit of ``moments``."""
        if not moments.size:
            return np.zeros(moments.shape)
        unit, count = np.datetime_data(moments.dtype)
        if unit not in _TICKS or count != 1:
            unit = "us"
            moments = moments.astype("datetime64[us]")
        ticks = _TICKS[unit]
        start = int(conversions()["time"](str(self.settings.origin)).astype(np.int64))
        whole = self._from_whole(moments.astype(np.int64), at, start * ticks // 10**6, located)
        return whole / (ticks * _SECONDS[self.settings.unit])

    def _from_whole(self, cells: Array, at: int, origin: int, located: LocateCell) -> Array:
        """``cells`` less ``origin``, both of 64 bits."""
        low, high = int(cells.min(initial=0)) - origin, int(cells.max(initial=0)) - origin
        if low >= -(2**63) and high < 2**63:
            return cells - origin if -(2**63) <= origin < 2**63 else cells + -origin
        row = int(np.argmin(cells) if low < -(2**63) else np.argmax(cells))
        place, number = located(row, at)
        raise ConfigError(
            f"the column {self.name} is too far from its origin in row {number}",
            place=place,
            expected="differences of at most 64 bits",
            code="wrong-cell",
        )

    def _no_level(
        self, texts: Array, at: int, levels: Levels, row: int, located: LocateCell
    ) -> ConfigError:
        """The error for a text that is not among the levels that are listed."""
        text = str(texts[row])
        place, number = located(row, at)
        missing = is_missing(text)
        return ConfigError(
            f"the column {self.name} has {text[:40]!r} in row {number}",
            place=place,
            expected=f"one of its `levels`: {choices(list(levels))}",
            remedy=FILL_IN + LEVEL if missing else did_you_mean(text, list(levels)),
            code="wrong-cell",
        )


def take(name: str, settings: Column, frame: Frame, place: Place | None) -> TakenColumn:
    """The positions in ``frame`` that the column ``name`` takes."""
    taken = settings.take
    if settings.as_ not in ("float", "time") and (settings.standardize or settings.divide != 1.0):
        raise ConfigError(
            f"the column {name} is read as {settings.as_}, which has no scale",
            place=settings.place,
            remedy="leave out `standardize` and `divide`, or read it as float",
            code="contradiction",
        )
    written = taken if isinstance(taken, tuple) else (taken,)
    by_name = any(isinstance(one, str) for one in written)
    names = [composed(name) for name in frame.names] if by_name else []
    found = [_positions(one, frame, names, place) for one in written]
    positions = [at for each, _ in found for at in each]
    matrix = isinstance(taken, tuple) or found[0][1]
    if not positions:
        raise ConfigError(f"the column {name} takes no columns", place=place, code="unknown-column")
    if len({*positions}) < len(positions):
        twice = next(at for at in positions if positions.count(at) > 1)
        raise ConfigError(
            f"the column {name} takes {_called(twice, names)} twice",
            place=place,
            expected="each column once: their weights would depend on each other",
            remedy="leave out what a range or a pattern takes already",
            code="unknown-column",
        )
    return TakenColumn(name, tuple(positions), matrix, settings)


def _called(position: int, names: Sequence[str]) -> str:
    return repr(names[position]) if names else f"the column at position {position}"


def _positions(
    taken: str | int, frame: Frame, names: Sequence[str], place: Place | None
) -> tuple[list[int], bool]:
    """The positions that one name, position, range or glob stands for; whether many may.

    ``names`` are those of the frame, composed.
    """
    if isinstance(taken, int):
        if not 0 <= taken < frame.width:
            raise ConfigError(
                f"there is no column at position {taken}",
                place=place,
                expected=f"a position from 0 to {frame.width - 1}",
                remedy=advice_of(frame),
                code="unknown-column",
            )
        return [taken], False
    taken = composed(taken)
    if taken in names:
        if names.count(taken) > 1:
            raise ConfigError(
                f"{names.count(taken)} columns are called {taken!r}",
                place=place,
                remedy="take one by its position, counted from 0",
                code="unknown-column",
            )
        return [names.index(taken)], False
    if found := _RANGE.fullmatch(taken):
        start, stop = int(found[1] or 0), int(found[2] or frame.width)
        if not start < stop <= frame.width:
            raise ConfigError(
                f"the range {taken} does not lie within the {frame.width} columns",
                place=place,
                expected=f"start:stop with 0 <= start < stop <= {frame.width}",
                remedy=advice_of(frame),
                code="unknown-column",
            )
        return list(range(start, stop)), True
    if any(sign in taken for sign in "*?["):
        matches = [at for at, name in enumerate(names) if fnmatchcase(name, taken)]
        if matches:
            return matches, True
    raise _no_column(taken, frame, place)


def _no_column(taken: str, frame: Frame, place: Place | None) -> ConfigError:
    names, width = frame.names, frame.width
    if names:
        return ConfigError(
            f"there is no column {taken!r}",
            place=place,
            expected=f"one of {choices(names)}",
            remedy=advice_of(frame) or did_you_mean(taken, names),
            code="unknown-column",
        )
    return ConfigError(
        f"there is no column {taken!r}: the columns of this table have no names",
        place=place,
        expected=f'a position from 0 to {width - 1}, or a range such as "0:{width}"',
        code="unknown-column",
    )
