"""``ColumnDraws``: data sets whose columns are drawn by expressions with random terms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from optserve.errors import ConfigError, NumericalFailure
from optserve.graph.aval import Array
from optserve.graph.graph import Equation
from optserve.graph.interpret import bind_rows, computed, evaluated
from optserve.graph.primitive import Primitive
from optserve.jobs.drawing import as_column, check_rows
from optserve.jobs.problem import DrawnColumn, Problem
from optserve.primitives.random_terms import draw, random_name, random_term

if TYPE_CHECKING:
    from numpy.random import Generator  # imported when first used: it takes its time

__all__ = ["ColumnDraws"]


class ColumnDraws:
    """Draws the columns that ``problem`` says, with its parameters at ``values``.

    Each random term has a stream of numbers of its own in each set, which depends on the seed, the
    number of the set, the name of the column and the number of the term in its expression.
    """

    def __init__(self, problem: Problem, values: Mapping[str, Array]) -> None:
        check_rows(problem)
        assert problem.drawn is not None
        self.problem, self.drawn = problem, problem.drawn
        self.values = [*values.values()]
        objective = problem.objective
        inputs = objective.graph.inputs[len(self.values) :]
        self.rows = bind_rows(inputs, [np.asarray(one) for one in objective.data.values()])

    @property
    def columns(self) -> frozenset[str]:
        """The names of the columns that are drawn."""
        data = {**self.problem.objective.data, **self.drawn.data}
        return frozenset(one.name for one in self.drawn.columns if one.name in data)

    def data(self, seed: int, number: int) -> Mapping[str, Array]:
        """The data of one set; it depends on the seed and its number alone."""
        observed = {**self.problem.objective.data, **self.drawn.data}
        known: dict[str, Array] = {**observed}
        for column in self.drawn.columns:
            made = self._made(column, known, seed, number)
            if column.name in observed:
                made = as_column(column.name, made, observed, column.place)
            known[column.name] = made
        return {name: known[name] for name in self.problem.objective.data}

    def _made(
        self, column: DrawnColumn, known: Mapping[str, Array], seed: int, number: int
    ) -> Array:
        graph = column.graph
        arrays = [np.asarray(known[name]) for name in column.columns]
        arguments = [*self.values, *arrays, *column.captured]
        rows = {**self.rows, **bind_rows(graph.inputs, arguments)}

        def compute(
            equation: Equation, operands: Sequence[Any], rows: Mapping[str, int]
        ) -> tuple[Any, ...]:
            if equation.primitive is random_term:
                random = _generator(seed, number, column.name, equation.attributes["number"])
                return (_drawn(equation, operands, random, number),)
            with np.errstate(all="ignore"):
                try:
                    return computed(equation, operands, rows)
                except NumericalFailure as failure:
                    raise _of_set(failure.message, equation, number, "") from failure

        return np.asarray(evaluated(graph, arguments, rows, compute)[0])


def _generator(seed: int, number: int, column: str, term: int) -> Generator:
    """The generator of one term: others, and other columns, do not change what it draws."""
    digest = hashlib.sha256(column.encode()).digest()
    counter = [0, 0, term + 1, int.from_bytes(digest[:8], "little")]
    return np.random.Generator(np.random.Philox(key=[seed % 2**64, number], counter=counter))


def _drawn(equation: Equation, operands: Sequence[Any], random: Generator, number: int) -> Array:
    density: Primitive = equation.attributes["density"]
    parameters = [np.asarray(one, np.float64) for one in operands]
    try:
        drawn = draw(density, random, parameters)
    except ValueError as error:
        name = random_name(density)
        why = f"{name} cannot be drawn: {error}"
        raise _of_set(why, equation, number, density.facts.remedy) from None
    [result] = equation.results
    return drawn.astype(result.aval.dtype)


def _of_set(why: str, equation: Equation, number: int, remedy: str) -> ConfigError:
    return ConfigError(
        f"no data can be drawn, in set {number + 1}: {why}",
        place=equation.place,
        expected="parameters within the domain of what is drawn",
        remedy=remedy,
        code="no-simulation",
    )
