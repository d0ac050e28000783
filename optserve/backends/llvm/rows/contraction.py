"""Contractions: sums of products within a row, as einsum and batched products of matrices are."""

from __future__ import annotations

from optserve.backends.llvm.ir.arithmetic import convert
from optserve.backends.llvm.ir.builder import IRValue, constant, element, vector
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.reducing import across, combine
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.rows.emitter import Emitter
from optserve.backends.llvm.rows.memory import contiguous
from optserve.backends.llvm.rows.nodes import Access, Contraction, Node
from optserve.backends.llvm.rows.places import Index, Place, entries, outer_loops
from optserve.frozen import replace

__all__ = ["emit_contraction"]


def emit_contraction(emitter: Emitter, node: Node, start: IRValue, rows: IRValue) -> None:
    """The loops: rows, letters of the result (the last along the lanes), letters that are summed.

    Where the result is a single number a row, the last summed letter is along the lanes.
    """
    detail: Contraction = node.detail
    if detail.kept:
        _along_result(emitter, node, detail, start, rows)
    elif node.result is not None and detail.summed:
        _along_sum(emitter, node, detail, start, rows)
    else:
        raise Unsupported("a product of rows that is a single number")


def _along_result(
    emitter: Emitter, node: Node, detail: Contraction, start: IRValue, rows: IRValue
) -> None:
    b, memory = emitter.b, emitter.memory
    type_ = vector(_scalar(emitter, node))
    slot = b.alloca(type_)
    with b.loop(0, rows) as local:
        row = memory.row_of(start, local)
        for place in entries(b, node.space, row, local):
            b.store(constant(0.0, type_), slot)
            with outer_loops(b, [detail.sizes[letter] for letter in detail.summed]) as summed:
                index = dict(zip(detail.kept + detail.summed, [*place.index, *summed], strict=True))
                _add_product(emitter, node, detail, place, index, slot, type_)
            total = b.load(slot, type_)
            if node.result is not None:
                out = contiguous(node.result, node.space)
                memory.write(total, memory.address(out, local, start, place.index), place)
            else:
                assert node.output is not None
                base = memory.addresses[emitter.outputs[node.output]]
                address = memory.within(base, element(type_), 0, node.space, place)
                before = memory.read(address, type_, place)
                memory.write(combine(b, "sum", before, total), address, place)


def _along_sum(
    emitter: Emitter, node: Node, detail: Contraction, start: IRValue, rows: IRValue
) -> None:
    b, memory = emitter.b, emitter.memory
    type_ = vector(_scalar(emitter, node))
    slot = b.alloca(type_)
    space = tuple(detail.sizes[letter] for letter in detail.summed)
    assert node.result is not None
    out = contiguous(node.result, ())
    with b.loop(0, rows) as local:
        b.store(constant(0.0, type_), slot)
        for place in entries(b, space, memory.row_of(start, local), local):
            index = dict(zip(detail.summed, place.index, strict=True))
            _add_product(emitter, node, detail, place, index, slot, type_)
        total = across(b, b.load(slot, type_), "sum")
        b.store(total, memory.address(out, local, start))


def _add_product(
    emitter: Emitter,
    node: Node,
    detail: Contraction,
    place: Place,
    index: dict[str, IRValue | int],
    slot: IRValue,
    type_: str,
) -> None:
    """Add the product of the operands at ``index`` to what is in ``slot``.

    Each operand is read over its own letters and the one along the lanes, which is last.
    """
    b = emitter.b
    lanes = detail.kept[-1] if detail.kept else detail.summed[-1]
    product: IRValue | None = None
    for entry, label in zip(node.inputs, detail.labels, strict=True):
        assert isinstance(entry, Access)
        view, letters = _lanes_last(entry, label, lanes)
        at: Index = tuple(index[letter] for letter in letters)
        space = tuple(detail.sizes[letter] for letter in letters)
        value = convert(
            b, emitter.memory.fetch(view, space, replace(place, index=at)), element(type_)
        )
        if place.mask is not None:  # lanes out of use hold whatever was next to the last entry
            value = b.select(place.mask, value, constant(0.0, type_))
        product = value if product is None else b.binary("fmul", product, value)
    assert product is not None
    b.store(b.binary("fadd", b.load(slot, type_), product), slot)


def _lanes_last(entry: Access, label: str, lanes: str) -> tuple[Access, str]:
    """The access with the letter along the lanes last, with stride 0 where it has none."""
    order = [label.index(letter) for letter in label if letter != lanes]
    last = [label.index(lanes)] if lanes in label else []
    strides = [entry.strides[i] for i in (*order, *last)]
    sizes = [entry.space[i] for i in (*order, *last)]
    if not last:
        strides.append(0)
        sizes.append(1)
    letters = "".join(label[i] for i in order) + lanes
    return replace(entry, strides=tuple(strides), space=tuple(sizes)), letters


def _scalar(emitter: Emitter, node: Node) -> str:
    """The type that sums are made in."""
    if node.result is not None:
        return storage(node.result.aval.dtype)
    assert node.output is not None
    return emitter.output_scalar(node.output)
