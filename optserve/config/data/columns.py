"""Which columns of a file a column of the config takes, and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from optserve.config.schema.table import Column
from optserve.config.suggest import choices, did_you_mean
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array, DType
from optserve.tables.frame import Frame, Kind, advice_of
from optserve.tables.statistics import Moments, categories_of, codes, moments_of

__all__ = ["TakenColumn", "take"]

_RANGE = re.compile(r"([0-9]{0,9}):([0-9]{0,9})")
_KINDS: Mapping[str, Kind] = {
    "float": "float",
    "integer": "integer",
    "bool": "bool",
    "category": "text",
}


class TakenColumn(NamedTuple):
    """A column of the config: the positions it takes, and whether they make a matrix."""

    name: str
    positions: tuple[int, ...]
    matrix: bool
    settings: Column

    @property
    def kind(self) -> Kind:
        """How its cells are read."""
        return _KINDS[self.settings.as_]

    def dtype(self, precision: DType) -> DType:
        """The dtype of the array that it becomes."""
        match self.settings.as_:
            case "float":
                return precision
            case "bool":
                return np.dtype(bool)
            case _:
                return np.dtype(np.int64)

    def array(self, read: Mapping[int, Array], precision: DType) -> tuple[Array, str]:
        """The array, of shape (rows,) or (rows, columns), and a warning or nothing.

        Statistics are computed in float64, before the values take the job's precision.
        """
        categories = {at: categories_of([read[at]]) for at in self.positions if self.kind == "text"}
        array = self.raw(read, categories)
        moments = moments_of(array) if self.settings.standardize else None
        return self.scaled(array, moments, precision), self.warning(moments)

    def raw(self, read: Mapping[int, Array], categories: Mapping[int, Mapping[str, int]]) -> Array:
        """The array before it is standardized; ``categories`` are the codes of texts."""
        parts = [
            codes(read[at], categories[at]) if self.kind == "text" else read[at]
            for at in self.positions
        ]
        array = np.stack(parts, axis=1) if self.matrix else parts[0]
        return array if self.settings.divide == 1.0 else array / self.settings.divide

    def scaled(self, array: Array, moments: Moments | None, precision: DType) -> Array:
        """The array as it is used, standardized by ``moments``."""
        if moments is not None:
            array = (array - moments.mean) / moments.deviation
        return array.astype(self.dtype(precision), copy=False)

    def warning(self, moments: Moments | None) -> str:
        """What there is to say of the moments, or nothing."""
        constant = 0 if moments is None else int(np.sum(moments.constant))
        return f"{constant} constant column(s) of {self.name} standardize to 0" if constant else ""


def take(name: str, settings: Column, frame: Frame, place: Place | None) -> TakenColumn:
    """The positions in ``frame`` that the column ``name`` takes."""
    taken = settings.take
    if settings.as_ != "float" and (settings.standardize or settings.divide != 1.0):
        raise ConfigError(
            f"the column {name} is read as {settings.as_}, which has no scale",
            place=settings.place,
            remedy="leave out `standardize` and `divide`, or read it as float",
            code="contradiction",
        )
    if isinstance(taken, tuple):
        positions = [at for one in taken for at in _positions(one, frame, place)[0]]
        matrix = True
    else:
        positions, matrix = _positions(taken, frame, place)
    if not positions:
        raise ConfigError(f"the column {name} takes no columns", place=place, code="unknown-column")
    return TakenColumn(name, tuple(positions), matrix, settings)


def _positions(taken: str | int, frame: Frame, place: Place | None) -> tuple[list[int], bool]:
    """The positions that one name, position, range or glob stands for; whether many may."""
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
    if taken in frame.names:
        if frame.names.count(taken) > 1:
            raise ConfigError(
                f"{frame.names.count(taken)} columns are called {taken!r}",
                place=place,
                remedy="take one by its position, counted from 0",
                code="unknown-column",
            )
        return [frame.names.index(taken)], False
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
        matches = [at for at, name in enumerate(frame.names) if fnmatchcase(name, taken)]
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
