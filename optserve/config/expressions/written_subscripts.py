"""Subscripts: slices, whole numbers, ``None``, ``...``, lists and arrays of integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from optserve.config.expressions.row_pairs import RowPairs
from optserve.config.expressions.tree import Constant, ExpressionNode, Listing, Range, Subscript
from optserve.config.expressions.values import Value, as_number, described
from optserve.errors import ConfigError
from optserve.graph.dim import Dim
from optserve.graph.trace import Tracer

__all__ = ["indexed"]

EvaluateNode = Callable[[ExpressionNode], Value]


def indexed(value: Value, subscript: Subscript, evaluate: EvaluateNode, pairs: RowPairs) -> Any:
    """``value[indices]``; ``evaluate`` gives what an index that is an expression comes to.

    ``pairs`` is told which axes were written as ``None``.
    """
    if isinstance(value, tuple):
        return _entry(value, subscript, evaluate)
    array = as_number(value, subscript.value.place)
    if not isinstance(array, Tracer):
        raise ConfigError(
            f"{described(array)} has no entries", place=subscript.place, code="wrong-index"
        )
    indices = subscript.indices
    entries = [
        _index(index, evaluate, _axis_size(array, indices, position))
        for position, index in enumerate(indices)
    ]
    picked = array[entries[0] if len(entries) == 1 else tuple(entries)]
    if picked is not array:
        pairs.written(picked, _written(entries, array.ndim, pairs.written_of(array)))
    return picked


def _written(entries: Sequence[Any], ndim: int, before: frozenset[int]) -> Iterator[int]:
    """The axes of the result that are written as ``None`` here, or were ``before`` and are kept."""
    left = ndim - sum(1 for entry in entries if entry is not None and entry is not ...)
    axis = place = 0
    for entry in entries:
        if entry is None:
            yield place
            place += 1
        elif entry is ... or isinstance(entry, slice):
            for _ in range(left if entry is ... else 1):
                if axis in before:
                    yield place
                axis, place = axis + 1, place + 1
        else:
            axis, place = axis + 1, place + np.ndim(entry)
    yield from (place + kept - axis for kept in before if kept >= axis)


def _entry(values: tuple[Value, ...], subscript: Subscript, evaluate: EvaluateNode) -> Value:
    """An entry, or a stretch, of a tuple: what ``scan`` returns, a shape."""
    first, *rest = subscript.indices
    index = _index(first, evaluate, len(values))
    if rest or not isinstance(index, int | slice):
        raise ConfigError(
            "a tuple takes one whole number as its index",
            place=first.place,
            expected="[0]",
            code="wrong-index",
        )
    if isinstance(index, int) and not -len(values) <= index < len(values):
        raise ConfigError(
            f"there is no entry {index}",
            place=first.place,
            expected=f"0 to {len(values) - 1}" if values else "no index: the tuple is empty",
            code="wrong-index",
        )
    return values[index]


def _index(index: ExpressionNode | Range, evaluate: EvaluateNode, size: Any) -> Any:
    if isinstance(index, Range):
        start, stop, step = (
            None if bound is None else _bound(bound, evaluate)
            for bound in (index.start, index.stop, index.step)
        )
        if step == 0:
            raise ConfigError("the step of a slice is 0", place=index.place, code="wrong-index")
        return slice(start, stop, step)
    if isinstance(index, Constant) and (index.value is None or index.value is ...):
        return index.value
    if isinstance(index, Listing):
        numbers = [evaluate(entry) for entry in index.entries]
        if numbers and all(isinstance(number, int) for number in numbers):
            return _positions(numbers, index, size)
    value = as_number(evaluate(index), index.place)
    if isinstance(value, Dim):
        raise ConfigError(
            "rows cannot be picked by a number computed from their count",
            place=index.place,
            remedy="count from the end: x[-1]",
            code="wrong-index",
        )
    if isinstance(value, bool | float):
        whole = isinstance(value, float) and value.is_integer()
        raise ConfigError(
            f"{described(value)} is not an index",
            place=index.place,
            expected="a whole number, a slice or an array of integers",
            remedy="// divides whole numbers" if whole else "",
            code="wrong-index",
        )
    return value


def _positions(numbers: Sequence[Any], listing: Listing, size: Any) -> Any:
    for number, entry in zip(numbers, listing.entries, strict=True):
        if isinstance(size, int) and not -size <= number < size:
            raise ConfigError(
                f"index {number} is out of range for an axis of size {size}",
                place=entry.place,
                expected=f"an index from {-size} to {size - 1}" if size else "no index",
                code="wrong-index",
            )
    return np.array(numbers, np.int64)


def _bound(bound: ExpressionNode, evaluate: EvaluateNode) -> int | Dim:
    value = evaluate(bound)
    if isinstance(value, bool) or not isinstance(value, int | Dim):
        raise ConfigError(
            f"{described(value)} is not a bound of a slice",
            place=bound.place,
            expected="a whole number that is known when the loss is built",
            code="wrong-index",
        )
    return value


def _axis_size(array: Tracer, indices: Sequence[ExpressionNode | Range], position: int) -> Any:
    """The size of the axis that an index is for; ``None`` where there is no such axis."""

    def is_constant(index: ExpressionNode | Range, value: object) -> bool:
        return isinstance(index, Constant) and index.value is value

    axis = sum(1 for index in indices[:position] if not is_constant(index, None))
    if any(is_constant(index, ...) for index in indices[:position]):
        axis = array.ndim - sum(1 for index in indices[position:] if not is_constant(index, None))
    return array.shape[axis] if 0 <= axis < array.ndim else None
