"""Reading and writing the values of a kernel: operands, buffers of the block, outputs."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant, element, vector
from optserve.backends.llvm.ir.nest import Index, lanes_from
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.types import register_type, storage
from optserve.backends.llvm.ir.view import View
from optserve.backends.llvm.rows.computations import Access, Space, row_major, static
from optserve.backends.llvm.rows.loop_places import LoopPlace
from optserve.graph.dim import Size
from optserve.graph.graph import Literal, Var

__all__ = ["KernelMemory", "contiguous"]


def contiguous(root: Var, space: Sequence[int]) -> Access:
    """The access of a value whose rows, and entries within a row, follow each other."""
    return Access(root, math.prod(space), row_major(tuple(space)), 0, tuple(space))


class KernelMemory:
    """The addresses of a kernel's values, and loads and stores at a place of its loops.

    Buffers of ``turned`` rows have the rows of each entry side by side.
    """

    def __init__(self, builder: Builder, buffers: Collection[Var], turned: int = 0) -> None:
        self.b = builder
        self.buffers = buffers
        self.turned = turned
        self.addresses: dict[Var, IRValue] = {}
        self._splats: dict[tuple[Var, int], IRValue] = {}

    def number(self, size: Size) -> int:
        """A size within a row, which is a number."""
        return static(size)

    def hold(self, entry: Access | Literal) -> None:
        """Read a fixed scalar once, before the loops."""
        if isinstance(entry, Literal) or entry.row or any(entry.strides):
            return
        key = (entry.root, entry.offset)
        if key not in self._splats:
            scalar = storage(entry.root.aval.dtype)
            address = self.b.at(self.addresses[entry.root], scalar, entry.offset)
            value = self.b.splat(self.b.load(address, scalar))
            self._splats[key] = convert(self.b, value, register_type(entry.root.aval.dtype))

    def fetch(self, entry: Access | Literal, space: Sequence[int], place: LoopPlace) -> IRValue:
        """The lanes of an operand, for loops over ``space``."""
        if isinstance(entry, Literal):
            dtype = entry.aval.dtype
            return constant(entry.value.item(), vector(register_type(dtype)))
        held = None if any(entry.strides) else self._splats.get((entry.root, entry.offset))
        if held is not None:
            return held
        return self._load(entry, tuple(space), place)

    def fetch_row(self, table: Access, index: IRValue, place: LoopPlace) -> IRValue:
        """Lanes of row ``index`` of a fixed matrix."""
        return self.fetch(table, table.space, replace(place, index=(index, *place.index)))

    def fetch_local(
        self, access: Access, space: Sequence[int], start: IRValue, local: IRValue, place: LoopPlace
    ) -> IRValue:
        """Lanes of an operand in the row ``local`` of the block."""
        at = replace(place, row=self.row_of(start, local), local=local)
        return self.fetch(access, space, at)

    def row_of(self, start: IRValue, local: IRValue) -> IRValue:
        """The number of the row ``local`` of the block that begins at ``start``."""
        return self.b.emit(f"add nsw i64 {start}, {local}", "i64")

    def row(
        self, access: Access, start: IRValue, local: IRValue, space: Space | None = None
    ) -> View:
        """The entries of one row, in ``space`` where they are broadcast to that."""
        at = LoopPlace(self.row_of(start, local), local, (), None)
        first, dtype = self._first(access, (), at), access.root.aval.dtype
        if space is None or space == access.space:
            return View(first, dtype, access.space, access.strides)
        return View(first, dtype, space, access.over(space))

    def address(self, access: Access, local: IRValue, start: IRValue, index: Index = ()) -> IRValue:
        """The address of one entry of a row."""
        return self._first(
            access, access.strides, LoopPlace(self.row_of(start, local), local, index, None)
        )

    def scalar(self, access: Access, local: IRValue, start: IRValue, index: Index = ()) -> IRValue:
        """One entry of a row."""
        address = self.address(access, local, start, index)
        return self.b.load(address, storage(access.root.aval.dtype))

    def write(self, value: IRValue, address: IRValue, place: LoopPlace) -> None:
        """The lanes in use to memory."""
        if element(value.type) == "i1":
            value = convert(self.b, value, "i8")
        if place.mask is None:
            self.b.store(value, address)
        else:
            self.b.masked_store(value, address, place.mask)

    def put(self, value: IRValue, access: Access, place: LoopPlace) -> None:
        """Lanes written where ``access`` says; a buffer of one entry a row has room for all."""
        roomy = self._is_roomy(access)
        address = self._first(access, access.strides, place)
        self.write(value, address, replace(place, mask=None) if roomy else place)

    def entry(self, access: Access, place: LoopPlace) -> IRValue:
        """The address of the first lane."""
        return self._first(access, access.strides, place)

    def _load(self, entry: Access, space: tuple[int, ...], place: LoopPlace) -> IRValue:
        """The lanes of an operand; a buffer of one entry a row has room for all of them."""
        strides = entry.over(space)
        base = self._first(entry, strides, place)
        lane = replace(place.lane, mask=None) if self._is_roomy(entry) else place.lane
        return lanes_from(
            self.b, base, entry.root.aval.dtype, self._along(entry, strides, place), lane
        )

    def _is_roomy(self, entry: Access) -> bool:
        """Whether there is memory for whole vectors behind the last row."""
        return entry.root in self.buffers and (bool(self.turned) or not entry.space)

    def _along(self, entry: Access, strides: Sequence[int], place: LoopPlace) -> int:
        """How far apart the lanes are."""
        if strides and not place.row_lanes:
            return strides[-1]
        return 1 if self.turned and entry.root in self.buffers else entry.row

    def _first(self, entry: Access, strides: Sequence[int], place: LoopPlace) -> IRValue:
        b = self.b
        kept = entry.root in self.buffers
        row, scale = place.local if kept else place.row, self.turned if kept and self.turned else 1
        offset: IRValue | int = entry.offset * scale
        if entry.row:
            across = 1 if scale > 1 else entry.row
            offset = b.emit(f"mul nsw i64 {row}, {across}", "i64")
            if entry.offset:
                offset = b.emit(f"add nsw i64 {offset}, {entry.offset * scale}", "i64")
        for index, stride in zip(place.index, strides, strict=True):
            if stride and index != 0:
                step = b.emit(f"mul nsw i64 {index}, {stride * scale}", "i64")
                offset = b.emit(f"add nsw i64 {offset}, {step}", "i64")
        return b.at(self.addresses[entry.root], storage(entry.root.aval.dtype), offset)
