"""What all loops of a kernel share: addresses, accumulators over rows, and nests of fused nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from optserve.backends.llvm.ir.builder import LANES, Builder, IRValue, constant, element, vector
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import Index, Lane, iota, load, store
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.reducing import NativeReduction
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import View, contiguous_strides
from optserve.backends.llvm.lowerings.lookup import INLINED, Lowerings
from optserve.backends.llvm.rows.blocks import LANE_BYTES, block_rows, buffer_bytes, scratch_bytes
from optserve.backends.llvm.rows.computations import (
    Access,
    Computation,
    LoopGroup,
    Lowered,
    result_space,
    row_major,
    static,
)
from optserve.backends.llvm.rows.loop_places import LoopPlace, plus
from optserve.backends.llvm.rows.memory import KernelMemory, contiguous
from optserve.backends.llvm.rows.row_gathers import gather
from optserve.backends.partials import wide
from optserve.graph.aval import DType, Shape
from optserve.graph.dim import Size
from optserve.graph.graph import Graph, Literal, Var

__all__ = ["Emitter"]

MOST_ROOM = 1 << 18
"""Bytes of the stack that one value of a row may take while it is computed."""


class Emitter:
    """One kernel while it is written: memory, accumulators, and the nests of fused nodes."""

    def __init__(
        self, body: Graph, lowered: Lowered, lowerings: Lowerings, resumes: bool = False
    ) -> None:
        self.b = Builder()
        self.lowerings = lowerings
        self.resumes = resumes
        self.body = body
        self.lowered = lowered
        self.block = block_rows(lowered)
        self.memory = KernelMemory(self.b, lowered.buffers, self.block if lowered.row_lanes else 0)
        self.outputs: list[Var] = []
        self.accumulators: dict[int, tuple[IRValue, NativeReduction]] = {}
        functions = [n for n in self.nodes() if self._is_function(n)]
        self.long = len(functions) > INLINED

    def output_scalar(self, output: int) -> str:
        """The type that an output accumulates in."""
        return storage(wide(self.body.outputs[output].aval.dtype))

    def output(self, node: Computation) -> View:
        """Where the sums over rows of a node are added up."""
        assert node.output is not None
        dtype = wide(self.body.outputs[node.output].aval.dtype)
        address = self.memory.addresses[self.outputs[node.output]]
        return View(address, dtype, node.space, row_major(node.space))

    def join_output(
        self, node: Computation, kind: NativeReduction, value: IRValue, lane: Lane
    ) -> None:
        """Join lanes to what an output holds of the rows before."""
        out = self.output(node)
        before = load(self, out, out.strides, lane)
        store(self, kind.join(self.b, before, value), out, out.strides, lane)

    def number(self, size: Size) -> int:
        """A size within a row, which is a number."""
        return self.memory.number(size)

    def room(self, shape: Shape, dtype: DType) -> View:
        """Memory on the stack for what is needed while one row is computed."""
        entries = math.prod(map(static, shape))
        if entries * dtype.itemsize > MOST_ROOM:
            raise Unsupported(f"memory for {entries} entries beside each row")
        address = self.b.alloca(storage(dtype), max(1, entries))
        return View(address, dtype, shape, contiguous_strides(shape))

    def temporary(self) -> IRValue:
        """The address of what a product of a block needs beside the buffers."""
        return self.b.at(IRValue("%scratch", "ptr"), "i8", self.block * buffer_bytes(self.lowered))

    def find_addresses(self) -> None:
        """Addresses of operands, outputs and buffers."""
        b, addresses = self.b, self.memory.addresses
        for position, variable in enumerate(self.body.inputs[1:]):
            addresses[variable] = b.load(b.at(IRValue("%operands", "ptr"), "ptr", position), "ptr")
        for position, atom in enumerate(self.body.outputs):
            output = Var(atom.aval)
            addresses[output] = b.load(b.at(IRValue("%outputs", "ptr"), "ptr", position), "ptr")
            self.outputs.append(output)
        scratch = 0
        for variable, width in self.lowered.buffers.items():
            addresses[variable] = b.at(IRValue("%scratch", "ptr"), "i8", scratch)
            scratch += width * variable.aval.dtype.itemsize * self.block

    def nodes(self) -> Iterator[Computation]:
        for group in self.lowered.groups:
            yield from group.nodes

    def open_accumulator(self, node: Computation) -> None:
        """Lanes that a sum over rows is made in."""
        assert node.output is not None
        kind: NativeReduction = node.detail[0]
        type_ = vector(self.output_scalar(node.output))
        slot = self.b.alloca(type_)  # which LLVM turns into a register again
        begin = constant(kind.unit(type_), type_)
        if self.resumes:
            # Volatile, as LLVM's value numbering fails on accumulators that are read and put back.
            kept = self.kept_lanes(node.output)
            begin = self.b.emit(f"load volatile {type_}, ptr {kept}, align 8", type_)
        self.b.store(begin, slot)
        self.accumulators[node.output] = (slot, kind)

    def kept_lanes(self, output: int) -> IRValue:
        """Where the lanes of an output are from call to call."""
        offset = scratch_bytes(self.lowered) + LANE_BYTES * output
        return self.b.at(IRValue("%scratch", "ptr"), "i8", offset)

    def over_rows(self, group: LoopGroup, start: IRValue, rows: IRValue, index: Index = ()) -> None:
        """One row a lane; two vectors side by side, so that one computes while the other waits.

        The instructions of a chain of operations depend on each other, and each takes some cycles
        before its result is there: two independent chains, node by node in turn, fill the gaps.
        Where functions are calls there are no gaps to fill, and one vector at a time is less code.
        The last rows, fewer than a vector, are computed under a mask: lanes out of use hold
        something, but it is neither stored nor summed.
        """
        b, step = self.b, LANES if self.long else 2 * LANES
        whole = b.emit(f"and i64 {rows}, -{step}", "i64")
        with b.loop(0, whole, step) as local:
            locals_ = [plus(b, local, begin) for begin in range(0, step, LANES)]
            self.nest(
                group,
                [
                    LoopPlace(self.memory.row_of(start, at), at, index, None, row_lanes=True)
                    for at in locals_
                ],
            )
        with b.loop(whole, rows, LANES) as local:
            mask = b.compare("slt", iota(), b.splat(b.binary("sub", rows, local)))
            self.nest(
                group, [LoopPlace(self.memory.row_of(start, local), local, index, mask, 0, True)]
            )

    def nest(self, group: LoopGroup, places: Sequence[LoopPlace]) -> None:
        """What stands inside the loops of a group, node after node at every place."""
        values: list[dict[Var, IRValue]] = [{} for _ in places]
        for node in group.nodes:
            for place, known in zip(places, values, strict=True):
                self._node(node, place, known)

    def _node(self, node: Computation, place: LoopPlace, values: dict[Var, IRValue]) -> None:
        """One node, which reads and adds to the values of its place."""

        def operand(entry: Access | Literal) -> IRValue:
            if isinstance(entry, Access) and entry.root in values:
                return values[entry.root]
            return self.memory.fetch(entry, node.space, place)

        if node.kind == "take":
            value = gather(self.memory, node, operand(node.inputs[1]), place)
        elif node.kind == "iota":
            value = self.b.binary("add", self.b.splat(place.row), iota())
        else:
            given = [operand(entry) for entry in node.inputs]
            if node.kind == "sum_rows":
                self._accumulate(node, given[0], place)
                return
            if node.kind == "reduce":
                _accumulate_within(self.memory, node, given[0], place)
                return
            if node.kind == "store":
                assert node.output is not None
                access = contiguous(self.outputs[node.output], node.space)
                self.memory.put(given[0], access, place)
                return
            value = given[0] if node.kind == "copy" else self._apply(node, given, place)
        assert node.result is not None
        values[node.result] = value
        if node.result in self.lowered.buffers:
            self.memory.put(value, contiguous(node.result, node.space), place)

    def _apply(self, node: Computation, given: list[IRValue], place: LoopPlace) -> IRValue:
        return self.lowerings.entry(self.b, node.equation, given, self.long, place.mask)

    def _is_function(self, node: Computation) -> bool:
        primitive = node.equation.primitive if node.kind == "elementwise" else None
        return primitive is not None and self.lowerings.of(primitive).function

    def _accumulate(self, node: Computation, value: IRValue, place: LoopPlace) -> None:
        assert node.output is not None
        b, output, kind = self.b, node.output, node.detail[0]
        value = convert(b, value, "i1") if kind.truths else value
        value = convert(b, value, self.output_scalar(output))
        if place.mask is not None:
            value = b.select(place.mask, value, constant(kind.unit(value.type), value.type))
        if output in self.accumulators:
            slot, _ = self.accumulators[output]
            b.store(kind.join(b, b.load(slot, value.type), value), slot)
            return
        self.join_output(node, kind, value, place.lane)


def _accumulate_within(
    memory: KernelMemory, node: Computation, value: IRValue, place: LoopPlace
) -> None:
    """A value of a row combined with those before it."""
    b = memory.b
    kind, axes = node.detail
    assert node.result is not None
    out = contiguous(node.result, result_space(node))
    if len(out.space) == len(node.space):
        index = tuple(0 if axis in axes else i for axis, i in enumerate(place.index))
    else:
        index = tuple(i for axis, i in enumerate(place.index) if axis not in axes)
    at = replace(place, index=index, mask=None)
    before = memory.fetch(out, out.space, at)
    memory.put(kind.join(b, before, convert(b, value, element(before.type))), out, at)
