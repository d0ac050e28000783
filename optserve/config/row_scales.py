"""``sigma`` of least squares and weights of rows: known before the fit, and right in each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from optserve.backends.streamed_blocks import blocks
from optserve.config.arrays import Arrays
from optserve.config.expressions import Expression
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Graph
from optserve.graph.interpret import bind_rows, interpret
from optserve.graph.streamed import Streamed, held
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import WeightKind
from optserve.transforms.expand import expand
from optserve.transforms.marking import mark
from optserve.transforms.simplify import reads, simplify

__all__ = ["Counted", "ScaleRule", "counted", "row_by_row", "rule_of_sigma", "rule_of_weights"]

HELD = 5_000_000
"""Entries of streamed columns that are held at once, where a row depends on others, at most."""


class Counted(NamedTuple):
    """What counts of the training rows: the share of values that do not, and the mean of all
    weights, where one that does not count is 0."""

    weightless: float = 0.0
    mean: float = 1.0


class ScaleRule(NamedTuple):
    """What ``graph`` computes of each row, what it may be, where it does not count, and the words
    where it fails."""

    what: str
    graph: Graph
    error: Callable[..., ConfigError]
    is_right: Callable[[Array], Array]
    is_weightless: Callable[[Array], Array]
    expected: str
    nothing: str
    something: str


def rule_of_sigma(
    graph: Graph, terms: Mapping[str, Expression], parameters: Sequence[JobParameter]
) -> ScaleRule:
    """That ``sigma`` is positive, and infinite where a row does not count.

    The inputs of ``graph`` are the parameters, then the data; ``terms`` are the expressions of the
    comparison. Raises ``ConfigError`` where ``sigma`` depends on a parameter that varies.
    """
    if name := _varying(graph, parameters):
        raise _depends(terms, name)
    return ScaleRule(
        "sigma",
        graph,
        partial(ConfigError, place=terms["sigma"].place, code="sigma"),
        lambda found: found > 0.0,
        np.isposinf,
        "a positive standard deviation, infinite where a row is not to count",
        "sigma is infinite in every row, and nothing counts",
        "a finite standard deviation in the rows that count",
    )


def rule_of_weights(
    kind: WeightKind, graph: Graph, place: Place, parameters: Sequence[JobParameter]
) -> ScaleRule:
    """That weights are not negative, and whole where they are ``counts``; else as for ``sigma``."""
    whole = kind == "counts"
    if name := _varying(graph, parameters):
        raise ConfigError(
            f"the weights depend on the parameter '{name}'",
            place=place,
            expected="weights that are known before the fit",
            remedy="where they say how precise a row is, maximize the likelihood: "
            "`log_likelihood: normal_logpdf(y, mu, sigma)`",
            code="weights",
        )
    return ScaleRule(
        "the weight",
        graph,
        partial(ConfigError, place=place, code="weights"),
        lambda found: np.isfinite(found) & (found >= 0.0) & (not whole or found == np.floor(found)),
        lambda found: found == 0.0,
        "a whole number of observations, 0 where a row is not to count"
        if whole
        else "a finite weight that is not negative, 0 where a row is not to count",
        "all weights are 0, and nothing counts",
        "a positive weight in the rows that count",
    )


def counted(
    rules: Sequence[ScaleRule],
    parameters: Sequence[JobParameter],
    splits: Mapping[str, Sequence[Any]],
    arrays: Arrays,
) -> Counted:
    """What counts of the training rows, by all ``rules``, the last of which is that of weights if
    there are any; ``splits`` holds the data of each split.

    Raises ``ConfigError`` where a value is wrong in some row of some split, or no row counts.
    """
    graph = _joined([rule.graph for rule in rules])
    used, what_counts = reads(graph), Counted()
    for split, columns in splits.items():
        given = zip(graph.inputs, [*(one.init for one in parameters), *columns], strict=True)
        values = {variable: value for variable, value in given if variable in used}
        weightless, size, total = 0, 0, 0.0
        alone = [True for _ in rules]
        of_split = replace(graph, inputs=tuple(values))
        for first, found in _found(of_split, list(values.values()), rules[-1]):
            ignored: Array = np.zeros((), np.bool_)
            for number, (rule, each) in enumerate(zip(rules, found, strict=True)):
                wrong = ~rule.is_right(each)
                if wrong.any():
                    at = tuple(np.argwhere(wrong)[0].tolist())
                    where = _row(graph.outputs[number], at, first, arrays, split)
                    message = f"{rule.what} is {each[at]:g}{where}"
                    raise rule.error(message, expected=rule.expected)
                without = rule.is_weightless(each)
                alone[number] = alone[number] and bool(without.all())
                ignored = ignored | without
            weights = np.where(ignored, 0.0, found[-1])
            weightless += int(ignored.sum())
            size, total = size + ignored.size, total + float(np.sum(weights))
        if split == "train" and size:
            what_counts = Counted(weightless / size, total / size)
            for rule, nothing in zip(rules, [*alone[:-1], weightless == size], strict=True):
                if nothing:
                    raise rule.error(rule.nothing, expected=rule.something)
    return what_counts


def _varying(graph: Graph, parameters: Sequence[JobParameter]) -> str:
    """A parameter that varies and that ``graph`` depends on, or nothing."""
    used = reads(graph)
    pairs = zip(graph.inputs, parameters, strict=False)
    varying = (one.name for variable, one in pairs if variable in used and not one.fixed.all())
    return next(varying, "")


def _joined(graphs: Sequence[Graph]) -> Graph:
    """One graph of the outputs of several, which are parts of one."""
    equations = {id(one): one for graph in graphs for one in graph.equations}
    outputs = tuple(output for graph in graphs for output in graph.outputs)
    return replace(graphs[0], equations=tuple(equations.values()), outputs=outputs)


def _found(
    graph: Graph, values: Sequence[Any], rule: ScaleRule
) -> Iterator[tuple[int, list[Array]]]:
    """The values of ``graph`` in blocks of rows, each with the number of its first row.

    Streamed columns are gone through once. Where a row depends on others they are held if they
    are few, and else the words are those of ``rule``.
    """
    rows = bind_rows(graph.inputs, values)
    pairs = zip(graph.inputs, values, strict=True)
    streamed = {one.aval.shape[0]: value for one, value in pairs if isinstance(value, Streamed)}
    [dim, *others] = [*streamed, None]
    if isinstance(dim, Dim) and others == [None] and row_by_row(graph, dim):
        for block in blocks(values, 0, rows[dim.name], align=1):
            with np.errstate(all="ignore"):
                yield block.first, [*map(np.asarray, interpret(graph, *block.operands))]
        return
    if sum(prod(one.shape) for one in values if isinstance(one, Streamed)) > HELD:
        raise rule.error(
            f"{rule.what} of a row depends on other rows, and its table is read in blocks",
            expected="what is made of each row alone",
            remedy="`in_memory: true` in the table holds all",
        )
    with np.errstate(all="ignore"):
        yield 0, [*map(np.asarray, interpret(graph, *held(values)))]


def row_by_row(graph: Graph, rows: Dim) -> bool:
    """Whether each row of what ``graph`` computes is made of that row alone."""
    kinds = mark(simplify(expand(graph)), rows).kinds
    return {*kinds} <= {"row", "fixed"}


def _depends(terms: Mapping[str, Expression], name: str) -> ConfigError:
    observed, predicted, sigma = (str(terms[one]) for one in ("observed", "predicted", "sigma"))
    return ConfigError(
        f"sigma depends on the parameter '{name}', and the sum of squares has no term for that",
        place=terms["sigma"].place,
        expected="a standard deviation that is known before the fit",
        remedy="maximize the likelihood, which has the term: "
        f"`log_likelihood: -log({sigma}) - (({observed} - ({predicted})) / ({sigma}))**2 / 2`",
        code="sigma",
    )


def _row(output: Atom, at: tuple[int, ...], first: int, arrays: Arrays, split: str) -> str:
    """The row of the data that an entry of a block of the values of ``output`` comes from."""
    for position, size in zip(at, output.aval.shape, strict=True):
        if isinstance(size, Dim) and size.is_rows:
            return f" in row {arrays.number(split, size.name, first + position) + 1}"
    return ""
