"""One ``map_reduce`` as native code: lowered, compiled, and called chunk by chunk."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from optserve.backends.llvm import object_cache
from optserve.backends.llvm.engine import engine
from optserve.backends.llvm.kernel import emit, scratch_bytes
from optserve.backends.llvm.lowering import lower
from optserve.backends.llvm.memory import wide
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
        self.scratch = scratch_bytes(lowered)
        self.dtypes = [variable.aval.dtype for variable in body.inputs[1:]]
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
        return self.work.over(self._chunk, arrays)

    def _chunk(self, operands: Sequence[Any], first: int, last: int, stored: Stored) -> list[Any]:
        """The partial results of one chunk of rows, in one call."""
        totals: list[Array | None] = [
            None if kept is not None else np.full(aval.shape, unit(kind), wide(aval.dtype))
            for aval, kept, kind in zip(self.work.avals, stored, self.work.reductions, strict=True)
        ]
        outputs = [
            total if kept is None else kept for total, kept in zip(totals, stored, strict=True)
        ]
        scratch = np.empty(self.scratch // 8 + 1)
        table = np.array([operand.ctypes.data for operand in operands], np.uintp)
        written = np.array([array.ctypes.data for array in outputs if array is not None], np.uintp)
        self.function(first, last, table.ctypes.data, written.ctypes.data, scratch.ctypes.data)
        return totals
