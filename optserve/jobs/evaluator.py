"""The compiled graphs of a job, each made when it is first asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from optserve.backends.backend import Backend, CalledOut, Compiled
from optserve.errors import DerivativeError, NumericalFailure, OptserveError
from optserve.graph.aval import Array, resolve_shape
from optserve.graph.graph import Graph
from optserve.graph.interpret import bind_rows, interpret
from optserve.graph.streamed import held
from optserve.jobs.deadline import Deadline
from optserve.jobs.equilibration import PROBES, ROUNDS, curvatures
from optserve.jobs.graphs import Graphs
from optserve.jobs.known_points import LastPoints, Linearized, unknown
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.jobs.work import entries_of
from optserve.optimizers.tall import MANY
from optserve.transforms.simplify import simplify

if TYPE_CHECKING:  # most jobs do without
    from optserve.jobs.angular_jacobian import AngularJacobian
    from optserve.jobs.sparse_jacobian import SparseJacobian

__all__ = ["PRODUCT", "Evaluator"]

LARGEST_COUNT = 1000
"""Free coordinates up to which derivatives by each of them are formed beside the descent."""

LARGEST_WIDTH = 64
"""Columns of a Jacobian whose tangents are computed at once, at most."""

SEVERAL, QUICK = 30, 10_000_000
"""Free coordinates up to which curvatures serve the descent itself, and the entries of all values
that may be computed for that."""

LARGEST_JACOBIAN, LARGEST_BESIDE = 50_000_000, 5_000_000
"""The same for the entries of such a matrix, and of the Jacobian of a sum of squares that is not
declared as one: whoever declares a loss expects no memory in proportion to its rows."""

PRODUCT = 3
"""How many evaluations a product of the Hessian with a vector costs."""

TOGETHER = 8
"""Directions of one pass over streamed data. Reading takes the time then, not arithmetic: the
products with all of them cost as much as one does in memory."""


class Evaluator:
    """Evaluates what a job needs at points of its free coordinates, by one backend."""

    def __init__(self, problem: Problem, packing: Packing, backend: Backend) -> None:
        self.problem = problem
        self.packing = packing
        self.backend = backend
        self.graphs = Graphs(problem, packing)
        self.deadline = Deadline(lambda: 0.0)
        self.points = LastPoints()
        self.constant_hessian: Array | None = None
        """The Hessian (p, p), once it has been made of a loss that has the same everywhere."""
        self._products: dict[int, Compiled] = {}

    def over(self, data: Mapping[str, Array]) -> Evaluator:
        """The same graphs over other ``data`` of the same shapes."""
        other, graphs = copy.copy(self), copy.copy(self.graphs)
        objective = replace(self.problem.objective, data=data)
        graphs.arguments = (*self.packing.constants, *objective.arrays)
        other.graphs, other.points = graphs, LastPoints()
        for made in ("sparse", "angular"):  # whose places the data tell
            other.__dict__.pop(made, None)
        other.constant_hessian = None
        return other

    @property
    def bounds(self) -> tuple[Array | None, Array | None]:
        """Lower and upper bounds (p,), ``None`` where nothing is bounded."""
        return self.packing.lower, self.packing.upper

    @cached_property
    def forms_jacobian(self) -> bool:
        """Whether a Jacobian or a Hessian is small enough to be formed beside the descent.

        A Jacobian over the rows of streamed data is where these are few, which are held then."""
        count, objective = self.packing.size, self.problem.objective
        if objective.streamed and objective.kind == "least_squares" and not self._are_few:
            return False
        rows = self.rows if self.problem.objective.kind == "least_squares" else 0
        return 0 < count <= LARGEST_COUNT and count * max(rows, count) <= LARGEST_JACOBIAN

    @cached_property
    def linearizes(self) -> bool:
        """Whether the loss is a sum of squares whose Jacobian is formed beside the descent.

        One that is not declared as such may be, but for a constant."""
        objective, count = self.problem.objective, self.packing.size
        if objective.kind == "least_squares":
            return self.forms_jacobian
        if not 0 < count <= LARGEST_COUNT or self.graphs.squares is None:
            return False
        if not self._are_few or not self._weights_are_positive():
            return False
        try:
            return self._jacobian_graph is not None or bool(self._tangents_graph.outputs)
        except DerivativeError:  # a plugin may have no rule for it
            return False

    @cached_property
    def rows(self) -> int:
        """How many residuals there are, none where the loss is no sum of squares."""
        if self.problem.objective.kind == "least_squares":
            return sum(self.residual_sizes.values())
        found = self.graphs.squares
        atoms = () if found is None else found.graph.outputs[1:]
        return sum(prod(resolve_shape(atom.aval.shape, self.row_counts)) for atom in atoms)

    @property
    def _are_few(self) -> bool:
        """Whether there is room for a Jacobian, and for data that are streamed."""
        few = self.packing.size * self.rows <= LARGEST_BESIDE
        return few and self.problem.objective.holds(LARGEST_BESIDE)

    def _weights_are_positive(self) -> bool:
        """Whether no square of a loss is multiplied by a negative number of the data."""
        found = self.graphs.squares
        if found is None or not found.weights.outputs:
            return True
        pieces = self.packing.pieces(np.zeros(self.packing.size, self.packing.dtype))
        weights = interpret(found.weights, *pieces, *held(self.graphs.arguments))
        return all(bool((np.asarray(one) >= 0.0).all()) for one in weights)

    def gradient(self, point: Array) -> tuple[Array, Array]:
        """Loss and gradient (p,); NaN where a whole number that they need does not exist."""
        try:
            method = self.problem.optimizer
            if method is not None and method.needs == "jacobian" and self.sparse is not None:
                return self.sparse.gradient(point)
            loss, gradient = self._gradient(point, *self.graphs.arguments)
        except NumericalFailure:
            return np.full((), np.nan), np.full(point.shape, np.nan)
        return loss, gradient

    def linearized(self, point: Array, data: Sequence[Any] | None = None) -> Linearized:
        """Of a sum of squares: residual and Jacobian too; all NaN where a whole number that they
        need does not exist. ``data`` stands in place of the arguments of all graphs, if given."""
        known = None if data is not None else self.points.of(point)
        if known is not None:
            return known
        try:
            if data is None and self.sparse is not None:
                return self.points.keep(point, self.sparse.linearized(point))
            found = self._linearized(point, held(self.graphs.arguments if data is None else data))
        except NumericalFailure:
            return unknown(self.rows, point.size)
        return found if data is not None else self.points.keep(point, found)

    def _linearized(self, point: Array, arguments: Sequence[Any]) -> Linearized:
        if self._jacobian is not None:
            return Linearized(*self._jacobian(point, *arguments))
        size, width = self.packing.size, self._width
        blocks = []
        for start in range(0, size, width):
            directions = np.eye(width, size, start, self.packing.dtype)
            blocks.append(self._tangents(point, directions, *arguments))
        loss, _, residual, _ = blocks[0]
        gradient = np.concatenate([block[1] for block in blocks])[:size]
        jacobian = np.concatenate([block[3] for block in blocks], axis=1)[:, :size]
        return Linearized(loss, gradient, residual, jacobian)

    def product(self, point: Array, direction: Array) -> Array:
        """The Hessian of the loss times ``direction`` (p,)."""
        return self.products(point, [direction])[0]

    def products(self, point: Array, directions: Sequence[Array] | Array) -> tuple[Array, ...]:
        """The Hessian of the loss times each of ``directions`` (p,), in one pass over the data."""
        if (known := self.constant_hessian) is not None:
            return tuple((known @ one).astype(one.dtype) for one in directions)
        count = len(directions)
        compiled = self._products.get(count)
        if compiled is None:
            compiled = self.compiled(("curvature", count), lambda: self.graphs.curvature(count))
            self._products[count] = compiled
        return tuple(compiled(point, *directions, *self.graphs.arguments))

    @property
    def together(self) -> int:
        """How many columns of a Hessian are formed in one pass over the data."""
        return TOGETHER if self.problem.objective.streamed else 1

    def hessian(self, point: Array, begins: Callable[[], None] = lambda: None) -> Array:
        """The Hessian of the loss (p, p), which nobody may write to; ``begins()`` is called before
        each pass over the data, made or known. All passes are of one graph: the last begins so
        early that it has as many columns."""
        size, known = self.packing.size, self.points.hessian(point)
        width = -(-size // -(-size // self.together))
        found = np.zeros((size, size))
        units = np.eye(size, dtype=self.packing.dtype)
        for first in range(0, size, width):
            begins()
            if known is None:
                part = slice(min(first, size - width), min(first + width, size))
                found[:, part] = np.stack(self.products(point, units[part]), axis=-1)
        return self.points.keep_hessian(point, found) if known is None else known

    def curvature(self, point: Array) -> Array | None:
        """The Hessian of the loss (p, p); where that takes too long, its diagonal (p,), about.

        Of a sum of squares it is that of Gauss and Newton's model. ``None`` where a second
        derivative is missing, the coordinates are of one size, or there is not the time."""
        try:
            if not self._has_time(point):
                return None
            if not self._curvature_is_cheap:
                return self.diagonal(point, self.gradient(point)[1])
            if self.problem.objective.kind == "least_squares":
                jacobian = np.asarray(self.linearized(point).jacobian, np.float64)
                found: Array = 2.0 * (jacobian.T @ jacobian)
                return found
            return self.hessian(point)
        except OptserveError:  # a second derivative that a plugin does not have
            return None

    def diagonal(self, point: Array, gradient: Array) -> Array | None:
        """The curvature along each coordinate (p,), about; ``gradient`` is that at ``point``.

        ``None`` where they are of one size."""
        width = min(self.together, PROBES)

        def products(directions: Sequence[Array]) -> list[Array]:
            found = list[Array]()
            for first in range(0, len(directions), width):  # all passes are of one graph
                found += self.products(point, directions[first : first + width])
            return found

        return curvatures(products, gradient, together=width)

    def _has_time(self, point: Array) -> bool:
        """Whether curvatures take no more than half of what is left: an evaluation is timed."""
        deadline = self.deadline
        if deadline.limit is None:
            return True
        began = deadline.clock()
        self.gradient(point)
        each = deadline.clock() - began
        cost = PRODUCT * (self.packing.size if self._curvature_is_cheap else PROBES + ROUNDS)
        return cost * each + deadline.setup <= 0.5 * deadline.left

    @cached_property
    def _curvature_is_cheap(self) -> bool:
        size = self.packing.size
        if size > SEVERAL or not self.forms_jacobian:
            return False
        vector = np.zeros(size, self.packing.dtype)
        entries = entries_of(self._gradient_graph(), [vector, *self.graphs.arguments])
        return size * entries <= QUICK

    def at(self, what: str, graph: Callable[[], Graph], point: Array) -> tuple[Array, ...]:
        """The outputs of a graph over the natural parameters and the data, which is ``what``."""
        values = self.packing.natural(point).values()
        data = self.problem.objective.data.values()
        rows = held(data) if what in ("residual", "observed", "sigma", "weight") else data
        return self.compiled(what, graph)(*values, *rows)

    def compiled(self, what: Hashable, graph: Callable[[], Graph], *same: object) -> Compiled:
        """A graph of this structure as a callable, compiled once for all problems of it."""
        return self.graphs.kept(
            ("compiled", what), lambda: self.backend.compile(graph()), self.backend, *same
        )

    def residual(self, point: Array) -> Array:
        """All residuals (n,), end to end."""
        graph = self.problem.objective.graph
        count = len(self.problem.objective.residuals)
        only = replace(graph, outputs=graph.outputs[1 : 1 + count])
        parts = self.at("residual", lambda: simplify(only), point)
        return np.concatenate([np.ravel(part) for part in parts])

    def observed(self, point: Array) -> Array:
        """The response that the predictions are compared with."""
        graph, data = self.problem.objective.graph, self.problem.objective.arrays
        columns = graph.inputs[len(self.packing.segments) :]
        for column, array in zip(columns, data, strict=True):
            if column is graph.outputs[-1]:
                given: list[Array] = held([array])
                return given[0]
        only = replace(graph, outputs=graph.outputs[-1:])
        [response] = self.at("observed", lambda: simplify(only), point)
        return response

    def called_out(self) -> CalledOut | None:
        """What native code of that which the method evaluates leaves to NumPy; ``None`` where there
        is nothing to tell: the rule of a plugin may have failed before."""
        if (find := self.backend.called_out) is None:
            return None
        graph, rows, method = self.problem.objective.graph, self.row_counts, self.problem.optimizer
        takes = method.needs if method is not None and self.packing.size else "loss"
        try:
            made = None
            if takes == "jacobian":
                made = self._jacobian if self.sparse is None else self.sparse.compiled
            made = self.compiled("loss", lambda: graph) if takes == "loss" else made
            compiled, what = made or self._gradient, ("called out", takes, *rows.items())
            return self.graphs.kept(what, lambda: find(compiled, rows), self.backend)
        except OptserveError:
            return None

    @cached_property
    def row_counts(self) -> Mapping[str, int]:
        """How many rows each table has."""
        graph, data = self.problem.objective.graph, self.problem.objective.data
        return bind_rows(graph.inputs[len(self.packing.segments) :], [*data.values()])

    @cached_property
    def residual_sizes(self) -> Mapping[str, int]:
        """How many entries each named residual has."""
        objective, rows = self.problem.objective, self.row_counts
        shapes = (resolve_shape(atom.aval.shape, rows) for atom in objective.graph.outputs[1:])
        return dict(zip(objective.residuals, map(prod, shapes), strict=False))

    def _gradient_graph(self) -> Graph:
        return self.graphs.kept("gradient", self.graphs.gradient)

    @cached_property
    def _gradient(self) -> Compiled:
        return self.compiled("gradient", self._gradient_graph)

    @property
    def _jacobian_graph(self) -> Graph | None:
        """Residual and Jacobian in one graph, where that is how they are computed."""
        return self.graphs.kept("jacobian", self.graphs.jacobian)

    @property
    def work_of_jacobian(self) -> float | None:
        """How many times the work of loss and gradient it is; ``None`` of what tangents make."""
        vector = np.zeros(self.packing.size, self.packing.dtype)
        graph = self._jacobian_graph if self.sparse is None else self.sparse.graph
        given = [vector, *self.graphs.arguments]
        if graph is None:
            return None
        return entries_of(graph, given) / max(1, entries_of(self._gradient_graph(), given))

    @property
    def _tangents_graph(self) -> Graph:
        width = self._width
        return self.graphs.kept(("tangents", width), lambda: self.graphs.tangents(width))

    @cached_property
    def sparse(self) -> SparseJacobian | None:
        """The Jacobian by its entries, where each row has few of them."""
        sizes = [*self.residual_sizes.values()]
        if not sizes or self.packing.size < MANY:
            return None
        from optserve.jobs.sparse_jacobian import sparse_jacobian

        return sparse_jacobian(self.graphs, sizes, self.compiled)

    @cached_property
    def angular(self) -> AngularJacobian | None:
        """The same by small blocks beside a border, where nothing is bounded."""
        if self.sparse is None or any(one is not None for one in self.bounds):
            return None
        from optserve.jobs.angular_jacobian import angular_jacobian

        return angular_jacobian(self.sparse)

    @cached_property
    def _jacobian(self) -> Compiled | None:
        graph = self._jacobian_graph
        return None if graph is None else self.compiled("jacobian", lambda: graph)

    @cached_property
    def _tangents(self) -> Compiled:
        return self.compiled(("tangents", self._width), lambda: self._tangents_graph)

    @property
    def _width(self) -> int:
        """Columns of a Jacobian whose tangents are computed at once: about the same each time."""
        size = self.packing.size
        return -(-size // -(-size // LARGEST_WIDTH))
