"""``sigma`` of least squares: known before the fit, and positive; infinite where nothing counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.backends.streaming import blocks, is_streamed
from optserve.config.arrays import Arrays
from optserve.config.expressions import Expression
from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import bind_rows, interpret
from optserve.jobs.parameters import Parameter
from optserve.transforms.expand import expand
from optserve.transforms.marking import mark
from optserve.transforms.simplify import reads, simplify

__all__ = ["check_sigma", "row_by_row"]


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
    used = reads(graph)
    for variable, parameter in zip(graph.inputs, parameters, strict=False):
        if variable in used and not parameter.fixed.all():
            raise _depends(terms, parameter.name)
    shares: dict[str, float] = {}
    for split, columns in splits.items():
        given = zip(graph.inputs, [*(one.init for one in parameters), *columns], strict=True)
        values = {variable: value for variable, value in given if variable in used}
        infinite = size = 0
        for first, found in _found(replace(graph, inputs=tuple(values)), list(values.values())):
            wrong = ~(found > 0.0)
            if wrong.any():
                at = tuple(np.argwhere(wrong)[0].tolist())
                where = _row(graph, at, first, arrays, split)
                raise ConfigError(
                    f"sigma is {found[at]:g}{where}",
                    place=terms["sigma"].place,
                    expected="a positive standard deviation, infinite where a row is not to count",
                    code="sigma",
                )
            infinite += int(np.isposinf(found).sum())
            size += found.size
        shares[split] = infinite / size if size else 0.0
    if shares["train"] == 1.0:
        raise ConfigError(
            "sigma is infinite in every row, and nothing counts",
            place=terms["sigma"].place,
            expected="a finite standard deviation in the rows that count",
            code="sigma",
        )
    return shares["train"]


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
