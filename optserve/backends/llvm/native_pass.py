"""One ``map_reduce`` as native code: lowered, compiled, and called chunk by chunk."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from optserve.backends.llvm import object_cache
from optserve.backends.llvm.engine import engine
from optserve.backends.llvm.kernel import emit, scratch_bytes
from optserve.backends.llvm.lowering import lower
from optserve.backends.llvm.native_bodies import expanded
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.reducing import unit
from optserve.backends.map_reduce import MapReduce, Stored
from optserve.backends.numpy.control import tiled
from optserve.graph.aval import Array

__all__ = ["NativePass", "native"]

_SIGNATURE = ctypes.CFUNCTYPE(
    None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)


def native(work: MapReduce) -> Callable[..., Any]:
    """One pass over the rows as native code; in tiles of NumPy calls where it has none."""
    try:
        return NativePass(work)
    except Unsupported:
        return tiled(work)


class NativePass:
    """The compiled body of one ``map_reduce``; raises ``Unsupported`` where it cannot be."""

    def __init__(self, work: MapReduce) -> None:
        self.work = work
        body = expanded(work.body)
        lowered = lower(body, work.rows, work.axes, work.reductions)
        self.scratch = scratch_bytes(lowered) // 8 + 1
        self.dtypes = [variable.aval.dtype for variable in body.inputs[1:]]
        slots = iter(work.layout.slots)
        self.starts = [next(slots).start if axis is None else 0 for axis in work.row_axes]
        self.units = work.layout.rows(1)
        for slot in work.layout.slots:
            slot.of(self.units[0])[...] = unit(slot.kind)
        machine = engine()
        name = object_cache.key(body, (work.axes, work.reductions), machine)
        code = object_cache.read(name)
        if code is None:
            code = machine.object_code(emit(body, lowered, "kernel"))
            object_cache.write(name, code)
        self.function = _SIGNATURE(machine.load(code, "kernel"))

    def __call__(self, *operands: Any) -> Any:
        arrays = [
            np.ascontiguousarray(operand, dtype)
            for operand, dtype in zip(operands, self.dtypes, strict=True)
        ]
        table = np.array([array.ctypes.data for array in arrays])
        function, bounds, read = self.function, self.work.bounds, table.ctypes.data

        def run(numbers: Iterator[int], rows: Array, stored: Stored) -> None:
            scratch = np.empty(self.scratch)
            room = scratch.ctypes.data
            for number in numbers:
                written = self._outputs(rows[number], stored)
                first, last = bounds[number]
                function(first, last, read, written.ctypes.data, room)

        return self.work.over(run)

    def _outputs(self, row: Array, stored: Stored) -> Array:
        """The table of addresses that one chunk writes to; what it accumulates in is made ready."""
        row[: self.work.layout.size] = self.units[0]
        address = row.ctypes.data
        return np.array(
            [
                address + 8 * start if kept is None else kept.ctypes.data
                for start, kept in zip(self.starts, stored, strict=True)
            ]
        )
