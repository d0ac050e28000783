"""One ``map_reduce`` as native code: lowered, compiled, and called chunk by chunk."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from optserve.backends.blas import one_thread
from optserve.backends.llvm.ir import object_cache
from optserve.backends.llvm.ir.engine import engine
from optserve.backends.llvm.ir.exceptions import Failed, Unsupported
from optserve.backends.llvm.ir.reducing import reduction
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.lowerings.lookup import Lowerings
from optserve.backends.llvm.rows import chunk_loop
from optserve.backends.llvm.rows.blocks import (
    LANE_BYTES,
    MAX_BLOCK,
    gemm_bits,
    has_large,
    scratch_bytes,
    written_whole,
)
from optserve.backends.llvm.rows.body import lower
from optserve.backends.llvm.rows.kernel import Kernel
from optserve.backends.numpy.control_flow import tiled
from optserve.backends.partials import Slot, SlotLayout
from optserve.backends.shared_chunks import MapReduce, Stored
from optserve.backends.streamed_blocks import blocks
from optserve.backends.threads import together
from optserve.graph.aval import Array, Aval
from optserve.graph.streamed import any_streamed

__all__ = ["NativePass", "has_native_form", "native"]

_SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int64,
    ctypes.c_int64,
    ctypes.c_int64,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
)


def native(work: MapReduce, lowerings: Lowerings) -> Callable[..., Any]:
    """One pass over the rows as native code; in tiles of NumPy calls where it has none."""
    try:
        return NativePass(work, lowerings)
    except Unsupported:
        return tiled(work)


def has_native_form(work: MapReduce, lowerings: Lowerings) -> bool:
    """Whether a pass has one, found without compiling it."""
    try:
        body = lowerings.expanded(work.body)
        lowered = lower(body, work.rows, work.axes, work.reductions, lowerings)
        Kernel(body, lowered, lowerings).write("kernel")
    except Unsupported:
        return False
    return True


class NativePass:
    """The compiled body of one ``map_reduce``; raises ``Unsupported`` where it cannot be."""

    def __init__(self, work: MapReduce, lowerings: Lowerings) -> None:
        self.work = work
        body = lowerings.expanded(work.body)
        lowered = lower(body, work.rows, work.axes, work.reductions, lowerings)
        self.scratch = scratch_bytes(lowered)
        self.large = has_large(lowered)
        self.operands = _Operands([variable.aval for variable in body.inputs[1:]])
        slots = iter(work.layout.slots)
        self.starts = [next(slots).start if axis is None else 0 for axis in work.row_axes]
        self.units = _Units(work.layout)
        whole = written_whole(lowered) if work.count else ()
        self.begun = _Units(work.layout, {self.starts[position] for position in whole})
        self.bounds = np.array(work.bounds, np.int64)
        machine = engine()
        layout = (work.axes, work.reductions, gemm_bits() if self.large else 0)

        ours = lowerings.are_ours(body)

        def written(resumes: bool) -> str:
            text = Kernel(body, lowered, lowerings, resumes).write("kernel")
            return text if resumes else text + chunk_loop.text("kernel")

        def compiled(resumes: bool) -> Callable[..., int]:
            foreign = "" if ours else written(resumes)  # a plugin may change
            parts = (*layout, "resumes") if resumes else layout
            name = object_cache.key(body, (*parts, foreign) if foreign else parts, machine)
            code = object_cache.read(name)
            if code is None:
                code = machine.object_code(foreign or written(resumes))
                object_cache.write(name, code)
            if resumes:
                return _SIGNATURE(machine.load(code, "kernel"))
            return chunk_loop.SIGNATURE(machine.load(code, chunk_loop.looped("kernel")))

        self._rooms: list[Array] = []
        self.function = compiled(resumes=False)
        self.resuming = cache(partial(compiled, resumes=True))

    def __call__(self, *operands: Any) -> Any:
        if any_streamed(operands):
            return self._streamed(operands)
        if not self.large:
            return self._at_hand(operands)
        with one_thread():
            return self._at_hand(operands)

    def _at_hand(self, operands: Sequence[Any]) -> Any:
        """The pass over rows that are in memory."""
        read, _kept = self.operands.table(operands)
        rows, stored = self.begun.memory(self.work)
        written = self._outputs(rows, stored)
        counter = ctypes.c_int64()
        given = (
            ctypes.addressof(counter),
            len(self.bounds),
            self.bounds.ctypes.data,
            read,
            written.ctypes.data,
            written.strides[0],
        )

        def run() -> None:
            try:
                room = self._rooms.pop()
            except IndexError:
                room = np.empty(self.scratch, np.uint8)
            failed.append(self.function(*given, room.ctypes.data))
            self._rooms.append(room)

        failed: list[int] = []
        together(run, self.work.threads, len(self.bounds))
        if any(failed):
            raise Failed
        return self.work.results(rows, stored)

    def _streamed(self, operands: Sequence[Any]) -> Any:
        """The same, each chunk block by block: the bits are those of one call a chunk."""
        rows, stored = self.units.memory(self.work)
        written = self._outputs(rows, stored)
        function, bounds = self.resuming(), self.work.bounds
        write, step = written.ctypes.data, written.strides[0]
        lanes = self._lanes()
        align = max(self.work.tile, MAX_BLOCK)

        def run(numbers: Iterator[int]) -> None:
            room = np.empty(self.scratch + lanes.nbytes, np.uint8)
            for number in numbers:
                room[self.scratch :] = lanes.view(np.uint8).reshape(-1)
                for block in blocks(operands, *bounds[number], align):
                    read, _kept = self.operands.table(block.operands, block.origins)
                    outputs = write + number * step
                    if function(block.first, block.last, read, outputs, room.ctypes.data):
                        raise Failed

        return self.work.over(run, rows, stored)

    def _lanes(self) -> Array:
        """What the lanes of each output begin with: the unit of its reduction."""
        lanes = np.zeros((len(self.work.row_axes), LANE_BYTES // 8))
        kinds = iter(self.work.layout.slots)
        for kept, axis in zip(lanes, self.work.row_axes, strict=True):
            if axis is None:
                slot = next(kinds)
                kept.view(slot.accumulates)[...] = _unit(slot)
        return lanes

    def _outputs(self, rows: Array, stored: Stored) -> Array:
        """The addresses that chunks write to: a row for each chunk, an entry for each output."""
        address = rows.ctypes.data
        first = np.array(
            [
                address + 8 * start if kept is None else kept.ctypes.data
                for start, kept in zip(self.starts, stored, strict=True)
            ]
        )
        chunks = len(rows)
        if chunks == 1:
            return first
        table: Array = np.repeat(first[None, :], chunks, axis=0)
        for column, kept in zip(table.T, stored, strict=True):
            if kept is None:
                column += rows.strides[0] * np.arange(chunks)
        return table


def _unit(slot: Slot) -> float:
    """What the partial results of an output begin with."""
    return reduction(slot.kind).unit(storage(slot.accumulates))


class _Units:
    """What the partial results of a chunk begin with, but for slots that start ``without``."""

    def __init__(self, layout: SlotLayout, without: Collection[int] = ()) -> None:
        self.slots = [slot for slot in layout.slots if slot.start not in without]
        units = [_unit(slot) for slot in layout.slots]
        self.zeros = not any(units) and not without

    def memory(self, work: MapReduce) -> tuple[Array, Stored]:
        """The memory of a pass, with the beginning of every chunk in it."""
        rows, stored = work.memory(self.zeros)  # as zeros memory is quicker to come by than to fill
        if not self.zeros:
            for slot in self.slots:
                rows[:, slot.start : slot.stop].view(slot.accumulates)[...] = _unit(slot)
        return rows, stored


class _Operands:
    """Where a kernel finds its operands: a table of addresses.

    To find the address of an array takes as long as a small kernel runs, so numbers, of which there
    may be many, stand together in one.
    """

    def __init__(self, avals: Sequence[Aval]) -> None:
        self.avals = avals
        self.numbers = [i for i, a in enumerate(avals) if not a.shape and a.dtype == np.float64]
        self.arrays = [i for i in range(len(avals)) if i not in self.numbers]
        self.numbers_type = ctypes.c_double * len(self.numbers)
        self.table_type = ctypes.c_void_p * len(avals)

    def table(
        self, operands: Sequence[Any], origins: Sequence[int] = ()
    ) -> tuple[ctypes.Array[ctypes.c_void_p], object]:
        """The addresses, and what has to be kept while they are used.

        ``origins`` are the numbers of the first rows: an address is where row 0 would be.
        """
        numbers = self.numbers_type(*[operands[i] for i in self.numbers])
        table = self.table_type()
        address = ctypes.addressof(numbers)
        for i in self.numbers:
            table[i] = address
            address += 8
        arrays = [np.ascontiguousarray(operands[i], self.avals[i].dtype) for i in self.arrays]
        for i, array in zip(self.arrays, arrays, strict=True):
            table[i] = array.ctypes.data
            if origins and origins[i]:
                table[i] = array.ctypes.data - origins[i] * array.strides[0]
        return table, (numbers, arrays)
