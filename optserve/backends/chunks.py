"""How rows are cut into chunks and tiles: constants and sizes only, never the number of threads.

Tiles accumulate in order within a chunk and chunks combine in a fixed tree, so that a result is the
same to the bit for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["chunk_bounds", "combine_in_tree", "tile_rows"]

MAX_CHUNKS = 64
TILE_ENTRIES = 131_072
"""Entries of the widest row value in one tile: about half of a second-level cache."""
MAX_TILE_ROWS = 8_192
MIN_TILE_ROWS = 256
CHUNK_OUTPUT_ENTRIES = 1 << 22
"""Entries that the partial results of all chunks may have together."""

T = TypeVar("T")


def tile_rows(width: int) -> int:
    """Rows in a tile where the widest row value has ``width`` entries a row; a power of two.

    >>> tile_rows(1), tile_rows(32), tile_rows(10_000)
    (8192, 4096, 256)
    """
    rows = TILE_ENTRIES // max(1, width)
    rows = 1 << (max(1, rows).bit_length() - 1)
    return min(MAX_TILE_ROWS, max(MIN_TILE_ROWS, rows))


def chunk_bounds(rows: int, tile: int, output_size: int) -> list[tuple[int, int]]:
    """The (first, last) rows of each chunk; every chunk but the last is a whole number of tiles.

    >>> chunk_bounds(20_000, 8192, 1)
    [(0, 8192), (8192, 16384), (16384, 20000)]
    >>> chunk_bounds(0, 8192, 1)
    [(0, 0)]
    """
    tiles = -(-rows // tile)
    chunks = max(1, min(MAX_CHUNKS, tiles, CHUNK_OUTPUT_ENTRIES // max(1, output_size)))
    size = -(-tiles // chunks) * tile
    bounds = [(first, min(first + size, rows)) for first in range(0, rows, size)] if rows else []
    return bounds or [(0, 0)]


def combine_in_tree(parts: Sequence[T], combine: Callable[[T, T], T]) -> T:
    """Neighbours combined pairwise until one is left.

    >>> combine_in_tree(["a", "b", "c"], lambda x, y: f"({x}{y})")
    '((ab)c)'
    """
    level = list(parts)
    while len(level) > 1:
        paired = [combine(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]
