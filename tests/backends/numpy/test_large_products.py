"""Products outside of passes: their values, their bits and the threads they run on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.backends import blas
from optserve.backends.numpy import compile_graph
from optserve.backends.numpy.large_products import calls_blas, with_shared_products
from optserve.graph.graph import Graph
from optserve.primitives.loops import scan
from optserve.primitives.tracing import trace


def graph_of(function: Any, *arguments: Any) -> Graph:
    return trace(function, *arguments).graph


def matrices(rows: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 300)), rng.normal(size=(300, 300))


@pytest.mark.parametrize("rows", [256, 600, 1024])
def test_no_bit_depends_on_the_threads(rows: int) -> None:
    x, y = matrices(rows)
    graph = graph_of(lambda x, y: x @ y, x, y)
    found = [compile_graph(graph, threads)(x, y)[0] for threads in (1, 2, 5)]
    np.testing.assert_allclose(found[0], x @ y, rtol=1e-10, atol=1e-10)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_only_large_products_of_two_matrices_are_shared() -> None:
    x, y = matrices(1024)
    for function in (lambda x, y: x[:8] @ y, lambda x, y: x @ y[0], lambda x, y: x * 2.0):
        graph = graph_of(function, x, y)
        assert with_shared_products(graph, 2) == graph
    assert with_shared_products(graph_of(lambda x, y: x @ y, x, y), 2) != graph


def test_the_library_keeps_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = matrices(1024)
    pool, seen = blas._pool(), []
    multiply = np.matmul

    def watched(*given: Any, **options: Any) -> Any:
        seen.append(pool.read())
        return multiply(*given, **options)

    before = pool.read()
    compiled = compile_graph(graph_of(lambda x, y: x @ y, x, y), 2)
    monkeypatch.setattr(np, "matmul", watched)
    compiled(x, y)
    assert seen == [1] * 4
    assert pool.read() == before


def test_what_calls_blas() -> None:
    x, y = matrices(1024)
    assert calls_blas(graph_of(lambda x, y: np.sum(x * x), x, y))
    assert calls_blas(
        graph_of(lambda x, y: scan(lambda c, row: (c + y @ row, c), x[0], x)[0], x, y)
    )
    assert not calls_blas(graph_of(lambda x, y: np.exp(x), x, y))
    assert not calls_blas(graph_of(lambda x, y: x @ y, x[:4, :4], y[:4, :4]))
