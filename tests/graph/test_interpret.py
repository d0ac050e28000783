"""The oracle: equation after equation, with row counts read off the arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.errors import ShapeError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.domain import Domain, boolean, integer, positive, real, unit
from optserve.graph.graph import Graph
from optserve.graph.interpret import bind_rows, interpret, resolved
from optserve.primitives.tracing import trace

N, M = Dim.rows("data"), Dim.rows("test")
DOUBLE = np.dtype(np.float64)


def graph_of(function: Any, *shapes: Any, names: Any = ()) -> Graph:
    avals = [Aval(shape, DOUBLE) for shape in shapes]
    return trace(function, *avals, names=names).graph


def test_row_counts_are_bound_at_the_call() -> None:
    graph = graph_of(lambda x, y: np.mean(x) + np.sum(np.ones_like(y[1:])), (N,), (M, 2))
    for n, m in ((3, 4), (5, 1)):
        assert interpret(graph, np.ones(n), np.zeros((m, 2))) == (1.0 + 2.0 * (m - 1),)


def test_a_computed_row_count_is_bound_too() -> None:
    graph = graph_of(lambda x: np.sum(x) / x.shape[0], (N, N + 1))
    assert interpret(graph, np.ones((2, 3))) == (3.0,)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3,), (4,)), "input y has 4 rows"),
        (((3, 1), (3,)), r"input x has shape \(3, 1\)"),
        (((3,), ()), r"input y has shape \(\)"),
    ],
)
def test_arguments_that_do_not_fit_are_named(shapes: Any, message: str) -> None:
    graph = graph_of(lambda x, y: x + y, (N,), (N,), names=["x", "y"])
    with pytest.raises(ShapeError, match=message):
        interpret(graph, *(np.ones(shape) for shape in shapes))


def test_a_fixed_size_is_checked() -> None:
    graph = graph_of(np.sum, (N, 2))
    with pytest.raises(ShapeError, match="number 0"):
        bind_rows(graph.inputs, [np.ones((3, 3))])


def test_attributes_are_resolved_as_far_as_rows_are_known() -> None:
    attributes = {"shape": (N, 2, M + 1), "label": "z"}
    assert resolved(attributes, {"data": 4}) == {"shape": (4, 2, M + 1), "label": "z"}
    assert resolved(attributes, {"data": 4, "test": 1}) == {"shape": (4, 2, 2), "label": "z"}


def test_too_few_rows_for_a_slice_are_found_when_it_runs() -> None:
    graph = graph_of(lambda x: np.sum(x[:5]), (N,))
    assert interpret(graph, np.ones(6)) == (5.0,)
    with pytest.raises(ShapeError, match="of an axis of"):
        interpret(graph, np.ones(4))


@pytest.mark.parametrize(
    ("domain", "low", "high"),
    [
        (real, -2.0, 2.0),
        (positive, 0.0, 2.0),
        (unit, 0.0, 1.0),
        (Domain("above 5", low=5.0), 5.0, 6.0),
        (integer(-2, 1), -2.0, 1.0),
    ],
)
def test_domains_sample_inside_themselves(domain: Domain, low: float, high: float) -> None:
    found = domain.sample(np.random.default_rng(0), (1000,), DOUBLE)
    assert low <= found.min() < found.max() <= high
    if domain.kind == "f":
        assert low < found.min()
        assert found.max() < high
    assert found.dtype.kind == ("i" if domain.kind == "i" else "f")


def test_a_boolean_domain_samples_both() -> None:
    found = boolean.sample(np.random.default_rng(0), (100,), DOUBLE)
    assert found.dtype == bool
    assert 0 < found.sum() < 100
