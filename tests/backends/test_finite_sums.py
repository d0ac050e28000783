"""Finite sums on every backend, against the interpreter: values, row counts, threads, memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends import llvm, numpy
from optserve.backends.chunks import MAX_TILE_ROWS
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.map_reduce import map_reduce
from optserve.primitives.tracing import trace, verify
from optserve.transforms.finite_sum import finite_sum
from optserve.transforms.reverse import value_and_gradient_graph
from tests.backends.losses import COLUMNS, LOSSES, Loss

Compile = Callable[[Graph, int], Callable[..., tuple[Any, ...]]]
BACKENDS: dict[str, Compile] = {"numpy": numpy.compile_graph, "llvm": llvm.compile_graph}
COUNTS = (0, 1, 7, COLUMNS, 8, 9, MAX_TILE_ROWS - 1, MAX_TILE_ROWS, MAX_TILE_ROWS + 1)

every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
every_backend = pytest.mark.parametrize("backend", BACKENDS)


@every_loss
def test_the_rewritten_graph_is_sound_and_gives_the_same_values(loss: Loss) -> None:
    graph = loss.graph()
    passes = verify(finite_sum(graph))
    arguments = loss.arguments(23)
    for found, expected in zip(
        interpret(passes, *arguments), interpret(graph, *arguments), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@every_loss
@every_backend
def test_every_row_count(loss: Loss, backend: str) -> None:
    graph = loss.graph()
    compiled = BACKENDS[backend](graph, 1)
    for rows in COUNTS:
        if rows < loss.smallest:
            continue
        arguments = loss.arguments(rows)
        with np.errstate(all="ignore"):
            expected = interpret(graph, *arguments)
        for found, wanted in zip(compiled(*arguments), expected, strict=True):
            scale = np.max(np.abs(wanted), initial=1.0)
            np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12 * scale)
            assert found.dtype == np.asarray(wanted).dtype
            assert found.shape == np.shape(wanted)


@every_loss
@every_backend
def test_single_precision(loss: Loss, backend: str) -> None:
    graph = loss.graph("float32")
    arguments = loss.arguments(1000, "float32")
    exact = interpret(
        loss.graph(),
        *[np.asarray(a, np.float64) if a.dtype == np.float32 else a for a in arguments],
    )
    found = BACKENDS[backend](graph, 1)(*arguments)
    for value, wanted in zip(found, exact, strict=True):
        assert value.dtype == np.float32
        scale = np.max(np.abs(wanted), initial=1.0)
        np.testing.assert_allclose(value, wanted, rtol=2e-4, atol=2e-5 * scale)


@every_loss
@every_backend
def test_the_same_bits_on_any_number_of_threads(loss: Loss, backend: str) -> None:
    graph = loss.graph()
    arguments = loss.arguments(5 * MAX_TILE_ROWS + 3)
    results = [BACKENDS[backend](graph, threads)(*arguments) for threads in (1, 2, 8)]
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            assert one.tobytes() == same.tobytes()


@every_backend
def test_not_a_number_in_one_row_reaches_the_loss(backend: str) -> None:
    loss = LOSSES[0]
    arguments = loss.arguments(1001)
    arguments[-1][777] = np.nan
    compiled = BACKENDS[backend](loss.graph(), 2)
    assert all(np.isnan(value) for value in compiled(*arguments))


@pytest.mark.parametrize(
    "name", ["curve", "logistic", "network", "mixture", "groups", "branches", "root mean square"]
)
def test_one_pass_is_enough(name: str) -> None:
    [loss] = [loss for loss in LOSSES if loss.name == name]
    passes = [e for e in finite_sum(loss.graph()).equations if e.primitive is map_reduce]
    assert len(passes) == 1


@every_backend
@pytest.mark.parametrize("outer", [np.sqrt, np.log, lambda total: 1.0 / total])
def test_of_no_rows_nothing_is_summed_also_behind_a_pole(outer: Any, backend: str) -> None:
    avals = [Aval((), np.dtype(float)), Aval((Dim.rows("data"),), np.dtype(float))]
    traced = trace(lambda a, x: outer(np.sum(a * x)), *avals)
    gradient = value_and_gradient_graph(traced.graph, [0])
    compiled = BACKENDS[backend](gradient, 1)
    with np.errstate(all="ignore"):
        for rows in (np.zeros(0), np.zeros(2), np.ones(2)):
            expected = interpret(gradient, np.float64(2.0), rows)
            np.testing.assert_allclose(compiled(np.float64(2.0), rows), expected, rtol=1e-15)
    assert compiled(np.float64(2.0), np.zeros(0))[1] == 0.0


@every_backend
def test_memory_is_in_proportion_to_a_tile(backend: str) -> None:
    loss = LOSSES[0]
    arguments = loss.arguments(2_000_000)
    compiled = BACKENDS[backend](loss.graph(), 2)
    compiled(*arguments)
    tracemalloc.start()
    compiled(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20  # one column has 16 MB


@every_backend
@pytest.mark.parametrize("chosen", [lambda b, g: b * np.all(b), lambda b, g: np.any(b) * g])
def test_a_truth_value_of_all_rows_beside_each_of_them(chosen: Any, backend: str) -> None:
    rows = (Dim.rows("data"),)
    avals = [Aval(rows, np.dtype(bool)), Aval(rows, np.dtype(np.int64))]
    graph = trace(lambda b, g: np.mean(chosen(b, g)), *avals).graph
    for given in ([True, True, True], [True, False, True], [False, False, False]):
        arguments = [np.array(given), np.array([3, 4, 6])]
        [found] = BACKENDS[backend](graph, 1)(*arguments)
        assert found == interpret(graph, *arguments)[0]
