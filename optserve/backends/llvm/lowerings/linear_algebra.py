"""Linear algebra of small matrices, in memory and within rows; LAPACK's is called for larger ones.

Factors of matrices are written out entry by entry, systems with pivots as loops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optserve.backends.llvm.ir.builder import Builder, IRValue, constant
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.nest import (
    Index,
    Workplace,
    address_of,
    copy,
    fill,
    from_the_end,
    loops,
)
from optserve.backends.llvm.ir.types import storage
from optserve.backends.llvm.ir.view import View
from optserve.backends.lowering import Attributes, Lowering
from optserve.graph.aval import Shape
from optserve.graph.dim import Size
from optserve.primitives.linear_algebra import cholesky, diagonals, solving, triangles

__all__ = ["LOWERINGS"]


MOST = 16
"""Rows of the largest matrix: LAPACK's blocks repay the call of a larger one."""


def _within(attributes: Attributes, carried: Sequence[int | None]) -> Attributes | None:
    """Each matrix belongs to a row where rows come first."""
    return attributes if set(carried) <= {None, 0} else None


def _small(size: Size) -> int:
    if not isinstance(size, int) or size > MOST:
        raise Unsupported("a large matrix")
    return size


def _one(w: Workplace, view: View, core: int, batch: Shape, index: Index) -> View:
    """The last ``core`` axes of a view at an index of the batch, to which it is broadcast."""
    ahead = len(view.shape) - core
    outer = replace(view, shape=view.shape[:ahead], strides=view.strides[:ahead])
    address = address_of(w, view, index, outer.over(batch))
    return View(address, view.dtype, view.shape[ahead:], view.strides[ahead:])


def _load(w: Workplace, view: View, *index: IRValue | int) -> IRValue:
    return w.b.load(address_of(w, view, index), storage(view.dtype))


def _store(w: Workplace, value: IRValue, view: View, *index: IRValue | int) -> None:
    w.b.store(value, address_of(w, view, index))


def _minus_product(b: Builder, total: IRValue, x: IRValue, y: IRValue) -> IRValue:
    return b.fma(b.fneg(x), y, total)


# Parts of matrices.


def _tril(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    _triangle(w, views, target, "sle", attributes["k"])


def _triu(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    _triangle(w, views, target, "sge", attributes["k"])


def _triangle(w: Workplace, views: Sequence[View], target: View, predicate: str, k: int) -> None:
    [view], b = views, w.b
    nothing = constant(0, storage(view.dtype))
    with loops(w, target.shape) as index:
        edge = b.binary("add", index[-2], constant(k, "i64"))
        kept = b.compare(predicate, index[-1], edge)
        _store(w, b.select(kept, _load(w, view, *index), nothing), target, *index)


def _diagonal(view: View, attributes: Attributes, shape: Shape) -> View:
    """Another view of the same memory."""
    k, (down, across) = attributes["k"], view.strides[-2:]
    offset = view.offset + (across * k if k > 0 else down * -k)
    return replace(view, shape=shape, strides=(*view.strides[:-2], down + across), offset=offset)


def _on_diagonal(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    [view], k = views, attributes["k"]
    fill(w, constant(0, storage(view.dtype)), target)
    down, across = target.strides[-2:]
    start = address_of(w, target, (max(-k, 0), max(k, 0)), (down, across))
    strides = (*target.strides[:-2], down + across)
    copy(w, view, View(start, target.dtype, view.shape, strides))


def _fill_lower(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    [view], size = views, _small(attributes["size"])
    fill(w, constant(0, storage(view.dtype)), target)
    batch = target.shape[:-2]
    with loops(w, batch) as index:
        entries, matrix = _one(w, view, 1, batch, index), _one(w, target, 2, batch, index)
        for number, (i, j) in enumerate(zip(*np.tril_indices(size), strict=True)):
            _store(w, _load(w, entries, number), matrix, int(i), int(j))


def _lower_entries(
    w: Workplace, attributes: Attributes, views: Sequence[View], target: View
) -> None:
    [view], size = views, _small(attributes["size"])
    batch = target.shape[:-1]
    with loops(w, batch) as index:
        matrix, entries = _one(w, view, 2, batch, index), _one(w, target, 1, batch, index)
        for number, (i, j) in enumerate(zip(*np.tril_indices(size), strict=True)):
            _store(w, _load(w, matrix, int(i), int(j)), entries, number)


# Factors and systems.


def _cholesky(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    """Row by row; NaN everywhere where a pivot is not positive, as in LAPACK."""
    del attributes
    [view], b, batch = views, w.b, target.shape[:-2]
    size, type_ = _small(view.shape[-1]), storage(view.dtype)
    zero, missing = constant(0.0, type_), constant(np.nan, type_)
    with loops(w, batch) as index:
        matrix, out = (_one(w, one, 2, batch, index) for one in (view, target))
        rows: list[list[IRValue]] = []
        failed = constant(False, "i1")
        for i in range(size):
            row: list[IRValue] = []
            rows.append(row)
            for j in range(i + 1):
                total = _load(w, matrix, i, j)
                for k in range(j):
                    total = _minus_product(b, total, row[k], rows[j][k])
                if j < i:
                    row.append(b.binary("fdiv", total, rows[j][j]))
                    continue
                failed = b.binary("or", failed, b.compare("ole", total, zero))
                row.append(b.intrinsic("sqrt", total))
        for i in range(size):
            for j in range(size):
                value = rows[i][j] if j <= i else zero
                _store(w, b.select(failed, missing, value), out, i, j)


def _columns(view: View) -> View:
    """A vector as one column."""
    if len(view.shape) > 1:
        return view
    return replace(view, shape=(*view.shape, 1), strides=(*view.strides, 0))


def _systems(views: Sequence[View], target: View) -> tuple[View, View, View, Shape]:
    """The matrices, right-hand sides and solutions of a @ x = b as matrices, and the batch."""
    a, b = views
    if len(b.shape) > 1:
        return a, b, target, target.shape[:-2]
    column = replace(target, shape=(*target.shape, 1), strides=(*target.strides, 0))
    return a, _columns(b), column, target.shape[:-1]


def _triangular_solve(
    w: Workplace, attributes: Attributes, views: Sequence[View], target: View
) -> None:
    """Substitution, column by column."""
    a, right, solution, batch = _systems(views, target)
    size, lower, b = _small(a.shape[-1]), attributes["lower"], w.b
    if attributes["transpose"]:
        a = replace(a, strides=(*a.strides[:-2], *reversed(a.strides[-2:])))
        lower = not lower
    order = range(size) if lower else range(size - 1, -1, -1)
    with loops(w, batch) as index:
        matrix, given, out = (_one(w, one, 2, batch, index) for one in (a, right, solution))
        with loops(w, given.shape[1:]) as (column,):
            known: dict[int, IRValue] = {}
            for i in order:
                total = _load(w, given, i, column)
                for j, x in known.items():
                    total = _minus_product(b, total, _load(w, matrix, i, j), x)
                known[i] = b.binary("fdiv", total, _load(w, matrix, i, i))
                _store(w, known[i], out, i, column)


def _solve(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    del attributes
    a, right, solution, batch = _systems(views, target)
    size, count = _small(a.shape[-1]), _small(right.shape[-1])
    room = w.room((size, size + count), target.dtype)
    with loops(w, batch) as index:
        matrix, given, out = (_one(w, one, 2, batch, index) for one in (a, right, solution))
        copy(w, matrix, _part(w, room, 0, size))
        copy(w, given, _part(w, room, size, count))
        _, singular = _eliminated(w, room)
        _substituted_back(w, room, out, singular)


def _inv(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    del attributes
    [a], batch = views, target.shape[:-2]
    size, type_ = _small(a.shape[-1]), storage(a.dtype)
    room = w.room((size, 2 * size), target.dtype)
    with loops(w, batch) as index:
        matrix, out = (_one(w, one, 2, batch, index) for one in (a, target))
        copy(w, matrix, _part(w, room, 0, size))
        identity = _part(w, room, size, size)
        fill(w, constant(0.0, type_), identity)
        with w.b.loop(0, size) as i:
            _store(w, constant(1.0, type_), identity, i, i)
        _, singular = _eliminated(w, room)
        _substituted_back(w, room, out, singular)


def _det(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    """The product of the pivots."""
    del attributes
    [a], batch, b = views, target.shape, w.b
    size = _small(a.shape[-1])
    room = w.room((size, size), target.dtype)
    with loops(w, batch) as index:
        copy(w, _one(w, a, 2, batch, index), room)
        sign, _ = _eliminated(w, room)
        total = sign
        for i in range(size):
            total = b.binary("fmul", total, _load(w, room, i, i))
        _store(w, total, target, *index)


def _pivots(w: Workplace, attributes: Attributes, views: Sequence[View], target: View) -> None:
    del attributes
    [a], batch, b = views, target.shape[:-1], w.b
    size = _small(a.shape[-1])
    room = w.room((size, size), target.dtype)
    with loops(w, batch) as index:
        out = _one(w, target, 1, batch, index)
        copy(w, _one(w, a, 2, batch, index), room)
        sign, _ = _eliminated(w, room)
        for i in range(size):
            pivot = _load(w, room, i, i)
            _store(w, pivot if i else b.binary("fmul", sign, pivot), out, i)


def _part(w: Workplace, room: View, start: int, count: int) -> View:
    """Some columns of a matrix."""
    address = address_of(w, room, (0, start))
    return View(address, room.dtype, (room.shape[0], count), room.strides)


def _eliminated(w: Workplace, room: View) -> tuple[IRValue, IRValue]:
    """Gauss's elimination with partial pivots, of a square matrix and what stands beside it.

    Returns the sign of the exchanges of rows, and whether a pivot is 0.
    """
    b, (rows, columns) = w.b, room.shape
    type_ = storage(room.dtype)
    sign, pivots = b.alloca(type_, align=8), b.alloca("i64", align=8)
    best, place = b.alloca(type_, align=8), b.alloca("i64", align=8)
    one, zero = constant(1, "i64"), constant(0.0, type_)
    b.store(constant(1.0, type_), sign)
    b.store(constant(0, "i64"), pivots)
    with b.loop(0, w.number(rows)) as c:
        after = b.binary("add", c, one)
        b.store(b.intrinsic("fabs", _load(w, room, c, c)), best)
        b.store(c, place)
        with b.loop(after, w.number(rows)) as r:
            size = b.intrinsic("fabs", _load(w, room, r, c))
            larger = b.compare("ogt", size, b.load(best, type_))
            b.store(b.select(larger, size, b.load(best, type_)), best)
            b.store(b.select(larger, r, b.load(place, "i64")), place)
        chosen = b.load(place, "i64")
        moved = b.compare("ne", chosen, c)
        b.store(b.select(moved, b.fneg(b.load(sign, type_)), b.load(sign, type_)), sign)
        with b.loop(0, w.number(columns)) as k:
            upper, lower = _load(w, room, c, k), _load(w, room, chosen, k)
            _store(w, lower, room, c, k)
            _store(w, b.select(moved, upper, lower), room, chosen, k)
        pivot = _load(w, room, c, c)
        none = b.cast("zext", b.compare("oeq", pivot, zero), "i64")
        b.store(b.binary("add", b.load(pivots, "i64"), none), pivots)
        with b.loop(after, w.number(rows)) as r:
            # A pivot of 0 has nothing but zeros below it.
            factor = b.binary("fdiv", _load(w, room, r, c), pivot)
            factor = b.select(b.compare("oeq", pivot, zero), zero, factor)
            with b.loop(after, w.number(columns)) as k:
                value = _minus_product(b, _load(w, room, r, k), factor, _load(w, room, c, k))
                _store(w, value, room, r, k)
    return b.load(sign, type_), b.compare("ne", b.load(pivots, "i64"), constant(0, "i64"))


def _substituted_back(w: Workplace, room: View, out: View, singular: IRValue) -> None:
    """The solution of what elimination has left; NaN where the matrix is singular."""
    b, (rows, count) = w.b, out.shape
    type_ = storage(room.dtype)
    total = b.alloca(type_, align=8)
    right = _part(w, room, _small(rows), _small(count))
    with b.loop(0, w.number(count)) as column, b.loop(0, w.number(rows)) as step:
        i = from_the_end(w, w.number(rows), step)
        b.store(_load(w, right, i, column), total)
        with b.loop(b.binary("add", i, constant(1, "i64")), w.number(rows)) as j:
            own = _minus_product(
                b, b.load(total, type_), _load(w, room, i, j), _load(w, right, j, column)
            )
            b.store(own, total)
        value = b.binary("fdiv", b.load(total, type_), _load(w, room, i, i))
        _store(w, value, right, i, column)
        _store(w, b.select(singular, constant(np.nan, type_), value), out, i, column)


LOWERINGS: tuple[Lowering, ...] = (
    Lowering(triangles.tril, loops=_tril, within=_within),
    Lowering(triangles.triu, loops=_triu, within=_within),
    Lowering(triangles.fill_lower, loops=_fill_lower, within=_within),
    Lowering(triangles.lower_entries, loops=_lower_entries, within=_within),
    Lowering(diagonals.diagonal, view=_diagonal),
    Lowering(diagonals.on_diagonal, loops=_on_diagonal, within=_within),
    Lowering(cholesky.cholesky, loops=_cholesky, within=_within),
    Lowering(cholesky.triangular_solve, loops=_triangular_solve, within=_within),
    Lowering(solving.solve, loops=_solve, within=_within),
    Lowering(solving.inv, loops=_inv, within=_within),
    Lowering(solving.pivots, loops=_pivots, within=_within),
    Lowering(solving.det, loops=_det, within=_within),
)
