"""Products of matrices over rows: sizes around those of a tile, both precisions, NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from optserve.backends import llvm
from optserve.backends.llvm.rows import native_pass
from optserve.graph.aval import Array
from optserve.graph.interpret import interpret
from tests.backends.llvm.closeness import assert_close
from tests.backends.losses import Loss

COUNTS = (0, 1, 7, 8, 9, 17, 300)
every_precision = pytest.mark.parametrize("dtype", ["float64", "float32"])


@pytest.fixture(autouse=True)
def only_native(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    def refuse(_work: object) -> None:
        raise AssertionError("a pass without native code")

    monkeypatch.setattr(native_pass, "tiled", refuse)
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))


def vector_loss(columns: int) -> Loss:
    """Both ways to meet a vector: x @ w, and its transpose in the gradient."""
    return Loss("vector", lambda w, x: np.sum(np.sin(x @ w)), [(columns,)], [(columns,)])


def matrix_loss(inner: int, columns: int) -> Loss:
    """Likewise a matrix; the second one has its gradient with respect to the rows, too."""
    return Loss(
        "matrix",
        lambda w, v, x: np.sum(np.sin(np.tanh(x @ w) @ v)),
        [(inner, columns), (columns, 3)],
        [(inner,)],
    )


LOSSES = [
    *(vector_loss(columns) for columns in (1, 7, 8, 9, 40, 70)),
    *(matrix_loss(*sizes) for sizes in ((1, 1), (9, 7), (8, 16), (7, 17), (17, 40), (3, 33))),
]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: str(loss.parameters))


@every_precision
@every_loss
def test_every_number_of_rows(loss: Loss, dtype: str) -> None:
    graph = loss.graph(dtype)
    call = llvm.compile_graph(graph)
    for rows in COUNTS:
        arguments = loss.arguments(rows, dtype)
        assert_close(call(*arguments), interpret(graph, *arguments), dtype)


@every_precision
@every_loss
def test_a_number_that_is_none_reaches_what_depends_on_it(loss: Loss, dtype: str) -> None:
    graph = loss.graph(dtype)
    arguments = loss.arguments(50, dtype)
    for bad in (math.nan, math.inf):
        arguments[-1][20, 0] = bad
        with np.errstate(all="ignore"):
            wanted = interpret(graph, *arguments)
        assert_close(llvm.compile_graph(graph)(*arguments), wanted, dtype)


def test_columns_apart_from_each_other() -> None:
    def reversed_columns(w: Any, x: Any) -> Any:
        return np.sum(np.sin(x[:, ::2]) ** 2) + np.sum((x[:, :3] @ w) ** 2)

    loss = Loss("strided", reversed_columns, [(3, 4)], [(7,)])
    arguments = loss.arguments(21)
    assert_close(
        llvm.compile_graph(loss.graph())(*arguments),
        interpret(loss.graph(), *arguments),
        "float64",
    )


def test_the_same_bits_on_any_number_of_threads() -> None:
    loss = matrix_loss(8, 16)
    arguments = loss.arguments(100_000)
    results: list[tuple[Array, ...]] = [
        llvm.compile_graph(loss.graph(), threads)(*arguments) for threads in (1, 2, 8)
    ]
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            assert one.tobytes() == same.tobytes()
