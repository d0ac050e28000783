"""What has to be known of all rows of a column before one is used: categories, mean, deviation.

Moments are those of blocks of rows, put together in order, so that they are the same to the bit for
a column in memory and for one that is gone through block by block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from optserve.graph.aval import Array

__all__ = ["Moments", "categories_of", "codes", "moments_of"]

BLOCK_ROWS = 1 << 16


class Moments(NamedTuple):
    """Mean and standard deviation by column; of a constant one, its value and 1."""

    mean: Array
    deviation: Array
    constant: Array


def moments_of(column: Any) -> Moments:
    """The moments of ``column``, which has ``shape`` (rows, ...) and is sliced by rows.

    Chan, Golub & LeVeque (1979), equation 2.1.

    >>> moments_of(np.array([[1.0, 7.0], [3.0, 7.0]]))[:2]
    (array([2., 7.]), array([1., 1.]))
    """
    block = column[0:BLOCK_ROWS]
    count, first = len(block), block[0]
    low, high = block.min(axis=0), block.max(axis=0)
    mean, squares = block.mean(axis=0), block.var(axis=0) * count
    for start in range(BLOCK_ROWS, column.shape[0], BLOCK_ROWS):
        block = column[start : start + BLOCK_ROWS]
        more = len(block)
        low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
        apart = block.mean(axis=0) - mean
        squares = squares + block.var(axis=0) * more + apart**2 * (count * more / (count + more))
        count += more
        mean = mean + apart * (more / count)
    constant = np.asarray(low == high)
    deviation = np.where(constant, 1.0, np.sqrt(squares / count))
    return Moments(np.where(constant, first, mean), deviation, constant)


def categories_of(parts: Iterable[Array]) -> Mapping[str, int]:
    """The code of each text in ``parts``: its place among all of them, sorted.

    Texts that are all numbers sort as numbers.

    >>> categories_of([np.array(["10", "9"], dtype=object), np.array(["9"], dtype=object)])
    {'9': 0, '10': 1}
    """
    found: set[str] = set()
    for part in parts:
        found.update(part)
    values = sorted(found)
    with suppress(ValueError):
        values.sort(key=float)
    return {value: number for number, value in enumerate(values)}


def codes(texts: Array, categories: Mapping[str, int]) -> Array:
    """The codes of ``texts`` (rows,), int64; -1 for one that is no category."""
    return np.array([categories.get(text, -1) for text in texts], dtype=np.int64)
