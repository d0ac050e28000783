"""Primitives of the vocabulary as native code, in registers, in memory and in rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.backends.llvm.programs.whole_graph import WholeGraph
from optserve.errors import NumericalFailure
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.along_axis import add_along_axis, take_along_axis
from optserve.primitives.indexing import scatter_add, take
from optserve.primitives.tracing import trace
from tests.conformance.native import only_native

ROWS = Dim.rows("data")
COUNTS = (0, 1, 7, 16, 21, 300)
X, K = np.dtype(np.float64), np.dtype(np.int64)


def _positions(x: Any, k: Any) -> Any:
    return np.abs(k) % x.shape[1]


WITHIN: dict[str, Callable[[Any, Any], Any]] = {
    "cumsum": lambda x, k: np.cumsum(x, axis=1) * np.cumsum(x[:, ::-1], axis=1),
    "argmax": lambda x, k: np.argmax(x, axis=1) - np.argmin(k, axis=1),
    "stack": lambda x, k: np.stack([x, x + k], axis=1),
    "concatenate": lambda x, k: np.concatenate([x, np.exp(x)], axis=1),
    "any": lambda x, k: np.any(x > 1.0, axis=1) | np.all(k > -2, axis=1),
    "any of numbers": lambda x, k: np.any(np.minimum(k, 0), axis=1) ^ np.all(x * k, axis=1),
    "extremes of whole numbers": lambda x, k: np.max(k, axis=1) - np.min(k, axis=1),
    "take along": lambda x, k: take_along_axis(x, k, axis=1),
    "add along": lambda x, k: add_along_axis.bind(x, _positions(x, k), axis=1, size=9),
    "several positions": lambda x, k: take(np.arange(9.0) ** 2, k, axis=0),
    "whole numbers at positions": lambda x, k: take(np.arange(9) ** 2, k, axis=0),
    "the same positions in all": lambda x, k: x[:, [4, 0, 0, -1]] * k[:, [0, 1, 2, 4]],
    "along two axes": lambda x, k: take(np.stack([x, k * x], axis=1), [[1, 0], [0, 1]], axis=1),
    "added at the same positions": lambda x, k: scatter_add.bind(
        x[:, :3], np.array([6, 0, 6]), axis=1, size=7
    ),
    "bits": lambda x, k: ((k & 5) | (k ^ 3)) - (~k << 2) + (k >> 1),
    "far shifts": lambda x, k: (k << (k + 63)) + (k >> (k + 63)),
}
"""Functions of reals (n, d) and whole numbers (n, d), row by row."""

every_function = pytest.mark.parametrize("name", WITHIN)


def graph_of(name: str, shape: Any) -> Graph:
    return trace(WITHIN[name], Aval(shape, X), Aval(shape, K)).graph


def arguments(*shape: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape), rng.integers(-4, 5, shape)]


@every_function
@pytest.mark.parametrize("shape", [(3, 5), (40, 9)])
def test_in_registers_and_in_memory(name: str, shape: tuple[int, int]) -> None:
    graph = graph_of(name, shape)
    whole = WholeGraph(graph, 1)
    assert whole.program is not None
    np.testing.assert_allclose(whole(*arguments(*shape)), interpret(graph, *arguments(*shape)))


@every_function
@pytest.mark.parametrize("width", [5, 9, 20])
def test_in_rows(name: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    only_native(monkeypatch)
    graph = graph_of(name, (ROWS, width))
    compiled = llvm_backend(2).compile(graph)
    for rows in COUNTS:
        given = arguments(rows, width)
        np.testing.assert_allclose(compiled(*given), interpret(graph, *given))


@pytest.mark.parametrize("shape", [(3, 5), (40, 5), (ROWS, 5)])
def test_a_whole_number_out_of_range_is_a_failure(shape: Any) -> None:
    graph = graph_of("whole numbers at positions", shape)
    x, k = arguments(40 if shape[0] is ROWS else shape[0], 5)
    k[2, 3] = 9
    with pytest.raises(NumericalFailure, match="an index is out of range for 9 entries"):
        llvm_backend(1).compile(graph)(x, k)


def _over_rows(x: Any, k: Any) -> Any:
    few = np.minimum(k, 0)
    return (
        *(np.max(x), np.any(k > 3), np.all(k > -4), np.any(x > 2.5, axis=0), np.min(k, axis=0)),
        *(np.any(few), np.all(k), np.any(few, axis=0), np.all(x * few, axis=0)),
    )


@pytest.mark.parametrize("rows", [1, 7, 300, 70_000])
def test_tests_for_truth_over_rows(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    only_native(monkeypatch)
    graph = trace(_over_rows, Aval((ROWS, 5), X), Aval((ROWS, 5), K)).graph
    given = arguments(rows, 5)
    for found, wanted in zip(
        llvm_backend(2).compile(graph)(*given), interpret(graph, *given), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype


def _sums_over_rows(x: Any, k: Any) -> Any:
    position = np.abs(k)
    return (
        *(x[:, 0] @ x[:, 1], k[:, 0] @ k[:, 1], x.T @ x, k.T @ k, np.einsum("ij,ij->", x, x)),
        *((k > 0).T @ (k < 2), np.sum(x, axis=(0, 1)), k @ np.arange(5)),
        *(scatter_add.bind(x, position, axis=0, size=5), np.einsum("ij,ij->j", k, k)),
        *(scatter_add.bind(k[:, 0], position[:, 0], axis=0, size=5),),
    )


def _parts_over_rows(x: Any, k: Any) -> Any:
    cube = np.stack([x, x * k], axis=1)
    whole = np.stack([k, k + 1], axis=1)
    return (
        *(np.sum(cube, axis=(0, 2)), np.max(cube, axis=(0, 1)), np.any(cube > 2.5, axis=(0, 2))),
        *(np.min(whole, axis=(0, 1)), np.sum(whole > 0, axis=(0, 1), keepdims=True)),
    )


@pytest.mark.parametrize("function", [_sums_over_rows, _parts_over_rows])
@pytest.mark.parametrize("rows", [1, 7, 300, 70_000])
def test_sums_over_rows(
    function: Callable[[Any, Any], Any], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_native(monkeypatch)
    graph = trace(function, Aval((ROWS, 5), X), Aval((ROWS, 5), K)).graph
    given = arguments(rows, 5)
    for found, wanted in zip(
        llvm_backend(2).compile(graph)(*given), interpret(graph, *given), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-10)
        assert found.dtype == wanted.dtype
