"""Least squares whose Jacobian is block angular, reduced to a triangle that is so too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from optserve.backends.blas import one_thread
from optserve.errors import NumericalFailure
from optserve.graph.aval import Array
from optserve.jobs.block_layout import block_layout, operations
from optserve.jobs.known_points import Linearized
from optserve.jobs.sparse_jacobian import SparseJacobian
from optserve.optimizers.block_angular import (
    AngularInverse,
    AngularTriangle,
    BlockLayout,
    assembled,
    eliminated,
    of_border,
)

__all__ = ["AngularJacobian", "angular_jacobian"]

AT_ONCE = 1 << 22
"""Entries of panels that are reduced at once."""

STEP = 4.0
"""Triangles that a step makes of one, about."""


@dataclass(frozen=True, eq=False)
class _Panels:
    """The rows of blocks ``number`` (k,), for each a panel (m, w) of its columns, those of the
    border, and the residual. What ``rows`` (n,) have stands at ``places`` (n, q + 1) among the
    entries of all panels, and 1 at ``units``: a row for each column that is none."""

    number: Array
    height: int
    rows: Array
    places: Array
    units: Array

    def filled(self, values: Array, residual: Array, width: int) -> Array:
        """The panels (k, m, w) with the ``values`` (n, q) of all rows."""
        own = np.column_stack([values[self.rows], residual[self.rows]])
        shape = len(self.number), self.height, width
        found = np.bincount(self.places.ravel(), own.ravel(), int(np.prod(shape)))
        found[self.units] = 1.0
        return found.reshape(shape)


@dataclass(eq=False)
class AngularJacobian:
    """A sparse Jacobian whose columns stand by a ``layout``."""

    sparse: SparseJacobian
    layout: BlockLayout

    def __call__(self, point: Array) -> Linearized:
        """Loss and gradient at a point (p,), and residual (p + 1,) and Jacobian of the same least
        squares, an ``AngularTriangle``; all NaN where a whole number that they need does not
        exist."""
        try:
            loss, residual, values = self.sparse.entries(point)
        except NumericalFailure:
            return self._unknown()
        gradient = self.sparse.gradient_of(residual, values)
        residual = residual.astype(np.float64, copy=False)
        (count, width), border = self.layout.blocks.shape, self.layout.border.size
        top, rest = np.empty((count, width, width + border + 1)), list[Array]()
        with one_thread():
            for panels in self._panels:
                filled = panels.filled(values, residual, width + border + 1)
                top[panels.number], more = eliminated(filled, width)
                rest.append(of_border([more]))
            rest += self._beside(values, residual)
            triangular, target = assembled(self.layout, top, whole := of_border(rest))
        if not border:
            block, squares = self._where[0] + 1, np.square(residual)
            triangular = replace(triangular, sums=np.bincount(block, squares, count + 1)[1:])
        return Linearized(loss, gradient, np.append(target, whole[-1, -1]), triangular)

    def leverages(self, point: Array, clearly: float) -> Array | None:
        """The diagonal (n,) of J (J'J)^-1 J', where the squares of the singular values of columns
        of length 1 are ``clearly`` above 0, over how many these are; else ``None``."""
        triangular = self(point).jacobian
        lengths, cutoff = triangular.lengths(), clearly * self.layout.size
        if not (lengths > 0.0).all():
            return None
        try:
            inverse = (triangular / lengths).inverse(cutoff)
        except np.linalg.LinAlgError:
            return None
        if inverse.open.any() or not inverse.norm**2 * cutoff < 1.0:
            return None
        return np.square(self.lengths(point, inverse.over(lengths)))

    @property
    def operations(self) -> float:
        """Multiplications of one call, and of a step by what it gives."""
        return STEP * operations(self.layout, len(self.sparse.columns))

    def lengths(self, point: Array, inverse: AngularInverse) -> Array:
        """Those (n,) of the rows of the Jacobian at a point (p,), times the inverse of a
        triangle."""
        values, (block, places) = self.sparse.entries(point).values, self._where
        count, width = len(values), self.layout.blocks.shape[1]
        whole = width + self.layout.border.size
        height, found = max(AT_ONCE // (whole * width), 1), [np.empty(0)]
        for first in range(0, count, height):
            part = slice(first, first + height)
            at = places[part] + whole * np.arange(len(places[part]))[:, None]
            rows = np.bincount(at.ravel(), values[part].ravel(), len(at) * whole)
            inner, border = np.split(rows.reshape(-1, whole), [width], axis=1)
            found.append(inverse.lengths(np.maximum(block[part], 0), inner, border))
        return np.concatenate(found)

    def _unknown(self) -> Linearized:
        triangular = AngularTriangle.of(self.layout, np.full(self.layout.entries, np.nan))
        missing = np.full(self.layout.size + 1, np.nan)
        return Linearized(np.full((), np.nan), missing[:-1], missing, triangular)

    def _beside(self, values: Array, residual: Array) -> Iterator[Array]:
        """The triangle of the rows that have entries in no block."""
        rows, places = self._apart
        width = self.layout.border.size + 1
        height = max(AT_ONCE // width, 1)
        for first in range(0, len(rows), height):
            part = slice(first, first + height)
            own = np.column_stack([values[rows[part]], residual[rows[part]]])
            at = places[part] + width * np.arange(len(own))[:, None]
            yield of_border(
                [np.bincount(at.ravel(), own.ravel(), len(own) * width).reshape(-1, width)]
            )

    @cached_property
    def _where(self) -> tuple[Array, Array]:
        """The block of each row (n,), -1 for none, and where its entries stand among the columns of
        a panel (n, q)."""
        count, width = self.layout.blocks.shape
        size = self.layout.size
        block, place = np.full(size + 1, -1), np.empty(size + 1, int)
        block[self.layout.blocks] = np.arange(count)[:, None]
        place[self.layout.blocks] = np.arange(width)
        block[size], place[size] = -1, 0
        place[self.layout.border] = width + np.arange(self.layout.border.size)
        columns = np.where(self.sparse.known, self.sparse.columns, size)
        return block[columns].max(axis=1), place[columns]

    @cached_property
    def _apart(self) -> tuple[Array, Array]:
        """Rows (n,) that have entries in no block, and the places (n, q + 1) of what they have."""
        block, places = self._where
        rows = np.flatnonzero(block < 0)
        width, border = self.layout.blocks.shape[1], self.layout.border.size
        own = np.maximum(places[rows] - width, 0)
        return rows, np.column_stack([own, np.full(len(rows), border)])

    @cached_property
    def _panels(self) -> list[_Panels]:
        """All blocks, those with about as many rows together."""
        block, places = self._where
        (count, width), border = self.layout.blocks.shape, self.layout.border.size
        missing = self.layout.blocks == self.layout.size
        heights = np.bincount(block[block >= 0], minlength=count)
        needed = np.maximum(heights + missing.sum(axis=1), width)
        kinds = np.ceil(np.log2(needed)).astype(int)
        order = np.argsort(block, kind="stable")[np.count_nonzero(block < 0) :]
        first = np.cumsum(heights) - heights
        found = []
        for kind in np.unique(kinds):
            members = np.flatnonzero(kinds == kind)
            height = int(needed[members].max())
            each = max(AT_ONCE // (height * (width + border + 1)), 1)
            for start in range(0, len(members), each):
                number = members[start : start + each]
                counts = heights[number]
                within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
                rows = order[np.repeat(first[number], counts) + within]
                panel = np.repeat(np.arange(len(number)), counts)
                base = (panel * height + within) * (width + border + 1)
                own = np.column_stack([places[rows], np.full(len(rows), width + border)])
                at, column = np.nonzero(missing[number])
                row = counts[at] + column - (width - missing[number].sum(axis=1))[at]
                units = (at * height + row) * (width + border + 1) + column
                found.append(_Panels(number, height, rows, base[:, None] + own, units))
        return found


def angular_jacobian(sparse: SparseJacobian) -> AngularJacobian | None:
    """That of a sparse one whose columns stand in small blocks beside a border, if they do."""
    layout = block_layout(sparse.columns, sparse.known, sparse.size, sparse.tables)
    return None if layout is None else AngularJacobian(sparse, layout)
