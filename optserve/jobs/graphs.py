"""The graphs of a job: the loss and its derivatives over one flat vector of free coordinates.

All of them take the vector first, then what a method carries along (its state, a direction), then
``Graphs.arguments``. A backend compiles them; nothing here computes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from optserve.collector import at_rest
from optserve.errors import PluginError
from optserve.graph.aval import Array, Aval, aval_of
from optserve.graph.graph import Graph, Var, row_names
from optserve.graph.primitive import Value
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.jobs.work import entries_for
from optserve.optimizers.base import Evaluation, Optimizer
from optserve.optimizers.projection import project
from optserve.primitives.tracing import trace
from optserve.transforms.affine import affine
from optserve.transforms.forward import jacobian_graph, pushforward
from optserve.transforms.gathered import Gathered
from optserve.transforms.kinks import Switches, jumps, switches
from optserve.transforms.reverse import value_and_gradient_graph, vjp
from optserve.transforms.row_jacobian import row_jacobian_graph
from optserve.transforms.simplify import prune, simplify
from optserve.transforms.squares import Squares, squares
from optserve.transforms.vmap import vmap

__all__ = ["Graphs", "applied"]

T = TypeVar("T")

FEW = 8
"""Free coordinates up to which the columns of a Jacobian are written out, one by one."""

TYPICAL = 1000
"""Rows of a table for which two ways to a Jacobian are compared."""

Recorded = Callable[[Value, Sequence[Value]], Sequence[Value]]
"""(vector, what comes after it) -> outputs."""


class Graphs:
    """What can be evaluated of a problem at a point of its free coordinates.

    ``arguments`` are the arrays that every graph takes last: the constants of the packing, then the
    data. ``bounds`` are (lower, upper), each (p,), or empty where nothing is bounded.
    """

    def __init__(self, problem: Problem, packing: Packing) -> None:
        self.problem = problem
        self.packing = packing
        self.arguments: tuple[Array, ...] = (*packing.constants, *problem.objective.arrays)
        self.bounds = tuple(one for one in (packing.lower, packing.upper) if one is not None)
        self._vector = Aval((packing.size,), packing.dtype)

    def given(self, batch: Sequence[Value] = ()) -> tuple[Value, ...]:
        """What a step takes after the state: bounds, constants, and data with this ``batch``."""
        return self.held

    @cached_property
    def held(self) -> tuple[Array, ...]:
        """Those of them that every step takes."""
        return (*self.bounds, *self.arguments)

    def is_batched(self, variable: Var) -> bool:
        """Whether an input of a step is a column of which it takes a batch."""
        return False

    @cached_property
    def objective(self) -> Graph:
        """The objective over the pieces of the vector in place of the natural values."""
        return self.kept("objective", self._over_pieces)

    def kept(self, what: Hashable, make: Callable[[], T], *same: object) -> T:
        """What other problems of the same structure have ``made`` already, else what is made."""

        def making() -> T:
            with at_rest():
                return make()

        given = self.problem.objective.graph, self.packing.layout
        return self.problem.shared.of((what, type(self)), making, *given, *same)

    def _over_pieces(self) -> Graph:
        graph, packing = self.problem.objective.graph, self.packing
        if packing.is_identity:
            return graph
        pieces = [Aval(segment.piece_shape, packing.dtype) for segment in packing.free]
        columns = graph.inputs[len(packing.segments) :]
        count, held = len(pieces), len(packing.constants)

        def over_pieces(*given: Value) -> Sequence[Value]:
            values = packing.values(given[:count], given[count : count + held])
            return applied(graph, [*values, *given[count + held :]])

        avals = [*pieces, *map(aval_of, packing.constants), *(column.aval for column in columns)]
        names = [segment.parameter.name for segment in packing.free]
        names += [""] * held + [column.name for column in columns]
        return self.traced(over_pieces, avals, names)

    @cached_property
    def squares(self) -> Squares | None:
        """What the loss is the sum of the squares of, over the pieces of the vector; ``None`` where
        it is no such sum."""
        given = self.problem.objective
        if given.kind != "least_squares":
            wrt = range(len(self.packing.free))
            return self.kept("squares", lambda: squares(self.objective, wrt))
        graph = replace(self.objective, outputs=self.objective.outputs[: 1 + len(given.residuals)])
        return Squares(graph, weights=replace(graph, equations=(), outputs=()))

    @property
    def residuals(self) -> Graph:
        """What least squares are of, over the pieces of the vector."""
        assert self.squares is not None
        graph = self.squares.graph
        return self.kept("residuals", lambda: prune(replace(graph, outputs=graph.outputs[1:])))

    @cached_property
    def is_linear(self) -> bool:
        """Whether structure tells that the loss is a sum of squares of what is affine in the
        coordinates."""
        found, wrt = self.squares, range(len(self.packing.free))
        return found is not None and all(self.kept("affine", lambda: affine(found.graph, wrt))[1:])

    @cached_property
    def has_kinks(self) -> bool:
        """Whether the gradient may jump, by its structure."""
        wrt = range(len(self.packing.free))
        return self.kept("kinks", lambda: jumps(self.differentiated, wrt))

    @property
    def switches(self) -> Switches | None:
        """What decides where the gradient jumps, as far as structure tells."""
        wrt = range(len(self.packing.free))
        return self.kept("switches", lambda: switches(self.differentiated, wrt))

    def loss(self) -> Graph:
        """(vector, ...) -> loss."""
        graph = replace(self.objective, outputs=self.objective.outputs[:1])
        return self._over_vector(
            lambda vector, arguments: applied(graph, [*self.packing.pieces(vector), *arguments])
        )

    def gradient(self) -> Graph:
        """(vector, ...) -> loss, gradient (p,)."""
        return self._over_vector(self._loss_and_gradient)

    def step(self, optimizer: Optimizer, state: Sequence[Array], steps: int | None) -> Graph:
        """(vector, *state, *bounds, ...) -> loss, gradient, next vector, *next state.

        A whole step of a traced method; ``steps`` is the number of them that the job means to
        take. The next vector is projected onto the bounds.
        """
        carries, boxes = len(state), len(self.bounds)

        def stepped(vector: Value, given: Sequence[Value]) -> Sequence[Value]:
            now, arguments = tuple(given[:carries]), given[carries + boxes :]
            lower, upper = given[carries : carries + boxes] or (None, None)
            loss, gradient = self._loss_and_gradient(vector, arguments)
            evaluation = Evaluation(loss, gradient, lower=lower, upper=upper, total_steps=steps)
            updates, following = optimizer.update(evaluation, now, vector)
            return [loss, gradient, project(vector + updates, lower, upper), *following]

        return self._over_vector(stepped, [*state, *self.bounds])

    def jacobian(self) -> Graph | None:
        """(vector, ...) -> loss, gradient (p,), residual (n,), Jacobian (n, p).

        Residuals of several names are joined in order, each flattened. It is ``None`` where the
        tangents of blocks of columns take less work than one graph for all of them.
        """
        assert self.squares is not None
        count = self.squares.count
        derived = self._with_jacobians(self.squares.graph, range(1, 1 + count))
        if derived is None:
            return None

        def joined(vector: Value, arguments: Sequence[Value]) -> Sequence[Value]:
            found = applied(derived, [*self.packing.pieces(vector), *arguments])
            residual = _joined([np.reshape(one, -1) for one in found[1 : 1 + count]])
            width = self.packing.size
            jacobian = _joined([np.reshape(one, (-1, width)) for one in found[1 + count :]])
            return [found[0], 2.0 * (residual @ jacobian), residual, jacobian]

        return self._over_vector(joined)

    def gathered_jacobian(self, found: Gathered) -> Graph | None:
        """(vector, ...) -> loss, residual (n,), its derivatives (n, q) by what is used directly and
        by what each row has picked, then the slopes of each table: of an entry that is made of one
        coordinate the derivative by that. ``None`` where rows depend on other rows than their own.
        """
        assert self.squares is not None
        graph, count = self.squares.graph, self.squares.count
        rest, inputs = found.rest, len(self.squares.graph.inputs)
        wrt = [*found.direct, *range(inputs, inputs + len(found.picks))]
        derived = row_jacobian_graph(rest, range(1, 1 + count), wrt)
        if derived is None:
            return None
        heads = prune(replace(graph, outputs=(*found.tables, *found.positions)))

        def joined(vector: Value, arguments: Sequence[Value]) -> Sequence[Value]:
            given = [*self.packing.pieces(vector), *arguments]
            ones = [np.ones_like(piece) for piece in given[: len(self.packing.free)]]
            values, [slopes] = pushforward(heads, given, [(*ones, *(None for _ in arguments))])
            tables, positions = values[: len(found.picks)], values[len(found.picks) :]
            picked = [
                one.primitive.bind(table, where, **one.attributes)
                for one, table, where in zip(found.picks, tables, positions, strict=True)
            ]
            made = applied(derived, [*given, *picked])
            residual = _joined([np.reshape(one, -1) for one in made[1 : 1 + count]])
            local = [np.reshape(one, (-1, np.shape(one)[-1])) for one in made[1 + count :]]
            sloped = [
                np.zeros_like(table) if slope is None else slope
                for table, slope in zip(tables, slopes, strict=False)
            ]
            return [made[0], residual, _joined(local), *sloped]

        return self._over_vector(joined)

    def apart(self, residuals: Sequence[int]) -> Graph | None:
        """(vector, ...) -> some of the residuals, each of its own shape, then the Jacobian (..., p)
        of each; ``None`` where tangents take less work."""
        outputs = tuple(self.objective.outputs[1 + index] for index in residuals)
        objective = prune(replace(self.objective, outputs=outputs))
        derived = self._with_jacobians(objective, range(len(outputs)))
        if derived is None:
            return None
        return self._over_vector(
            lambda vector, arguments: applied(derived, [*self.packing.pieces(vector), *arguments])
        )

    def _with_jacobians(self, graph: Graph, outputs: Sequence[int]) -> Graph | None:
        """``graph`` with the Jacobians of some outputs by the free parameters behind them all."""
        few = self.packing.size <= FEW
        make = jacobian_graph if few else row_jacobian_graph
        derived = make(graph, outputs, range(len(self.packing.free)))
        return derived if derived is None or few or self._is_quick(derived) else None

    def _is_quick(self, derived: Graph) -> bool:
        """Whether ``derived`` is less work than the tangents of the objective, one a coordinate.

        The structure decides, for tables of ``TYPICAL`` rows.
        """
        rows = dict.fromkeys(row_names(derived), TYPICAL)
        return entries_for(derived, rows) <= self.packing.size * entries_for(self.objective, rows)

    def tangents(self, count: int) -> Graph:
        """(vector, ``count`` directions (count, p), ...) -> loss, their slopes (count,), residual
        (n,), its tangents (n, count).

        The graph does not grow with the parameters, nor with the directions.
        """
        assert self.squares is not None
        objective = self.squares.graph

        def pushed(vector: Value, given: Sequence[Value]) -> Sequence[Value]:
            direction, arguments = given[0], given[1:]
            parts = [*self.packing.pieces(vector), *arguments]
            tangents = [*self.packing.pieces(direction), *(None for _ in arguments)]
            values, [found] = pushforward(objective, parts, [tuple(tangents)])
            filled = [
                np.zeros_like(value) if one is None else one
                for value, one in zip(values[1:], found[1:], strict=True)
            ]
            residual = _joined([np.reshape(one, -1) for one in values[1:]])
            return [values[0], residual, _joined([np.reshape(one, -1) for one in filled])]

        single = self._over_vector(pushed, [self._vector])

        def of_many(vector: Value, given: Sequence[Value]) -> Sequence[Value]:
            flags = [index == 1 for index in range(len(given) + 1)]
            [loss, residual, tangents], carried = vmap(single, [vector, *given], flags, count)
            if not carried[2]:  # of a residual that does not depend on the parameters
                tangents = np.broadcast_to(tangents, (count, *np.shape(tangents)))
            return [loss, 2.0 * (tangents @ residual), residual, np.transpose(tangents)]

        return self._over_vector(of_many, [Aval((count, self.packing.size), self.packing.dtype)])

    def curvature(self, count: int = 1) -> Graph:
        """(vector, ``count`` directions (p,), ...) -> the Hessian of the loss times each, (p,)."""
        gradient = self.kept("gradient", self.gradient)

        def pushed(vector: Value, given: Sequence[Value]) -> Sequence[Value]:
            directions, arguments = given[:count], given[count:]
            still = tuple(None for _ in arguments)
            [_, found], turned = pushforward(
                gradient, [vector, *arguments], [(one, *still) for one in directions]
            )
            return [np.zeros_like(found) if one is None else one for _, one in turned]

        return self._over_vector(pushed, [self._vector] * count)

    def _loss_and_gradient(self, vector: Value, arguments: Sequence[Value]) -> Sequence[Value]:
        pieces = self.packing.pieces(vector)
        loss, *gradients = applied(self.differentiated, [*pieces, *arguments])
        return [loss, _end_to_end(gradients) if gradients else vector]

    @cached_property
    def differentiated(self) -> Graph:
        """(pieces of the vector, ...) -> the loss, then its gradient by each piece."""
        loss = replace(self.objective, outputs=self.objective.outputs[:1])
        wrt = range(len(self.packing.free))
        return self.kept("differentiated", lambda: value_and_gradient_graph(loss, wrt))

    @property
    def rest(self) -> tuple[Var, ...]:
        """The inputs that every graph takes last."""
        return self.objective.inputs[len(self.packing.free) :]

    def _over_vector(self, record: Recorded, carried: Sequence[Array | Aval] = ()) -> Graph:
        """The graph of ``record(vector, [*carried, *arguments])``."""
        rest = self.rest
        avals = [self._vector, *map(aval_of, carried), *(variable.aval for variable in rest)]
        names = ["coordinates", *("" for _ in carried), *(variable.name for variable in rest)]
        return self.traced(lambda vector, *given: record(vector, given), avals, names)

    def traced(
        self, record: Callable[..., Sequence[Value]], avals: Sequence[Aval], names: Sequence[str]
    ) -> Graph:
        """The graph of ``record`` on stand-ins, in the precision of the job."""
        with np.errstate(all="ignore"):  # numbers are folded on the way
            traced = trace(
                record,
                *avals,
                precision=self.packing.dtype,
                names=names,
                rewrites=False,
            )
            if traced.captured:
                raise PluginError(
                    "the optimizer or a transform of parameters holds a large array",
                    expected="plain arithmetic",
                    remedy="keep such an array in the optimizer's state",
                )
            return simplify(traced.graph)


def applied(graph: Graph, values: Sequence[Value]) -> Sequence[Value]:
    """The outputs of ``graph`` at traced ``values``: its equations, recorded once more."""
    outputs, _ = vjp(graph, values, ())
    return outputs


def _end_to_end(gradients: Sequence[Value]) -> Value:
    """One vector of all the entries; scalars are joined in one operation."""
    if all(np.ndim(gradient) == 0 for gradient in gradients):
        return np.stack(gradients)
    return _joined([np.reshape(gradient, -1) for gradient in gradients])


def _joined(parts: Sequence[Value]) -> Value:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
