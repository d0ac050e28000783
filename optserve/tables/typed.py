"""Arrays that have a type already, as the cells of a column of some kind; checked as texts are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.tables.cells import (
    DTYPES,
    EXACT,
    EXPECTED,
    FILL_IN,
    KEPT,
    LEVEL,
    MEND,
    composed,
    conversions,
    filling,
    fits,
    is_missing,
    number_remedy,
)
from optserve.tables.frame import CellKind, Cells

__all__ = ["Spot", "cells", "cells_with_gaps"]


class Spot(NamedTuple):
    """A column of a file, for errors; ``first`` is the row of the file that its cells begin at."""

    file: str
    column: str
    first: int = 0

    def missing(self, row: int, mark: str = "") -> ConfigError:
        """The error for a missing value, or a mark of one, in a row of the cells, from 0."""
        remedy = FILL_IN + (LEVEL if mark else "")
        return self.error(row, f"a missing value{mark and f' ({mark})'}", remedy, "a value")

    def error(self, row: int, what: str, remedy: str, expected: str) -> ConfigError:
        """The error for what is in a row of the cells, counted from 0."""
        return ConfigError(
            f"the column {self.column} has {what} in row {self.first + row + 1}",
            place=Place(self.file),
            expected=f"{expected} in every row of a column that is used",
            remedy=remedy,
            code="wrong-cell",
        )

    def wrong_type(self, type_: str, remedy: str) -> ConfigError:
        """The error for a column none of whose cells is of the kind."""
        return ConfigError(
            f"the column {self.column} holds {type_}",
            place=Place(self.file),
            remedy=remedy,
            code="wrong-cell",
        )


def cells(array: Array, kind: CellKind, spot: Spot) -> Array:
    """``array`` (rows, ...) as float64, int64, bool or texts; the error names the first bad row.

    >>> cells(np.array([1, 2], dtype=np.int8), "float", Spot("d.npy", "x"))
    array([1., 2.])
    """
    if array.dtype.kind in "OUS":
        return _texts(array, kind, spot)
    if array.dtype.kind not in "biufM":
        raise spot.wrong_type(f"values of the type {array.dtype}", "write numbers")
    if (array.dtype.kind == "M") != (kind == "time"):
        raise _no_time(array, spot)
    return _CONVERSIONS[kind](array, spot)


def cells_with_gaps(array: Array, kind: CellKind, spot: Spot) -> Cells:
    """``array`` as ``cells`` has it, and which rows of it lack a value.

    >>> cells_with_gaps(np.array([1.0, np.nan]), "integer", Spot("d.npy", "x"))
    Cells(values=array([1, 0]), missing=array([False,  True]))
    """
    if array.dtype.kind in "OUS":
        array = _decoded(array, spot).astype(object)
        missing = np.array([is_missing(str(text), kind) for text in array.ravel()], dtype=bool)
        missing = missing.reshape(array.shape)
        array[missing] = filling(kind)
    elif array.dtype.kind in "fM":
        missing = np.isnan(array) if array.dtype.kind == "f" else np.isnat(array)
        array = array.copy()
        array[missing] = np.zeros((), array.dtype)
    else:
        missing = np.zeros(array.shape, dtype=bool)
    of_rows = np.asarray(missing.any(axis=tuple(range(1, missing.ndim))))
    return Cells(cells(array, kind, spot), of_rows)


def _texts(array: Array, kind: CellKind, spot: Spot) -> Array:
    array = _decoded(array, spot)
    if array.ndim > 1:
        raise spot.wrong_type("a matrix of texts", "write a column of its own for each")
    if kind == "time":
        return _times_of_texts(array, spot)
    if kind not in ("text", "verbatim"):
        raise spot.wrong_type("texts", "texts can be read with `as: category`")
    texts = [str(text).strip() for text in array]
    there = np.array([not is_missing(text, kind) for text in texts], dtype=bool)
    _hold(there, array, spot, EXPECTED[kind])
    return np.array([composed(text) for text in texts], dtype=object)


def _times_of_texts(array: Array, spot: Spot) -> Array:
    convert = conversions()["time"]
    good = np.array([fits(str(text), convert) for text in array], dtype=bool)
    _hold(good, array, spot, EXPECTED["time"])
    return np.array([convert(str(text)) for text in array], dtype=DTYPES["time"])


def _no_time(array: Array, spot: Spot) -> ConfigError:
    """The error for moments that are read as another kind, or the other way round."""
    if array.dtype.kind == "M":
        return spot.wrong_type("dates or times", "`as: time, origin: 2024-01-01` counts days")
    return spot.wrong_type("numbers", "`as: float, origin: 2024` counts from a number")


def _times(array: Array, spot: Spot) -> Array:
    _hold(~np.isnat(array), array, spot, EXPECTED["time"])
    return array


def _decoded(array: Array, spot: Spot) -> Array:
    """Texts. NumPy takes from a file unseen numbers of characters that there are none of: these
    are refused before one of them becomes a `str`, which cannot be."""
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind == "U" and array.size and array.itemsize:
        native = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("=")))
        wrong = (native.view(np.uint32).reshape(len(array), -1) > sys.maxunicode).any(axis=1)
        if wrong.any():
            raise spot.error(int(np.argmax(wrong)), "a character that is none", MEND, "a text")
    return array


def _floats(array: Array, spot: Spot, *, endless: bool = False) -> Array:
    with np.errstate(invalid="ignore"):  # a signalling NaN of 32 bits, which is told below
        floats = array.astype(np.float64, copy=False)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        with np.errstate(invalid="ignore"):
            exact = (np.abs(floats) < EXACT) | (floats.astype(array.dtype) == array)
        _hold(exact, array, spot, KEPT)
    with np.errstate(all="ignore"):
        if np.isfinite(floats.sum()):  # which it is of nothing but finite numbers
            return floats
    told = array if array.dtype.itemsize <= 8 else floats  # fewer bytes to read
    good = np.isfinite(told) | (told == np.inf) if endless else np.isfinite(told)
    _hold(good, array, spot, EXPECTED["deviation" if endless else "float"])
    return floats


def _integers(array: Array, spot: Spot) -> Array:
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            whole = (array < EXACT) & (array > -EXACT) & (np.trunc(array) == array)
        _hold(whole, array, spot, "a whole number below 2**53")
    elif array.dtype == np.uint64:
        _hold(array < 2**63, array, spot, EXPECTED["integer"])
    return array.astype(np.int64, copy=False)


def _truths(array: Array, spot: Spot) -> Array:
    _hold((array == 0) | (array == 1), array, spot, "true, false, 1 or 0")
    return array.astype(bool)


def _as_texts(array: Array, spot: Spot) -> Array:
    if array.dtype.kind == "f":
        _hold(np.isfinite(array), array, spot, "a text or a number")
    return np.array([str(cell) for cell in array.tolist()], dtype=object)


_CONVERSIONS: dict[CellKind, Callable[[Array, Spot], Array]] = {
    "float": _floats,
    "deviation": partial(_floats, endless=True),
    "integer": _integers,
    "bool": _truths,
    "text": _as_texts,
    "verbatim": _as_texts,
    "time": _times,
}


def _hold(good: Array, array: Array, spot: Spot, expected: str) -> None:
    if good.all():
        return
    at = tuple(int(one) for one in np.argwhere(~good)[0])
    cell = array[at]
    text = str(cell).strip()
    if is_missing(text) or text == "NaT":
        raise spot.missing(at[0], text if array.dtype.kind in "OU" else "")
    remedy = number_remedy(str(cell), ".") if array.dtype.kind in "iu" else MEND
    raise spot.error(at[0], str(cell)[:40], remedy, expected)
