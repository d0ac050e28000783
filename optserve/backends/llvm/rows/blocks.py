"""How many rows make a block, what memory it needs, and which products BLAS makes of it.

All of it depends on sizes alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from optserve.backends.blas import gemm
from optserve.backends.llvm.ir.builder import LANES
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.rows.computations import Access, Computation, LoopGroup, Lowered
from optserve.graph.graph import Var

__all__ = [
    "LANE_BYTES",
    "MAX_BLOCK",
    "accesses",
    "block_rows",
    "buffer_bytes",
    "gemm_bits",
    "has_large",
    "is_large",
    "matrix_size",
    "precision",
    "scratch_bytes",
    "written_whole",
]

LANE_BYTES = 8 * LANES
"""Bytes of the accumulator of a single value."""

BLOCK_BYTES = 65_536
"""Bytes of buffers, and of operands that several loops read, for one block of rows: little more
than a first-level cache, so that what one loop leaves there the next one finds."""
TURNED_BYTES = 1 << 19
"""Bytes of the buffers of one block where rows take the lanes: half of a second-level cache."""
MAX_BLOCK = 1024

LARGE = 1 << 16
"""Entries of the matrix that all rows share, or add to, from which on a product is large: there
the tiles in registers of ``matrices`` read more than a first-level cache holds."""
LARGE_BLOCK = 512
"""Rows in a block where there are large products."""


def block_rows(lowered: Lowered) -> int:
    """Rows in a block; 0 where nothing is kept between loops, or summed by blocks."""
    if has_large(lowered):
        return LARGE_BLOCK
    sums = any(node.kind == "outer" for group in lowered.groups for node in group.nodes)
    if not lowered.buffers and not sums:
        return 0
    row_bytes = max(1, buffer_bytes(lowered) + _shared_bytes(lowered))
    room = TURNED_BYTES if lowered.row_lanes else BLOCK_BYTES
    rows = max(1, min(MAX_BLOCK, room // row_bytes))
    return max(16, 1 << (rows.bit_length() - 1))


def _shared_bytes(lowered: Lowered) -> int:
    """Bytes a row of operands that more than one group reads."""
    readers: dict[Var, set[int]] = {}
    for position, group in enumerate(lowered.groups):
        for node in group.nodes:
            for entry in node.inputs:
                if isinstance(entry, Access) and entry.row and entry.root not in lowered.buffers:
                    readers.setdefault(entry.root, set()).add(position)
    shared = [variable for variable, groups in readers.items() if len(groups) > 1]
    return sum(_row_bytes(variable) for variable in shared)


def _row_bytes(variable: Var) -> int:
    entries = math.prod(size for size in variable.aval.shape if isinstance(size, int))
    return entries * variable.aval.dtype.itemsize


def scratch_bytes(lowered: Lowered) -> int:
    """Bytes of the buffers of one block, and of what products of a block need beside them."""
    return block_rows(lowered) * buffer_bytes(lowered) + temporary_bytes(lowered)


def buffer_bytes(lowered: Lowered) -> int:
    """Bytes a row of all buffers."""
    return sum(width * v.aval.dtype.itemsize for v, width in lowered.buffers.items())


def is_large(node: Computation) -> bool:
    """Whether a node is a product for BLAS."""
    if node.kind not in ("matmul", "outer") or matrix_size(node) < LARGE or gemm() is None:
        return False
    x, y = accesses(node)
    along = y.strides == (y.strides[0], 1) if node.kind == "matmul" else y.strides == (1,)
    return x.strides == (1,) and along and x.root.aval.dtype.kind == "f"


def has_large(lowered: Lowered) -> bool:
    """Whether there are products for BLAS."""
    return any(map(is_large, _nodes(lowered.groups)))


def gemm_bits() -> int:
    """The bits of the sizes that BLAS takes, which object code depends on."""
    known = gemm()
    return known.bits if known is not None else 0


def written_whole(lowered: Lowered) -> frozenset[int]:
    """The positions of outputs that the first block writes, rather than adds to."""
    return frozenset(node.output for node in _summed(lowered) if node.output is not None)


def temporary_bytes(lowered: Lowered) -> int:
    """Memory for the sums of a block, where they are of lower precision than their total."""
    return max((4 * matrix_size(node) for node in _summed(lowered)), default=0)


def _summed(lowered: Lowered) -> list[Computation]:
    """Large sums over rows in single precision, the total of which is in double."""
    return [
        node
        for node in _nodes(lowered.groups)
        if node.kind == "outer" and is_large(node) and precision(node) == "float"
    ]


def _nodes(groups: Iterable[LoopGroup]) -> Iterable[Computation]:
    for group in groups:
        yield from group.nodes


def accesses(node: Computation) -> list[Access]:
    """The operands of a product."""
    return [entry for entry in node.inputs if isinstance(entry, Access)]


def precision(node: Computation) -> str:
    """The type that a product is made in."""
    return storage(accesses(node)[0].root.aval.dtype)


def matrix_size(node: Computation) -> int:
    """Entries of the matrix that all rows share, or add to."""
    if node.kind == "matmul":
        return math.prod((node.detail, *node.space))
    left, right = node.detail
    return math.prod(left) * math.prod(right) if left and right else 0
