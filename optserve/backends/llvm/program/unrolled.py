"""Primitives on values in registers: each entry is an instruction of its own.

What only moves entries is NumPy on object arrays while the code is written, and costs nothing when
it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import product
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.backends.llvm.builder import Builder, IRValue, constant
from optserve.backends.llvm.memory import register_type
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.operations import OPERATIONS, convert, is_floating
from optserve.backends.llvm.program.values import Registers, constants, in_array
from optserve.graph.aval import Aval
from optserve.graph.graph import Equation

__all__ = ["UNROLLED", "Unrolled"]

Unrolled = Callable[[Builder, Equation, Sequence[Registers]], Registers]
"""(builder, equation, operands) -> result."""


def _moved(move: Callable[..., Any]) -> Unrolled:
    def unrolled(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        del b
        moved = move(*operands, **equation.attributes)
        return moved if isinstance(moved, np.ndarray) else in_array([moved], ())

    return unrolled


def _slices(bounds: Sequence[tuple[int, int, int]]) -> tuple[slice, ...]:
    return tuple(
        slice(start, None if step < 0 and stop == -1 else stop, step)
        for start, stop, step in bounds
    )


def _unslice(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    del b
    out = _zeros(equation.results[0].aval)
    out[_slices(equation.attributes["bounds"])] = operands[0]
    return out


def _zeros(aval: Aval) -> Registers:
    return constants(np.zeros(aval.shape, aval.dtype))


def _groups(x: Registers, axes: Sequence[int]) -> Iterator[list[IRValue]]:
    """For each entry that is left, those that are reduced to it, in order."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    ordered = np.transpose(x, (*kept, *axes))
    for index in np.ndindex(*(x.shape[axis] for axis in kept)):
        yield list(ordered[(*index, ...)].flat)


def _in_pairs(combine: Callable[[IRValue, IRValue], IRValue], entries: list[IRValue]) -> IRValue:
    """Neighbours combined until one is left."""
    while len(entries) > 1:
        pairs = [combine(x, y) for x, y in zip(entries[::2], entries[1::2], strict=False)]
        entries = pairs + entries[len(entries) & ~1 :]
    return entries[0]


def _sum(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    """float32 in double, truth values in whole numbers."""
    result = equation.results[0].aval
    narrow = register_type(result.dtype)
    wide = "double" if narrow == "float" else narrow
    sums = []
    for entries in _groups(operands[0], equation.attributes["axis"]):
        terms = [convert(b, entry, wide) for entry in entries] or [constant(0, wide)]
        total = _in_pairs(lambda x, y: OPERATIONS["add"](b, x, y), terms)
        sums.append(convert(b, total, narrow))
    return in_array(sums, _numbers(result))


def _extreme(name: str) -> Unrolled:
    def unrolled(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        found = [
            _in_pairs(lambda x, y: OPERATIONS[name](b, x, y), entries)
            for entries in _groups(operands[0], equation.attributes["axis"])
        ]
        return in_array(found, _numbers(equation.results[0].aval))

    return unrolled


def _test(name: str, empty: bool) -> Unrolled:
    def unrolled(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        found = []
        for entries in _groups(operands[0], equation.attributes["axis"]):
            truths = [convert(b, entry, "i1") for entry in entries] or [constant(empty, "i1")]
            found.append(_in_pairs(lambda x, y: OPERATIONS[name](b, x, y), truths))
        return in_array(found, _numbers(equation.results[0].aval))

    return unrolled


def _cumsum(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    result = equation.results[0].aval
    narrow = register_type(result.dtype)
    wide = "double" if narrow == "float" else narrow
    axis = equation.attributes["axis"]
    order = slice(None, None, -1 if equation.attributes["reverse"] else 1)
    out = np.empty(_numbers(result), object)
    lines, sums = np.moveaxis(operands[0], axis, -1), np.moveaxis(out, axis, -1)
    for index in np.ndindex(*lines.shape[:-1]):
        total = constant(0, wide)
        totals = []
        for entry in lines[index][order]:
            total = OPERATIONS["add"](b, total, convert(b, entry, wide))
            totals.append(convert(b, total, narrow))
        sums[index][order] = in_array(totals, (len(totals),))
    return out


def _position(comparison: str) -> Unrolled:
    """The first of the largest or smallest; NaN before all."""

    def unrolled(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
        found = []
        for entries in _groups(operands[0], [equation.attributes["axis"]]):
            best, at = entries[0], constant(0, "i64")
            for i, entry in enumerate(entries[1:], 1):
                better = OPERATIONS[comparison](b, entry, best)
                if is_floating(entry):
                    known = b.compare("ord", best, best)
                    missing = b.compare("uno", entry, entry)
                    better = b.binary("or", better, b.binary("and", known, missing))
                best = b.select(better, entry, best)
                at = b.select(better, constant(i, "i64"), at)
            found.append(at)
        return in_array(found, _numbers(equation.results[0].aval))

    return unrolled


def _contraction(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
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
    return in_array(found, _numbers(result))


def _plus_product(b: Builder, total: IRValue | None, factors: list[IRValue]) -> IRValue:
    if total is not None and is_floating(total) and len(factors) > 1:
        *others, last = factors
        return b.fma(reduce(lambda x, y: b.binary("fmul", x, y), others), last, total)
    whole = reduce(lambda x, y: OPERATIONS["multiply"](b, x, y), factors)
    return whole if total is None else OPERATIONS["add"](b, total, whole)


def _arange(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    del b, operands
    return constants(np.arange(equation.attributes["size"], dtype=equation.attributes["dtype"]))


def _constant(b: Builder, equation: Equation, operands: Sequence[Registers]) -> Registers:
    del b, operands
    return constants(equation.primitive.impl(**equation.attributes))


def _numbers(aval: Aval) -> tuple[int, ...]:
    shape = tuple(size for size in aval.shape if isinstance(size, int))
    if len(shape) < aval.ndim:
        raise Unsupported("a row count in registers")
    return shape


UNROLLED: Mapping[str, Unrolled] = MappingProxyType(
    {
        "reshape": _moved(lambda x, shape: x.reshape(shape)),
        "transpose": _moved(lambda x, axes: np.transpose(x, axes)),
        "broadcast_to": _moved(lambda x, shape: np.broadcast_to(x, shape)),
        "slice": _moved(lambda x, bounds: x[_slices(bounds)]),
        "identity": _moved(lambda x: x),
        "probe": _moved(lambda x, label: x),
        "concatenate": _moved(lambda *arrays, axis: np.concatenate(arrays, axis)),
        "stack": _moved(lambda *arrays, axis: np.stack(arrays, axis)),
        "unslice": _unslice,
        "sum": _sum,
        "max": _extreme("maximum"),
        "min": _extreme("minimum"),
        "all": _test("logical_and", empty=True),
        "any": _test("logical_or", empty=False),
        "cumsum": _cumsum,
        "argmax": _position("greater"),
        "argmin": _position("less"),
        "matmul": _contraction,
        "einsum": _contraction,
        "arange": _arange,
        "constant": _constant,
    }
)
"""By the name of the primitive; elementwise ones are not in it."""
