"""Minibatches: a loss over all rows of a table, estimated without bias from some of them.

A sum over n rows is estimated by the sum over b of them times n / b. A mean divides such a sum by
the number of rows, which stays n, so that it becomes the mean over the batch; what no row enters, a
penalty or a prior, counts once. The loss must be affine in its sums over rows: the square root of
a mean, or values that are centred by one, would be biased, and are refused.
"""

from __future__ import annotations

from dataclasses import replace

from optserve.errors import ConfigError
from optserve.graph.aval import Aval, precision_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Var
from optserve.graph.primitive import Value
from optserve.primitives.constants import arange
from optserve.primitives.constants import size as size_
from optserve.transforms.affine import is_affine
from optserve.transforms.expand import expand
from optserve.transforms.marking import mark
from optserve.transforms.reverse import Environment
from optserve.transforms.rules import recorded
from optserve.transforms.simplify import prune, simplify

__all__ = ["check_affine", "minibatch"]

_REMEDY = "leave `minibatch` out, or compute what depends on the data alone in `derive`"


def minibatch(graph: Graph, rows: Dim) -> Graph:
    """``graph`` where ``rows`` counts the rows of a batch; a last input takes those of the table.

    The new input is a scalar in the graph's precision. Values and gradients of a loss that
    ``check_affine`` accepts are then estimates whose mean over all batches is the value itself.

    >>> import numpy as np
    >>> from optserve.graph.interpret import interpret
    >>> from optserve.primitives.tracing import trace
    >>> n = Dim.rows("data")
    >>> column, scalar = Aval((n,), np.dtype(np.float64)), Aval((), np.dtype(np.float64))
    >>> def loss(w, x):
    ...     return np.sum(x) * w + w**2, np.mean(x) * w
    >>> graph = trace(loss, scalar, column).graph
    >>> batch = np.array([1.0, 2.0])
    >>> [float(out) for out in interpret(minibatch(graph, n), 10.0, batch, 6.0)]
    [190.0, 15.0]
    """
    graph = prune(expand(graph))
    marking = mark(graph, rows)
    precision = precision_of(variable.aval for variable in graph.inputs)

    def walk(*arguments: Value) -> list[Value]:
        *own, total = arguments
        environment = Environment(graph, own)
        factor = total / total.trace.lift(rows)
        for equation, kind in zip(graph.equations, marking.kinds, strict=True):
            _check_kind(equation, kind)
            operands = [environment.read(atom) for atom in equation.operands]
            with total.trace.at(equation.place):
                if _counts_rows(equation, rows):
                    results: tuple[Value, ...] = (_count(equation, rows, total),)
                else:
                    results = environment.bind(equation, operands)
                if kind == "sum":
                    results = tuple(_scaled(one, factor) for one in results)
            environment.values.update(zip(equation.results, results, strict=True))
        return [environment.read(atom) for atom in graph.outputs]

    return recorded(walk, [*graph.inputs, Var(Aval((), precision), "total rows")], precision)


def check_affine(graph: Graph, rows: Dim) -> None:
    """Raise ``ConfigError`` where output 0 is not affine in its sums over ``rows``.

    The error has the place of the operation that is to blame.
    """
    graph = simplify(expand(replace(graph, outputs=graph.outputs[:1])))
    estimated: set[Atom] = set()
    for equation, kind in zip(graph.equations, mark(graph, rows).kinds, strict=True):
        _check_kind(equation, kind)
        if kind == "sum" and not _is_float(equation):
            raise ConfigError(
                "a count of rows cannot be estimated from a batch",
                place=equation.place,
                expected="a sum of numbers over the rows, such as sum(where(condition, 1.0, 0.0))",
                code="minibatch",
            )
        uncertain = [i for i, atom in enumerate(equation.operands) if atom in estimated]
        if uncertain and not (kind == "fixed" and is_affine(equation, uncertain)):
            raise ConfigError(
                f"`{equation.primitive.name}` of a sum or mean over rows: its value for a batch, "
                "on average, is not the value for all rows",
                place=equation.place,
                expected="a loss that is a sum or mean over rows, plus terms that no row enters",
                remedy=_REMEDY,
                code="minibatch",
            )
        if uncertain or kind == "sum":
            estimated.update(equation.results)


def _check_kind(equation: Equation, kind: str) -> None:
    """Refuse what is neither row by row nor a sum over rows."""
    if kind == "row" and equation.primitive is arange:
        raise ConfigError(
            "the numbers of the rows are not known in a batch",
            place=equation.place,
            remedy="read them from a column of the data",
            code="minibatch",
        )
    if kind not in ("fixed", "row", "sum"):
        raise ConfigError(
            f"`{equation.primitive.name}` over all rows cannot be estimated from a batch",
            place=equation.place,
            expected="sums and means over rows",
            remedy=_REMEDY,
            code="minibatch",
        )


def _is_float(equation: Equation) -> bool:
    return all(variable.aval.dtype.kind == "f" for variable in equation.results)


def _counts_rows(equation: Equation, rows: Dim) -> bool:
    size = equation.attributes.get("size")
    return equation.primitive is size_ and isinstance(size, Dim) and rows.name in size.names


def _count(equation: Equation, rows: Dim, total: Value) -> Value:
    """A number computed from the row count, of the table in place of the batch."""
    size: Dim = equation.attributes["size"]
    count: Value = 0.0
    for monomial, coefficient in size.terms:
        term: Value = float(coefficient)
        for name in monomial:
            term = term * (total if name == rows.name else total.trace.lift(Dim.rows(name)))
        count = count + term
    return count.astype(equation.attributes["dtype"])


def _scaled(value: Value, factor: Value) -> Value:
    return value * factor.astype(value.dtype) if value.dtype.kind == "f" else value
