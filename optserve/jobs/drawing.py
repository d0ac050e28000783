"""``Drawing``: data sets drawn from a fitted model, in the place of what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.graph.graph import Atom, Graph, Var
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.jobs.problem import Objective, Problem
from optserve.primitives.random_terms import drawn_of

__all__ = ["Drawing", "as_column", "check_rows", "refused"]

CLOSE = 1e-6
"""How close a residual changes to what is added to what is observed, if it is of that alone."""


class Drawing:
    """Draws what was observed anew from ``problem`` with its parameters at ``values``.

    Least squares: what is predicted, and normal errors of the standard deviation ``sigma`` where
    that is given, else of ``spread``, the standard error of a residual. A log likelihood that is
    one density of a column: that density, or that of ``instead``. Raises ``ConfigError`` for any
    other loss.
    """

    def __init__(
        self,
        problem: Problem,
        values: Mapping[str, Array],
        spread: float | None,
        instead: Objective | None = None,
    ) -> None:
        check_rows(problem)
        self.objective = objective = problem.objective if instead is None else instead
        self.arguments = [*values.values(), *objective.data.values()]
        self.of_column = dict(
            zip(objective.graph.inputs[len(values) :], objective.data, strict=True)
        )
        self.density: Primitive | None = None
        if objective.kind == "least_squares":
            self._of_squares(spread)
        elif objective.kind == "log_likelihood":
            self._of_density()
        else:
            raise refused("a loss is no model of data", _FORMS, objective.place)

    @property
    def columns(self) -> frozenset[str]:
        """The name of the column that is drawn."""
        return frozenset({self.column})

    def data(self, seed: int, number: int) -> Mapping[str, Array]:
        """The data of one set; it depends on the seed and its number alone."""
        random = np.random.Generator(np.random.Philox(key=[seed % 2**64, number]))
        if self.density is None:
            noise = random.standard_normal(self.mean.shape)
            drawn = self.mean + self.deviation * noise
        else:
            with np.errstate(all="ignore"):
                drawn = np.asarray(drawn_of(self.density, random, self.parameters))
        data = self.objective.data
        return {**data, self.column: as_column(self.column, drawn, data, self.objective.place)}

    def _of_squares(self, spread: float | None) -> None:
        objective = self.objective
        if not objective.observed:
            why = "its residuals do not say what was observed"
            raise refused(why, "least_squares: {observed: y, predicted: ...}", objective.place)
        self.column = self._column(objective.graph, objective.graph.outputs[-1], "`observed`")
        observed = np.asarray(objective.data[self.column], np.float64)
        residual = self._residual(observed)
        shifted = self._residual(observed + 1.0 + np.abs(observed))
        unit = self._unit(observed)
        scale = np.where(unit > 0.0, 1.0 + np.abs(observed), 0.0)
        if not np.allclose(shifted - residual, scale, rtol=CLOSE, atol=CLOSE * scale.max()):
            why = f"what is predicted depends on '{self.column}' too, as in a series"
            expected = "a model that predicts each row from other columns"
            raise refused(why, expected, objective.place)
        self.mean = observed - residual
        if not objective.sigma and spread is None:
            why = "the standard deviation of its residuals is not known"
            raise refused(why, "give sigma, or more rows than parameters", objective.place)
        self.deviation = unit if objective.sigma else unit * np.float64(spread or 0.0)

    def _residual(self, observed: Array) -> Array:
        """Observed less predicted, where this is observed."""
        arguments = self._with(observed)
        graph = self.objective.graph
        [found] = interpret(replace(graph, outputs=graph.outputs[1:2]), *arguments)
        made = np.broadcast_to(np.asarray(found, np.float64), observed.shape)
        return made * self._unit(observed)

    def _unit(self, observed: Array) -> Array:
        """What a residual of 1 stands for: sigma, over the root of a weight; 0 in a row that does
        not count, whose observation stays as it is."""
        objective, unit = self.objective, np.ones(observed.shape)
        arguments = self._with(observed)
        with np.errstate(divide="ignore"):
            if objective.deviation is not None:
                unit = unit * interpret(objective.deviation, *arguments)[0]
            if objective.weighting is not None:
                unit = unit / np.sqrt(interpret(objective.weighting, *arguments)[0])
        return np.where(np.isfinite(unit), unit, 0.0)

    def _with(self, observed: Array) -> list[Array]:
        count = len(self.arguments) - len(self.of_column)
        data = {**self.objective.data, self.column: observed}
        return [*self.arguments[:count], *data.values()]

    def _of_density(self) -> None:
        graph = self.objective.graph
        atom = graph.outputs[1]
        makers = {one: equation for equation in graph.equations for one in equation.results}
        equation = makers.get(atom) if isinstance(atom, Var) else None
        if equation is None or equation.primitive.facts.draws is None:
            why = "its log likelihood is no density to draw from"
            raise refused(why, _FORMS, self.objective.place)
        value, *parameters = equation.operands
        while isinstance(value, Var) and value in makers and len(makers[value].operands) == 1:
            value = makers[value].operands[0]  # the cast of a column of whole numbers
        self.column = self._column(graph, value, "the value of the density")
        self.density = equation.primitive
        with np.errstate(all="ignore"):
            found = interpret(replace(graph, outputs=tuple(parameters)), *self.arguments)
        shape = np.shape(self.objective.data[self.column])
        self.parameters = [np.broadcast_to(np.asarray(one, np.float64), shape) for one in found]
        self._check_domain(replace(graph, outputs=(atom,)))

    def _check_domain(self, graph: Graph) -> None:
        """Refuse parameters that no density has: NumPy refuses to draw from it, or what is drawn
        has none, as of a standard deviation of 0."""
        assert self.density is not None
        random = np.random.Generator(np.random.Philox(key=[0, 0]))
        try:
            with np.errstate(all="ignore"):
                drawn = np.asarray(drawn_of(self.density, random, self.parameters))
                observed = np.asarray(self.objective.data[self.column])
                [found] = interpret(graph, *self._with(drawn.astype(observed.dtype)))
            exists = bool((found > -np.inf).all())
        except ValueError:
            exists = False
        if not exists:
            why = f"{self.density} has parameters that are beyond its domain at the estimates"
            raise refused(why, self.density.facts.remedy, self.objective.place)

    def _column(self, graph: Graph, atom: Atom, what: str) -> str:
        """The column that is observed."""
        column = self.of_column.get(atom) if isinstance(atom, Var) else None
        if column is None or "(" in column or " " in column:
            remedy = "compute it in `derive`, which makes it a column"
            raise refused(f"{what} is no column of the data", remedy, self.objective.place)
        return column


_FORMS = (
    "least_squares: {observed: y, predicted: ...}, or one density such as "
    "log_likelihood: poisson_logpmf(y, ...)"
)


def check_rows(problem: Problem) -> None:
    """Refuse data that no set stands for: streamed ones, and rows that stand for others."""
    objective = problem.objective
    if objective.streamed:
        remedy = "`in_memory: true` holds them"
        raise refused("its data are streamed", remedy, objective.place)
    if objective.weights in ("counts", "sampling"):
        why = f"its rows have weights by {objective.weights}, and stand for others"
        raise refused(why, "a config of the rows that were observed", objective.place)


def as_column(name: str, drawn: Array, data: Mapping[str, Array], place: Place | None) -> Array:
    """What is drawn as the column of ``data`` that it replaces, of its shape and dtype."""
    column = np.asarray(data[name])
    kind, values = column.dtype.kind, np.asarray(drawn)
    with np.errstate(all="ignore"):
        made = np.broadcast_to(values, column.shape).astype(column.dtype)
    if not np.isfinite(values).all() or (kind == "f" and not np.isfinite(made).all()):
        raise refused(
            f"what is drawn for '{name}' is not finite",
            "the parameters of the density are beyond its domain at the estimates",
            place,
        )
    if kind in "iub" and not np.array_equal(made, np.broadcast_to(values, column.shape)):
        what = "truth values" if kind == "b" else "whole numbers"
        raise refused(
            f"'{name}' is a column of {what}, and what is drawn for it is none",
            "read the column as numbers, without `as`, or draw a count, such as poisson(mean)",
            place,
        )
    return made


def refused(why: str, remedy: str, place: Place | None) -> ConfigError:
    """The error for what no data can be drawn from."""
    return ConfigError(
        f"no data can be drawn from this model: {why}",
        place=place,
        expected="a model that says how what was observed comes about",
        remedy=remedy,
        code="no-simulation",
    )
