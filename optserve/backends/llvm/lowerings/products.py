"""Products of matrices and tensors in memory, where they are small enough for plain loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, reduce
from itertools import product

from optserve.backends.llvm.ir.arithmetic import add, is_floating, multiply
from optserve.backends.llvm.ir.builder import Builder, IRValue, constant, vector
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import (
    Index,
    Lane,
    address_of,
    load,
    loops,
    store,
    sweep,
)
from optserve.backends.llvm.ir.reducing import across
from optserve.backends.llvm.ir.types import register_type, storage
from optserve.backends.llvm.ir.view import Registers, View, in_array
from optserve.backends.llvm.programs.frame import Frame, numbers
from optserve.backends.llvm.rows.body import Body
from optserve.backends.llvm.rows.nodes import Contraction
from optserve.backends.lowering import Lowering
from optserve.frozen import replace
from optserve.graph.dim import Size
from optserve.graph.graph import Equation
from optserve.primitives import products

__all__ = ["LOWERINGS"]

MOST = 1 << 16
"""Products from which on a library's blocking repays its call."""


def _contraction(frame: Frame, equation: Equation) -> View:
    """Lanes along a letter whose entries are side by side: of the result, or one that is summed."""
    w, b = frame.w, frame.w.b
    labels, output = equation.labels
    views = [frame.view(atom) for atom in equation.operands]
    sizes = {
        letter: size
        for label, view in zip(labels, views, strict=True)
        for letter, size in zip(label, view.shape, strict=True)
    }
    counts = [size for size in sizes.values() if isinstance(size, int)]
    if len(counts) < len(sizes) or math.prod(counts) > MOST:
        raise Unsupported("a large product of matrices")
    target = frame.target(equation.results[0])
    scalar = storage(target.dtype)
    if scalar == "i8":
        raise Unsupported("a product of truth values")
    steps = [
        dict(zip(label, view.strides, strict=True))
        for label, view in zip(labels, views, strict=True)
    ]
    summed = [letter for letter in sorted(sizes) if letter not in output]

    def factor(position: int, fixed: dict[str, IRValue | int], along: str, lane: Lane) -> IRValue:
        own = steps[position]
        letters = [letter for letter in own if letter in fixed and letter != along]
        first = address_of(
            w,
            views[position],
            tuple(fixed[letter] for letter in letters),
            tuple(own[letter] for letter in letters),
        )
        base = replace(views[position], address=first)
        return load(w, base, (own.get(along, 0),) if along else (), lane)

    def accumulate(slot: IRValue, fixed: dict[str, IRValue | int], along: str, lane: Lane) -> None:
        factors = [factor(i, fixed, along, lane) for i in range(len(views))]
        type_ = factors[0].type
        total = b.load(slot, type_)
        if lane.mask is not None:  # whatever the other lanes hold must not reach a sum over lanes
            zero = constant(0, type_)
            factors = [b.select(lane.mask, one, zero) for one in factors]
        if len(factors) > 1 and is_floating(total):
            left = reduce(partial(b.binary, "fmul"), factors[:-1])
            b.store(b.fma(left, factors[-1], total), slot)
            return
        product = reduce(partial(multiply, b), factors)
        b.store(add(b, total, product), slot)

    along = _lanes_along(steps, output, summed)
    slots = {lanes: b.alloca(vector(scalar, lanes)) for lanes in (1, 8)}
    if not along or along in output:
        outer = [letter for letter in output if letter != along]
        strides = dict(zip(output, target.strides, strict=True))
        with loops(w, tuple(sizes[letter] for letter in outer)) as index:
            fixed: dict[str, IRValue | int] = dict(zip(outer, index, strict=True))
            base = replace(target, address=_at(frame, target, fixed, strides))
            for lane in sweep(w, (sizes[along],) if along else ()):
                slot, type_ = slots[lane.lanes], vector(scalar, lane.lanes)
                b.store(constant(0, type_), slot)
                with loops(w, tuple(sizes[letter] for letter in summed)) as inner:
                    accumulate(
                        slot, {**fixed, **dict(zip(summed, inner, strict=True))}, along, lane
                    )
                store(w, b.load(slot, type_), base, (strides[along],) if along else (), lane)
        return target

    others = [letter for letter in summed if letter != along]
    slot, type_ = slots[8], vector(scalar)
    with loops(w, target.shape) as index:
        b.store(constant(0, type_), slot)
        fixed = dict(zip(output, index, strict=True))
        with loops(w, tuple(sizes[letter] for letter in others)) as inner:
            for lane in sweep(w, (sizes[along],)):
                accumulate(slot, {**fixed, **dict(zip(others, inner, strict=True))}, along, lane)
        b.store(across(b, b.load(slot, type_), "sum"), address_of(w, target, index))
    return target


def _at(
    frame: Frame, target: View, fixed: dict[str, IRValue | int], strides: dict[str, Size]
) -> IRValue:
    index: Index = tuple(fixed.values())
    return address_of(frame.w, target, index, tuple(strides[letter] for letter in fixed))


def _lanes_along(steps: Sequence[dict[str, Size]], output: str, summed: Sequence[str]) -> str:
    """The last letter of the result, or one that is summed, along which all entries are adjacent;
    the last of the result where there is none."""
    last = [output[-1]] if output else []
    for letter in [*last, *summed]:
        if all(own.get(letter, 0) in (0, 1) for own in steps):
            return letter
    return output[-1] if output else ""


def _contraction_registers(
    b: Builder, equation: Equation, operands: Sequence[Registers]
) -> Registers:
    """Sums of products, by fused multiply-adds in order."""
    labels, output = equation.labels
    sizes = {
        letter: size
        for label, operand in zip(labels, operands, strict=True)
        for letter, size in zip(label, operand.shape, strict=True)
    }
    summed = sorted(set("".join(labels)) - set(output))
    result = equation.results[0].aval
    found = []
    for kept in product(*(range(sizes[letter]) for letter in output)):
        total: IRValue | None = None
        for inner in product(*(range(sizes[letter]) for letter in summed)):
            index = dict(zip([*output, *summed], [*kept, *inner], strict=True))
            factors = [
                operand[tuple(index[letter] for letter in label)]
                for label, operand in zip(labels, operands, strict=True)
            ]
            total = _plus_product(b, total, factors)
        found.append(constant(0, register_type(result.dtype)) if total is None else total)
    return in_array(found, numbers(result.shape))


def _plus_product(b: Builder, total: IRValue | None, factors: list[IRValue]) -> IRValue:
    if total is not None and is_floating(total) and len(factors) > 1:
        *others, last = factors
        return b.fma(reduce(partial(b.binary, "fmul"), others), last, total)
    whole = reduce(partial(multiply, b), factors)
    return whole if total is None else add(b, total, whole)


def _matmul_rows(body: Body, equation: Equation) -> None:
    """Rows times something fixed, or the sum over rows of products of two rows, in tiles."""
    _check_reals(equation)
    left, right = equation.operands
    x, y = body.access(left), body.access(right)
    shapes = (left.aval.ndim, right.aval.ndim)
    rows = (body.row_axis(left), body.row_axis(right))
    if rows == (0, None) and shapes in ((2, 1), (2, 2)):
        kind = "matvec" if shapes == (2, 1) else "matmul"
        space = body.space(equation.results[0])
        body.define(kind, equation, space, (x, y), detail=x.space[0])
    elif rows in ((1, 0), (0, 0)) and shapes in ((2, 1), (2, 2), (1, 2)):
        body.reduce("outer", equation, (), (x, y), detail=(x.space, y.space))
    else:
        _einsum_rows(body, equation)


def _einsum_rows(body: Body, equation: Equation) -> None:
    """Sums of products over letters; one letter is the row, in the result or summed."""
    _check_reals(equation)
    labels, output = equation.labels
    row_letters = set()
    inner = []
    for label, atom in zip(labels, equation.operands, strict=True):
        axis = body.row_axis(atom)
        row_letters |= set() if axis is None else {label[axis]}
        inner.append(label if axis is None else label[:axis] + label[axis + 1 :])
    if len(row_letters) != 1:
        raise Unsupported("a product of rows with rows")
    [row] = row_letters
    if any(row in label for label in inner):
        raise Unsupported("a product of rows with something fixed of as many entries")
    kept = output.replace(row, "")
    sizes = {
        letter: size
        for label, atom in zip(inner, equation.operands, strict=True)
        for letter, size in zip(label, body.space(atom), strict=True)
    }
    summed = "".join(sorted(set("".join(inner)) - set(kept)))
    inputs = tuple(body.access(atom) for atom in equation.operands)
    space = tuple(sizes[letter] for letter in kept)
    detail = Contraction(tuple(inner), kept, summed, sizes)
    if row not in output:
        body.reduce("contract", equation, space, inputs, detail=detail)
    elif output[0] == row:
        body.define("contract", equation, space, inputs, detail=detail)
    else:
        raise Unsupported("rows that do not come first")


def _check_reals(equation: Equation) -> None:
    if equation.results[0].aval.dtype.kind != "f":
        raise Unsupported("a product of anything but floats")


LOWERINGS: tuple[Lowering, ...] = (
    Lowering(
        products.matmul,
        registers=_contraction_registers,
        memory=_contraction,
        rows=_matmul_rows,
    ),
    Lowering(
        products.einsum,
        registers=_contraction_registers,
        memory=_contraction,
        rows=_einsum_rows,
    ),
)
