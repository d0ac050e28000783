"""``sigma`` of least squares and weights of rows: known before the fit, and right in each row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from optserve.backends.streaming import blocks, is_streamed
from optserve.config.arrays import Arrays
from optserve.config.expressions import Expression
from optserve.config.schema.loss import WeightKind
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import bind_rows, interpret
from optserve.jobs.parameters import Parameter
from optserve.transforms.expand import expand
from optserve.transforms.marking import mark
from optserve.transforms.simplify import reads, simplify

__all__ = ["Counted", "check_sigma", "check_weights", "row_by_row"]


class Counted(NamedTuple):
    """What counts of the training rows: the share of values that do not, and the mean of all."""

    weightless: float = 0.0
    mean: float = 1.0


def check_sigma(
    graph: Graph,
    terms: Mapping[str, Expression],
    parameters: Sequence[Parameter],
    splits: Mapping[str, Sequence[Any]],
    arrays: Arrays,
) -> float:
    """The share of the training residuals whose ``sigma`` is infinite, which do not count.

    The inputs of ``graph`` are the parameters, then what ``splits`` holds of each split; ``terms``
    are the expressions of the comparison. Raises ``ConfigError`` where ``sigma`` depends on a
    parameter that varies, is not positive in some row of some split, or counts no row.
    """
    rule = _Rule(
        "sigma",
        partial(ConfigError, place=terms["sigma"].place, code="sigma"),
        lambda found: found > 0.0,
        np.isposinf,
        "a positive standard deviation, infinite where a row is not to count",
        "sigma is infinite in every row, and nothing counts",
        "a finite standard deviation in the rows that count",
    )
    if name := _varying(graph, parameters):
        raise _depends(terms, name)
    return _checked(rule, graph, parameters, splits, arrays).weightless


def check_weights(
    kind: WeightKind,
    graph: Graph,
    place: Place,
    parameters: Sequence[Parameter],
    splits: Mapping[str, Sequence[Any]],
    arrays: Arrays,
) -> Counted:
    """The share of the weights of training rows that are 0, and their mean.

    Arguments are those of ``check_sigma``, and so are errors; ``counts`` have to be whole.
    """
    whole = kind == "counts"
    rule = _Rule(
        "the weight",
        partial(ConfigError, place=place, code="weights"),
        lambda found: np.isfinite(found) & (found >= 0.0) & (not whole or found == np.floor(found)),
        lambda found: found == 0.0,
        "a whole number of observations, 0 where a row is not to count"
        if whole
        else "a finite weight that is not negative, 0 where a row is not to count",
        "all weights are 0, and nothing counts",
        "a positive weight in the rows that count",
    )
    if name := _varying(graph, parameters):
        raise ConfigError(
            f"the weights depend on the parameter '{name}'",
            place=place,
            expected="weights that are known before the fit",
            remedy="where they say how precise a row is, maximize the likelihood: "
            "`log_likelihood: normal_logpdf(y, mu, sigma)`",
            code="weights",
        )
    return _checked(rule, graph, parameters, splits, arrays)


class _Rule(NamedTuple):
    """What values of each row may be, which of them do not count, and the words where it fails."""

    what: str
    error: Callable[..., ConfigError]
    is_right: Callable[[Array], Array]
    is_weightless: Callable[[Array], Array]
    expected: str
    nothing: str
    something: str


def _varying(graph: Graph, parameters: Sequence[Parameter]) -> str:
    """A parameter that varies and that ``graph`` depends on, or nothing."""
    used = reads(graph)
    pairs = zip(graph.inputs, parameters, strict=False)
    varying = (one.name for variable, one in pairs if variable in used and not one.fixed.all())
    return next(varying, "")


def _checked(
    rule: _Rule,
    graph: Graph,
    parameters: Sequence[Parameter],
    splits: Mapping[str, Sequence[Any]],
    arrays: Arrays,
) -> Counted:
    """What counts of the training rows, where the values of all rows are right."""
    used, counted = reads(graph), Counted()
    for split, columns in splits.items():
        given = zip(graph.inputs, [*(one.init for one in parameters), *columns], strict=True)
        values = {variable: value for variable, value in given if variable in used}
        weightless, size, total = 0, 0, 0.0
        for first, found in _found(replace(graph, inputs=tuple(values)), list(values.values())):
            wrong = ~rule.is_right(found)
            if wrong.any():
                at = tuple(np.argwhere(wrong)[0].tolist())
                where = _row(graph, at, first, arrays, split)
                message = f"{rule.what} is {found[at]:g}{where}"
                raise rule.error(message, expected=rule.expected)
            weightless += int(rule.is_weightless(found).sum())
            size, total = size + found.size, total + float(np.sum(found))
        if split == "train" and size:
            counted = Counted(weightless / size, total / size)
    if counted.weightless == 1.0:
        raise rule.error(rule.nothing, expected=rule.something)
    return counted


def _found(graph: Graph, values: Sequence[Any]) -> Iterator[tuple[int, Array]]:
    """The values of ``graph`` in blocks of rows, each with the number of its first row.

    Streamed columns are gone through once; where other rows are looked at too, they are not.
    """
    rows = bind_rows(graph.inputs, values)
    if not is_streamed(values):
        with np.errstate(all="ignore"):
            yield 0, np.asarray(interpret(graph, *values)[0])
        return
    if len(rows) > 1 or not row_by_row(graph, Dim.rows(next(iter(rows)))):
        return
    [count] = rows.values()
    for block in blocks(values, 0, count, align=1):
        with np.errstate(all="ignore"):
            yield block.first, np.asarray(interpret(graph, *block.operands)[0])


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


def _row(graph: Graph, at: tuple[int, ...], first: int, arrays: Arrays, split: str) -> str:
    """The row of the data that an entry of a block of the values of ``graph`` comes from."""
    for position, size in zip(at, graph.outputs[0].aval.shape, strict=True):
        if isinstance(size, Dim) and size.is_rows:
            return f" in row {arrays.number(split, size.name, first + position) + 1}"
    return ""
