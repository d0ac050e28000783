"""Least squares of many rows as those of a triangle, block of rows by block.

All that a step of least squares needs of residual r and Jacobian J is the triangle R of
``[J r] = Q R``: ``|J s + r|`` is ``|R [s 1]|`` for every step s. Each block of rows is evaluated
and reduced to its triangle while it is in the cache, or where it has many columns to the products
of these, as in ``tall``. So the memory does not grow with the rows, and what the blocks are depends
on nothing but sizes: no bit depends on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import numpy as np

from optserve.backends.backend import Compiled
from optserve.backends.blas import one_thread
from optserve.backends.threads import share
from optserve.graph.aval import Array, DType, Shape
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.known_points import Linearized
from optserve.optimizers.tall import MANY, SQUARES, of_products, triangle
from optserve.transforms.rows_apart import keeps_rows_apart

__all__ = ["ReducedResiduals", "reduced"]

BLOCK_ENTRIES = 1 << 18
"""Entries of the Jacobian of one block: about as many as a second-level cache holds."""

SEVERAL = 4
"""Blocks from which on it is worth the while."""

TOGETHER = 4
"""Blocks whose products are made at once."""


@dataclass(eq=False)
class ReducedResiduals:
    """Residuals with ``rows`` by blocks, and those without them, if there are any, at once.

    Of a Jacobian that is the same everywhere, as structure tells, the products are made once. Where
    they are well-conditioned, they are half the Hessian, which then is known.
    """

    evaluator: Evaluator
    rows: int
    height: int
    sliced: Sequence[bool]
    by_rows: Compiled
    at_once: Compiled | None
    _squares: Array | None = field(default=None, init=False)

    def __call__(self, point: Array) -> Linearized:
        """Loss and gradient at a point (p,), and a residual and Jacobian of the same least squares
        with p + 1 rows."""
        size, dtype = point.size, self.evaluator.packing.dtype
        with one_thread():  # else the library below would start threads for each block
            if size + 1 >= MANY:
                products = self._products(point)
                found = of_products(products)
                if found is not None:
                    if self._squares is not None:
                        self.evaluator.constant_hessian = 2.0 * self._squares
                    return _linearized(products[size, size], products[size, :size], found, dtype)
            if self.rows <= SEVERAL * self.height:
                return self.evaluator.linearized(point)
            square, slopes, triangles = np.zeros(()), np.zeros(size), list[Array]()
            for residual, jacobian in self._blocks(point, self.height):
                square += residual @ residual
                slopes += residual @ jacobian
                triangles.append(triangle(jacobian, residual))
            return _linearized(square, slopes, triangle(np.concatenate(triangles)), dtype)

    def _products(self, point: Array) -> Array:
        """Those (p + 1, p + 1) of the columns of Jacobian and residual with each other: of several
        blocks at once, each on a thread, and summed in their order."""
        size = point.size
        found = np.zeros((size + 1, size + 1))
        if self._is_constant:
            loss, gradient = self.evaluator.gradient(point)
            found[size, :size], found[size, size] = 0.5 * gradient, loss
            if self._squares is None:
                self._squares = np.zeros((size, size))
                self._add_products(point, self._squares)
            found[:size, :size] = self._squares
        else:
            self._add_products(point, found[:size, :size], found[size])
        found[:size, size] = found[size, :size]
        return found

    @property
    def _is_constant(self) -> bool:
        """Whether the Jacobian is the same everywhere, and the gradient has all digits."""
        return self.evaluator.packing.dtype == np.float64 and self.evaluator.graphs.is_linear

    def _add_products(self, point: Array, squares: Array, slopes: Array | None = None) -> None:
        """Add the products (p, p) of the columns of the Jacobian to ``squares``, and those (p + 1,)
        of the residual with these and itself to ``slopes``."""
        blocks = self._blocks(point, max(self.height // SQUARES, 1))
        while several := list(islice(blocks, TOGETHER)):
            made = dict.fromkeys(range(len(several)), np.zeros(()))
            share(partial(_multiply, several, made), len(several), self.evaluator.backend.threads)
            for number, (residual, jacobian) in enumerate(several):
                squares += made[number]
                if slopes is not None:
                    slopes[:-1] += residual @ jacobian
                    slopes[-1] += residual @ residual

    def _blocks(self, point: Array, height: int) -> Iterator[tuple[Array, Array]]:
        """Residual (m,) and Jacobian (m, p) of each block, in float64."""
        arguments = self.evaluator.graphs.arguments
        if self.at_once is not None:
            yield _joined(self.at_once(point, *arguments), point.size)
        for first in range(0, self.rows, height):
            block = [
                one[first : first + height] if sliced else one
                for one, sliced in zip(arguments, self.sliced, strict=True)
            ]
            yield _joined(self.by_rows(point, *block), point.size)


@np.errstate(all="ignore")
def _multiply(
    blocks: Sequence[tuple[Array, Array]], squares: dict[int, Array], numbers: Iterable[int]
) -> None:
    """Put the products (p, p) of the columns of some Jacobians into ``squares``."""
    for number in numbers:
        _, jacobian = blocks[number]
        squares[number] = jacobian.T @ jacobian


def _linearized(square: Array, slopes: Array, triangular: Array, dtype: DType) -> Linearized:
    """From the square of the residual, its products (p,) with columns, and the triangle of both."""
    size = len(slopes)
    gradient = (2.0 * slopes).astype(dtype)
    return Linearized(dtype.type(square), gradient, triangular[:, size], triangular[:, :size])


def reduced(evaluator: Evaluator, *, blocks: bool = False) -> Callable[[Array], Linearized] | None:
    """How the least squares of a job are reduced; ``None`` where they are few, or where a residual
    depends on other rows than its own. Where rows have few entries, these alone are multiplied; to
    an ``AngularTriangle``, where ``blocks`` may be told and nothing is bounded.

    Few rows of streamed data are held, so that the bits are those of data in memory.
    """
    if (sparse := evaluator.sparse) is not None:
        return (evaluator.angular if blocks else None) or sparse.reduced
    graphs, size = evaluator.graphs, evaluator.packing.size
    few = evaluator.rows * (size + 1) <= BLOCK_ENTRIES
    if few and not evaluator.problem.objective.streamed:
        return None
    names = evaluator.problem.objective.residuals
    shapes = [atom.aval.shape for atom in graphs.objective.outputs[1 : 1 + len(names)]]
    own = tuple(index for index, shape in enumerate(shapes) if _tables(shape))
    others = tuple(index for index in range(len(shapes)) if index not in own)
    tables = {size for index in own for size in _tables(shapes[index])}
    if len(tables) != 1:
        return None
    [rows] = tables
    if not rows.is_rows or any(shapes[index].index(rows) for index in own):
        return None
    counts = evaluator.row_counts
    entries = sum(evaluator.residual_sizes[names[index]] for index in own)
    each = max(1, entries // max(1, counts[rows.name]))
    height = max(BLOCK_ENTRIES // (each * (size + 1)), SQUARES * (size + 1))
    many = size + 1 >= MANY and SQUARES * counts[rows.name] > SEVERAL * height
    if not many and counts[rows.name] <= SEVERAL * height:
        return evaluator.linearized if evaluator.problem.objective.streamed else None
    by_rows = _apart(evaluator, own)
    if by_rows is None or not keeps_rows_apart(by_rows, rows):
        return None
    at_once = _apart(evaluator, others) if others else None
    if others and at_once is None:
        return None
    return ReducedResiduals(
        evaluator,
        counts[rows.name],
        height,
        [rows in variable.aval.shape for variable in graphs.rest],
        evaluator.compiled(("apart", own), lambda: by_rows),
        None if at_once is None else evaluator.compiled(("apart", others), lambda: at_once),
    )


def _apart(evaluator: Evaluator, residuals: tuple[int, ...]) -> Graph | None:
    """Some of the residuals with their Jacobians, made once for all problems of a structure."""
    graphs = evaluator.graphs
    return graphs.kept(("apart", residuals), lambda: graphs.apart(residuals))


def _tables(shape: Shape) -> list[Dim]:
    return [size for size in shape if isinstance(size, Dim)]


def _joined(found: Sequence[Array], width: int) -> tuple[Array, Array]:
    """Residuals and their Jacobians, each joined."""
    count = len(found) // 2
    residuals = [np.ravel(one) for one in found[:count]]
    jacobians = [np.reshape(one, (-1, width)) for one in found[count:]]
    residual = residuals[0] if count == 1 else np.concatenate(residuals)
    jacobian = jacobians[0] if count == 1 else np.concatenate(jacobians)
    return residual.astype(np.float64, copy=False), jacobian.astype(np.float64, copy=False)
