"""Whole numbers that do not exist: native code notices each, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.backends.llvm.programs.whole_graph import WholeGraph
from optserve.errors import NumericalFailure
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.loops import scan
from optserve.primitives.shaping import cast
from optserve.primitives.tracing import trace
from optserve.primitives.whole import integer, unwrapped
from tests.conformance.native import only_native

N = Dim.rows("data")
COUNTS = (1, 7, 8, 9, 333)
DOUBLE, WHOLE = np.dtype(np.float64), np.dtype(np.int64)


def quotient(k: Any, d: Any) -> Any:
    """``k // d``, as an expression records it."""
    real = [cast(x, dtype=DOUBLE) for x in (k, d)]
    return unwrapped(k // d, real[0] // real[1], of="floor_divide")


def of_rows(k: Any, d: Any, x: Any) -> Any:
    return np.sum(quotient(k, d) * x) + np.sum(integer(x))


def of_entries(k: Any, d: Any, x: Any) -> Any:
    return np.sum(quotient(k[:, None] + np.arange(11), d[:, None]) * x[:, None])


def in_a_loop(k: Any, d: Any, x: Any) -> Any:
    def step(total: Any, entry: Any) -> Any:
        return total + quotient(np.sum(k), entry), total

    return scan(step, 0, np.array([1, 2, 3]))[0] + np.sum(x) + np.sum(d)


def graph_of(function: Any, rows: Any = N) -> Graph:
    avals = [Aval((rows,), dtype) for dtype in (WHOLE, WHOLE, DOUBLE)]
    return trace(function, *avals).graph


def arguments(rows: int) -> list[Array]:
    rng = np.random.default_rng(rows)
    return [rng.integers(-9, 9, rows), rng.integers(1, 9, rows), np.rint(rng.normal(size=rows) * 9)]


@pytest.fixture
def only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is computed on NumPy instead."""

    def refuse(_whole: WholeGraph) -> Any:
        raise AssertionError("nothing has failed")

    only_native(monkeypatch)
    monkeypatch.setattr(WholeGraph, "_on_numpy", property(refuse))


@pytest.mark.parametrize("function", [of_rows, of_entries, in_a_loop])
def test_what_exists_is_computed_natively(
    function: Any, only_here: None, small_tiles: None
) -> None:
    graph = graph_of(function)
    compiled = llvm_backend(2).compile(graph)
    for rows in COUNTS:
        given = arguments(rows)
        [wanted], [found] = interpret(graph, *given), compiled(*given)
        np.testing.assert_allclose(found, wanted, rtol=1e-14)


@pytest.mark.parametrize("function", [of_rows, of_entries])
@pytest.mark.parametrize("rows", COUNTS)
def test_one_that_does_not_exist_fails_wherever_it_is(
    function: Any, rows: int, small_tiles: None
) -> None:
    compiled = llvm_backend(2).compile(graph_of(function))
    for at in {0, rows // 2, rows - 1}:
        k, d, x = arguments(rows)
        d[at] = 0
        with pytest.raises(NumericalFailure, match="floor_divide of whole numbers"):
            compiled(k, d, x)
    compiled(*arguments(rows))  # and is forgotten by the next call


@pytest.mark.parametrize("bad", [0.5, np.nan, np.inf, -np.inf, 2.0**63, -(2.0**64)])
@pytest.mark.parametrize("shape", [(), (5,), (100,), (N,)])
def test_what_is_not_whole_is_no_integer(bad: float, shape: Any) -> None:
    aval = Aval(shape, DOUBLE)
    graph = trace(lambda x: integer(x) * 2, aval).graph
    compiled = llvm_backend(1).compile(graph)
    x = np.full([100 if size is N else size for size in shape], -(2.0**62))
    [found] = compiled(x)
    np.testing.assert_array_equal(found, np.full(x.shape, -(2**63)))
    x.reshape(-1)[-1] = bad
    with pytest.raises(NumericalFailure, match="no whole number"):
        compiled(x)
