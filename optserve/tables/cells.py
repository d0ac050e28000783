"""What the text of a cell means, by the kind of its column, and what is said of one that does not
fit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import Any

import numpy as np

from optserve.tables.frame import CellKind

__all__ = [
    "DTYPES",
    "EXACT",
    "EXPECTED",
    "FILL_IN",
    "KEPT",
    "LEVEL",
    "MEND",
    "TOO_LONG",
    "composed",
    "conversions",
    "expected_of",
    "filling",
    "fits",
    "is_grouped",
    "is_missing",
    "number_remedy",
]

EXACT = 2**53
"""Whole numbers below it are the same as floats."""
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eEdD][-+]?[0-9]+)?")
_GROUPED = re.compile(r"[-+]?[0-9]{1,3}(,[0-9]{3})+")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_FINER = re.compile(r"[.,][0-9]{6}0*[1-9]")
"""Of a second: digits beyond the sixth, which moments do not hold."""
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", ".", "-", "#n/a", "<na>"})
_INFINITE = frozenset({"inf", "+inf", ".inf", "+.inf", "infinity", "+infinity"})
_TRUTH = {"true": True, "false": False, "1": True, "0": False}

MEND = "mend it, or leave the column out of the loss"
FILL_IN = "fill it in, leave out such rows with `missing: drop`, or do without the column"
"""What to do about a missing value."""
KEPT = "a whole number that a float keeps"
"""What is expected of one in a column of floats: others would be rounded."""
LEVEL = "; where it is a value, list it in the `levels` of the column"
TOO_LONG = "`as: integer` keeps all of its digits; `origin: {origin}` beside it subtracts that"
"""What to do about a whole number that a float would round."""
FAR_TOO_LONG = "subtract an origin from the column in the file"
EXPECTED: Mapping[CellKind, str] = {
    "float": "a finite number",
    "deviation": "a finite number, or inf where a row does not count",
    "integer": "a whole number of at most 64 bits",
    "bool": "true, false, 1 or 0",
    "text": "a text",
    "verbatim": "a text",
    "time": "a date or a time, such as 2024-12-31 or 2024-12-31T23:59:00Z",
}
DTYPES: Mapping[CellKind, str] = {
    "float": "float64",
    "deviation": "float64",
    "integer": "int64",
    "bool": "bool",
    "text": "object",
    "verbatim": "object",
    "time": "datetime64[us]",
}


def is_missing(text: str, kind: CellKind = "text") -> bool:
    """Whether a cell of this text lacks a value, in a column of this kind.

    >>> is_missing(" NA "), is_missing("nary"), is_missing("NA", "verbatim")
    (True, False, False)
    """
    stripped = text.strip()
    return not stripped if kind == "verbatim" else stripped.casefold() in _MISSING


def filling(kind: CellKind) -> str:
    """What stands in for a missing value where rows with one are left out: a text that converts.

    >>> conversions()["time"](filling("time"))
    np.datetime64('1970-01-01T00:00:00.000000')
    """
    return "1970-01-01" if kind == "time" else "0"


def conversions(decimal: str = ".") -> Mapping[CellKind, Callable[[str], Any]]:
    """What a cell means, by its kind; each raises ``ValueError`` for one that is of another.

    >>> conversions(",")["float"](" 1,5D+03 ")
    1500.0
    """
    return {
        "float": partial(_number, decimal=decimal),
        "deviation": partial(_deviation, decimal=decimal),
        "integer": partial(_integer, decimal=decimal),
        "bool": _truth,
        "text": _text,
        "verbatim": partial(_text, kind="verbatim"),
        "time": _moment,
    }


def fits(text: str, convert: Callable[[str], object]) -> bool:
    """Whether ``text`` converts."""
    try:
        convert(text)
    except ValueError:
        return False
    return True


def _number(text: str, decimal: str) -> float:
    stripped = _plain(text, decimal)
    if not _NUMBER.fullmatch(stripped):
        raise ValueError(text)
    try:
        number = float(stripped)
    except ValueError:  # an exponent as Fortran writes it
        number = float(stripped.replace("D", "e").replace("d", "e"))
    if number - number != 0.0 or _is_rounded(stripped, number):  # infinite
        raise ValueError(text)
    return number


def _deviation(text: str, decimal: str) -> float:
    return inf if text.strip().casefold() in _INFINITE else _number(text, decimal)


def _plain(text: str, decimal: str) -> str:
    """``text`` with a decimal point, where it has none and ``decimal`` is another sign."""
    stripped = text.strip()
    if decimal == ".":
        return stripped
    if "." in stripped:
        raise ValueError(text)
    return stripped.replace(decimal, ".")


def _is_rounded(text: str, number: float) -> bool:
    """Whether a whole number lost digits: it means an identifier or a count, not a measurement."""
    return abs(number) >= EXACT and _WHOLE.fullmatch(text) is not None and int(text) != number


def _integer(text: str, decimal: str) -> int:
    stripped = text.strip()
    if len(stripped) <= 20 and _WHOLE.fullmatch(stripped):
        whole = int(stripped)
        if not -(2**63) <= whole < 2**63:
            raise ValueError(text)
        return whole
    number = _number(text, decimal)
    if not number.is_integer() or abs(number) >= EXACT:
        raise ValueError(text)
    return int(number)


def _truth(text: str) -> bool:
    truth = _TRUTH.get(text.strip().casefold())
    if truth is None:
        raise ValueError(text)
    return truth


def _text(text: str, kind: CellKind = "text") -> str:
    if is_missing(text, kind):
        raise ValueError(text)
    return composed(text.strip())


def composed(text: str) -> str:
    """``text`` with letters that are composed where they can be: one spelling for one text.

    >>> composed("e\u0301") == "\u00e9"
    True
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _moment(text: str) -> np.datetime64:
    if _FINER.search(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:  # before year 1, or after 9999
            raise ValueError(text) from None
    return np.datetime64(moment, "us")


def expected_of(kind: CellKind, text: str) -> str:
    """What was expected in the place of a cell of this text.

    >>> expected_of("float", "1x"), expected_of("float", "1234567890123456789")
    ('a finite number', 'a whole number that a float keeps')
    """
    if kind == "time" and _FINER.search(text):
        return "a moment of up to six digits after the second"
    return KEPT if kind in ("float", "deviation") and _WHOLE.fullmatch(text) else EXPECTED[kind]


def is_grouped(text: str) -> bool:
    """Whether a comma may part groups of digits: ``1,234`` is a thousand in some countries."""
    return _GROUPED.fullmatch(text.strip()) is not None


def number_remedy(text: str, decimal: str) -> str:
    """What to do about a text that stands for no number."""
    if _WHOLE.fullmatch(text):
        return TOO_LONG.format(origin=_origin(text)) if _is_long(text) else FAR_TOO_LONG
    if decimal == "." and _GROUPED.fullmatch(text):
        whole, point = text.replace(",", ""), text.replace(",", ".", 1)
        return f"digits in groups are not read: write {whole}, or {point} where that is meant"
    if decimal == "." and _NUMBER.fullmatch(text):
        return "no float is so large: divide the column in the file"
    if decimal == "." and _NUMBER.fullmatch(text.replace(",", ".")):
        return f"numbers have a decimal point here: write {text.replace(',', '.')}"
    if decimal != "." and _NUMBER.fullmatch(text):
        return f"numbers have a decimal `{decimal}` here: write {text.replace('.', decimal)}"
    return MEND if _NUMBER.search(text) else f"{MEND}; texts can be read with `as: category`"


def _is_long(text: str) -> bool:
    """Whether 64 bits hold a whole number."""
    return len(text) <= 20 and -(2**63) <= int(text) < 2**63


def _origin(text: str) -> str:
    """A whole number of many digits with its last ones 0."""
    return text[:-12] + 12 * "0"
