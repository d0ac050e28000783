"""``Drawing``: data sets drawn from a fitted model, in the place of what was observed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.graph.graph import Atom, Graph, Var
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.jobs.problem import Problem

__all__ = ["Drawing"]

CLOSE = 1e-6
"""How close a residual changes to what is added to what is observed, if it is of that alone."""


class Drawing:
    """Draws what was observed anew from ``problem`` with its parameters at ``values``.

    Least squares: what is predicted, and normal errors of the standard deviation ``sigma`` where
    that is given, else of ``spread``, the standard error of a residual. A log likelihood that is
    one density of a column: that density. Raises ``ConfigError`` for any other loss.
    """

    def __init__(self, problem: Problem, values: Mapping[str, Array], spread: float | None) -> None:
        self.problem = problem
        objective = problem.objective
        if objective.streamed:
            raise _refused(problem, "its data are streamed", "`in_memory: true` holds them")
        self.arguments = [*values.values(), *objective.data.values()]
        self.of_column = dict(
            zip(objective.graph.inputs[len(values) :], objective.data, strict=True)
        )
        self.density: Callable[..., Array] | None = None
        if objective.weights in ("counts", "sampling"):
            why = f"its rows have weights by {objective.weights}, and stand for others"
            raise _refused(problem, why, "a config of the rows that were observed")
        if objective.kind == "least_squares":
            self._of_squares(spread)
        elif objective.kind == "log_likelihood":
            self._of_density()
        else:
            raise _refused(problem, "a loss is no model of data", _FORMS)

    def data(self, seed: int, number: int) -> Mapping[str, Array]:
        """The data of one set; it depends on the seed and its number alone."""
        random = np.random.Generator(np.random.Philox(key=[seed % 2**64, number]))
        if self.density is None:
            noise = random.standard_normal(self.mean.shape)
            drawn = self.mean + self.deviation * noise
        else:
            with np.errstate(all="ignore"):
                drawn = self.density(random, *self.parameters)
        observed = self.problem.objective.data[self.column]
        if not np.isfinite(drawn).all():
            raise _refused(
                self.problem,
                "what is drawn is not finite",
                "the parameters of the density are beyond its domain at the estimates",
            )
        made = np.reshape(np.asarray(drawn), np.shape(observed)).astype(observed.dtype)
        return {**self.problem.objective.data, self.column: made}

    def _of_squares(self, spread: float | None) -> None:
        problem, objective = self.problem, self.problem.objective
        if not objective.observed:
            why = "its residuals do not say what was observed"
            raise _refused(problem, why, "least_squares: {observed: y, predicted: ...}")
        self.column = self._column(objective.graph, objective.graph.outputs[-1], "`observed`")
        observed = np.asarray(objective.data[self.column], np.float64)
        residual = self._residual(observed)
        shifted = self._residual(observed + 1.0 + np.abs(observed))
        unit = self._unit(observed)
        scale = np.where(unit > 0.0, 1.0 + np.abs(observed), 0.0)
        if not np.allclose(shifted - residual, scale, rtol=CLOSE, atol=CLOSE * scale.max()):
            why = f"what is predicted depends on '{self.column}' too, as in a series"
            raise _refused(problem, why, "a model that predicts each row from other columns")
        self.mean = observed - residual
        if not objective.sigma and spread is None:
            why = "the standard deviation of its residuals is not known"
            raise _refused(problem, why, "give sigma, or more rows than parameters")
        self.deviation = unit if objective.sigma else unit * np.float64(spread or 0.0)

    def _residual(self, observed: Array) -> Array:
        """Observed less predicted, where this is observed."""
        arguments = self._with(observed)
        graph = self.problem.objective.graph
        [found] = interpret(replace(graph, outputs=graph.outputs[1:2]), *arguments)
        made = np.broadcast_to(np.asarray(found, np.float64), observed.shape)
        return made * self._unit(observed)

    def _unit(self, observed: Array) -> Array:
        """What a residual of 1 stands for: sigma, over the root of a weight; 0 in a row that does
        not count, whose observation stays as it is."""
        objective, unit = self.problem.objective, np.ones(observed.shape)
        arguments = self._with(observed)
        with np.errstate(divide="ignore"):
            if objective.deviation is not None:
                unit = unit * interpret(objective.deviation, *arguments)[0]
            if objective.weighting is not None:
                unit = unit / np.sqrt(interpret(objective.weighting, *arguments)[0])
        return np.where(np.isfinite(unit), unit, 0.0)

    def _with(self, observed: Array) -> list[Array]:
        count = len(self.arguments) - len(self.of_column)
        data = {**self.problem.objective.data, self.column: observed}
        return [*self.arguments[:count], *data.values()]

    def _of_density(self) -> None:
        graph = self.problem.objective.graph
        atom = graph.outputs[1]
        makers = {one: equation for equation in graph.equations for one in equation.results}
        equation = makers.get(atom) if isinstance(atom, Var) else None
        draws = None if equation is None else equation.primitive.facts.draws
        if equation is None or draws is None:
            raise _refused(self.problem, "its log likelihood is no density to draw from", _FORMS)
        value, *parameters = equation.operands
        while isinstance(value, Var) and value in makers and len(makers[value].operands) == 1:
            value = makers[value].operands[0]  # the cast of a column of whole numbers
        self.column = self._column(graph, value, "the value of the density")
        self.density = draws
        with np.errstate(all="ignore"):
            found = interpret(replace(graph, outputs=tuple(parameters)), *self.arguments)
        shape = np.shape(self.problem.objective.data[self.column])
        self.parameters = [np.broadcast_to(np.asarray(one, np.float64), shape) for one in found]
        self._check_domain(replace(graph, outputs=(atom,)), equation.primitive)

    def _check_domain(self, density: Graph, primitive: Primitive) -> None:
        """Refuse parameters that no density has: NumPy refuses to draw from it, or what is drawn
        has none, as of a standard deviation of 0."""
        assert self.density is not None
        random = np.random.Generator(np.random.Philox(key=[0, 0]))
        try:
            with np.errstate(all="ignore"):
                drawn = np.asarray(self.density(random, *self.parameters))
                [found] = interpret(density, *self._with(drawn))
            exists = not np.isnan(found).any()
        except ValueError:
            exists = False
        if not exists:
            why = f"{primitive.name} has parameters that are beyond its domain at the estimates"
            raise _refused(self.problem, why, primitive.facts.remedy)

    def _column(self, graph: Graph, atom: Atom, what: str) -> str:
        """The column that is observed."""
        column = self.of_column.get(atom) if isinstance(atom, Var) else None
        if column is None or "(" in column or " " in column:
            remedy = "compute it in `derive`, which makes it a column"
            raise _refused(self.problem, f"{what} is no column of the data", remedy)
        return column


_FORMS = (
    "least_squares: {observed: y, predicted: ...}, or one density such as "
    "log_likelihood: poisson_logpmf(y, ...)"
)


def _refused(problem: Problem, why: str, remedy: str) -> ConfigError:
    return ConfigError(
        f"no data can be drawn from this model: {why}",
        place=problem.objective.place,
        expected="a model that says how what was observed comes about",
        remedy=remedy,
        code="no-simulation",
    )
