"""``map_reduce`` in a program: the kernel of its body, called once for all rows.

The bits are those of the pass outside of a program, as long as that has one chunk.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optserve.backends.llvm.ir.builder import IRValue, constant
from optserve.backends.llvm.ir.nest import collapsed, fill, load, store, sweep
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.reducing import reduction
from optserve.backends.llvm.ir.types import register_type, storage
from optserve.backends.llvm.ir.view import View, constants
from optserve.backends.llvm.programs.program_frame import ProgramFrame
from optserve.backends.llvm.rows.blocks import scratch_bytes
from optserve.backends.llvm.rows.body import lower
from optserve.backends.llvm.rows.kernel import Kernel
from optserve.backends.partials import wide
from optserve.graph.graph import Equation, Var

__all__ = ["map_reduce"]

PARAMETERS = "i64 %first, i64 %last, ptr %operands, ptr %outputs, ptr %scratch"


def map_reduce(frame: ProgramFrame, equation: Equation) -> None:
    """The kernel of the body; one that only moves entries is written in place."""
    attributes = equation.attributes
    lowerings = frame.w.lowerings
    body = lowerings.expanded(attributes["body"])
    if all(inner.primitive.facts.moves for inner in body.equations):
        _as_one_block(frame, equation)  # the bits are the same however it is evaluated
        return
    lowered = lower(
        body, attributes["rows"], attributes["axes"], attributes["reductions"], lowerings
    )
    text = Kernel(body, lowered, lowerings)
    name = f"kernel{frame.w.kernels}"
    text.write(name)
    frame.w.kernels += 1
    declarations = frame.w.b.declarations
    declarations.update(text.b.declarations)
    declarations[name] = text.b.definition(
        name, PARAMETERS, "internal", "noinline", text.b.failed()
    )
    _call(frame, equation, name, scratch_bytes(lowered))


def _call(frame: ProgramFrame, equation: Equation, name: str, scratch: int) -> None:
    """Fill the accumulators with units, call the kernel, round the results to their dtype."""
    w, b = frame.w, frame.w.b
    operands = b.alloca("ptr", max(1, len(equation.operands)))
    for position, atom in enumerate(equation.operands):
        b.store(frame.packed(atom).address, b.at(operands, "ptr", position))
    outputs = b.alloca("ptr", len(equation.results))
    made = [
        _place(frame, variable, kind)
        for variable, kind in zip(equation.results, equation.attributes["reductions"], strict=True)
    ]
    for position, view in enumerate(made):
        b.store(view.address, b.at(outputs, "ptr", position))
    last = IRValue(str(w.number(equation.attributes["rows"])), "i64")
    given = f"i64 0, i64 {last}, ptr {operands}, ptr {outputs}, ptr {w.raw(scratch)}"
    b.fail_with(b.emit(f"call i64 @{name}({given})", "i64"))
    for variable, view in zip(equation.results, made, strict=True):
        frame.define(variable, _rounded(frame, view, variable))


def _place(frame: ProgramFrame, variable: Var, kind: str) -> View:
    """Where the kernel leaves a result; what is reduced begins with its unit."""
    aval = variable.aval
    if kind == "rows":
        return frame.target(variable)
    accumulates = wide(aval.dtype)
    if accumulates == aval.dtype and not frame.is_small(aval):
        view = frame.target(variable)
    else:
        view = frame.room(replace(aval, dtype=accumulates))
    type_ = storage(accumulates)
    fill(frame.w, constant(reduction(kind).unit(type_), type_), view)
    return view


def _rounded(frame: ProgramFrame, view: View, variable: Var) -> View:
    """A result in its own dtype."""
    if view.dtype == variable.aval.dtype:
        return view
    w, target = frame.w, frame.target(variable)
    shape, [read, written] = collapsed(target.shape, [view.strides, target.strides])
    for lane in sweep(w, shape):
        value = convert(w.b, load(w, view, read, lane), register_type(target.dtype))
        store(w, value, target, written, lane)
    return target


def _as_one_block(frame: ProgramFrame, equation: Equation) -> None:
    inside = ProgramFrame(frame.w, equation.attributes["body"])
    first_row = constants(np.asarray(np.int64(0)))
    operands = [frame.value(atom) for atom in equation.operands]
    made = inside.write([first_row, *operands])
    for atom, variable in zip(made, equation.results, strict=True):
        frame.define(variable, inside.value(atom))
