"""The numbers of a result: lists, nested as the axes of their arrays are, or long arrays."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from optserve.reports.numbers import compact

__all__ = ["count_of", "entries", "has_numbers", "label_of", "range_text", "shape_of"]


def entries(value: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Each number with its index, in order; a scalar has the index ().

    >>> list(entries([[1.0, None]]))
    [((0, 0), 1.0), ((0, 1), None)]
    """
    if not _has_axes(value):
        yield (), None if value != value else value  # NaN stands for None in an array
        return
    for position, part in enumerate(value):
        for index, number in entries(part):
            yield (position, *index), number


def label_of(name: str, index: tuple[int, ...]) -> str:
    """An entry as ``expect`` and ``evidence`` name it.

    >>> label_of("W", (0, 1)), label_of("b", ())
    ('W[0][1]', 'b')
    """
    return name + "".join(f"[{one}]" for one in index)


def shape_of(value: Any) -> tuple[int, ...]:
    """The lengths of the nested lists.

    >>> shape_of([[1.0, 2.0, 3.0]]), shape_of(4.0)
    ((1, 3), ())
    """
    if not _has_axes(value):
        return ()
    return (len(value), *(shape_of(value[0]) if len(value) else ()))


def count_of(value: Any) -> int:
    """How many numbers there are."""
    return prod(shape_of(value))


def has_numbers(value: Any) -> bool:
    """Whether one of the entries is a number.

    >>> has_numbers([None, 1.0]), has_numbers([None])
    (True, False)
    """
    return _range(value) is not None


def range_text(value: Any) -> str:
    """From where to where numbers lie; "" where there are none.

    >>> range_text([0.5, None, -1.0]), range_text([0.0, 0.0]), range_text([None])
    ('-1 to 0.5', 'all 0', '')
    """
    found = _range(value)
    if found is None:
        return ""
    low, high = (compact(end, 4) for end in found)
    return f"all {low}" if low == high else f"{low} to {high}"


def _has_axes(value: Any) -> bool:
    """Whether it is a list, or an array of numbers that is too long for one."""
    return isinstance(value, list) or len(getattr(value, "shape", ())) > 0


def _range(value: Any) -> tuple[float, float] | None:
    """The least and the largest number, if there is any."""
    if hasattr(value, "shape"):
        known = value[value == value]
        return (float(known.min()), float(known.max())) if known.size else None
    numbers = [number for _, number in entries(value) if number is not None]
    return (min(numbers), max(numbers)) if numbers else None
