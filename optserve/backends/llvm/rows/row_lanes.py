"""Rows along the lanes, where the axes within a row are short.

A last axis of 10 would leave 6 of 16 lanes unused, and its sums would have to be made across lanes.
So a block keeps its values turned, the rows of each entry side by side: entry e of row r at
``e * block + r``::

    as it is in memory            turned
    row 0:  a0 a1 a2              a0 of rows 0, 1, ..., block - 1
    row 1:  a0 a1 a2              a1 of rows 0, 1, ..., block - 1
    ...                           a2 of rows 0, 1, ..., block - 1

Every loop is then over entries, and inside of it over rows, eight a vector: all lanes are in use
but in the last rows, and a sum within a row is a sum of vectors, lane by lane. The price is that
operands are turned, once a block.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from optserve.backends.llvm.ir.builder import LANES, IRValue, constant, element, vector
from optserve.backends.llvm.ir.nest import Index, Lane, first_lanes, iota, loops
from optserve.backends.llvm.ir.operations import convert
from optserve.backends.llvm.ir.reducing import SUM
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.rows.computations import (
    Access,
    Computation,
    LoopGroup,
    Product,
    result_space,
)
from optserve.backends.llvm.rows.emitter import Emitter
from optserve.backends.llvm.rows.loop_places import LoopPlace, plus
from optserve.backends.llvm.rows.matrix_tiles import parts, sums_as_lanes
from optserve.backends.llvm.rows.memory import contiguous
from optserve.graph.aval import Aval
from optserve.graph.graph import Equation, Literal, Var

__all__ = ["emit_group", "pays", "turned"]

SHORT = 32
"""Entries along the last axis up to which rows take the lanes."""
ENTRIES = 2_048
"""Entries a row of all values together, with which a block has rows enough."""
TALL = 8
"""Entries of a result that are computed side by side."""


def pays(nodes: Sequence[Computation]) -> bool:
    """Whether rows should take the lanes: there are sums within a row over short axes, and nothing
    that has its own order of lanes."""
    if any(node.kind in ("matvec", "matmul", "outer", "scatter", "each") for node in nodes):
        return False
    if any(node.kind in ("store", "take") and node.space for node in nodes):
        return False
    spaces = [node.space for node in nodes if node.space]
    values = [result_space(node) for node in nodes if node.result is not None]
    sums = any(
        (node.kind == "contract" and len(node.space) > 1 and node.detail.kept)
        or (node.kind == "reduce" and len(node.space) > 1)
        for node in nodes
    )
    return (
        sums
        and all(space[-1] <= SHORT for space in spaces)
        and sum(map(math.prod, values)) <= ENTRIES
        and all(node.kind != "contract" or _is_sum_of_rows_or_entries(node) for node in nodes)
    )


def _is_sum_of_rows_or_entries(node: Computation) -> bool:
    """Whether a contraction has code here: entries in each row, or a matrix summed over rows."""
    return len(node.detail.kept) > (0 if node.result is not None else 1)


def turned(nodes: Sequence[Computation], sources: set[Var]) -> list[Computation]:
    """The nodes, with operands that have several entries a row copied into buffers first.

    Contractions, whose loops go on to whole vectors of rows, read nothing but buffers.
    """
    copies: dict[Var, Var] = {}
    first: list[Computation] = []

    def within(entry: Access, node: Computation) -> Access:
        fewest = 1 if node.kind == "contract" else 2
        if entry.root not in sources or entry.row < fewest:
            return entry
        if entry.root not in copies:
            aval = entry.root.aval
            copies[entry.root] = Var(Aval(aval.shape, aval.dtype))
            space = tuple(size for size in aval.shape if isinstance(size, int))
            blank = Equation.__new__(Equation)
            given = contiguous(entry.root, space)
            first.append(Computation("copy", space, (given,), blank, copies[entry.root]))
        return replace(entry, root=copies[entry.root])

    for node in nodes:
        node.inputs = tuple(
            within(entry, node) if isinstance(entry, Access) else entry for entry in node.inputs
        )
    return [*first, *nodes]


def emit_group(emitter: Emitter, group: LoopGroup, start: IRValue, rows: IRValue) -> None:
    """The loops of one group over a block."""
    node = group.nodes[0]
    if node.kind == "contract":
        if node.result is not None:
            _within_rows(emitter, node, node.detail, start, rows)
        else:
            _over_rows(emitter, node, node.detail, start, rows)
        return
    for node in group.nodes:
        if node.kind == "reduce":
            _begin(emitter, node, start, rows)
    sums = [
        node
        for node in group.nodes
        if node.kind == "sum_rows" and node.output not in emitter.accumulators
    ]
    with loops(emitter, group.space) as index:
        for node in sums:
            emitter.open_accumulator(node)
        emitter.over_rows(group, start, rows, index)
        for node in sums:
            _close(emitter, node, index)


def _begin(emitter: Emitter, node: Computation, start: IRValue, rows: IRValue) -> None:
    """What is reduced within rows begins with the unit of its reduction."""
    b, memory = emitter.b, emitter.memory
    assert node.result is not None
    out = contiguous(node.result, result_space(node))
    type_ = vector(storage(node.result.aval.dtype))
    value = constant(node.detail[0].unit(type_), type_)
    with loops(emitter, out.space) as index, b.loop(0, rows, LANES) as local:
        memory.put(value, out, LoopPlace(start, local, index, None, row_lanes=True))


def _close(emitter: Emitter, node: Computation, index: Index) -> None:
    """The lanes of a sum over the rows of a block, added to its entry of the output."""
    b = emitter.b
    assert node.output is not None
    slot, kind = emitter.accumulators.pop(node.output)
    scalar = emitter.output_scalar(node.output)
    total = kind.across(b, b.load(slot, vector(scalar)))
    emitter.join_output(node, kind, total, Lane(index, lanes=1))


def _within_rows(
    emitter: Emitter, node: Computation, detail: Product, start: IRValue, rows: IRValue
) -> None:
    """Sums of products within a row: some entries of the result side by side, for 16 rows.

    Every sum has a register of its own. With up to eight entries and two vectors of rows there are
    16 of them, so that no addition waits for the one before it, and what is read of an operand
    serves several sums.
    """
    b = emitter.b
    assert node.result is not None
    out = contiguous(node.result, node.space)
    type_ = vector(storage(node.result.aval.dtype))
    *outer, last = [detail.sizes[letter] for letter in detail.kept]
    with loops(emitter, tuple(outer)) as index:
        for begin, end, count in parts(last, TALL):
            with b.loop(begin, end, count) as first, b.loop(0, rows, 2 * LANES) as local:
                sums = [
                    _Sum(
                        emitter,
                        node,
                        LoopPlace(start, at, (*index, entry), None, row_lanes=True),
                        type_,
                    )
                    for entry in [plus(b, first, i) for i in range(count)]
                    for at in (local, plus(b, local, LANES))
                ]
                _add_products(sums, detail)
                for one in sums:
                    emitter.memory.put(one.total(), out, one.place)


def _over_rows(
    emitter: Emitter, node: Computation, detail: Product, start: IRValue, rows: IRValue
) -> None:
    """Sums over rows of products: two rows of up to eight entries of the output side by side."""
    b = emitter.b
    *outer, height, width = [detail.sizes[letter] for letter in detail.kept]
    with loops(emitter, tuple(outer)) as index:
        for begin, end, tall in parts(height, min(2, height)):
            for left, right, wide in parts(width, min(LANES, width)):
                with b.loop(begin, end, tall) as i, b.loop(left, right, wide) as j:
                    lines = [
                        [(*index, plus(b, i, y), plus(b, j, x)) for x in range(wide)]
                        for y in range(tall)
                    ]
                    _block_of_sums(emitter, node, lines, start, rows)


def _block_of_sums(
    emitter: Emitter,
    node: Computation,
    lines: Sequence[Sequence[Index]],
    start: IRValue,
    rows: IRValue,
) -> None:
    """Entries of the output, in lines of neighbours, over the rows of a block.

    Each sum has lanes of its own, in which the rows are added up; only at the end, once a block, do
    those of a line become the lanes of one vector, which is added to the output in memory.
    """
    b, detail = emitter.b, node.detail
    assert node.output is not None
    type_ = vector(emitter.output_scalar(node.output))
    place = LoopPlace(start, start, (), None, row_lanes=True)
    sums = [
        [_Sum(emitter, node, replace(place, index=index), type_) for index in line]
        for line in lines
    ]
    whole = b.emit(f"and i64 {rows}, -{LANES}", "i64")
    for first, last in ((constant(0, "i64"), whole), (whole, rows)):
        with b.loop(first, last, LANES) as local:
            mask, known = None, LANES
            if first is whole:
                known = 0
                mask = b.compare("slt", iota(), b.splat(b.binary("sub", rows, local)))
            for one in chain.from_iterable(sums):
                one.place = replace(one.place, local=local, mask=mask, known=known)
            _add_products(list(chain.from_iterable(sums)), detail)
    for line in sums:
        count = len(line)
        lanes = [one.total() for one in line] + [constant(0.0, type_)] * (LANES - count)
        mask = None if count == LANES else first_lanes(count)
        at = Lane(line[0].place.index, mask, known=count)
        emitter.join_output(node, SUM, sums_as_lanes(b, lanes), at)


class _Sum:
    """A sum of products for the entry of the result at ``place``, a row in each lane."""

    def __init__(self, emitter: Emitter, node: Computation, place: LoopPlace, type_: str) -> None:
        self.emitter = emitter
        self.node = node
        self.place = place
        self.type = type_
        self.slot = emitter.b.alloca(type_)
        emitter.b.store(constant(0.0, type_), self.slot)

    def total(self) -> IRValue:
        """What has been added up."""
        return self.emitter.b.load(self.slot, self.type)

    def add(self, summed: Index) -> None:
        """Add the product of the operands at the indices that are summed over.

        The last factor comes in by a fused multiply-add, rounded once.
        """
        b, detail = self.emitter.b, self.node.detail
        letters = dict(zip(detail.kept + detail.summed, (*self.place.index, *summed), strict=True))
        product = constant(1.0, self.type)
        *rest, last = [
            self._factor(entry, label, letters)
            for entry, label in zip(self.node.inputs, detail.labels, strict=True)
        ]
        for position, factor in enumerate(rest):
            product = b.binary("fmul", product, factor) if position else factor
        b.store(b.fma(product, last, self.total()), self.slot)

    def _factor(
        self, entry: Access | Literal, label: str, letters: Mapping[str, IRValue | int]
    ) -> IRValue:
        b, sizes = self.emitter.b, self.node.detail.sizes
        index = tuple(letters[letter] for letter in label)
        space = tuple(sizes[letter] for letter in label)
        value = self.emitter.memory.fetch(entry, space, replace(self.place, index=index))
        value = convert(b, value, element(self.type))
        mask = self.place.mask
        return value if mask is None else b.select(mask, value, constant(0.0, self.type))


def _add_products(sums: Sequence[_Sum], detail: Product) -> None:
    """The loops over what is summed within a row, with all sums inside."""
    sizes = tuple(detail.sizes[letter] for letter in detail.summed)
    with loops(sums[0].emitter, sizes) as summed:
        for one in sums:
            one.add(summed)
