"""The Jacobian of values by rows, in reverse mode: that which forward mode gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import Aval, Shape, resolve_shape
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.plugin import Example, composite, opaque
from optserve.primitives.constants import positions
from optserve.primitives.indexing import take
from optserve.primitives.loops import scan
from optserve.primitives.reductions import norm
from optserve.primitives.tracing import trace, verify
from optserve.transforms.forward import jacobian_graph
from optserve.transforms.row_jacobian import row_jacobian_graph

ROWS = Dim.rows("data")
COUNT = 7

SHAPES: dict[str, Shape] = {"s": (), "w": (3,), "A": (3, 3)}
COLUMNS: dict[str, Shape] = {"x": (ROWS,), "X": (ROWS, 3)}

Function = Callable[..., Any]


def graph_of(function: Function, dtype: str = "float64") -> Graph:
    """``function(s, w, A, x, X, g)`` as a graph; g holds whole numbers from 0 to 2."""
    avals = [Aval(shape, np.dtype(dtype)) for shape in (*SHAPES.values(), *COLUMNS.values())]
    indices = Aval((ROWS,), np.dtype(np.int64))
    return trace(function, *avals, indices, precision=np.dtype(dtype)).graph


def arguments(dtype: str = "float64", count: int = COUNT) -> list[Any]:
    rng = np.random.default_rng(3)
    floats = [
        rng.uniform(0.2, 1.5, resolve_shape(shape, {"data": count})).astype(dtype)
        for shape in (*SHAPES.values(), *COLUMNS.values())
    ]
    return [*floats, np.arange(count) % 3]


def rough(x: Any) -> Any:
    return np.abs(np.sort(x, axis=1) - 0.7).sum(axis=1)


by_rows = opaque(
    "by_rows",
    rough,
    shape=lambda x: Aval(x.shape[:1], x.dtype),
    pullback=lambda ct, out, x: (ct[:, None] * np.sign(x - 0.7),),
    axes=lambda carried, x: 0,
    examples=(Example(((2, 3),)),),
    doc="A sum over each row, by NumPy alone.",
)

stated = composite(
    "stated",
    lambda x: np.sqrt(np.sum(x * x, axis=1)),
    pullback=lambda ct, out, x: (0.5 * ct[:, None] * np.ones(np.shape(x)[1]),),
    examples=(Example(((2, 3),)),),
    doc="Something whose derivative is not that of its body.",
)

FUNCTIONS: dict[str, Function] = {
    "line": lambda s, w, A, x, X, g: x - s * X[:, 0] - w[1],
    "products": lambda s, w, A, x, X, g: np.tanh(X @ A + w) @ w,
    "several a row": lambda s, w, A, x, X, g: np.tanh(X @ A) * w - x[:, None],
    "matrix a row": lambda s, w, A, x, X, g: X[:, :, None] * A + np.exp(s * x)[:, None, None],
    "gather": lambda s, w, A, x, X, g: np.sum(take(A, g) * X, axis=1) + take(w, g),
    "reductions": lambda s, w, A, x, X, g: np.max(X * w, axis=1) + norm(X @ A, axis=1),
    "transposed": lambda s, w, A, x, X, g: (A.T @ X.T)[1],
    "of data alone": lambda s, w, A, x, X, g: s * (x - np.mean(x)) / np.std(x) + w[0] * np.max(X),
    "positions": lambda s, w, A, x, X, g: np.sin(s * positions(x, 0)) - x / x.shape[0],
    "broadcast": lambda s, w, A, x, X, g: np.broadcast_to(w, (x.shape[0], 3)) * X + A[0:1],
    "stacked": lambda s, w, A, x, X, g: np.concatenate(
        [np.stack([x, s * x], axis=1), X * w], axis=1
    ),
    "same for all rows": lambda s, w, A, x, X, g: np.linalg.norm(A @ w) * x + np.sum(A) * s,
    "loop before": lambda s, w, A, x, X, g: scan(lambda c, a: (np.tanh(c + a), c), s, w)[0] * x,
    "where": lambda s, w, A, x, X, g: np.where(x > s, np.sqrt(np.abs(x - s)), w[0] * x),
    "plugin": lambda s, w, A, x, X, g: by_rows(X * w),
    "stated": lambda s, w, A, x, X, g: stated(X * w) + s,
    "unused": lambda s, w, A, x, X, g: x * 2.0,
    "no rows": lambda s, w, A, x, X, g: np.stack([np.mean(x * s), np.sum(w), np.max(X @ w)]),
    "penalty": lambda s, w, A, x, X, g: 0.5 * A,
    "number": lambda s, w, A, x, X, g: s * np.sum(np.exp(X @ w)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_that_of_forward_mode(name: str, dtype: str) -> None:
    graph = graph_of(FUNCTIONS[name], dtype)
    made = row_jacobian_graph(graph, [0], range(3))
    assert made is not None
    expected = jacobian_graph(graph, [0], range(3))
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    for count in (COUNT, 1, 0):
        if not count and ("max" in str(graph) or "std" in str(graph)):
            continue  # nothing is largest
        with np.errstate(all="ignore"):
            have = interpret(verify(made), *arguments(dtype, count))
            want = interpret(expected, *arguments(dtype, count))
        for one, other in zip(have, want, strict=True):
            assert np.asarray(one).dtype == np.asarray(other).dtype
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "function",
    [
        lambda s, w, A, x, X, g: np.cumsum(x * s),
        lambda s, w, A, x, X, g: x * s - np.mean(x * s),
        lambda s, w, A, x, X, g: (x * s)[::-1],
        lambda s, w, A, x, X, g: x[1:] * s,
        lambda s, w, A, x, X, g: np.sort(X @ w),
        lambda s, w, A, x, X, g: scan(lambda c, a: (c * s + a, c), s, x)[1],
        lambda s, w, A, x, X, g: take(x * s, g),
        lambda s, w, A, x, X, g: x[:, None] * x * s,
    ],
)
def test_rows_that_depend_on_others_are_left_to_forward_mode(function: Function) -> None:
    assert row_jacobian_graph(graph_of(function), [0], range(3)) is None


def test_several_outputs_and_some_inputs() -> None:
    graph = graph_of(lambda s, w, A, x, X, g: [np.sum(x * s), X @ w - x, A @ w, x * s])
    made = row_jacobian_graph(graph, [1, 3], [1, 0])
    assert made is not None
    have = interpret(verify(made), *arguments())
    want = interpret(jacobian_graph(graph, [1, 3], [1, 0]), *arguments())
    assert [one.shape for one in have[4:]] == [(COUNT, 4), (COUNT, 4)]
    for one, other in zip(have, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_the_graph_does_not_grow_with_the_parameters() -> None:
    def size(width: int) -> int:
        avals = [Aval((3, width), np.dtype(float)), Aval((width,), np.dtype(float))]
        columns = [Aval((ROWS, 3), np.dtype(float))]
        graph = trace(lambda A, b, X: np.tanh(X @ A + b) @ b, *avals, *columns).graph
        made = row_jacobian_graph(graph, [0], [0, 1])
        assert made is not None
        return len(made.equations)

    assert size(2) == size(1000) < 30
