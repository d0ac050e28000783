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

from optserve.backends.llvm.ir.builder import IRValue, vector
from optserve.backends.llvm.rows import row_lanes
from optserve.backends.llvm.rows.emitter import Emitter
from optserve.backends.llvm.rows.loop_places import entries
from optserve.backends.llvm.rows.looped_nodes import emit_node

__all__ = ["Kernel"]


class Kernel(Emitter):
    """Writes one kernel, group after group."""

    def write(self, name: str) -> str:
        """The whole function: addresses, accumulators, blocks of rows, what is left at the end."""
        b = self.b
        self.find_addresses()
        for node in self.nodes():
            for entry in node.inputs:
                self.memory.hold(entry)
            if node.kind == "sum_rows" and (not node.space or node.detail[1]):
                self.open_accumulator(node)
        first, last = IRValue("%first", "i64"), IRValue("%last", "i64")
        # Groups are loops of their own, and what one leaves for the next goes through buffers. By
        # blocks of rows these stay in a cache; without buffers all rows are one block.
        if self.block:
            with b.loop(first, last, self.block) as start:
                following = b.emit(f"add i64 {start}, {self.block}", "i64")
                self._groups(start, b.intrinsic("smin", following, last))
        else:
            self._groups(first, last)
        for position, (slot, kind) in self.accumulators.items():
            lanes = b.load(slot, vector(self.output_scalar(position)))
            if self.resumes:
                kept = self.kept_lanes(position)
                b.lines.append(f"  store volatile {lanes.type} {lanes}, ptr {kept}, align 8")
            b.store(kind.across(b, lanes), self.memory.addresses[self.outputs[position]])
        parameters = "i64 %first, i64 %last, ptr %operands, ptr %outputs, ptr %scratch"
        return b.function(name, parameters)

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
                    for place in entries(self, group.space, row, local):
                        self.nest(group, [place])
            else:
                self.over_rows(group, start, rows)
