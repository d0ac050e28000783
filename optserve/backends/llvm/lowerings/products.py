"""Products of matrices and tensors in memory, where they are small enough for plain loops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, reduce
from itertools import product

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.ir.contracting import Contraction, lanes_along
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.operations import add, is_floating, multiply
from optserve.backends.llvm.ir.reducing import SUM
from optserve.backends.llvm.ir.types import register_type
from optserve.backends.llvm.ir.view import Registers, View, in_array
from optserve.backends.llvm.programs.program_frame import ProgramFrame, numbers
from optserve.backends.llvm.rows.body import Body
from optserve.backends.llvm.rows.computations import Product
from optserve.backends.lowering import Lowering
from optserve.graph.graph import Equation
from optserve.primitives import products

__all__ = ["LOWERINGS"]

MOST = 1 << 16
"""Products from which on a library's blocking repays its call."""


def _contraction(frame: ProgramFrame, equation: Equation) -> View:
    """Lanes along a letter whose entries are side by side: of the result, or one that is summed."""
    labels, output = equation.labels
    views = [frame.view(atom) for atom in equation.operands]
    target = frame.target(equation.results[0])
    along = lanes_along(labels, output, views)
    written = Contraction(frame.w, labels, output, views, target, along)
    counts = [size for size in written.sizes.values() if isinstance(size, int)]
    if len(counts) < len(written.sizes) or math.prod(counts) > MOST:
        raise Unsupported("a large product of matrices")
    written.write()
    return target


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
    if equation.results[0].aval.dtype.kind != "f":
        _einsum_rows(body, equation)
        return
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
    detail = Product(tuple(inner), kept, summed, sizes)
    if row not in output and not kept and all(label in ("", summed) for label in inner):
        product = body.product(equation, inputs)
        body.reduce("sum_rows", equation, product.space, (product,), detail=(SUM, bool(summed)))
    elif row not in output:
        body.reduce("contract", equation, space, inputs, detail=detail)
    elif output[0] == row:
        body.define("contract", equation, space, inputs, detail=detail)
    else:
        raise Unsupported("rows that do not come first")


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
