"""Losses of batches: on average over the batches they are the loss of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy import numpy_backend
from optserve.errors import ConfigError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.constants import positions
from optserve.primitives.indexing import scatter_add, take
from optserve.primitives.loops import scan
from optserve.primitives.reductions import logsumexp, norm
from optserve.primitives.tracing import trace, verify
from optserve.transforms.minibatch import check_affine, minibatch
from optserve.transforms.reverse import value_and_gradient_graph

N = Dim.rows("data")


def graph_of(function: Any, precision: str = "float64") -> Graph:
    """The loss of w (3,), x (rows, 3), y (rows,), g (rows,) integers."""
    dtype = np.dtype(precision)
    avals = [Aval((3,), dtype), Aval((N, 3), dtype), Aval((N,), dtype)]
    avals.append(Aval((N,), np.dtype(np.int64)))
    return trace(function, *avals, precision=dtype).graph


def table(rows: int, precision: str = "float64") -> list[np.ndarray]:
    rng = np.random.default_rng(rows)
    x, y = rng.normal(size=(rows, 3)), rng.normal(size=rows)
    return [x.astype(precision), y.astype(precision), np.arange(rows) % 3]


ACCEPTED = {
    "a sum": lambda w, x, y, g: np.sum((y - x @ w) ** 2),
    "a mean": lambda w, x, y, g: np.mean(np.tanh(x @ w) - y),
    "a sum over rows and columns": lambda w, x, y, g: np.mean((x * w) ** 2),
    "a product of rows": lambda w, x, y, g: (y - x @ w) @ (y - x @ w),
    "with a penalty": lambda w, x, y, g: np.mean((y - x @ w) ** 2) + 0.5 * np.sum(w**2),
    "a factor": lambda w, x, y, g: np.exp(w[0]) * np.sum(y * np.cos(x @ w)) - w[1] * x.shape[0],
    "divided by rows but one": lambda w, x, y, g: np.sum((x @ w) ** 2) / (x.shape[0] - 1),
    "groups": lambda w, x, y, g: w @ scatter_add(y**2, g, axis=0, size=3) + np.sum(take(w, g) * y),
    "column sums": lambda w, x, y, g: np.sum(w**2 * np.sum(np.sin(x), axis=0)),
    "lengths of rows": lambda w, x, y, g: np.mean(norm(x * w, axis=1)),
    "a choice": lambda w, x, y, g: np.where(w[0] > 0, np.mean(y * x[:, 0]), -np.sum(x @ w)),
    "stacked": lambda w, x, y, g: np.sum(np.stack([np.sum(x @ w), np.mean(y)]) * w[:2]),
    "a sum of constants": lambda w, x, y, g: np.sum(np.broadcast_to(w[0] ** 2, y.shape)),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_batches_give_the_loss_and_its_gradient_on_average(name: str) -> None:
    graph = graph_of(ACCEPTED[name])
    check_affine(graph, N)
    derived = value_and_gradient_graph(graph, [0])
    rewritten = verify(minibatch(derived, N))
    w = np.array([0.5, -1.0, 2.0])
    columns = table(24)
    wanted = interpret(derived, w, *columns)
    evaluate = numpy_backend(1).compile(rewritten)
    parts = [[column[i : i + 4] for column in columns] for i in range(0, 24, 4)]
    found = [evaluate(w, *part, np.float64(24)) for part in parts]
    for value, *batches in zip(wanted, *found, strict=True):
        np.testing.assert_allclose(np.mean(batches, axis=0), value, rtol=1e-12, atol=1e-12)


def test_a_last_short_batch_counts_by_its_own_size() -> None:
    graph = minibatch(graph_of(lambda w, x, y, g: np.sum(y) + np.mean(y)), N)
    x, y, g = table(3)
    total, [found] = 10.0, interpret(graph, np.zeros(3), x, y, g, np.float64(10))
    assert found == pytest.approx(y.sum() * total / 3 + y.mean())


def test_single_precision_stays_single() -> None:
    graph = value_and_gradient_graph(graph_of(ACCEPTED["a mean"], "float32"), [0])
    rewritten = verify(minibatch(graph, N))
    out = interpret(rewritten, np.ones(3, "float32"), *table(8, "float32"), np.float32(80))
    assert {one.dtype for one in out} == {np.dtype(np.float32)}


REFUSED = {
    "a root": ("sqrt", lambda w, x, y, g: np.sqrt(np.mean((y - x @ w) ** 2))),
    "a ratio": ("divide", lambda w, x, y, g: np.sum(y * (x @ w)) / np.sum(y * y)),
    "a product": ("multiply", lambda w, x, y, g: np.mean(x @ w) * np.mean(y)),
    "a square": ("square", lambda w, x, y, g: np.mean(x @ w) ** 2),
    "centred rows": ("subtract", lambda w, x, y, g: np.mean((x - np.mean(x, axis=0)) @ w)),
    "a variance": ("subtract", lambda w, x, y, g: np.var(x @ w)),
    "a length": ("sqrt", lambda w, x, y, g: norm(y - x @ w)),
    "the largest": ("max", lambda w, x, y, g: np.max(x @ w)),
    "log of a sum of exp": ("logsumexp", lambda w, x, y, g: logsumexp(x @ w)),
    "sorted": ("sort", lambda w, x, y, g: np.sum(np.sort(x @ w) * y)),
    "neighbours": ("slice", lambda w, x, y, g: np.sum((x @ w)[1:] * y[:-1])),
    "a choice by a mean": ("greater", lambda w, x, y, g: np.where(np.mean(y) > 0, w[0], w[1])),
    "a sequence": (
        "scan",
        lambda w, x, y, g: scan(lambda s, v: (0.5 * s + v, s), w[0], y)[0],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_batches_would_bias_is_refused_with_its_place(name: str) -> None:
    primitive, function = REFUSED[name]
    with pytest.raises(ConfigError, match=f"`{primitive}`") as caught:
        check_affine(graph_of(function), N)
    assert caught.value.place is not None
    assert caught.value.place.file == __file__
    assert "minibatch" in caught.value.remedy


def test_row_numbers_and_counts_are_refused() -> None:
    with pytest.raises(ConfigError, match="numbers of the rows"):
        check_affine(graph_of(lambda w, x, y, g: np.sum(y * positions(y, 0))), N)
    with pytest.raises(ConfigError, match="count of rows"):
        check_affine(graph_of(lambda w, x, y, g: w[0] * np.sum(g)), N)


def test_a_table_that_is_not_batched_may_be_used_as_it_likes() -> None:
    other = Dim.rows("other")
    double = np.dtype(np.float64)
    avals = [Aval((N,), double), Aval((other,), double)]

    def loss(y: Any, z: Any) -> Any:
        return np.mean(y) * np.sqrt(np.sum(z**2)) + np.max(z)

    graph = trace(loss, *avals).graph
    check_affine(graph, N)
    y, z = np.arange(6.0), np.array([3.0, 4.0])
    [found] = interpret(minibatch(graph, N), y[:2], z, np.float64(6))
    assert found == pytest.approx(0.5 * 5.0 + 4.0)
