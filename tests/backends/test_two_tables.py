"""Passes over the rows of one table, in which another table's rows are a size like any other."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.backends import chunks, llvm, numpy
from optserve.errors import ShapeError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.primitives.indexing import take
from optserve.primitives.tracing import trace
from optserve.transforms.reverse import value_and_gradient_graph

BACKENDS = {"numpy": numpy.compile_graph, "llvm": llvm.compile_graph}
TILE = 16


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(chunks, "MAX_TILE_ROWS", TILE)
    monkeypatch.setattr(chunks, "MAX_CHUNKS", 3)
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))


def nearest(a: Any, x: Any, y: Any, g: Any) -> Any:
    del g
    return np.sum(np.min(np.abs(a * x[:, None] - y), axis=1))


def kernel(a: Any, x: Any, y: Any, g: Any) -> Any:
    del g
    return np.sum(np.exp(-a * (x[:, None] - y) ** 2) @ y)


def looked_up(a: Any, x: Any, y: Any, g: Any) -> Any:
    return np.sum((take(np.sin(a * x), g) - y) ** 2)


def looked_up_twice(a: Any, x: Any, y: Any, g: Any) -> Any:
    centred = a * x - np.mean(a * x)
    return np.sum(take(centred, g) * y) + np.sum(centred**2)


@pytest.mark.parametrize("function", [nearest, kernel, looked_up, looked_up_twice])
@pytest.mark.parametrize("backend", BACKENDS)
def test_another_table_in_a_pass(function: Any, backend: str) -> None:
    low, high = Dim.rows("low"), Dim.rows("high")
    double = np.dtype(np.float64)
    avals = [Aval((), double), Aval((low,), double), Aval((high,), double)]
    avals.append(Aval((high,), np.dtype(np.int64)))
    traced = trace(function, *avals)
    graph = value_and_gradient_graph(traced.graph, [0, 1, 2])
    compiled = BACKENDS[backend](graph, 1)
    rng = np.random.default_rng(0)
    for few, many in ((1, 1), (3, TILE + 1), (TILE + 1, 3), (5 * TILE + 3, 3 * TILE), (4, 4)):
        given = [
            np.float64(0.7),
            rng.normal(size=few),
            rng.normal(size=many),
            rng.integers(0, few, many),
        ]
        for found, expected in zip(compiled(*given), interpret(graph, *given), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
            assert found.dtype == np.asarray(expected).dtype


@pytest.mark.parametrize("make", [*BACKENDS.values(), None])
@pytest.mark.parametrize(
    ("first", "last", "asked"),
    [(5, None, "entries 5 to 3"), (-6, -5, "entry -2"), (2, 6, "entries 2 to 5")],
)
def test_rows_that_are_not_there_are_an_error(make: Any, first: Any, last: Any, asked: str) -> None:
    """Python would count from the end, or cut the slice off; native code would read on."""
    rows, double = (Dim.rows("low"), Dim.rows("high")), np.dtype(np.float64)

    def alone(x: Any, y: Any) -> Any:
        return np.sum(x) + np.sum(y[first:last])

    def beside(x: Any, y: Any) -> Any:
        return np.sum((x[:, None] - y)[:, first:last] ** 2)

    avals = [Aval((size,), double) for size in rows]
    for function in (alone, beside):
        graph = trace(function, *avals).graph
        compiled = make(graph, 1) if make else partial(interpret, graph)
        for count in (3, 3 * TILE):
            [found] = compiled(np.ones(count), np.arange(9.0))
            np.testing.assert_allclose(found, function(np.ones(count), np.arange(9.0)))
            with pytest.raises(ShapeError, match=f"{asked} of an axis of 4") as caught:
                compiled(np.ones(count), np.arange(4.0))
            assert caught.value.place is not None
