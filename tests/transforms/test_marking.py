"""Which values belong to rows: what separates, what is reduced, what is seen as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy import numpy_backend
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.indexing import scatter_add, take
from optserve.primitives.tracing import trace, verify
from optserve.transforms.finite_sum import finite_sum, row_counts
from optserve.transforms.marking import mark
from optserve.transforms.reverse import value_and_gradient_graph

N, M = Dim.rows("data"), Dim.rows("test")
DOUBLE = np.dtype(np.float64)


def graph_of(function: Any, *shapes: Any, dtypes: Any = ()) -> Graph:
    kinds = [*dtypes, *[DOUBLE] * (len(shapes) - len(dtypes))]
    avals = [Aval(shape, np.dtype(kind)) for shape, kind in zip(shapes, kinds, strict=True)]
    return trace(function, *avals).graph


def kinds(graph: Graph, rows: Dim = N) -> list[str]:
    """What each equation does to the rows."""
    return mark(graph, rows).kinds


def test_rows_stay_apart_until_they_are_reduced() -> None:
    graph = graph_of(lambda x, w: np.sum(np.tanh(x @ w)) * np.sum(w), (N, 2), (2,))
    assert kinds(graph) == ["row", "row", "sum", "fixed", "fixed"]


def test_a_row_value_that_waits_for_a_reduction_is_of_another_level() -> None:
    graph = graph_of(lambda x: np.sum((x - np.sum(x)) ** 2), (N,))
    marking = mark(graph, N)
    levels = [marking.marks[equation.results[0]].level for equation in graph.equations]
    assert levels == [1, 1, 1, 2]


def test_what_mixes_rows_says_why() -> None:
    graph = graph_of(lambda x: np.sum(np.sort(x)), (N,))
    assert kinds(graph) == ["whole", "sum"]
    [(equation, reason)] = mark(graph, N).mixed
    assert equation.primitive.name == "sort"
    assert reason == "the order of entries needs all rows at once"


def test_each_table_has_a_marking_of_its_own() -> None:
    graph = graph_of(lambda x, y: np.sum(np.sin(x)) + np.sum(np.cos(y)), (N,), (M,))
    assert row_counts(graph) == [N, M]
    assert kinds(graph, N) == ["row", "sum", "fixed", "fixed", "fixed"]
    assert kinds(graph, M) == ["fixed", "fixed", "row", "sum", "fixed"]


def pairwise(x: Any) -> Any:
    return np.mean(np.exp(-((x[:, None] - x[None, :]) ** 2)) @ x)


def batched(x: Any) -> Any:
    """A stack of matrices, one a row, times one matrix that has the rows as well."""
    stacked = x[:, None, None] * np.array([[1.0, 2.0]])
    return np.mean(stacked @ np.stack([x, x * x]) ** 2)


def spread(x: Any) -> Any:
    return np.mean(np.exp(-np.broadcast_to(x**2, (x.shape[0], x.shape[0]))))


def spread_unevenly(x: Any) -> Any:
    return np.mean(np.broadcast_to(np.sin(x)[:, None], (x.shape[0], x.shape[0] - 1)))


def outer_with_a_lag(x: Any) -> Any:
    return np.mean(np.einsum("i,j->ij", x, np.sin(x[1:])) ** 2)


def autocovariance(x: Any) -> Any:
    return np.sum(x[1:] * x[:-1]) / x.shape[0]


def scattered_into_rows(x: Any) -> Any:
    order = np.argsort(np.sin(7.0 * x))
    sums = scatter_add.bind(np.cos(x), order // 2, axis=0, size=x.shape[0])
    return np.sum(sums**2 * take(x, order))


LOSSES = [pairwise, batched, spread, spread_unevenly, outer_with_a_lag, autocovariance]
LOSSES += [scattered_into_rows]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("rows", [5, 1200])
def test_rows_that_meet_other_rows_are_seen_as_a_whole(loss: Any, rows: int) -> None:
    x = np.random.default_rng(rows).uniform(-1.0, 1.0, rows)
    graph = verify(value_and_gradient_graph(graph_of(loss, (N,)), [0]))
    expected = interpret(graph, x)
    assert any(kind == "whole" for kind in kinds(graph))
    for found in (interpret(verify(finite_sum(graph)), x), numpy_backend().compile(graph)(x)):
        for have, want in zip(found, expected, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-9, atol=1e-13)
