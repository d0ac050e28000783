"""A Jacobian of which each row has a few entries: where rows pick entries of tables of parameters.

What a row makes of the entries that it has picked is differentiated by these alone, so that the
graph, its work and its memory do not grow with the tables. Which coordinate each entry is made of
the data tell, once: so the places of all entries are known, and what is multiplied by the Jacobian
goes over these only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from optserve.backends.backend import Compiled
from optserve.backends.blas import one_thread
from optserve.errors import NumericalFailure
from optserve.graph.aval import Array, DType
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.jobs.graphs import Graphs
from optserve.jobs.known_points import Linearized, unknown
from optserve.optimizers.tall import of_products
from optserve.transforms.dependence import sole_dependence
from optserve.transforms.gathered import Gathered, gathered
from optserve.transforms.simplify import prune

__all__ = ["SparseJacobian", "sparse_jacobian"]

FEWER = 4
"""Entries of a row up to which it is sparse: one in so many columns."""

AT_ONCE = 1 << 22
"""Products of entries that are made at once."""


class _Entries(NamedTuple):
    """Loss, residual (n,) and the entries (n, q) of the Jacobian, 0 in places that are none."""

    loss: Array
    residual: Array
    values: Array


@dataclass(eq=False)
class SparseJacobian:
    """``columns`` (n, q) are the places of the entries of each row among ``size`` columns, where
    ``known`` (n, q) tells that there is one. ``where`` (n,) are the positions that rows pick in
    each table, beside ``direct`` entries that all of them have. ``tables`` are the columns of each
    parameter."""

    graph: Graph
    compiled: Compiled
    arguments: Sequence[Array]
    columns: Array
    known: Array
    where: Sequence[Array]
    direct: int
    size: int
    dtype: DType
    tables: Sequence[Array]

    def entries(self, point: Array) -> _Entries:
        """What is computed at a point (p,)."""
        loss, residual, local, *slopes = self.compiled(point, *self.arguments)
        rows = len(local)
        own = [np.ones((rows, self.direct))]
        for slope, where in zip(slopes, self.where, strict=True):
            own.append(slope.reshape(len(slope), -1)[where])
        values = np.where(self.known, local * np.concatenate(own, axis=1), 0.0)
        return _Entries(loss, residual, values)

    def gradient(self, point: Array) -> tuple[Array, Array]:
        """Loss and gradient (p,)."""
        loss, residual, values = self.entries(point)
        return loss, self.gradient_of(residual, values)

    def gradient_of(self, residual: Array, values: Array) -> Array:
        """The gradient (p,) from residuals (n,) and the entries (n, q) of their rows."""
        found: Array = 2.0 * self._onto(values * residual[:, None])
        return found.astype(self.dtype)

    def linearized(self, point: Array) -> Linearized:
        """Loss, gradient, residual, and the Jacobian (n, p) with all its zeros."""
        loss, residual, values = self.entries(point)
        gradient = self.gradient_of(residual, values)
        count, size = len(values), self.size
        whole = np.bincount(self._places, values.ravel(), count * size).reshape(count, size)
        return Linearized(loss, gradient, residual, whole.astype(self.dtype, copy=False))

    def reduced(self, point: Array) -> Linearized:
        """The same of least squares with p + 1 rows, as in ``reduced``, from products of entries;
        with all rows, where columns are too nearly dependent for that. All are NaN where a whole
        number that they need does not exist."""
        try:
            loss, residual, values = self.entries(point)
        except NumericalFailure:
            return unknown(len(self.columns), self.size)
        residual, size = residual.astype(np.float64, copy=False), self.size
        slopes = self._onto(values * residual[:, None])
        products = np.empty((size + 1, size + 1))
        products[:size, :size] = self._products(values)
        products[size, :size] = products[:size, size] = slopes
        products[size, size] = residual @ residual
        with one_thread():
            found = of_products(products)
        if found is None:
            return self.linearized(point)
        gradient = (2.0 * slopes).astype(self.dtype)
        return Linearized(loss, gradient, found[:, size], found[:, :size])

    def _onto(self, values: Array) -> Array:
        """The sums (p,) of ``values`` (n, q) by columns."""
        return np.bincount(self.columns.ravel(), values.ravel(), self.size)

    @cached_property
    def _places(self) -> Array:
        rows = np.arange(len(self.columns))[:, None]
        found: Array = (rows * self.size + self.columns).ravel()
        return found

    def _products(self, values: Array) -> Array:
        """Those (p, p) of the columns with each other, summed row by row."""
        count, width = values.shape
        found = np.zeros(self.size**2)
        height = max(AT_ONCE // width**2, 1)
        for first in range(0, count, height):
            part = slice(first, first + height)
            pairs = self.columns[part, :, None] * self.size + self.columns[part, None, :]
            products = values[part, :, None] * values[part, None, :]
            found += np.bincount(pairs.ravel(), products.ravel(), self.size**2)
        return found.reshape(self.size, self.size)


def sparse_jacobian(
    graphs: Graphs,
    sizes: Sequence[int],
    compiled: Callable[[Hashable, Callable[[], Graph]], Compiled],
) -> SparseJacobian | None:
    """That of least squares in memory, where rows pick what they depend on;
    ``None`` where they do not, or where a row has many entries. ``sizes`` are the entries of each
    residual, and what ``compiled(what, graph)`` gives is kept."""
    objective, packing = graphs.problem.objective, graphs.packing
    if objective.kind != "least_squares" or objective.streamed:
        return None
    squares = graphs.squares
    assert squares is not None
    wrt = range(len(packing.free))
    found = graphs.kept("gathered", lambda: gathered(squares.graph, wrt))
    if found is None:
        return None
    columns = _columns(graphs, sizes, found)
    if columns is None or FEWER * columns[0].shape[1] > packing.size:
        return None
    graph = graphs.kept("gathered jacobian", lambda: graphs.gathered_jacobian(found))
    if graph is None:
        return None
    places, where = columns
    return SparseJacobian(
        graph,
        compiled("gathered jacobian", lambda: graph),
        graphs.arguments,
        np.maximum(places, 0),
        places >= 0,
        where,
        sum(packing.free[index].count for index in found.direct),
        packing.size,
        packing.dtype,
        [np.arange(one.start, one.start + one.count) for one in packing.free if one.count],
    )


def _columns(
    graphs: Graphs, sizes: Sequence[int], found: Gathered
) -> tuple[Array, list[Array]] | None:
    """The places (n, q) of all entries, -1 for none, and the positions (n,) in each table."""
    packing = graphs.packing
    assert graphs.squares is not None
    graph = graphs.squares.graph
    pieces = packing.pieces(np.zeros(packing.size, packing.dtype))
    given = [*pieces, *graphs.arguments]
    rows = found.picks[0].results[0].aval.shape[0]
    if any(atom.aval.shape[:1] != (rows,) for atom in graph.outputs[1:]):
        return None
    numbers = [np.arange(segment.start, segment.start + segment.count) for segment in packing.free]
    direct = np.concatenate([np.empty(0, int), *(numbers[index] for index in found.direct)])
    tables = [replace(graph, outputs=(table,)) for table in found.tables]
    positions = interpret(prune(replace(graph, outputs=found.positions)), *given)
    count = len(positions[0])
    parts, where = [np.broadcast_to(direct, (count, len(direct)))], list[Array]()
    for table, own in zip(tables, positions, strict=True):
        places = sole_dependence(prune(table), given, len(pieces))
        if places is None:
            return None
        height = table.outputs[0].aval.shape[0]
        assert isinstance(height, int)
        if ((own < -height) | (own >= height)).any():  # which is NaN, and blamed elsewhere
            return None
        parts.append(places.reshape(height, -1)[own])
        where.append(own)
    by_row = np.concatenate(parts, axis=1)
    each = [size // max(count, 1) for size in sizes]
    repeated = [np.repeat(by_row, one, axis=0) for one in each]
    return np.concatenate(repeated), [
        np.concatenate([np.repeat(own, one) for one in each]) for own in where
    ]
