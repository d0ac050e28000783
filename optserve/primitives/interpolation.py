"""Places in sorted numbers, and curves through points: ``searchsorted`` and ``interp``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.aval import Aval
from optserve.graph.axes import AxisAnswer, Mixed
from optserve.graph.domain import Example, real
from optserve.graph.facts import Facts
from optserve.graph.operands import as_floats
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import sorted_
from optserve.primitives.constructors import opaque
from optserve.primitives.indexing import take
from optserve.primitives.linear_algebra.construction import tridiagonal_solve

__all__ = ["interp", "searchsorted"]

_INDEX = np.dtype(np.int64)


def _searchsorted_shape(a: Aval, v: Aval, *, side: str) -> Aval:
    if a.ndim != 1:
        raise ShapeError(f"sorted numbers of shape {a.shape}", expected="one axis")
    return Aval(v.shape, _INDEX)


def _searchsorted_axes(carried: Sequence[int | None], a: Aval, v: Aval, *, side: str) -> AxisAnswer:
    of_a, of_v = carried
    if of_a is not None or of_v is None:
        return Mixed("a place among rows needs all of them at once")
    return of_v


def _searchsorted_arguments(a: Value, v: Value, side: Literal["left", "right"] = "left") -> Any:
    if side not in ("left", "right"):
        raise ShapeError(f"side={side!r}", expected="'left' or 'right'")
    return (a, v), {"side": side}


searchsorted: Primitive = opaque(
    "searchsorted",
    lambda a, v, *, side: np.asarray(np.searchsorted(a, v, side), _INDEX)[()],
    shape=_searchsorted_shape,
    axes=_searchsorted_axes,
    arguments=_searchsorted_arguments,
    domain=(sorted_, real),
    examples=(Example(((4,), (3,)), {"side": "left"}), Example(((3,), (2, 2)), {"side": "right"})),
    floating=False,
    facts=Facts(cost=20.0),
    doc="""
    How many of the sorted numbers ``a`` are less than each of ``v``; with ``side="right"`` how many
    are not greater. A whole number, without a derivative.
    """,
)


def interp(
    x: Value,
    xp: Value,
    fp: Value,
    kind: Literal["linear", "cubic"] = "linear",
    left: Value | None = None,
    right: Value | None = None,
) -> Value:
    """The curve through the points (xp, fp) at x; xp ascends, and without that there is none.

    Between points it is a straight line, or with ``kind="cubic"`` the natural cubic spline. Before
    the first point it is ``left`` and behind the last ``right``, by default the values there. It
    has derivatives by x, xp and fp; at a point of the straight lines that of the line behind it.

    >>> interp([0.5, 3.0], [0.0, 1.0, 2.0], [0.0, 10.0, 0.0]).tolist()
    [5.0, 0.0]
    >>> interp([0.5], [0.0, 1.0, 2.0], [0.0, 10.0, 0.0], kind="cubic").tolist()
    [6.875]
    """
    x, xp, fp = as_floats(x), as_floats(xp), as_floats(fp)
    count = np.shape(xp)[0] if np.ndim(xp) == 1 else 0
    if np.ndim(fp) != 1 or np.shape(fp) != np.shape(xp) or not count:
        raise ShapeError(
            f"points of shapes {np.shape(xp)} and {np.shape(fp)}", expected="two vectors as long"
        )
    if kind not in ("linear", "cubic"):
        raise ShapeError(f"kind={kind!r}", expected="'linear' or 'cubic'")
    left, right = fp[0] if left is None else left, fp[-1] if right is None else right
    if count == 1:
        inside = x * 0.0 + fp[0]
    else:
        # Outside of the points it is not taken, and must not be infinite.
        held = np.where(x < xp[0], xp[0], np.where(x > xp[-1], xp[-1], x))
        behind = np.clip(searchsorted(xp, held, side="right"), 1, count - 1)
        inside = _between(held, xp, fp, behind, kind)
    curve = np.where(x < xp[0], left, np.where(x > xp[-1], right, inside))
    return curve if count == 1 else np.where(np.min(xp[1:] - xp[:-1]) >= 0.0, curve, np.nan)


def _between(x: Value, xp: Value, fp: Value, behind: Value, kind: str) -> Value:
    """The curve at x, which lies between the points ``behind`` - 1 and ``behind``."""
    low, high = take(xp, behind - 1), take(xp, behind)
    width = high - low
    share = (x - low) / width
    first, last = take(fp, behind - 1), take(fp, behind)
    # From the nearer point, so that it is exact at both.
    line = np.where(
        share < 0.5, first + share * (last - first), last - (1.0 - share) * (last - first)
    )
    if kind == "linear" or np.shape(xp)[0] == 2:
        return line
    bends = _bends(xp, fp)
    other = 1.0 - share
    bent = (other**3 - other) * take(bends, behind - 1) + (share**3 - share) * take(bends, behind)
    return line + bent * (width * width / 6.0)


def _bends(xp: Value, fp: Value) -> Value:
    """The second derivatives of the natural spline at its points (de Boor 1978, chapter IV)."""
    width = xp[1:] - xp[:-1]
    slope = (fp[1:] - fp[:-1]) / width
    inner = width[1:-1]
    solved = tridiagonal_solve(
        inner, 2.0 * (width[:-1] + width[1:]), inner, 6.0 * (slope[1:] - slope[:-1])
    )
    end = solved[:1] * 0.0
    return np.concatenate([end, solved, end])
