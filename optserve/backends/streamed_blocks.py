"""Blocks of streamed operands: the next one is read by a thread while one is computed, where that
takes time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from optserve.graph.streamed import is_streamed

__all__ = ["Block", "blocks"]

BLOCK_BYTES = 1 << 22
"""Bytes of the streamed operands of one block: a few times the second-level cache."""


class Block(NamedTuple):
    """The rows ``first`` to ``last`` of some operands.

    ``origins`` tells for each the row number of its first row: 0 for one that is in memory whole.
    """

    first: int
    last: int
    operands: Sequence[Any]
    origins: Sequence[int]


def blocks(operands: Sequence[Any], first: int, last: int, align: int) -> Iterator[Block]:
    """The rows ``first`` to ``last`` in blocks, each but the last a multiple of ``align`` rows.

    All rows are one block where no operand is streamed.

    >>> [(block.first, block.last) for block in blocks([1.0], 0, 10, align=4)]
    [(0, 10)]
    """
    streamed = [position for position, one in enumerate(operands) if is_streamed(one)]
    if not streamed:
        yield Block(first, last, operands, [0] * len(operands))
        return
    row_bytes = sum(math.prod(operands[i].shape[1:]) * operands[i].dtype.itemsize for i in streamed)
    step = max(1, BLOCK_BYTES // max(1, row_bytes) // align) * align

    def read(start: int) -> Block:
        stop = min(start + step, last)
        held, origins = list(operands), [0] * len(operands)
        for i in streamed:
            held[i], origins[i] = operands[i][start:stop], start
        return Block(start, stop, held, origins)

    starts = range(first, max(last, first + 1), step)
    if len(starts) == 1 or all(operands[i].at_hand(first, last) for i in streamed):
        yield from map(read, starts)
        return
    from concurrent.futures import ThreadPoolExecutor  # most runs do without threads

    with ThreadPoolExecutor(1, thread_name_prefix="optserve-read") as reader:
        following = reader.submit(read, starts[0])
        for start in starts[1:]:
            block, following = following.result(), reader.submit(read, start)
            yield block
        yield following.result()
