"""Sums, means and extremes of groups of rows, and groups as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.errors import NumericalFailure, ShapeError
from optserve.graph.aval import Array, Aval, is_traced
from optserve.graph.axes import AxisAnswer, Mixed, Reduced
from optserve.graph.dim import Dim, Size
from optserve.graph.domain import Example, integer, real
from optserve.graph.facts import Facts
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.arithmetic import mulz
from optserve.primitives.constructors import opaque
from optserve.primitives.indexing import check_indices, scatter_add, take

__all__ = ["embedding", "one_hot", "segment_max", "segment_mean", "segment_min", "segment_sum"]


def _numbers(group: Value) -> Value:
    numbers = as_operand(group)
    if numbers.dtype.kind not in "iu":
        raise ShapeError(
            f"groups have dtype {numbers.dtype.name}",
            expected="integers from 0",
            remedy="declare the column `as: category`, or `as: integer`",
        )
    return numbers


def _inside(numbers: Value, count: Size) -> Value:
    return (numbers >= 0) & (numbers < count)


def one_hot(group: Value, count: int) -> Value:
    """A row of zeros with a 1 in the place of each number: shape (..., count).

    Of a number that is none of 0 ... count - 1 it is NaN.

    >>> one_hot([1, 0], 3).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    numbers = _numbers(group)
    places = numbers.trace.lift(np.arange(count)) if is_traced(numbers) else np.arange(count)
    found = np.where(numbers[..., None] == places, 1.0, 0.0)
    return np.where(_inside(numbers, count)[..., None], found, np.nan)


def embedding(table: Value, index: Value) -> Value:
    """A row of the table for each index: table[index].

    >>> embedding([[1.0, 2.0], [3.0, 4.0]], [1, 1, 0]).tolist()
    [[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]
    """
    return take(as_operand(table), _numbers(index), axis=0)


def segment_sum(x: Value, group: Value, count: int) -> Value:
    """The sum of x over the rows of each of ``count`` groups, along the first axis.

    ``group`` has the number of the group of each row, from 0. A number that is none of them makes
    the sum of group 0 NaN, which ends a descent as a numerical failure.

    >>> segment_sum([1.0, 2.0, 4.0], [0, 1, 0], 2).tolist()
    [5.0, 2.0]
    """
    x, numbers = as_operand(x), _numbers(group)
    if x.dtype.kind == "b":
        x = x * 1
    inside = _inside(numbers, count)
    spread = np.reshape(inside, (*np.shape(inside), *(1,) * (np.ndim(x) - 1)))
    if x.dtype.kind == "f":
        x = np.where(spread, x, np.nan)
    return scatter_add(x, np.where(inside, numbers, 0), axis=0, size=count)


def segment_mean(x: Value, group: Value, count: int) -> Value:
    """The mean of x over the rows of each of ``count`` groups; of a group without rows NaN.

    >>> segment_mean([1.0, 2.0, 4.0], [0, 1, 0], 2).tolist()
    [2.5, 2.0]
    """
    x, numbers = as_operand(x) * 1.0, _numbers(group)
    one = np.where(numbers >= 0, 1.0, 1.0).astype(x.dtype)
    rows = segment_sum(one, numbers, count)
    return segment_sum(x, numbers, count) / np.reshape(rows, (count, *(1,) * (np.ndim(x) - 1)))


def segment_min(x: Value, group: Value, count: int) -> Value:
    """The least x of the rows of each of ``count`` groups; of a group without rows inf.

    >>> segment_min([1.0, 2.0, 4.0], [0, 1, 0], 2).tolist()
    [1.0, 2.0]
    """
    x = as_operand(x)
    x = x.astype(np.int64) if x.dtype.kind == "u" else x
    return -segment_max(-x, group, count)


def _segment_max(x: Value, group: Value, *, count: int) -> Array:
    outside = (group < 0) | (group >= count)
    if outside.any():
        raise NumericalFailure(
            f"group {int(group[outside].flat[0])} is none of {count}",
            remedy="groups are numbered from 0",
        )
    out = np.full((count, *x.shape[1:]), -np.inf, x.dtype)
    np.maximum.at(out, group, x)
    return out


def _segment_max_shape(x: Aval, group: Aval, *, count: Size) -> Aval:
    check_indices(group)
    if group.ndim != 1 or x.ndim == 0 or x.shape[0] != group.shape[0]:
        raise ShapeError(
            f"values of shape {x.shape} and groups of shape {group.shape} do not match",
            expected="the number of a group for each entry along the first axis",
        )
    return Aval((count, *x.shape[1:]), x.dtype)


def _segment_max_pullback(
    ct: Value, out: Value, x: Value, group: Value, *, count: int
) -> tuple[Value, None]:
    largest = np.where(x == take(out, group, axis=0), 1.0, 0.0).astype(x.dtype)
    ties = take(scatter_add(largest, group, axis=0, size=count), group, axis=0)
    return mulz(largest / np.where(ties == 0.0, 1.0, ties), take(ct, group, axis=0)), None


def _segment_max_axes(
    carried: Sequence[int | None], x: Aval, group: Aval, *, count: Size
) -> AxisAnswer:
    of_x, of_group = carried
    if of_x == 0 and of_group == 0:
        return Reduced("max")
    if of_x and of_group is None:
        return of_x
    return Mixed("it needs the groups of all rows at once")


def _segment_arguments(x: Value, group: Value, count: int) -> Any:
    if not isinstance(count, int | np.integer | Dim):
        raise ShapeError("the number of groups is no whole number", expected="levels(group)")
    x = as_operand(x)
    return (x if x.dtype.kind == "f" else x * 1.0, _numbers(group)), {"count": count}


segment_max: Primitive = opaque(
    "segment_max",
    _segment_max,
    shape=_segment_max_shape,
    pullback=_segment_max_pullback,
    axes=_segment_max_axes,
    arguments=_segment_arguments,
    domain=(real, integer(0, 1)),
    examples=(Example(((7,), (7,)), {"count": 2}), Example(((6, 2), (6,)), {"count": 2})),
    promotes=False,
    selects=True,
    floating=False,
    facts=Facts(cost=10.0, remedy="a group has no rows: its largest entry is -inf"),
    doc="""
    The largest x of the rows of each of ``count`` groups, along the first axis; ties split the
    derivative evenly. Of a group without rows it is -inf.
    """,
)
