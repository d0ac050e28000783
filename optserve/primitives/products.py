"""Products of matrices and tensors: ``matmul`` and ``einsum``."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval, Shape, broadcast_shapes
from optserve.graph.axes import AxisAnswer, Mixed, Reduced
from optserve.graph.dim import Size
from optserve.graph.domain import Example
from optserve.graph.facts import Facts, Labels
from optserve.graph.primitive import Value
from optserve.primitives.constructors import linear
from optserve.primitives.shaping import reshape
from optserve.primitives.sums import broadcast_to, unbroadcast

__all__ = ["einsum", "matmul"]


def _matmul_shape(a: Aval, b: Aval) -> Aval:
    if not a.ndim or not b.ndim:
        raise ShapeError(f"shapes {a.shape} @ {b.shape}: a scalar has no rows", remedy="use *")
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise ShapeError(
            f"shapes {a.shape} @ {b.shape} do not match",
            expected=f"the last axis of the left, {a.shape[-1]}, equal to {inner} of the right",
        )
    batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
    left = a.shape[-2:-1] if a.ndim > 1 else ()
    right = b.shape[-1:] if b.ndim > 1 else ()
    return Aval((*batch, *left, *right), a.dtype)


def _swapped(x: Value) -> Value:
    ndim = np.ndim(x)
    return np.transpose(x, (*range(ndim - 2), ndim - 1, ndim - 2))


def _columns(x: Value) -> Value:
    return reshape(x, (*np.shape(x), 1))


def _left_transpose(ct: Value, a: Value, b: Value) -> Value:
    if np.ndim(b) == 1:
        return _columns(ct) * b if np.ndim(a) > 1 else ct * b
    if np.ndim(a) == 1:
        return unbroadcast(np.matmul(b, _columns(ct))[..., 0], np.shape(a))
    return unbroadcast(np.matmul(ct, _swapped(b)), np.shape(a))


def _right_transpose(ct: Value, a: Value, b: Value) -> Value:
    if np.ndim(a) == 1:
        return ct * a if np.ndim(b) == 1 else _columns(a) * ct[..., None, :]
    if np.ndim(b) == 1:
        if np.ndim(a) == 2:
            return np.matmul(_swapped(a), ct)
        return unbroadcast(np.matmul(_swapped(a), _columns(ct))[..., 0], np.shape(b))
    return unbroadcast(np.matmul(_swapped(a), ct), np.shape(b))


def _matmul_axes(carried: Sequence[int | None], a: Aval, b: Aval) -> AxisAnswer:
    left, right = carried
    out_ndim = _matmul_shape(a, b).ndim
    inner_left, inner_right = a.ndim - 1, max(b.ndim - 2, 0)
    if left == inner_left and right == inner_right:
        return Reduced("sum")
    if left is not None and right is None and left != inner_left:
        tail = 1 if b.ndim > 1 else 0
        return left - (a.ndim - 2) + out_ndim - 1 - tail if a.ndim > 1 else left
    if right is not None and left is None and right != inner_right:
        head = 1 if a.ndim > 1 else 0
        if right == b.ndim - 1:
            return out_ndim - 1
        return right - (b.ndim - 2) + out_ndim - 1 - head
    if left is not None and right is not None and left < a.ndim - 2 and right < b.ndim - 2:
        return left - (a.ndim - 2) + out_ndim - 2
    return Mixed(f"the product of {a.shape} and {b.shape} mixes rows")


def _matmul_labels(a: Aval, b: Aval) -> Labels:
    batch = _matmul_shape(a, b).shape[: max(a.ndim, b.ndim, 2) - 2]
    letters = "abcdefgh"[: len(batch)]
    spare = iter("ABCDEFGH")

    def labelled(shape: Shape, inner: str) -> str:
        own = shape[: len(shape) - len(inner)]
        first = len(batch) - len(own)
        whole = zip(own, letters[first:], batch[first:], strict=True)
        return "".join(one if size == full else next(spare) for size, one, full in whole) + inner

    left, right = ("ik" if a.ndim > 1 else "k"), ("kj" if b.ndim > 1 else "k")
    result = letters + left[:-1] + right[1:]
    return [labelled(a.shape, left), labelled(b.shape, right)], result


matmul = linear(
    "matmul",
    np.matmul,
    shape=_matmul_shape,
    transposes=[_left_transpose, _right_transpose],
    axes=_matmul_axes,
    arguments=lambda a, b: ((a, b), {}),
    examples=(
        Example(((3,), (3,))),
        Example(((2, 3), (3,))),
        Example(((3,), (3, 2))),
        Example(((2, 3), (3, 4))),
        Example(((2, 2, 3), (3, 2))),
        Example(((2, 1, 3), (2, 3, 2))),
        Example(((2, 2, 3), (3,))),
        Example(((3,), (2, 3, 2))),
        Example(((0, 3), (3, 2))),
    ),
    facts=Facts(
        fresh=True,
        strict=True,
        contraction=_matmul_labels,
        large_code=True,
        counts=True,
        wraps=True,
    ),
    doc="Matrix product a @ b, with NumPy's rules for vectors and leading batch axes.",
)


def _parsed(spec: str, count: int) -> tuple[list[str], str]:
    """The labels of each operand and of the result."""
    text = spec.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    labels = inputs.split(",")
    letters = inputs.replace(",", "")
    if not arrow:
        output = "".join(sorted(label for label in set(letters) if letters.count(label) == 1))
    if not all(c.isascii() and c.isalpha() for c in letters + output):
        raise ShapeError(f"'{spec}' is not an einsum", expected="letters, as in 'ij,jk->ik'")
    if len(labels) != count:
        raise ShapeError(f"'{spec}' names {len(labels)} operands, got {count}")
    if any(len(set(one)) != len(one) for one in [*labels, output]):
        raise ShapeError(f"'{spec}' repeats a letter in one operand", remedy="multiply by eye(n)")
    if not set(output) <= set(letters):
        raise ShapeError(f"'{spec}': the result names axes that no operand has")
    return labels, output


def _sizes(labels: Sequence[str], shapes: Sequence[Shape], spec: str) -> dict[str, Size]:
    sizes: dict[str, Size] = {}
    for label, shape in zip(labels, shapes, strict=True):
        if len(label) != len(shape):
            raise ShapeError(f"'{spec}': '{label}' does not fit an operand of shape {shape}")
        for letter, size in zip(label, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ShapeError(f"'{spec}': axis {letter} has sizes {sizes[letter]} and {size}")
    return sizes


def _einsum(*operands: Value, spec: str) -> Value:
    """As one product of matrices where it is one: ten times as fast as NumPy's own loops."""
    steps = _product_steps(spec) if len(operands) == 2 else None
    if steps is None or not all(operand.size for operand in operands):
        return np.einsum(spec, *operands, optimize=len(operands) > 2)
    a, b = operands
    left = np.transpose(a, steps.left)
    right = np.transpose(b, steps.right)
    batch, rows = left.shape[: steps.batch], left.shape[steps.batch : steps.batch + steps.rows]
    columns = right.shape[right.ndim - steps.columns :]
    product = np.matmul(
        left.reshape(*batch, math.prod(rows), -1), right.reshape(*batch, -1, math.prod(columns))
    )
    return np.transpose(product.reshape((*batch, *rows, *columns)), steps.result)


class _Steps(NamedTuple):
    """An einsum of two operands as a product of matrices: how many axes are of each sort, and
    where the axes of the operands and of the product go."""

    batch: int
    rows: int
    columns: int
    left: tuple[int, ...]
    right: tuple[int, ...]
    result: tuple[int, ...]


@functools.lru_cache
def _product_steps(spec: str) -> _Steps | None:
    """``None`` where axes of one operand alone are summed, or none is."""
    (a, b), output = _parsed(spec, 2)
    batch = [letter for letter in output if letter in a and letter in b]
    rows = [letter for letter in output if letter in a and letter not in b]
    columns = [letter for letter in output if letter in b and letter not in a]
    inner = [letter for letter in a if letter in b and letter not in output]
    if not inner or len(a) > len(batch + rows + inner) or len(b) > len(batch + inner + columns):
        return None
    made = batch + rows + columns
    return _Steps(
        len(batch),
        len(rows),
        len(columns),
        tuple(a.index(letter) for letter in batch + rows + inner),
        tuple(b.index(letter) for letter in batch + inner + columns),
        tuple(made.index(letter) for letter in output),
    )


def _einsum_shape(*avals: Aval, spec: str) -> Aval:
    labels, output = _parsed(spec, len(avals))
    sizes = _sizes(labels, [aval.shape for aval in avals], spec)
    return Aval(tuple(sizes[letter] for letter in output), avals[0].dtype)


def _einsum_transpose(index: int, ct: Value, *operands: Value, spec: str) -> Value:
    labels, output = _parsed(spec, len(operands))
    own = labels[index]
    others = [
        (label, x) for i, (label, x) in enumerate(zip(labels, operands, strict=True)) if i != index
    ]
    known = set(output).union(*(label for label, _ in others))
    kept = "".join(letter for letter in own if letter in known)
    inputs = ",".join([output, *(label for label, _ in others)])
    result = einsum(f"{inputs}->{kept}", ct, *(x for _, x in others))
    if kept != own:  # axes that only this operand has were summed: spread the cotangent over them
        shape = np.shape(operands[index])
        sizes = [size if letter in known else 1 for letter, size in zip(own, shape, strict=True)]
        result = broadcast_to(reshape(result, tuple(sizes)), shape)
    return result


def _einsum_labels(*avals: Aval, spec: str) -> Labels:
    return _parsed(spec, len(avals))


def _einsum_axes(carried: Sequence[int | None], *avals: Aval, spec: str) -> AxisAnswer:
    labels, output = _parsed(spec, len(avals))
    letters = {label[axis] for label, axis in zip(labels, carried, strict=True) if axis is not None}
    if len(letters) > 1:
        return Mixed("its operands carry the rows along different axes")
    [letter] = letters
    return output.index(letter) if letter in output else Reduced("sum")


def _einsum_arguments(spec: str, *operands: Value) -> Any:
    if not isinstance(spec, str):
        raise ShapeError("the first argument says which axes are summed", expected="'ij,jk->ik'")
    labels, output = _parsed(spec, len(operands))
    return operands, {"spec": ",".join(labels) + "->" + output}


einsum = linear(
    "einsum",
    _einsum,
    shape=_einsum_shape,
    transposes=_einsum_transpose,
    axes=_einsum_axes,
    arguments=_einsum_arguments,
    examples=(
        Example(((2, 3), (3, 4)), {"spec": "ij,jk->ik"}),
        Example(((2, 3),), {"spec": "ij->j"}),
        Example(((2, 3), (2, 3), (3,)), {"spec": "ij,ij,j->i"}),
        Example(((3,), (2,)), {"spec": "i,j->ji"}),
        Example(((2, 3),), {"spec": "ij->ji"}),
    ),
    facts=Facts(contraction=_einsum_labels, large_code=True, counts=True, wraps=True),
    doc="Products summed over named axes, as in einsum('ij,jk->ik', a, b).",
)
