"""The numbers of a result, which are nested as the axes of their arrays are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from optserve.reports.numbers import compact

__all__ = ["entries", "range_text", "shape_of"]


def entries(value: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Each number with its index, in order; a scalar has the index ().

    >>> list(entries([[1.0, None]]))
    [((0, 0), 1.0), ((0, 1), None)]
    """
    if not isinstance(value, list):
        yield (), value
        return
    for position, part in enumerate(value):
        for index, number in entries(part):
            yield (position, *index), number


def shape_of(value: Any) -> tuple[int, ...]:
    """The lengths of the nested lists.

    >>> shape_of([[1.0, 2.0, 3.0]]), shape_of(4.0)
    ((1, 3), ())
    """
    if not isinstance(value, list):
        return ()
    return (len(value), *(shape_of(value[0]) if value else ()))


def range_text(numbers: Sequence[float | None]) -> str:
    """From where to where numbers lie; "" where there are none.

    >>> range_text([0.5, None, -1.0]), range_text([0.0, 0.0]), range_text([None])
    ('-1 to 0.5', 'all 0', '')
    """
    known = [number for number in numbers if number is not None]
    if not known:
        return ""
    low, high = compact(min(known), 4), compact(max(known), 4)
    return f"all {low}" if low == high else f"{low} to {high}"
