"""What the data tell at a point: a matrix with a row for each thing that is told.

Least squares have a row of the Jacobian for each residual, and a likelihood has the score of each
observation: what none of them changes along, nobody can estimate (Rothenberg 1971, theorem 1, of
whose information matrix these are the roots). Of any other loss over rows, the gradients of
samples of the rows, drawn with replacement, stand for the scores: they differ as far as the rows
tell something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optserve.graph.aval import Array, resolve_shape
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.primitive import Value
from optserve.graph.streamed import is_streamed
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.minimum import FreeMinimum, NoCovarianceError
from optserve.jobs.graphs import applied
from optserve.jobs.known_points import Evaluated
from optserve.jobs.problem import Objective

__all__ = ["Telling", "telling_of"]

MORE = 10
"""Samples beside one for each coordinate."""

REST = 1e-8
"""A curvature of penalties and priors below this share of their largest is rounding of 0."""

ToldRows = Callable[[Array], Array | None]
"""point (p,) -> what is told there (m, p); ``None`` where that is not finite."""


@dataclass(frozen=True)
class Telling:
    """``rows`` gives what is told at a point; ``told`` says what that is, and how many things."""

    rows: ToldRows
    told: str
    count: int


def telling_of(evaluator: Evaluator) -> Telling | str:
    """How it is found what the data tell; or why it is not."""
    objective = evaluator.problem.objective
    if evaluator.linearizes:
        return Telling(_by_jacobian(evaluator), "the Jacobian of the residuals", evaluator.rows)
    if not evaluator.forms_jacobian:
        return f"its derivatives by {evaluator.packing.size} coordinates are too many to be formed"
    rest = _data_free(evaluator)
    if objective.kind == "log_likelihood":
        shape = objective.graph.outputs[1].aval.shape
        if shape and not objective.streamed:
            own = _both(_by_scores(evaluator), rest)
            [count, *_] = resolve_shape(shape, evaluator.row_counts)
            return Telling(own, "the scores of the observations", count)
    columns = _columns(evaluator)
    if columns is None:
        return "its data are streamed: `in_memory: true` holds them"
    if not columns:
        return "it is one number, and no sum of squares: nothing in it is told row by row"
    count = max(evaluator.row_counts[table] for table in columns.values())
    own = _both(_by_samples(evaluator, columns), rest)
    return Telling(own, "the gradients of samples of the rows", count)


def _is_rows(dim: object) -> bool:
    return isinstance(dim, Dim)


def _finite(found: Array) -> Array | None:
    return found if np.isfinite(found).all() else None


def _both(one: ToldRows, other: ToldRows | None) -> ToldRows:
    if other is None:
        return one

    def found(point: Array) -> Array | None:
        first, second = one(point), other(point)
        return None if first is None or second is None else np.concatenate([first, second])

    return found


def _by_jacobian(evaluator: Evaluator) -> ToldRows:
    def rows(point: Array) -> Array | None:
        found = evaluator.linearized(point)
        if not np.isfinite(found.loss):  # as of log(-1), whose derivative is a number
            return None
        return _finite(np.asarray(found.jacobian, np.float64))

    return rows


def _by_scores(evaluator: Evaluator) -> ToldRows:
    def rows(point: Array) -> Array | None:
        loss, gradient = evaluator.gradient(point)
        if not np.isfinite(loss):
            return None
        best = Evaluated(point, float(loss), np.asarray(gradient))
        try:
            return FreeMinimum(evaluator, best, np.ones(point.shape, bool)).scores
        except NoCovarianceError:
            return None

    return rows


def _by_samples(evaluator: Evaluator, columns: Mapping[str, str]) -> ToldRows:
    """Gradients about their mean, so that what is the same of all samples tells nothing."""
    data = evaluator.problem.objective.data
    samples = []
    for number in range(evaluator.packing.size + MORE):
        drawn = np.random.Generator(np.random.Philox(key=[0, number]))
        which = {
            table: drawn.integers(0, size, size)
            for table, size in sorted(evaluator.row_counts.items())
        }
        sample = {
            name: one[which[columns[name]]] if name in columns else one
            for name, one in data.items()
        }
        samples.append(evaluator.over(sample))

    def rows(point: Array) -> Array | None:
        losses, gradients = zip(*(one.gradient(point) for one in samples), strict=True)
        if not np.isfinite(np.asarray(losses)).all():
            return None
        found = np.stack([np.asarray(one, np.float64) for one in gradients])
        return _finite(found - found.mean(axis=0))

    return rows


def _columns(evaluator: Evaluator) -> dict[str, str] | None:
    """The table of each of the data that has rows; ``None`` where it is streamed."""
    problem = evaluator.problem
    inputs = problem.objective.graph.inputs[len(problem.parameters) :]
    found = {}
    for variable, (name, array) in zip(inputs, problem.objective.data.items(), strict=True):
        shape = variable.aval.shape
        if shape and isinstance(shape[0], Dim):
            if is_streamed(array):
                return None
            found[name] = shape[0].name
    return found


def _data_free(evaluator: Evaluator) -> ToldRows | None:
    """What penalties, priors and whatever else the loss adds without the data tell: the roots of
    their curvatures, and their slopes; ``None`` where there is nothing of the kind."""
    problem = evaluator.problem
    graph = _free_terms(evaluator)
    if graph is None:
        return None
    objective = Objective("loss", graph, problem.objective.data)
    alone = Evaluator(replace(problem, objective=objective), evaluator.packing, evaluator.backend)

    def rows(point: Array) -> Array | None:
        hessian = alone.hessian(point)
        value, gradient = alone.gradient(point)
        slopes = np.asarray(gradient, np.float64)
        if not all(np.isfinite(one).all() for one in (value, slopes, hessian)):
            return None
        values, vectors = np.linalg.eigh(0.5 * (hessian + hessian.T))
        sizes = np.abs(values)
        sizes[sizes <= REST * sizes.max(initial=0.0)] = 0.0
        # One that has no curvature, such as the sum of absolute values, tells by its slope.
        return np.concatenate([np.sqrt(sizes)[:, None] * vectors.T, np.diag(slopes)])

    return rows


def _free_terms(evaluator: Evaluator) -> Graph | None:
    """The sum of those terms of a loss that depend on parameters, and on no rows."""
    graph = evaluator.problem.objective.graph
    rows = _reached(graph, [one for one in graph.inputs if any(map(_is_rows, one.aval.shape))])
    varying = _reached(graph, graph.inputs[: len(evaluator.packing.segments)])
    makers: dict[Atom, Equation] = {
        one: equation for equation in graph.equations for one in equation.results
    }
    terms = [
        (factor, atom)
        for factor, atom in _terms(graph.outputs[0], makers, 1.0)
        if atom in varying and atom not in rows
    ]
    if not terms:
        return None
    part = replace(graph, outputs=tuple(atom for _, atom in terms))

    def summed(*arguments: Value) -> Sequence[Value]:
        values = applied(part, arguments)
        total: Value = 0.0
        for (factor, _), value in zip(terms, values, strict=True):
            total = total + factor * value
        return [total]

    avals = [variable.aval for variable in graph.inputs]
    names = [variable.name for variable in graph.inputs]
    return evaluator.graphs.traced(summed, avals, names)


def _terms(atom: Atom, makers: Mapping[Atom, Equation], factor: float) -> list[tuple[float, Atom]]:
    """What is added up to ``atom``, each with its factor."""
    equation = makers.get(atom)
    if equation is None:
        return [(factor, atom)]
    name, operands = equation.primitive.name, equation.operands
    if name == "add":
        return [*_terms(operands[0], makers, factor), *_terms(operands[1], makers, factor)]
    if name == "subtract":
        return [*_terms(operands[0], makers, factor), *_terms(operands[1], makers, -factor)]
    if name == "negative":
        return _terms(operands[0], makers, -factor)
    if name == "multiply":
        for one, other in (operands, operands[::-1]):
            if isinstance(one, Literal):
                return _terms(other, makers, factor * float(one.value))
    return [(factor, atom)]


def _reached(graph: Graph, inputs: Sequence[Var]) -> set[Atom]:
    """Whatever depends on ``inputs``, and these."""
    found: set[Atom] = {*inputs}
    for equation in graph.equations:
        if not found.isdisjoint(equation.operands):
            found.update(equation.results)
    return found
