"""Passes over few rows are written out, and give the bits of tiles."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy import compile_graph
from optserve.backends.numpy.control_flow import _control, tiled
from optserve.backends.numpy.few_rows import FEW, with_passes_written_out
from optserve.backends.numpy.plan import Plan
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.primitives.map_reduce import map_reduce
from optserve.primitives.tracing import trace
from optserve.transforms.finite_sum import finite_sum

ROWS = Dim.rows("data")
FLOAT = np.dtype(np.float64)


def fit(w: Any, x: Any, y: Any) -> Any:
    residual = y - np.exp(-(x**2) @ w)
    centred = residual - np.mean(residual)
    return np.sum(residual**2), residual, x.T @ centred, np.stack([y, residual], axis=1)


def graph_of(function: Any) -> Graph:
    avals = Aval((3,), FLOAT), Aval((ROWS, 3), FLOAT), Aval((ROWS,), FLOAT)
    return finite_sum(trace(function, *avals).graph)


def data(rows: int) -> list[Any]:
    rng = np.random.default_rng(rows)
    return [rng.normal(size=3), rng.normal(size=(3, rows)).T, rng.normal(size=rows)]


def by_tiles(graph: Graph, arguments: list[Any]) -> list[Any]:
    return Plan(graph, partial(_control, 1, tiled)).bind(arguments, {}).run(arguments)


@pytest.mark.parametrize("rows", [0, 1, 7, 64, 500])
def test_bits_are_those_of_tiles(rows: int) -> None:
    graph, arguments = graph_of(fit), data(rows)
    assert any(one.primitive is map_reduce for one in graph.equations)
    with np.errstate(all="ignore"):
        expected = by_tiles(graph, arguments)
    for found, wanted in zip(compile_graph(graph)(*arguments), expected, strict=True):
        np.testing.assert_array_equal(found, wanted, strict=True)


def test_nothing_is_left_of_the_passes_where_rows_are_few() -> None:
    graph = graph_of(fit)
    few = with_passes_written_out(graph, data(7))
    assert few is not None
    assert all(one.primitive is not map_reduce for one in few.equations)
    assert with_passes_written_out(graph, data(FEW)) is None
    assert with_passes_written_out(few, data(7)) is None  # there are none


def test_outputs_are_nobody_elses_memory() -> None:
    compiled = compile_graph(graph_of(lambda w, x, y: (w, y, y[::-1], np.zeros(3) + 0.0 * w, x)))
    arguments = data(5)
    first = compiled(*arguments)
    kept = [np.array(one) for one in first]
    for one in first:
        one[...] = np.nan
    for found, wanted in zip(compiled(*arguments), kept, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_plans_of_several_sizes_are_kept_beside_each_other() -> None:
    graph = graph_of(fit)
    compiled = compile_graph(graph)
    for rows in (5, 9, 5, 9000, 9):
        with np.errstate(all="ignore"):
            expected = by_tiles(graph, data(rows))
        np.testing.assert_array_equal(compiled(*data(rows))[1], expected[1])
