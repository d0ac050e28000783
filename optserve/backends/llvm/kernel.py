"""A lowered body as one native function over a range of rows.

``i64 kernel(i64 first, i64 last, ptr operands, ptr outputs, ptr scratch)``: ``operands`` and
``outputs`` are tables of addresses; ``scratch`` holds the buffers of one block of rows. What it
returns is not 0 where it failed: a whole number does not exist, and the outputs are void.
Accumulators of single values are 8 lanes wide and are summed in a fixed order at the end; arrays
accumulate in the outputs, which the caller has filled with the unit of their reduction.

A function that resumes keeps the lanes at the end of ``scratch`` from call to call, where the
caller has put the units, so that several calls go through a chunk with the bits of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from optserve.backends.llvm import row_lanes
from optserve.backends.llvm.apply import apply
from optserve.backends.llvm.builder import LANES, Builder, IRValue, constant, vector
from optserve.backends.llvm.large_products import BLOCK, has_large, temporary_bytes
from optserve.backends.llvm.mathematics import FUNCTIONS
from optserve.backends.llvm.memory import Memory, contiguous, storage, wide
from optserve.backends.llvm.nodes import Access, Group, Lowered, Node
from optserve.backends.llvm.operations import convert
from optserve.backends.llvm.places import Index, Place, entries, iota, plus
from optserve.backends.llvm.products import emit_node, gather
from optserve.backends.llvm.reducing import across, combine, unit
from optserve.graph.graph import Graph, Literal, Var

__all__ = ["LANE_BYTES", "emit", "scratch_bytes"]

LANE_BYTES = 8 * LANES
"""Bytes of the accumulator of a single value."""

BLOCK_BYTES = 65_536
"""Bytes of buffers, and of operands that several loops read, for one block of rows: little more
than a first-level cache, so that what one loop leaves there the next one finds."""
MAX_BLOCK = 1024

INLINED = 16
"""Mathematical functions up to which each is written out where it is needed: with more, the time to
compile grows faster than their number, and a call costs little beside a long loop."""


def emit(body: Graph, lowered: Lowered, name: str, resumes: bool = False) -> str:
    """The text of the function for ``body``."""
    return Emitter(body, lowered, resumes).kernel(name)


def block_rows(lowered: Lowered) -> int:
    """Rows in a block; 0 where nothing is kept between loops, or summed by blocks."""
    if has_large(lowered):
        return BLOCK
    sums = any(node.kind == "outer" for group in lowered.groups for node in group.nodes)
    if not lowered.buffers and not sums:
        return 0
    row_bytes = max(1, _buffer_bytes(lowered) + _shared_bytes(lowered))
    room = row_lanes.BLOCK_BYTES if lowered.row_lanes else BLOCK_BYTES
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
    return block_rows(lowered) * _buffer_bytes(lowered) + temporary_bytes(lowered)


def _buffer_bytes(lowered: Lowered) -> int:
    """Bytes a row of all buffers."""
    return sum(width * v.aval.dtype.itemsize for v, width in lowered.buffers.items())


def _is_function(node: Node) -> bool:
    return node.equation.primitive.name in FUNCTIONS


class Emitter:
    """Writes one kernel; the loops of products, reductions and scatters are in ``products``."""

    def __init__(self, body: Graph, lowered: Lowered, resumes: bool = False) -> None:
        self.b = Builder()
        self.resumes = resumes
        self.body = body
        self.lowered = lowered
        self.block = block_rows(lowered)
        self.memory = Memory(self.b, lowered.buffers, self.block if lowered.row_lanes else 0)
        self.outputs: list[Var] = []
        self.accumulators: dict[int, tuple[IRValue, str]] = {}
        functions = [n for n in self._nodes() if n.kind == "elementwise" and _is_function(n)]
        self.long = len(functions) > INLINED

    def kernel(self, name: str) -> str:
        """The whole function: addresses, accumulators, blocks of rows, what is left at the end."""
        b = self.b
        self._find_addresses()
        for node in self._nodes():
            for entry in node.inputs:
                self.memory.hold(entry)
            if node.kind == "sum_rows" and (not node.space or node.detail[1]):
                self.open_accumulator(node)
        first, last = IRValue("%first", "i64"), IRValue("%last", "i64")
        if self.block:
            with b.loop(first, last, self.block) as start:
                following = b.emit(f"add i64 {start}, {self.block}", "i64")
                self._groups(start, b.intrinsic("smin", following, last))
        else:
            self._groups(first, last)
        for position, (slot, kind) in self.accumulators.items():
            lanes = b.load(slot, vector(self.output_scalar(position)))
            if self.resumes:
                kept = self._kept_lanes(position)
                b.lines.append(f"  store volatile {lanes.type} {lanes}, ptr {kept}, align 8")
            b.store(across(b, lanes, kind), self.memory.addresses[self.outputs[position]])
        parameters = "i64 %first, i64 %last, ptr %operands, ptr %outputs, ptr %scratch"
        return b.function(name, parameters)

    def output_scalar(self, output: int) -> str:
        """The type that an output accumulates in."""
        return storage(wide(self.body.outputs[output].aval.dtype))

    def temporary(self) -> IRValue:
        """The address of what a product of a block needs beside the buffers."""
        return self.b.at(IRValue("%scratch", "ptr"), "i8", self.block * _buffer_bytes(self.lowered))

    def _find_addresses(self) -> None:
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

    def _nodes(self) -> Iterator[Node]:
        for group in self.lowered.groups:
            yield from group.nodes

    def open_accumulator(self, node: Node) -> None:
        """Lanes that a sum over rows is made in."""
        assert node.output is not None
        kind = node.detail[0]
        type_ = vector(self.output_scalar(node.output))
        slot = self.b.alloca(type_)
        begin = constant(unit(kind, type_), type_)
        if self.resumes:
            # Volatile, as LLVM's value numbering fails on accumulators that are read and put back.
            kept = self._kept_lanes(node.output)
            begin = self.b.emit(f"load volatile {type_}, ptr {kept}, align 8", type_)
        self.b.store(begin, slot)
        self.accumulators[node.output] = (slot, kind)

    def _kept_lanes(self, output: int) -> IRValue:
        """Where the lanes of an output are from call to call."""
        offset = scratch_bytes(self.lowered) + LANE_BYTES * output
        return self.b.at(IRValue("%scratch", "ptr"), "i8", offset)

    def _groups(self, start: IRValue, stop: IRValue) -> None:
        rows = self.b.binary("sub", stop, start)
        for group in self.lowered.groups:
            if self.lowered.row_lanes:
                row_lanes.emit_group(self, group, start, rows)
            elif not group.nodes[0].fusable:
                emit_node(self, group.nodes[0], start, rows)
            elif group.space:
                with self.b.loop(0, rows) as local:
                    row = self.memory.row_of(start, local)
                    for place in entries(self.b, group.space, row, local):
                        self._nest(group, [place])
            else:
                self.over_rows(group, start, rows)

    def over_rows(self, group: Group, start: IRValue, rows: IRValue, index: Index = ()) -> None:
        """One row a lane; two vectors side by side, so that one computes while the other waits."""
        b, step = self.b, LANES if self.long else 2 * LANES
        whole = b.emit(f"and i64 {rows}, -{step}", "i64")
        with b.loop(0, whole, step) as local:
            locals_ = [plus(b, local, begin) for begin in range(0, step, LANES)]
            self._nest(
                group,
                [
                    Place(self.memory.row_of(start, at), at, index, None, LANES, True)
                    for at in locals_
                ],
            )
        with b.loop(whole, rows, LANES) as local:
            mask = b.compare("slt", iota(), b.splat(b.binary("sub", rows, local)))
            self._nest(
                group, [Place(self.memory.row_of(start, local), local, index, mask, LANES, True)]
            )

    def _nest(self, group: Group, places: Sequence[Place]) -> None:
        """What stands inside the loops of a group, node after node at every place."""
        values: list[dict[Var, IRValue]] = [{} for _ in places]
        for node in group.nodes:
            for place, known in zip(places, values, strict=True):
                self._node(node, place, known)

    def _node(self, node: Node, place: Place, values: dict[Var, IRValue]) -> None:
        """One node, which reads and adds to the values of its place."""

        def operand(entry: Access | Literal) -> IRValue:
            if isinstance(entry, Access) and entry.root in values:
                return values[entry.root]
            return self.memory.fetch(entry, node.space, place)

        if node.kind == "take":
            value = gather(self, node, operand(node.inputs[1]), place)
        elif node.kind == "iota":
            value = self.b.binary("add", self.b.splat(place.row), iota())
        else:
            given = [operand(entry) for entry in node.inputs]
            if node.kind == "sum_rows":
                self._accumulate(node, given[0], place)
                return
            if node.kind == "reduce":
                row_lanes.accumulate_within(self, node, given[0], place)
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

    def _apply(self, node: Node, given: list[IRValue], place: Place) -> IRValue:
        if node.equation.primitive.name == "broadcast_to":
            return given[0]
        return apply(self.b, node.equation, given, self.long, place.mask)

    def _accumulate(self, node: Node, value: IRValue, place: Place) -> None:
        assert node.output is not None
        b, output, kind = self.b, node.output, node.detail[0]
        value = convert(b, value, self.output_scalar(output))
        if place.mask is not None:
            value = b.select(place.mask, value, constant(unit(kind, value.type), value.type))
        if output in self.accumulators:
            slot, _ = self.accumulators[output]
            b.store(combine(b, kind, b.load(slot, value.type), value), slot)
            return
        base = self.memory.addresses[self.outputs[output]]
        address = self.memory.within(base, self.output_scalar(output), 0, node.space, place)
        before = self.memory.read(address, value.type, place)
        self.memory.write(combine(b, kind, before, value), address, place)
