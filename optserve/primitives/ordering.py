"""Order: sorting, positions of the extremes, and the median."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval
from optserve.graph.axes import Mixed
from optserve.graph.domain import Example
from optserve.graph.facts import Facts
from optserve.graph.leading import shifted
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.along_axis import take_along_axis
from optserve.primitives.arithmetic import mulz
from optserve.primitives.constructors import composite, opaque
from optserve.primitives.reductions import even_share, max_, min_
from optserve.primitives.sums import along, one_axis, over_axes, reduced_shape, spread

__all__ = ["argmax", "argmin", "argsort", "median", "sort"]

_INDEX = np.dtype(np.int64)


def _index_arguments(x: Value, axis: int | None = None) -> Any:
    operand, only = one_axis(x, axis)
    return (operand,), {"axis": only}


def _index(name: str, function: Callable[..., Value], word: str) -> Primitive:
    return opaque(
        name,
        lambda x, *, axis: function(x, axis=axis),
        shape=lambda x, *, axis: Aval(reduced_shape(x.shape, (axis,), False), _INDEX),
        axes=along(Mixed("the position of an entry needs all rows at once")),
        arguments=_index_arguments,
        examples=(Example(((4,),), {"axis": 0}), Example(((3, 4),), {"axis": 1})),
        floating=False,
        facts=Facts(batched=shifted),
        doc=f"The index of the {word} entry along an axis; the first of equals.",
    )


argmax = _index("argmax", np.argmax, "largest")
argmin = _index("argmin", np.argmin, "smallest")


_row_by_row = along(Mixed("the order of entries needs all rows at once"), keeps=True)


def _sort_arguments(x: Value, axis: int | None = -1) -> Any:
    operand, only = one_axis(x, axis)
    return (operand,), {"axis": only}


_examples = (
    Example(((4,),), {"axis": 0}),
    Example(((3, 4),), {"axis": 1}),
    Example(((3, 2),), {"axis": 0}),
    Example(((0,),), {"axis": 0}),
)

argsort = opaque(
    "argsort",
    lambda x, *, axis: np.argsort(x, axis, kind="stable"),
    shape=lambda x, *, axis: Aval(x.shape, _INDEX),
    axes=_row_by_row,
    arguments=_sort_arguments,
    examples=_examples,
    floating=False,
    facts=Facts(cost=100.0, batched=shifted),
    doc="The positions that would sort the entries along an axis; equals keep their order.",
)

sort = composite(
    "sort",
    lambda x, *, axis: take_along_axis(x, argsort(x, axis=axis), axis=axis),
    impl=lambda x, *, axis: np.sort(x, axis, kind="stable"),
    axes=_row_by_row,
    arguments=_sort_arguments,
    examples=_examples,
    floating=False,
    facts=Facts(cost=100.0, batched=shifted),
    doc="The entries along an axis from the smallest to the largest; equals keep their order.",
)


def _median_shape(x: Aval, *, axis: tuple[int, ...], keepdims: bool) -> Aval:
    if any(x.shape[i] == 0 for i in axis):
        raise ShapeError(f"no median along an axis of size 0 in {x}")
    return Aval(reduced_shape(x.shape, axis, keepdims), x.dtype)


def _median_pullback(
    ct: Value, out: Value, x: Value, *, axis: tuple[int, ...], keepdims: bool
) -> tuple[Value]:
    """Half to the entry just below and half to the one just above, which may be the same."""
    shape = np.shape(x)
    middle = spread(out, shape, axis, keepdims)
    below = max_(np.where(x <= middle, x, -np.inf), axis=axis, keepdims=True)
    above = min_(np.where(x >= middle, x, np.inf), axis=axis, keepdims=True)
    share = 0.5 * (even_share(x == below, axis) + even_share(x == above, axis))
    return (mulz(share, spread(ct, shape, axis, keepdims)),)


median = opaque(
    "median",
    lambda x, *, axis, keepdims: np.median(x, axis=axis, keepdims=keepdims),
    shape=_median_shape,
    pullback=_median_pullback,
    axes=along(Mixed("a median needs all rows at once")),
    arguments=over_axes,
    examples=(
        Example(((5,),), {"axis": (0,), "keepdims": False}),
        Example(((3, 4),), {"axis": (1,), "keepdims": True}),
        Example(((2, 3, 2),), {"axis": (0, 2), "keepdims": False}),
    ),
    selects=True,
    facts=Facts(cost=100.0, batched=shifted),
    doc="""
    The middle of the entries along axes (of all by default), or the mean of the two in the middle,
    which then share the derivative; ties split it evenly.
    """,
)
