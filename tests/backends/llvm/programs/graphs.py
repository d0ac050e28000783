"""Graphs of every sort that become whole programs, with arguments to try them at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from optserve.graph.aval import Array, Aval, aval_of
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.optimizers import adam, gradient_descent
from optserve.optimizers.base import Evaluation
from optserve.primitives.indexing import scatter_add, take
from optserve.primitives.loops import cond, scan
from optserve.primitives.tracing import trace
from optserve.transforms.reverse import value_and_gradient_graph, vjp

STEPS, ROWS = Dim.rows("steps"), Dim.rows("data")


@dataclass(frozen=True)
class Program:
    """``function(*arguments)``; the arguments are those of ``shapes``, drawn at random.

    A shape may hold row counts; ``i`` before a shape asks for whole numbers from -2 to 3. With
    ``gradient`` the graph is the value and the gradient by the first argument.
    """

    name: str
    function: Callable[..., Any]
    shapes: Sequence[Any]
    gradient: bool = True

    def __str__(self) -> str:
        return self.name

    def graph(self, precision: str = "float64") -> Graph:
        dtype = np.dtype(precision)
        avals = [
            Aval(shape[1:], np.dtype(np.int64)) if shape[:1] == ("i",) else Aval(shape, dtype)
            for shape in self.shapes
        ]
        traced = trace(self.function, *avals, precision=dtype)
        assert not traced.captured
        return value_and_gradient_graph(traced.graph, [0]) if self.gradient else traced.graph

    def arguments(self, precision: str = "float64", seed: int = 0, **rows: int) -> Iterator[Array]:
        rng = np.random.default_rng(seed)
        for shape in self.shapes:
            whole = shape[:1] == ("i",)
            numbers = [
                size.value(rows) if isinstance(size, Dim) else size for size in shape[whole:]
            ]
            if whole:
                yield rng.integers(-2, 3, numbers)
            else:
                yield np.asarray(rng.uniform(0.2, 1.2, numbers), precision)


def _scalars(x: Any) -> Any:
    return np.sin(x) * np.exp(-x) + x**3 / (1.0 + x * x)


def _vector(x: Any, m: Any) -> Any:
    y = np.tanh(m @ x)
    rest = np.concatenate([y[1:], np.stack([y[0] * x[0], np.sum(x)])])
    return np.sum(rest**2) + np.max(y) * np.cumsum(x)[2] + np.einsum("i,ji->", x, m)


def _array(x: Any, y: Any) -> Any:
    z = np.where(x > 0.5, np.log(x), x * y.T)[:, :13]
    w = np.concatenate([z[:, ::2], z[:, 1::2]], axis=1)
    means = np.mean(w, axis=0) + np.max(z, axis=0)
    return np.sum(means * np.sum(w, axis=1)[:13]) + np.sum((x @ y)[2:5, 3] * means[:3])


def _chain(x: Any) -> Any:
    """Steps of a map; all states count."""
    _, states = scan(lambda s, k: (s + 0.1 * np.sin(k * s), s * s), x, np.arange(1.0, 20.0))
    return np.sum(states)


def _backward(x: Any, rates: Any) -> Any:
    """From the end, with a carry of two, large stacked outputs and a constant."""

    def step(carry: Any, rate: Any) -> Any:
        total, matrix = carry
        matrix = np.tanh(matrix * rate + x)
        return (total + np.sum(matrix), matrix), matrix

    (total, last), path = scan(step, (0.0, x), rates, backward=True)
    return total + np.sum(path[0] * last)


def _no_steps(x: Any, rates: Any) -> Any:
    last, path = scan(lambda s, rate: (s * rate, s), x, rates[:0])
    return np.sum(last) + np.sum(path)


def _nested(x: Any, table: Any) -> Any:
    """A loop in a loop, a choice in both."""

    def outer(carry: Any, row: Any) -> Any:
        def inner(state: Any, entry: Any) -> Any:
            following = cond(
                np.sum(state) > entry,
                lambda s: s * 0.9,
                lambda s: s + 0.3 * entry,
                state,
            )
            return following, np.sum(following)

        last, sums = scan(inner, carry, row)
        return np.where(sums[0] > 1.0, last, carry), sums

    final, all_sums = scan(outer, x, table)
    return np.sum(final) + np.mean(all_sums)


def _gathers(x: Any, index: Any) -> Any:
    picked = take(x, index, axis=1)
    spread = scatter_add(picked, index, axis=1, size=7)
    return np.sum(picked**2) + np.sum(spread * x[:, :7])


def _row_steps(x: Any, steps: Any) -> Any:
    """As many steps as an argument has entries."""
    final, path = scan(lambda s, k: (s * (1.0 - 0.01 * k), np.sum(s * s)), x, steps)
    return np.sum(final) + np.sum(path)


def _fit(w: Any, x: Any, y: Any) -> Any:
    """Steps of gradient descent on a loss over rows, inside of the graph."""
    traced = trace(
        lambda w, x, y: np.mean((np.tanh(x @ w) - y) ** 2) + 0.1 * np.sum(w * w),
        *map(aval_of, (w, x, y)),
    )
    graph = value_and_gradient_graph(traced.graph, [0])

    def step(point: Any, _: Any) -> Any:
        (loss, gradient), _ = vjp(graph, [point, x, y], ())
        return point - 0.5 * gradient, loss

    return scan(step, w, np.arange(5.0))


def _epoch(w: Any, v: Any, x: Any, label: Any) -> Any:
    """Adam over stacked minibatches: rows of a batch and batches are both row counts."""

    def loss(w: Any, v: Any, x: Any, y: Any) -> Any:
        hidden = np.tanh(x @ w)
        return np.mean((hidden @ v - y) ** 2)

    avals = [aval_of(w), aval_of(v), *(Aval(a.aval.shape[1:], a.aval.dtype) for a in (x, label))]
    traced = trace(loss, *avals, precision=w.aval.dtype)
    graph = value_and_gradient_graph(traced.graph, [0, 1])
    method = adam(learning_rate=0.05)

    def step(carry: Any, batch: Any) -> Any:
        w, v, *state = carry
        (value, *gradients), _ = vjp(graph, [w, v, *batch], ())
        point = np.concatenate([np.reshape(w, -1), v])
        flat = np.concatenate([np.reshape(gradients[0], -1), gradients[1]])
        updates, following = method.update(Evaluation(value, flat), tuple(state), point)
        point = point + updates
        return (np.reshape(point[: w.size], w.shape), point[w.size :], *following), value

    zeros = np.zeros_like(np.concatenate([np.reshape(w, -1), v]))
    (w, v, *_), losses = scan(step, (w, v, np.zeros_like(v[0]), zeros, zeros), (x, label))
    return w, v, losses


def rosenbrock_descent(start: Any, steps: Any) -> Any:
    """A descent as a job runs it: stopping test, best point, check for finite numbers."""
    traced = trace(
        lambda p: (1.0 - p[0]) ** 2 + 100.0 * (p[1] - p[0] ** 2) ** 2,
        Aval((2,), np.dtype(np.float64)),
    )
    graph = value_and_gradient_graph(traced.graph, [0])
    method = gradient_descent(learning_rate=1e-3)

    def step(carry: Any, number: Any) -> Any:
        done = carry[0]

        def run(point: Any, count: Any, best: Any, lowest: Any, taken: Any) -> Any:
            (loss, gradient), _ = vjp(graph, [point], ())
            better = loss < lowest
            finite = np.isfinite(loss) & np.all(np.isfinite(gradient))
            size = np.max(np.abs(gradient) * np.maximum(np.abs(point), 1.0))
            small = size / np.maximum(np.abs(loss), 1.0) < 1e-12
            updates, (count,) = method.update(Evaluation(loss, gradient), (count,), point)
            return (
                small | ~finite,
                point + updates,
                count,
                np.where(better, point, best),
                np.where(better, loss, lowest),
                number + 0.0 * taken,
            )

        return cond(done, lambda *kept: (done, *kept), run, *carry[1:]), carry[4]

    first = (start[0] != start[0], start, np.zeros_like(start[0]), start, np.inf + 0.0 * start[0])
    final, _ = scan(step, (*first, 0.0 * start[0]), steps)
    return final


def _ends_early(x: Any, rates: Any, backward: bool = False) -> Any:
    """Some steps, and from then on the carry as it is."""

    def step(carry: Any, rate: Any) -> Any:
        *following, seen = cond(
            carry[0] < 2.0,
            lambda total, v: (total + rate * rate, v * rate + total, np.sum(v)),
            lambda total, v: (total, v, total - total - 1.0),
            *carry,
        )
        return tuple(following), seen

    (total, last), path = scan(step, (0.0 * np.sum(x), x), rates, backward)
    return total, last, path


def _ends_where_told(x: Any, rates: Any) -> Any:
    """Idle in some steps only: what tells is no carry."""

    def step(carry: Any, rate: Any) -> Any:
        return cond(rate > 0.0, lambda v: (v, v[0] - v[0]), lambda v: (v * rate, np.sum(v)), carry)

    return scan(step, x, rates)


PROGRAMS = [
    Program("scalars", _scalars, [()]),
    Program("vector", _vector, [(5,), (6, 5)]),
    Program("array", _array, [(13, 20), (20, 13)]),
    Program("a loop", _chain, [()]),
    Program("a loop backward over a large carry", _backward, [(11, 9), (6,)]),
    Program("nested loops and choices", _nested, [(3,), (4, 5)]),
    Program("nested, of large values", _nested, [(90,), (4, 5)]),
    Program("gathers", _gathers, [(5, 20), ("i", 4)]),
    Program("a loop of no steps", _no_steps, [(4, 4), (6,)]),
    Program("as many steps as rows", _row_steps, [(3,), (STEPS,)], False),
    Program("large values, as many steps as rows", _row_steps, [(70,), (STEPS,)], False),
    Program("a loop that ends early", _ends_early, [(3,), (STEPS,)], False),
    Program("one of a large carry", _ends_early, [(80,), (STEPS,)], False),
    Program("one backward", partial(_ends_early, backward=True), [(80,), (STEPS,)], False),
    Program("a loop that idles", _ends_where_told, [(3,), (STEPS,)], False),
    Program("a fit", _fit, [(3,), (ROWS, 3), (ROWS,)], False),
    Program("an epoch", _epoch, [(4, 20), (20,), (STEPS, ROWS, 4), (STEPS, ROWS)], False),
    Program("a descent", rosenbrock_descent, [(2,), (STEPS,)], False),
]
