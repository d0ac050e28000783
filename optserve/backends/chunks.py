"""How rows are cut into chunks and tiles: constants and sizes only, never the number of threads.

Tiles accumulate in order within a chunk and chunks combine in a fixed tree, so that a result is the
same to the bit for any number of threads.
"""

from __future__ import annotations

__all__ = ["chunk_bounds", "tile_rows"]

MAX_CHUNKS = 64
TILE_ENTRIES = 1 << 19
"""Entries of the widest row value in one tile: a few times a second-level cache. In smaller ones
NumPy's calls are so short that threads wait for each other, not for their work."""
MAX_TILE_ENTRIES = 1 << 22
"""Likewise where the results are so large that it pays."""
OUTPUT_TILES = 4
"""Tiles that together have as many entries as large results: so many threads can share them."""
MAX_TILE_ROWS = 32_768
MIN_TILE_ROWS = 256
CHUNK_ENTRIES = 8
"""Entries that the partial results of all chunks may have together, for each entry of a row."""


def tile_rows(width: int, output_size: int = 1) -> int:
    """Rows in a tile where the widest row value has ``width`` entries a row; a power of two.

    Each tile adds to all of the results, so that it should not be far smaller than they are.

    >>> tile_rows(1), tile_rows(32), tile_rows(10_000)
    (32768, 16384, 256)
    >>> tile_rows(1, output_size=1_000_000)
    131072
    """
    width = max(1, width)
    rows = min(MAX_TILE_ROWS, max(MIN_TILE_ROWS, TILE_ENTRIES // width))
    rows = max(rows, min(output_size, MAX_TILE_ENTRIES) // (OUTPUT_TILES * width))
    return 1 << (rows.bit_length() - 1)


def chunk_bounds(rows: int, tile: int, width: int, output_size: int) -> list[tuple[int, int]]:
    """The (first, last) rows of each chunk; every chunk but the last is a whole number of tiles.

    ``width`` is the number of entries a row, ``output_size`` that of the results.

    >>> chunk_bounds(20_000, 8192, 1, 1)
    [(0, 8192), (8192, 16384), (16384, 20000)]
    >>> chunk_bounds(20_000, 8192, 1, 1_000_000)
    [(0, 20000)]
    >>> chunk_bounds(0, 8192, 1, 1)
    [(0, 0)]
    """
    tiles = -(-rows // tile)
    worthwhile = CHUNK_ENTRIES * rows * width // max(1, output_size)
    chunks = max(1, min(MAX_CHUNKS, tiles, worthwhile))
    size = -(-tiles // chunks) * tile
    bounds = [(first, min(first + size, rows)) for first in range(0, rows, size)] if rows else []
    return bounds or [(0, 0)]
