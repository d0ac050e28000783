"""The order of rows: which of them each batch of an epoch holds.

The rows of a table are cut into blocks of ``BLOCK``. An epoch takes the blocks in a random order,
``POOL`` at a time; the rows of such a pool are permuted, and batches are cut from one pool after
the other, so that a batch may begin in one and end in the next. A table that fits into a pool is so
permuted as a whole; of a larger one only a pool is ever held, and it is read block by block, in
memory or not.

The permutations come from a counter-based generator (Philox; Salmon et al. 2011) whose key is the
seed and whose counter holds the epoch and the pool: the same numbers on any machine, with no state
to keep.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.consistency import check_full
from optserve.jobs.problem import BatchPlan

__all__ = ["Batches", "permutation"]

BLOCK = 1 << 14
"""Rows that are read together."""

POOL = 8
"""Blocks whose rows are mixed."""

_KEY = 0x6F70747365727665
"""Keeps this use of a seed apart from others; "optserve" in ASCII."""


def permutation(count: int, seed: int, epoch: int, stream: int) -> Array:
    """The numbers 0 to ``count`` - 1 in the order that the other arguments choose.

    Random bits, with the number itself in place of the lowest, are sorted: no two are equal, and
    NumPy promises that the bits of a generator stay the same.

    >>> permutation(6, seed=0, epoch=1, stream=0).tolist()
    [3, 5, 2, 1, 0, 4]
    """
    generator = np.random.Philox(key=[seed % 2**64, _KEY], counter=[0, 0, epoch, stream])
    low = np.uint64(max(count - 1, 1).bit_length())
    keys = generator.random_raw(count) >> low << low | np.arange(count, dtype=np.uint64)
    keys.sort()
    return (keys & ((np.uint64(1) << low) - np.uint64(1))).astype(np.int64)


class Batches:
    """Batches of the rows of ``columns``, which have one length.

    A column has ``shape`` and ``[first:last]``, which gives an array. ``count`` is the number of
    batches of an epoch; a batch has ``rows`` rows, the last one of an epoch perhaps fewer.

    >>> batches = Batches([np.arange(7)], BatchPlan(rows=3, shuffle=False), seed=0)
    >>> batches.count, [stack[0].tolist() for stack in batches.epoch(1)]
    (3, [[[0, 1, 2], [3, 4, 5]], [[6]]])
    """

    def __init__(self, columns: Sequence[Any], minibatch: BatchPlan, seed: int) -> None:
        self.columns = columns
        self.total = int(columns[0].shape[0])
        check_full(minibatch, self.total)
        self.minibatch = minibatch
        self.seed = seed
        self.rows = min(minibatch.rows, self.total)
        whole, left = divmod(self.total, self.rows)
        self.count = whole + (1 if left and minibatch.last == "keep" else 0)

    def epoch(self, number: int) -> Iterator[list[Array]]:
        """The batches of an epoch, numbered from 1, some at a time.

        Each item has an array (batches, rows, ...) a column; all but the last have ``rows`` rows.
        """
        held: list[Array] | None = None
        for pool in self._pools(number):
            if held is not None:
                pairs = zip(held, pool, strict=True)
                pool = [np.concatenate(pair) for pair in pairs]
            whole = len(pool[0]) // self.rows
            cut = whole * self.rows
            if whole:
                yield [part[:cut].reshape(whole, self.rows, *part.shape[1:]) for part in pool]
            held = [part[cut:] for part in pool] if cut < len(pool[0]) else None
        if held is not None and self.minibatch.last == "keep":
            yield [part[None] for part in held]

    def _pools(self, epoch: int) -> Iterator[list[Array]]:
        """The rows of an epoch in order, a pool at a time."""
        blocks = np.arange(-(-self.total // BLOCK))
        if self.minibatch.shuffle:
            blocks = permutation(len(blocks), self.seed, epoch, 0)
        for number, start in enumerate(range(0, len(blocks), POOL), 1):
            chosen = blocks[start : start + POOL].tolist()
            pool = [_joined(column, chosen) for column in self.columns]
            if self.minibatch.shuffle:
                order = permutation(len(pool[0]), self.seed, epoch, number)
                pool = [part.take(order, axis=0) for part in pool]
            yield pool


def _joined(column: Any, blocks: Sequence[int]) -> Array:
    """Some blocks of a column, end to end."""
    parts = [np.asarray(column[block * BLOCK : (block + 1) * BLOCK]) for block in blocks]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
