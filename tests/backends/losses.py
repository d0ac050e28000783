"""Losses over rows, of every shape of finite sum, that tests evaluate on every backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.primitives.constants import positions
from optserve.primitives.indexing import scatter_add
from optserve.primitives.loops import scan
from optserve.primitives.losses import cross_entropy
from optserve.primitives.reductions import logsumexp
from optserve.primitives.tracing import trace
from optserve.transforms.reverse import value_and_gradient_graph

ROWS = Dim.rows("data")
COLUMNS = 7


@dataclass(frozen=True)
class Loss:
    """``function(*parameters, *columns)``; shapes of columns are those of one row.

    ``smallest`` is the least number of rows for which it is defined.
    """

    name: str
    function: Callable[..., Any]
    parameters: Sequence[tuple[int, ...]]
    columns: Sequence[tuple[int, ...] | str]
    smallest: int = 0

    def graph(self, precision: str = "float64") -> Graph:
        """The loss and its gradient with respect to all parameters."""
        dtype = np.dtype(precision)
        avals = [Aval(shape, dtype) for shape in self.parameters]
        for column in self.columns:
            integer = column == "label"
            shape = () if isinstance(column, str) else column
            avals.append(Aval((ROWS, *shape), np.dtype(np.int64) if integer else dtype))
        traced = trace(self.function, *avals, precision=dtype)
        assert not traced.captured
        return value_and_gradient_graph(traced.graph, range(len(self.parameters)))

    def arguments(self, rows: int, precision: str = "float64", seed: int = 0) -> list[Array]:
        """Parameters, then columns of ``rows`` rows."""
        rng = np.random.default_rng(seed)
        values: list[Array] = [
            np.asarray(rng.uniform(0.2, 1.2, shape)) for shape in self.parameters
        ]
        for column in self.columns:
            if column == "label":
                values.append(rng.integers(0, 3, rows))
            else:
                values.append(np.asarray(rng.normal(size=(rows, *column))))
        return [v if v.dtype == np.int64 else v.astype(precision) for v in values]


def _curve(a: Any, b: Any, c: Any, d: Any, e: Any, x: Any, y: Any) -> Any:
    return np.mean((a * np.exp(-b * x) + c * np.exp(-d * x) + e - y) ** 2)


def _logistic(w: Any, b: Any, x: Any, y: Any) -> Any:
    z = x @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + 0.1 * np.sum(w * w)


def _network(w: Any, b: Any, v: Any, x: Any, label: Any) -> Any:
    return np.mean(cross_entropy(np.tanh(x @ w + b) @ v, label))


def _mixture(mu: Any, alpha: Any, x: Any) -> Any:
    distance = np.sum((x[:, None, :] - mu[None, :, :]) ** 2, axis=2)
    return -np.sum(np.logaddexp.reduce(alpha - 0.5 * distance, axis=1))


def _standardized(w: Any, x: Any, y: Any) -> Any:
    scaled = (x - x.mean(axis=0)) / np.std(x, axis=0)
    return np.mean((scaled @ w - y) ** 2)


def _einsum(q: Any, mu: Any, x: Any) -> Any:
    centred = x[:, None, :] - mu
    turned = np.einsum("kij,nkj->nki", q, centred)
    return np.sum(np.exp(-0.1 * np.einsum("nki,nki->nk", turned, turned)))


def _embedding(table: Any, w: Any, g: Any, x: Any) -> Any:
    return np.sum((table[g] @ w - np.sum(x * table[g], axis=1)) ** 2)


def _within_rows(a: Any, x: Any) -> Any:
    grid = x[:, :, None] * a
    return np.sum(np.max(grid, axis=1) * np.sum(grid * grid, axis=1)) + np.sum((a @ grid) ** 2)


def _descent(w: Any, x: Any, y: Any) -> Any:
    """The loss after three steps of gradient descent: passes inside a loop, differentiated."""

    def step(v: Any, _: Any) -> Any:
        gradient = 2 * (x.T @ (x @ v - y)) / x.shape[0]
        return v - 0.05 * gradient, np.sum(v * v)

    final, norms = scan(step, w, np.arange(3))
    return np.mean((x @ final - y) ** 2) + np.sum(norms)


def _indexed(intercept: Any, slope: Any, x: Any) -> Any:
    return np.sum((intercept + slope * x[:, 0] - x[:, 3] + x[..., 1]) ** 2)


def _batch_statistics(w: Any, v: Any, x: Any, y: Any) -> Any:
    hidden = x @ w
    centred = (hidden - hidden.mean(axis=0)) / np.sqrt(np.var(hidden, axis=0) + 0.1)
    return np.mean((np.tanh(centred) @ v - y) ** 2)


def _segments(a: Any, g: Any, x: Any) -> Any:
    """Sums by label, of values that depend on a parameter."""
    sums = scatter_add.bind(np.sin(a * x), g, axis=0, size=3)
    return np.sum(sums**2) + np.max(sums)


def _intercept(w: Any, x: Any, y: Any) -> Any:
    ones = np.ones_like(x[:, :1])
    return np.sum((np.concatenate([ones, x], axis=1) @ w - y) ** 2)


def _whether(a: Any, x: Any) -> Any:
    """A branch that depends on all rows."""
    low, high = np.all(x > -9.0), np.any(x > 1.0)
    return np.sum(np.where(low & high, a * x, a**2 * x)) + np.where(high, a, 0.0)


LOSSES = (
    Loss("curve", _curve, [()] * 5, [(), ()]),
    Loss("logistic", _logistic, [(COLUMNS,), ()], [(COLUMNS,), ()]),
    Loss("network", _network, [(COLUMNS, 9), (9,), (9, 3)], [(COLUMNS,), "label"]),
    Loss("mixture", _mixture, [(4, 3), (4,)], [(3,)]),
    Loss("groups", lambda t, g, y: np.sum((t[g] - y) ** 2), [(3,)], ["label", ()]),
    Loss(
        "root mean square",
        lambda w, x, y: np.sqrt(np.mean((x @ w - y) ** 2) + 1.0),
        [(COLUMNS,)],
        [(COLUMNS,), ()],
        smallest=1,
    ),
    Loss("two passes", _standardized, [(COLUMNS,)], [(COLUMNS,), ()]),
    Loss("columns", _indexed, [(), ()], [(COLUMNS,)]),
    Loss("einsum", _einsum, [(4, 3, 3), (4, 3)], [(3,)]),
    Loss("embedding", _embedding, [(3, 5), (5,)], ["label", (5,)]),
    Loss("within rows", _within_rows, [(5, 5)], [(5,)]),
    Loss("descent", _descent, [(COLUMNS,)], [(COLUMNS,), ()], smallest=1),
    Loss("neighbours", lambda a, x: np.sum((x[1:] - a * x[:-1]) ** 2), [()], [()], smallest=1),
    Loss("largest", lambda a, x: np.max(np.abs(a * x)) + np.min(x * a), [()], [()], smallest=1),
    Loss("log of a sum", lambda a, x: logsumexp(a * x) + a, [()], [()], smallest=1),
    Loss(
        "logs of sums",
        lambda w, x: np.sum(logsumexp(x * w, axis=0) ** 2),
        [(COLUMNS,)],
        [(COLUMNS,)],
        smallest=1,
    ),
    Loss("variance", lambda a, x: np.var(np.exp(a * x)) + np.std(x * a), [()], [()], smallest=2),
    Loss(
        "batch statistics",
        _batch_statistics,
        [(COLUMNS, 3), (3,)],
        [(COLUMNS,), ()],
        smallest=2,
    ),
    Loss("segments", _segments, [()], ["label", ()]),
    Loss("intercept", _intercept, [(COLUMNS + 1,)], [(COLUMNS,), ()]),
    Loss("whether", _whether, [()], [()]),
    Loss(
        "farthest",
        lambda a, x: (x[np.argmax(np.abs(x))] - a) ** 2 + np.sum(a * x),
        [()],
        [()],
        smallest=1,
    ),
    Loss("numbered", lambda a, x: np.sum(np.sin(a * positions(x, 0)) * x), [()], [()]),
    Loss(
        "branches",
        lambda a, x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)) * a, np.abs(x - a))),
        [()],
        [()],
    ),
)
