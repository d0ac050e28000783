"""Rows joined: an axis of many values put together with the axis that carries rows.

A primitive whose axis rule keeps rows apart computes each row of its result from the same row of
its operands. So a hundred tables of ten rows may be handed to it as one of a thousand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optserve.errors import OptserveError
from optserve.graph.aval import Aval, aval_of
from optserve.graph.dim import Dim, Size
from optserve.graph.primitive import Primitive, Value, listed
from optserve.primitives.shaping import reshape, transpose
from optserve.primitives.tracing import result_avals

__all__ = ["Joined", "joined"]

ROWS = Dim.rows("joined rows")

RowAxisOfEach = tuple[int | None, ...]


@dataclass(frozen=True)
class Joined:
    """A primitive, and the axes of operands and results that carry rows.

    Each value has ``count`` rows. ``spread`` says which operands must have the axis of many values.
    """

    primitive: Primitive
    attributes: Mapping[str, Any]
    operands: RowAxisOfEach
    answers: tuple[int, ...]
    count: Size

    @property
    def spread(self) -> list[bool]:
        return [axis is not None for axis in self.operands]

    def results(self, operands: Sequence[Value], size: Size) -> tuple[Value, ...]:
        """The results; operands that carry rows have an axis of ``size`` in front, and so have the
        results."""
        given = [
            x if axis is None else _joined(x, axis)
            for x, axis in zip(operands, self.operands, strict=True)
        ]
        out = listed(self.primitive.bind(*given, **self.attributes))
        return tuple(
            _apart(x, axis, (size, self.count)) for x, axis in zip(out, self.answers, strict=True)
        )


def joined(
    primitive: Primitive,
    attributes: Mapping[str, Any],
    avals: Sequence[Aval],
    carried: Sequence[bool],
) -> Joined | None:
    """How to apply it where operands that are ``carried`` have one more axis, if that is a way."""
    if primitive.axes is None:
        return None
    plain = result_avals(primitive, avals, attributes)
    for axes in _choices(avals, carried):
        given = [_with_rows(aval, axis) for aval, axis in zip(avals, axes, strict=True)]
        try:
            made = result_avals(primitive, given, attributes)
        except (OptserveError, TypeError, ValueError):
            continue  # a size that is part of the attributes, or one that must be known
        answered = primitive.axes(axes, *given, **attributes)
        answers = listed(answered)
        if not all(isinstance(answer, int) for answer in answers):
            continue
        expected = [_with_rows(aval, axis) for aval, axis in zip(plain, answers, strict=True)]
        if list(made) == expected:
            [count] = {x.shape[i] for x, i in zip(avals, axes, strict=True) if i is not None}
            return Joined(primitive, attributes, axes, answers, count)
    return None


def _choices(avals: Sequence[Aval], carried: Sequence[bool]) -> Iterator[RowAxisOfEach]:
    """Axes of one size: of operands that are carried any, of the others none, or any."""
    own = [range(aval.ndim) if flag else (None,) for aval, flag in zip(avals, carried, strict=True)]
    any_ = [(None, *range(aval.ndim)) for aval in avals]
    for choices in (own, any_):
        for axes in itertools.product(*choices):
            fits = all(axis is not None for axis, flag in zip(axes, carried, strict=True) if flag)
            sizes = {x.shape[i] for x, i in zip(avals, axes, strict=True) if i is not None}
            if fits and len(sizes) == 1:
                yield axes


def _with_rows(aval: Aval, axis: int | None) -> Aval:
    if axis is None:
        return aval
    return Aval((*aval.shape[:axis], ROWS, *aval.shape[axis + 1 :]), aval.dtype)


def _joined(value: Value, axis: int) -> Value:
    """The first axis joined with the one that was number ``axis`` before it came."""
    shape = aval_of(value).shape
    rest = range(axis + 1, len(shape))
    moved = transpose.bind(value, axes=(*range(1, axis + 1), 0, *rest)) if axis else value
    sizes = (*shape[1 : axis + 1], shape[0] * shape[axis + 1], *shape[axis + 2 :])
    return reshape.bind(moved, shape=sizes)


def _apart(value: Value, axis: int, sizes: tuple[Size, Size]) -> Value:
    """The inverse of ``_joined``: what is along ``axis`` is (values, rows of each)."""
    shape = aval_of(value).shape
    apart = reshape.bind(value, shape=(*shape[:axis], *sizes, *shape[axis + 1 :]))
    rest = (i for i in range(len(shape) + 1) if i != axis)
    return transpose.bind(apart, axes=(axis, *rest)) if axis else apart
