"""Triangles of matrices whose columns stand in small blocks beside a border.

Columns of two blocks have no row in common, as the points of a bundle adjustment beside its
cameras, or the curves of groups beside what all of them share. So each block has its triangle by
itself, with what its rows have in the border, and what is left of the rows of all blocks is the
triangle of the border: block angular least squares (Bjoerck, Numerical Methods for Least Squares
Problems, 1996, sec. 6.3). Only reflections are used, and nothing is formed whose condition is
squared; work and memory grow with the blocks, where a whole triangle grows with their square.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt
from typing import NamedTuple

import numpy as np

from optserve.optimizers.base import Value
from optserve.optimizers.least_length import of_least_length
from optserve.optimizers.lengths import lengths, norm
from optserve.optimizers.tall import triangle

__all__ = [
    "AngularInverse",
    "AngularTriangle",
    "BlockLayout",
    "assembled",
    "eliminated",
    "of_border",
]

TAKES_PART = 1e-8
"""The share of a column in a direction from which on it takes part."""


@dataclass(frozen=True, eq=False)
class BlockLayout:
    """Which of ``size`` columns stand in each block (k, b), ``size`` where it has fewer, and which
    in the border (c,)."""

    blocks: Value
    border: Value
    size: int

    def of_blocks(self, which: Value) -> Value:
        """The columns, truth values (p,), of which blocks, truth values (k,)."""
        found = np.zeros(self.size + 1, bool)
        found[self.blocks[which]] = True
        return found[: self.size]

    def split(self, vector: Value) -> tuple[Value, Value]:
        """The entries (k, b) and (c,) of a vector (p,), 0 in places that are none."""
        return np.append(vector, 0.0)[self.blocks], vector[self.border]

    def joined(self, inner: Value, border: Value) -> Value:
        """The vector (p,) of entries (k, b) and (c,)."""
        found = np.empty(self.size + 1)
        found[self.blocks] = inner
        found[self.border] = border
        return found[: self.size]

    @property
    def entries(self) -> int:
        """How many numbers a triangle has."""
        (count, width), border = self.blocks.shape, self.border.size
        return int(count * width * (width + border) + border**2)


@dataclass(frozen=True, eq=False)
class AngularTriangle:
    """R (p, p) by the triangles of its blocks (k, b, b), what their rows have in the border
    (k, b, c), and the triangle (c, c) of that. A column that is none has a row of its own. ``sums``
    (k,) are those of the squares of the residuals of each block where there is no border, so that
    blocks are problems of their own; else it is empty.

    It stands where a whole triangle may: ``@``, ``.T @`` and ``/``, by the columns, are as these.

    >>> layout = BlockLayout(np.array([[0], [1]]), np.array([2]), 3)
    >>> found = AngularTriangle.of(layout, np.array([2.0, 4.0, 1.0, 1.0, 5.0]))
    >>> found @ np.array([1.0, 1.0, 1.0]), found.T @ np.array([1.0, 1.0, 1.0])
    (array([3., 5., 5.]), array([2., 4., 7.]))
    >>> found.solved(np.array([3.0, 5.0, 5.0]))
    array([1., 1., 1.])
    """

    layout: BlockLayout
    blocks: Value
    sides: Value
    corner: Value
    sums: Value = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, layout: BlockLayout, entries: Value) -> AngularTriangle:
        """That of numbers in the order of ``entries``."""
        (count, width), border = layout.blocks.shape, layout.border.size
        inner, side = count * width * width, count * width * border
        return cls(
            layout,
            entries[:inner].reshape(count, width, width),
            entries[inner : inner + side].reshape(count, width, border),
            entries[inner + side :].reshape(border, border),
        )

    @cached_property
    def entries(self) -> Value:
        """All its numbers, end to end."""
        return np.concatenate([self.blocks.ravel(), self.sides.ravel(), self.corner.ravel()])

    @property
    def T(self) -> _Transposed:  # noqa: N802, as that of an array
        return _Transposed(self)

    def __matmul__(self, vector: Value) -> Value:
        inner, border = self.layout.split(vector)
        upper = _times(self.blocks, inner) + self.sides @ border
        return self.layout.joined(upper, self.corner @ border)

    def __truediv__(self, divisors: Value) -> AngularTriangle:
        inner, border = self.layout.split(divisors)
        inner = np.where(self.layout.blocks < self.layout.size, inner, 1.0)
        scaled = self.blocks / inner[:, None, :], self.sides / border, self.corner / border
        return AngularTriangle(self.layout, *scaled)

    def lengths(self) -> Value:
        """Those of the columns (p,)."""
        count, width = self.layout.blocks.shape
        inner = lengths(self.blocks.transpose(1, 0, 2).reshape(width, count * width))
        border = lengths(np.concatenate([self.beside, self.corner]))
        return self.layout.joined(inner.reshape(count, width), border)

    def solved(self, target: Value) -> Value:
        """``z`` (p,) with ``R @ z == target``; ``LinAlgError`` where there is none for sure."""
        inner, border = self.layout.split(target)
        last = np.linalg.solve(self.corner, border)
        return self.layout.joined(_solved(self.blocks, inner - self.sides @ last), last)

    def solved_transposed(self, target: Value) -> Value:
        """``z`` (p,) with ``R.T @ z == target``."""
        inner, border = self.layout.split(target)
        first = _solved(self.blocks.transpose(0, 2, 1), inner)
        rest = border - self.beside.T @ first.ravel()
        return self.layout.joined(first, np.linalg.solve(self.corner.T, rest))

    def inverse_norm(self) -> float:
        """The Frobenius norm of the inverse; ``LinAlgError`` where there is none for sure."""
        first, last = np.linalg.inv(self.blocks), np.linalg.inv(self.corner)
        return self._inverse(first, last, np.zeros(0)).norm

    def inverse(self, cutoff: float) -> AngularInverse:
        """The inverse; of a block whose columns are dependent, but for what is left of less than
        ``cutoff`` along directions of it, with which ``open`` columns change. ``LinAlgError`` where
        the columns of the border are."""
        left, values, right = np.linalg.svd(self.blocks)
        turned, kept = left.transpose(0, 2, 1), values > cutoff
        corner = self.corner
        if not kept.all():
            rows = np.concatenate([corner, (turned @ self.sides)[~kept]])
            corner = of_border([np.column_stack([rows, np.zeros(len(rows))])])[:-1, :-1]
        last = np.linalg.inv(corner)
        if not norm(last.ravel()) * sqrt(len(last)) * cutoff < 1.0:
            raise np.linalg.LinAlgError("columns of the border are dependent")
        inverted = kept / np.where(kept, values, 1.0)
        first = right.transpose(0, 2, 1) @ (inverted[:, :, None] * turned)
        taken = np.where(kept[:, :, None], 0.0, np.abs(right)).max(axis=1)
        is_open = np.asarray(self.layout.joined(taken, np.zeros(len(last))) > TAKES_PART)
        return self._inverse(first, last, is_open)

    def _inverse(self, first: Value, last: Value, is_open: Value) -> AngularInverse:
        between = first @ (self.beside @ last).reshape(self.sides.shape)
        return AngularInverse(self.layout, first, between, last, is_open)

    def least_squares(self, target: Value, cutoff: float) -> tuple[Value, float]:
        """Minimize ``norm(R @ z + target)`` where columns may be dependent; and by how much less
        than ``target`` that is, as the length of what it takes away.

        Directions of a block, and of the border, along which less than ``cutoff`` is left are not
        gone along."""
        inner, border = self.layout.split(target)
        left, values, right = np.linalg.svd(self.blocks)
        turned = left.transpose(0, 2, 1)
        sides, inner = turned @ self.sides, _times(turned, inner)
        kept = values > cutoff
        rest = np.concatenate([self.corner, sides[~kept]])
        whole = of_border([np.column_stack([rest, np.concatenate([border, inner[~kept]])])])
        last, along, _ = of_least_length(whole[:-1, :-1], whole[:-1, -1], cutoff, 1.0)
        steps = -(inner + sides @ last) / np.where(kept, values, 1.0) * kept
        step = self.layout.joined(_times(right.transpose(0, 2, 1), steps), last)
        return step, sqrt(norm(inner[kept]) ** 2 + along**2)

    def damped(self, target: Value, damping: float) -> tuple[AngularTriangle, Value]:
        """Triangle and target (p,) of ``norm(R @ z + target)**2 + damping * norm(z)**2``, but for
        what is the same for all ``z``."""
        (count, width), border = self.layout.blocks.shape, self.layout.border.size
        inner, last = self.layout.split(target)
        panels = np.zeros((count, 2 * width, width + border + 1))
        panels[:, range(width), range(width)] = sqrt(damping)
        panels[:, width:, :width] = self.blocks
        panels[:, width:, width:-1] = self.sides
        panels[:, width:, -1] = inner
        top, rest = eliminated(panels, width)
        corner = np.zeros((2 * border, border + 1))
        corner[range(border), range(border)] = sqrt(damping)
        corner[border:, :-1] = self.corner
        corner[border:, -1] = last
        return assembled(self.layout, top, of_border([corner, rest]))

    @property
    def beside(self) -> Value:
        """What the rows of all blocks have in the border (k b, c)."""
        count, width, border = self.sides.shape
        return self.sides.reshape(count * width, border)


class AngularInverse(NamedTuple):
    """The inverse of a triangle: that of its blocks (k, b, b), less ``between`` (k, b, c) beside
    them, and that of the border (c, c); ``open`` (p,) are the columns of which there is none."""

    layout: BlockLayout
    first: Value
    between: Value
    last: Value
    open: Value

    @property
    def norm(self) -> float:
        """The Frobenius norm."""
        return sqrt(sum(float(np.vdot(one, one)) for one in self[1:4]))

    @property
    def variances(self) -> Value:
        """The diagonal (p,) of the inverse times its transpose."""
        inner = np.square(self.first).sum(axis=2) + np.square(self.between).sum(axis=2)
        return self.layout.joined(inner, np.square(self.last).sum(axis=1))

    def over(self, divisors: Value) -> AngularInverse:
        """With its rows over ``divisors`` (p,): that of columns so many times as long."""
        inner, border = self.layout.split(divisors)
        inner = np.where(self.layout.blocks < self.layout.size, inner, 1.0)[:, :, None]
        first, between = self.first / inner, self.between / inner
        return AngularInverse(self.layout, first, between, self.last / border[:, None], self.open)

    def transposed_times(self, vector: Value) -> Value:
        """The transpose times a vector (p,)."""
        inner, border = self.layout.split(vector)
        last = self.last.T @ border - np.einsum("kic,ki->c", self.between, inner)
        return self.layout.joined(_times(self.first.transpose(0, 2, 1), inner), last)

    def times(self, vector: Value) -> Value:
        """The inverse times a vector (p,)."""
        inner, border = self.layout.split(vector)
        first = _times(self.first, inner) - self.between @ border
        return self.layout.joined(first, self.last @ border)

    def lengths(self, blocks: Value, inner: Value, border: Value) -> Value:
        """Those (n,) of rows times the inverse, which have ``inner`` (n, b) in one of the
        ``blocks`` (n,), and ``border`` (n, c)."""
        first = (inner[:, None, :] @ self.first[blocks])[:, 0]
        last = border @ self.last - (inner[:, None, :] @ self.between[blocks])[:, 0]
        return np.sqrt(np.square(first).sum(axis=1) + np.square(last).sum(axis=1))


@dataclass(frozen=True, eq=False)
class _Transposed:
    of: AngularTriangle

    def __matmul__(self, vector: Value) -> Value:
        inner, border = self.of.layout.split(vector)
        first = _times(self.of.blocks.transpose(0, 2, 1), inner)
        last = self.of.beside.T @ inner.ravel() + self.of.corner.T @ border
        return self.of.layout.joined(first, last)


def assembled(layout: BlockLayout, top: Value, whole: Value) -> tuple[AngularTriangle, Value]:
    """A triangle and the target (p,) beside it, from what was ``eliminated`` and ``of_border``."""
    width = layout.blocks.shape[1]
    made = AngularTriangle(layout, top[:, :, :width], top[:, :, width:-1], whole[:-1, :-1])
    return made, layout.joined(top[:, :, -1], whole[:-1, -1])


def eliminated(panels: Value, width: int) -> tuple[Value, Value]:
    """The first ``width`` rows (k, b, w) of the triangles of panels (k, m, w), of as many columns;
    and of the other rows what stands in the other columns, (k (m - b), w - b).

    >>> top, rest = eliminated(np.array([[[3.0, 1.0], [4.0, 1.0]]]), 1)
    >>> abs(top).round(12), abs(rest).round(12)
    (array([[[5. , 1.4]]]), array([[0.2]]))
    """
    found: Value = np.linalg.qr(panels, mode="r")
    return found[:, :width], found[:, width:, width:].reshape(-1, panels.shape[2] - width)


def of_border(parts: Iterable[Value]) -> Value:
    """The triangle (w, w) of rows (n, w), given in parts."""
    rows = np.concatenate([*parts])
    found = triangle(rows)
    width = rows.shape[1]
    return np.concatenate([found, np.zeros((width - len(found), width))])


def _times(matrices: Value, vectors: Value) -> Value:
    return (matrices @ vectors[:, :, None])[:, :, 0]


def _solved(matrices: Value, vectors: Value) -> Value:
    return np.linalg.solve(matrices, vectors[:, :, None])[:, :, 0]
