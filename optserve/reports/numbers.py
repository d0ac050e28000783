"""Numbers as a report prints them: no more digits than are known, and no padded exponents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = [
    "compact",
    "error_text",
    "estimate_text",
    "interval_text",
    "shape_text",
    "share_text",
    "significant",
    "values_text",
]

_ERROR_DIGITS = 4
"""Significant digits of a standard error; its estimate gets one decimal place more."""

_END_DIGITS = 3
"""Significant digits of the standard error that the ends of an interval are printed to."""

_MOST_DIGITS = 15
"""What float64 always holds; a standard error can lie below the last digit of its estimate."""


def significant(value: float, digits: int) -> str:
    """``value`` with so many significant digits, zeros included.

    >>> significant(2.7070075, 4), significant(7.2668688e-6, 4), significant(1234567.0, 3)
    ('2.707', '7.267e-6', '1234567')
    """
    if not math.isfinite(value):
        return str(value)
    digits = min(max(digits, 1), 17)
    exponent = _exponent(value, digits)
    if -4 < exponent < 7:
        return f"{value:.{max(digits - 1 - exponent, 0)}f}"
    mantissa, _, _ = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa}e{exponent}"


def compact(value: float, digits: int = 7) -> str:
    """``value`` with at most so many significant digits, without zeros at the end.

    >>> compact(0.12455138894), compact(1e-08), compact(2500000.0), compact(-0.0)
    ('0.1245514', '1e-8', '2500000', '0')
    """
    if value == 0:
        return "0"
    mantissa, e, exponent = significant(value, digits).partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}{e}{exponent}"


def error_text(error: float) -> str:
    """A standard error.

    >>> error_text(2.7070075241), error_text(7.2668688e-6), error_text(0.0)
    ('2.707', '7.267e-6', '0')
    """
    return significant(error, _ERROR_DIGITS) if error else "0"


def estimate_text(value: float, error: float | None) -> str:
    """An estimate, with the digits that its standard error justifies (at most 8 without one).

    >>> estimate_text(238.94212918, 2.7070075241), estimate_text(5.5015643e-4, 7.2668688e-6)
    ('238.9421', '5.501564e-4')
    >>> estimate_text(1 / 3, None)
    '0.33333333'
    """
    if error is None:
        return compact(value, 8)
    return _to_place_of(value, error, _ERROR_DIGITS + 1)


def interval_text(low: float, high: float, error: float) -> str:
    """An interval around an estimate with that standard error; an end may be infinite.

    >>> interval_text(233.0440109, 244.8402474, 2.7070075241)
    '[233.04, 244.84]'
    """
    ends = (_to_place_of(end, error, _END_DIGITS, least=2) for end in (low, high))
    return f"[{', '.join(ends)}]"


def share_text(value: float) -> str:
    """A number up to 1, with two digits of what is missing to 1, and never a 0 or 1 that is none.

    >>> share_text(0.99998164), share_text(0.5), share_text(1.0), share_text(1e-9), share_text(-3.5)
    ('0.999982', '0.5000', '1', '1e-9', '-3.5')
    """
    if not 1e-3 <= value < 1.0:
        return compact(value, 4)
    return f"{value:.{max(4, 1 - math.floor(math.log10(1.0 - value)))}f}"


def shape_text(shape: Sequence[int]) -> str:
    """The shape of an array.

    >>> shape_text(()), shape_text((30,)), shape_text((64, 128))
    ('scalar', '[30]', '[64, 128]')
    """
    return str(list(shape)) if len(shape) else "scalar"


def values_text(array: Any) -> str:
    """A number, a short list of them, or the range of a longer one.

    >>> import numpy as np
    >>> values_text(np.array(0.5)), values_text(np.zeros(30)), values_text(np.arange(30.0))
    ('0.5', 'all 0', '0 to 29')
    """
    numbers = [float(number) for number in array.ravel()]
    if array.ndim == 0:
        return compact(numbers[0])
    if len(numbers) <= 4:
        return f"[{', '.join(map(compact, numbers))}]"
    low, high = compact(min(numbers)), compact(max(numbers))
    return f"all {low}" if low == high else f"{low} to {high}"


def _to_place_of(value: float, error: float, digits: int, least: int = 1) -> str:
    """``value`` to the decimal place of the last of ``digits`` significant digits of ``error``.

    ``least`` digits stay of a value that lies below that place: only 0 is printed as 0.
    """
    if value == 0 or not math.isfinite(value) or not math.isfinite(error) or error <= 0:
        return compact(value, 8)
    place = _exponent(error, digits) - digits + 1
    needed = _exponent(value, _MOST_DIGITS) - place + 1
    return significant(value, min(max(needed, least), _MOST_DIGITS))


def _exponent(value: float, digits: int) -> int:
    """The power of ten of the first digit, once rounded to ``digits`` digits."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])
