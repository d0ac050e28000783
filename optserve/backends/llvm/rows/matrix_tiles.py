"""Products of matrices over rows: a tile of the result stays in registers.

In each step of the innermost loop a few vectors of one side meet a few numbers of the other, every
pair with a sum of its own: loads are shared, and no addition waits for the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from optserve.backends.llvm.ir.builder import (
    LANES,
    Builder,
    IRValue,
    constant,
    element,
    lanes_of,
    vector,
)
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import first_lanes
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.rows.computations import Computation, operand
from optserve.backends.llvm.rows.emitter import Emitter
from optserve.backends.llvm.rows.loop_places import LoopPlace, entries, plus
from optserve.backends.llvm.rows.memory import contiguous

__all__ = [
    "outer_product",
    "parts",
    "row_times_matrix",
    "row_times_vector",
    "sums_as_lanes",
]

SUMS = 16
"""Vectors of sums in a tile: half of the registers of AVX-512, so that nothing is spilled."""
TALL = 8
"""Rows of a tile."""


def row_times_vector(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """x (rows, k) @ w (k,): lanes along k, eight rows at a time, their sums turned into lanes."""
    b, memory = emitter.b, emitter.memory
    if operand(node, 0).strides[-1] != 1:
        raise Unsupported("a product along entries that are not next to each other")
    assert node.result is not None
    out = contiguous(node.result, ())
    whole = b.emit(f"and i64 {rows}, -{LANES}", "i64")
    with b.loop(0, whole, LANES) as local:
        sums = _dots(emitter, node, start, [plus(b, local, i) for i in range(LANES)])
        b.store(sums_as_lanes(b, sums), memory.address(out, local, start))
    with b.loop(whole, rows) as local:
        lanes = sums_as_lanes(b, _dots(emitter, node, start, [local]) * LANES)
        b.store(b.lane(lanes, 0), memory.address(out, local, start))


def _dots(
    emitter: Emitter, node: Computation, start: IRValue, locals_: Sequence[IRValue]
) -> list[IRValue]:
    """For each row the products of its entries, summed into 8 lanes."""
    b, memory = emitter.b, emitter.memory
    x, w = operand(node, 0), operand(node, 1)
    space = (node.detail,)
    type_ = vector(storage(x.root.aval.dtype))
    slots = [b.alloca(type_) for _ in locals_]
    for slot in slots:
        b.store(constant(0.0, type_), slot)
    for place in entries(emitter, space, memory.row_of(start, locals_[0]), locals_[0]):
        right = _in_use(b, memory.fetch(w, space, place), place)
        for slot, local in zip(slots, locals_, strict=True):
            left = _in_use(b, memory.fetch_local(x, space, start, local, place), place)
            b.store(b.fma(left, right, b.load(slot, type_)), slot)
    return [b.load(slot, type_) for slot in slots]


def _in_use(b: Builder, value: IRValue, place: LoopPlace) -> IRValue:
    """0 in the lanes out of use, where a single entry stands in all of them."""
    return value if place.mask is None else b.select(place.mask, value, constant(0.0, value.type))


def sums_as_lanes(b: Builder, sums: list[IRValue]) -> IRValue:
    """Eight vectors of eight lanes as one vector of their sums, neighbours added pairwise."""
    even, odd = list(range(0, 2 * LANES, 2)), list(range(1, 2 * LANES, 2))
    while len(sums) > 1:
        sums = [
            b.binary("fadd", b.shuffle(x, y, even), b.shuffle(x, y, odd))
            for x, y in zip(sums[::2], sums[1::2], strict=True)
        ]
    return sums[0]


def row_times_matrix(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """x (rows, k) @ w (k, m): lanes along m, the sum over k innermost."""
    b, memory = emitter.b, emitter.memory
    x, w = operand(node, 0), operand(node, 1)
    assert node.result is not None
    out = contiguous(node.result, node.space)
    scalar = storage(node.result.aval.dtype)
    whole = b.emit(f"and i64 {rows}, -{TALL}", "i64")
    for panel in _panels(b, node.space[0], scalar, TALL):
        for begin, end, count in ((0, whole, TALL), (whole, rows, 1)):
            with b.loop(begin, end, count) as first:
                locals_ = [plus(b, first, i) for i in range(count)]
                tile = _Tile(panel, count)
                lines = [memory.address(x, local, start, (0,)) for local in locals_]
                with b.loop(0, node.detail) as k:
                    offset = b.emit(f"mul nsw i64 {k}, {x.strides[0]}", "i64")
                    factors = [b.load(b.at(line, scalar, offset), scalar) for line in lines]
                    columns = memory.address(w, first, start, (k, panel.first))
                    tile.add(factors, panel.read(columns, w.strides[1]))
                for local, sums in zip(locals_, tile.sums(), strict=True):
                    panel.write(sums, memory.address(out, local, start, (panel.first,)))


def outer_product(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """Sum over rows of the products of two rows: (k,) or (k, m), added to the output.

    The sums of a block are made in the precision of the rows.
    """
    b, memory = emitter.b, emitter.memory
    x, y = operand(node, 0), operand(node, 1)
    left, right = node.detail
    if not right:  # x' @ v is v @ x: the scalar first, the vector along the lanes
        x, y, left, right = y, x, right, left
    if len(left) > 1 or len(right) != 1:
        raise Unsupported("a product of rows with many axes")
    scalar = storage(y.root.aval.dtype)
    if scalar not in ("double", "float"):
        raise Unsupported("a product of whole numbers")
    assert node.output is not None
    wide = emitter.output_scalar(node.output)
    base = memory.addresses[emitter.outputs[node.output]]
    height = left[0] if left else 1
    tall = min(TALL, height)
    for panel in _panels(b, right[0], scalar, tall):
        for begin, end, count in parts(height, tall):
            with b.loop(begin, end, count) as first:
                tile = _Tile(panel, count)
                columns = [plus(b, first, i) for i in range(count)]
                with b.loop(0, rows) as local:
                    factors = [
                        memory.scalar(x, local, start, (column,) if left else ())
                        for column in columns
                    ]
                    line = memory.address(y, local, start, (panel.first,))
                    if not left and y.root not in memory.buffers:
                        panel.fetch_ahead(line, emitter.block * y.row, y.strides[0])
                    tile.add(factors, panel.read(line, y.strides[0]))
                for column, sums in zip(columns, tile.sums(), strict=True):
                    offset = b.emit(f"mul nsw i64 {column}, {right[0]}", "i64")
                    offset = b.emit(f"add nsw i64 {offset}, {panel.first}", "i64")
                    panel.add(sums, b.at(base, wide, offset), wide)


@dataclass(frozen=True)
class _Panel:
    """A few vectors beside each other: the first column, and how many lanes of each are in use."""

    builder: Builder
    scalar: str
    first: IRValue | int
    counts: tuple[int, ...]

    def read(self, base: IRValue, stride: int) -> list[IRValue]:
        """The vectors at an address, their entries ``stride`` apart."""
        return [
            self._strided(base, i, stride) if stride != 1 else self._load(base, self.scalar, i)
            for i in range(len(self.counts))
        ]

    def fetch_ahead(self, base: IRValue, distance: int, stride: int) -> None:
        """Bring the vectors ``distance`` entries behind an address into the second-level cache.

        A row that meets one number waits for memory only: the next block comes while this one is
        computed. There may be no memory at those addresses; to fetch ahead does not read them.
        """
        for i in range(len(self.counts) if stride == 1 else 0):
            at = self.builder.at(base, self.scalar, distance + i * width(self.scalar))
            self.builder.prefetch(at, level=2)

    def write(self, sums: Sequence[IRValue], base: IRValue) -> None:
        """The vectors to an address, one after another."""
        for i, value in enumerate(sums):
            self._store(value, base, i)

    def add(self, sums: Sequence[IRValue], base: IRValue, wide: str) -> None:
        """The vectors added to numbers of the type ``wide`` at an address."""
        b = self.builder
        for i, value in enumerate(sums):
            before = self._load(base, wide, i)
            self._store(b.binary("fadd", before, convert(b, value, wide)), base, i)

    def _mask(self, i: int) -> IRValue | None:
        lanes = width(self.scalar)
        return None if self.counts[i] == lanes else first_lanes(self.counts[i], lanes)

    def _load(self, base: IRValue, scalar: str, i: int) -> IRValue:
        b, lanes, mask = self.builder, width(self.scalar), self._mask(i)
        address, type_ = b.at(base, scalar, i * lanes), vector(scalar, lanes)
        return b.load(address, type_) if mask is None else b.masked_load(address, type_, mask)

    def _store(self, value: IRValue, base: IRValue, i: int) -> None:
        b, mask = self.builder, self._mask(i)
        address = b.at(base, element(value.type), i * width(self.scalar))
        if mask is None:
            b.store(value, address)
        else:
            b.masked_store(value, address, mask)

    def _strided(self, base: IRValue, i: int, stride: int) -> IRValue:
        b, lanes = self.builder, width(self.scalar)
        result = constant(0.0, vector(self.scalar, lanes))
        for lane in range(self.counts[i]):
            at = b.at(base, self.scalar, (i * lanes + lane) * stride)
            result = b.insert(result, b.load(at, self.scalar), lane)
        return result


def width(scalar: str) -> int:
    """Lanes of a product's vectors: those of the widest registers.

    >>> width("double"), width("float")
    (8, 16)
    """
    return LANES * 2 if scalar == "float" else LANES


def _panels(b: Builder, columns: int, scalar: str, tall: int) -> Iterator[_Panel]:
    """The loop over the columns, as many at a time as there are registers for; yields inside."""
    lanes = width(scalar)
    most = max(1, min(SUMS // tall, -(-columns // lanes)))
    whole = columns // (most * lanes) * (most * lanes)
    if whole:
        with b.loop(0, whole, most * lanes) as first:
            yield _Panel(b, scalar, first, (lanes,) * most)
    if whole < columns:
        full, rest = divmod(columns - whole, lanes)
        yield _Panel(b, scalar, whole, (lanes,) * full + ((rest,) if rest else ()))


def parts(size: int, step: int) -> list[tuple[int, int, int]]:
    """A loop in steps, and one more step for what is left: its begin, end and step.

    >>> parts(20, 8), parts(8, 8), parts(3, 3)
    ([(0, 16, 8), (16, 20, 4)], [(0, 8, 8)], [(0, 3, 3)])
    """
    whole = size // step * step
    both = [(0, whole, step), (whole, size, size - whole)]
    return [part for part in both if part[0] < part[1]]


class _Tile:
    """Sums of products in registers: rows of numbers on one side, vectors on the other."""

    def __init__(self, panel: _Panel, tall: int) -> None:
        self.b = panel.builder
        self.type = vector(panel.scalar, width(panel.scalar))
        self.slots = [[self.b.alloca(self.type) for _ in panel.counts] for _ in range(tall)]
        for slot in chain.from_iterable(self.slots):
            self.b.store(constant(0.0, self.type), slot)

    def add(self, factors: Sequence[IRValue], vectors: Sequence[IRValue]) -> None:
        """Each number times each vector."""
        b, lanes = self.b, lanes_of(self.type)
        for factor, slots in zip(factors, self.slots, strict=True):
            splat = b.splat(factor, lanes)
            for value, slot in zip(vectors, slots, strict=True):
                b.store(b.fma(splat, value, b.load(slot, self.type)), slot)

    def sums(self) -> list[list[IRValue]]:
        """The rows of the tile."""
        return [[self.b.load(slot, self.type) for slot in slots] for slots in self.slots]
