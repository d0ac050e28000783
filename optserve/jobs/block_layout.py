"""Which columns of a sparse Jacobian stand in small blocks, and which in a border beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from optserve.graph.aval import Array
from optserve.optimizers.block_angular import BlockLayout

__all__ = ["block_layout", "operations"]

WIDEST = 64
"""Columns of a block, at most."""

CUTS = 6
"""Columns that many more rows have than others are tried as a border: so many cuts between."""

ROUNDS = 24
"""Rounds after which blocks are known, or are not small."""

FEWER = 8
"""Times fewer operations than a whole triangle takes."""


def block_layout(
    columns: Array, known: Array, size: int, tables: Sequence[Array]
) -> BlockLayout | None:
    """That with the least work, if there is any with little; ``columns`` (n, q) of each row count
    where they are ``known`` (n, q). ``tables`` are numbers of columns that belong together.

    >>> pairs = np.array([[0, 2], [0, 3], [1, 4], [1, 5]] * 20)
    >>> found = block_layout(pairs % 100, pairs >= 0, 6, [])
    >>> found is None
    True
    """
    best, least = None, float(size) ** 3 / FEWER
    for border in _borders(columns, known, size, tables):
        found = _beside(border, columns, known, size)
        if found is not None and (work := operations(found, len(columns))) < least:
            best, least = found, work
    return best


def operations(layout: BlockLayout, rows: int) -> float:
    """Multiplications of a triangle of so many rows, about."""
    (count, width), border = layout.blocks.shape, layout.border.size
    return float((rows + count * width) * (width + border) ** 2 + border**3)


def _borders(columns: Array, known: Array, size: int, tables: Sequence[Array]) -> Iterator[Array]:
    """What may be the border, truth values (p,): nothing, what many rows have, or all tables but
    one."""
    yield np.zeros(size, bool)
    counts = np.bincount(columns[known], minlength=size)
    found = np.unique(counts)
    gaps = np.maximum(found[:-1], 1) / found[1:]
    for at in sorted(np.argsort(gaps)[:CUTS]):
        yield counts > found[at]
    for table in tables if len(tables) > 1 else ():
        border = np.ones(size, bool)
        border[table] = False
        yield border


def _beside(border: Array, columns: Array, known: Array, size: int) -> BlockLayout | None:
    """The layout with this border, if all blocks are small."""
    inner = known & ~border[columns]
    labels = _connected(np.where(inner, columns, size), size)
    if labels is None:
        return None
    free = np.flatnonzero(~border)
    order = free[np.argsort(labels[free], kind="stable")]
    _, first, counts = np.unique(labels[order], return_index=True, return_counts=True)
    if not len(counts) or counts.max() > WIDEST:
        return None
    blocks = np.full((len(counts), counts.max()), size)
    number = np.repeat(np.arange(len(counts)), counts)
    blocks[number, np.arange(len(order)) - first[number]] = order
    return BlockLayout(blocks, np.flatnonzero(border), size)


def _connected(columns: Array, size: int) -> Array | None:
    """For each column the least that it is connected with by rows (n, q), in which ``size`` is
    none; ``None`` where that is not known after a few rounds."""
    labels = np.arange(size + 1)
    for _ in range(ROUNDS):
        before = labels
        least = labels[columns].min(axis=1)
        labels = labels.copy()
        np.minimum.at(labels, columns, least[:, None])
        labels[size] = size
        labels = labels[labels]
        if np.array_equal(before, labels):
            return labels[:size]
    return None
