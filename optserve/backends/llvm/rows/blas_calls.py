"""Products of large matrices: calls of the BLAS that NumPy is linked with, a block of rows each.

It is called by a name that the linker is told the address of, so that object code on disk holds
for other processes. Whether a product is large depends on its sizes alone.
"""

from __future__ import annotations

import numpy as np

from optserve.backends.blas import gemm
from optserve.backends.llvm.ir.builder import IRValue, constant, vector
from optserve.backends.llvm.ir.nest import load, store, sweep
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.view import View
from optserve.backends.llvm.rows.blocks import accesses, matrix_size, precision
from optserve.backends.llvm.rows.computations import Computation
from optserve.backends.llvm.rows.emitter import Emitter
from optserve.backends.llvm.rows.memory import contiguous

__all__ = ["emit_large"]

_ROW_MAJOR, _AS_IT_IS, _TRANSPOSED = 101, 111, 112  # of cblas.h


def emit_large(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """One call for a block of rows."""
    x, y = accesses(node)
    memory, scalar = emitter.memory, precision(node)
    first = constant(0, "i64")
    left = memory.address(x, first, start, (0,))
    if node.kind == "matmul":
        assert node.result is not None
        columns = node.space[0]
        out = memory.address(contiguous(node.result, node.space), first, start, (0,))
        right = memory.address(y, first, start, (0, 0))
        sizes: tuple[IRValue | int, ...] = (rows, columns, node.detail)
        steps = (x.row, y.strides[0], columns)
        _call(emitter, scalar, _AS_IT_IS, sizes, (left, right, out), steps, constant(0.0, scalar))
        return
    b = emitter.b
    assert node.output is not None
    out = memory.addresses[emitter.outputs[node.output]]
    right = memory.address(y, first, start, (0,))
    sizes = (x.space[0], y.space[0], rows)
    steps = (x.row, y.row, y.space[0])
    if scalar == "double":
        one = constant(1.0, scalar)
        _call(emitter, scalar, _TRANSPOSED, sizes, (left, right, out), steps, one)
        return
    sums = emitter.temporary()
    _call(emitter, scalar, _TRANSPOSED, sizes, (left, right, sums), steps, constant(0.0, scalar))
    begins = constant(False, "i1")
    if not emitter.resumes:
        begins = b.compare("eq", start, IRValue("%first", "i64"))
    _add_up(emitter, sums, out, matrix_size(node), begins)


def _call(
    emitter: Emitter,
    scalar: str,
    transposed: int,
    sizes: tuple[IRValue | int, ...],
    matrices: tuple[IRValue, ...],
    steps: tuple[int, ...],
    keep: IRValue,
) -> None:
    """out = left @ right + keep out, where left may be transposed; sizes as ``gemm`` names them."""
    b = emitter.b
    known = gemm()
    assert known is not None
    integer = f"i{known.bits}"

    def whole(size: IRValue | int) -> str:
        if isinstance(size, IRValue) and known.bits != 64:
            return b.cast("trunc", size, integer)
        return str(size)

    m, n, k = map(whole, sizes)
    left, right, out = matrices
    name = f"optserve.gemm.{scalar}"
    given = (
        f"i32 {_ROW_MAJOR}, i32 {transposed}, i32 {_AS_IT_IS}, "
        f"{integer} {m}, {integer} {n}, {integer} {k}, "
        f"{scalar} {constant(1.0, scalar)}, ptr {left}, {integer} {steps[0]}, "
        f"ptr {right}, {integer} {steps[1]}, {scalar} {keep}, ptr {out}, {integer} {steps[2]}"
    )
    types = (
        f"i32, i32, i32, {integer}, {integer}, {integer}, {scalar}, ptr, {integer}, "
        f"ptr, {integer}, {scalar}, ptr, {integer}"
    )
    b.declarations[name] = f"declare void @{name}({types})"
    b.lines.append(f"  call void @{name}({given})")


def _add_up(emitter: Emitter, sums: IRValue, out: IRValue, size: int, begins: IRValue) -> None:
    """Add single-precision sums to the total, in the first block to 0."""
    b, zero = emitter.b, constant(0.0, vector("double"))
    source = View(sums, np.dtype(np.float32), (size,), (1,))
    total = View(out, np.dtype(np.float64), (size,), (1,))
    for adds in (False, True):
        times = b.cast("zext", b.binary("xor", begins, constant(adds, "i1")), "i64")
        with b.loop(0, times):
            for lane in sweep(emitter, (size,)):
                value = convert(b, load(emitter, source, (1,), lane), "double")
                before = load(emitter, total, (1,), lane) if adds else zero
                store(emitter, b.binary("fadd", before, value), total, (1,), lane)
