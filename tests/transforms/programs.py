"""Random programs: functions of a matrix, a vector and a scalar, run on arrays or on tracers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from optserve.graph.aval import Aval
from optserve.graph.graph import Graph
from optserve.primitives.comparisons import relu
from optserve.primitives.elementary import sigmoid, softplus
from optserve.primitives.reductions import logsumexp
from optserve.primitives.tracing import trace

Step = Callable[[Any, Any], Any]

SHAPES = ((2, 3), (3,), ())


def _rows(x: Any) -> Any:
    return x if np.shape(x) == (2, 3) else np.broadcast_to(x, (2, 3))


STEPS: dict[str, Step] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "maximum": np.maximum,
    "where": lambda x, y: np.where(x > y, x, 0.5 * y),
    "hypot": np.hypot,
    "times one": lambda x, y: 1.0 * x / 1.0 - 0.0,
    "square": lambda x, y: x**2 + x**1,
    "fold": lambda x, y: x * (2.0 * np.sin(0.5)),
    "sin": lambda x, y: np.sin(x),
    "tanh": lambda x, y: np.tanh(x),
    "sigmoid": lambda x, y: sigmoid(x),
    "softplus": lambda x, y: softplus(x),
    "relu": lambda x, y: relu(x),
    "sum": lambda x, y: np.sum(_rows(x), axis=0),
    "mean": lambda x, y: np.mean(x),
    "max": lambda x, y: np.max(_rows(x), axis=1, keepdims=True) + y,
    "logsumexp": lambda x, y: logsumexp(_rows(x), axis=0),
    "transpose": lambda x, y: (_rows(x).T + 1.0).T,
    "reshape": lambda x, y: np.reshape(np.reshape(_rows(x), (3, 2)), (2, 3)),
    "broadcast": lambda x, y: np.broadcast_to(x, (2, 3)) * y,
    "matmul": lambda x, y: _rows(x) @ np.sum(_rows(y), axis=0)[:, None] * np.ones(3),
    "index": lambda x, y: _rows(x)[1] + _rows(y)[0, ::-1],
    "take": lambda x, y: _rows(x)[:, np.array([2, 0, 0])],
    "concatenate": lambda x, y: np.concatenate([_rows(x), _rows(y)])[1:3],
}


@dataclass(frozen=True)
class Program:
    """Steps on a growing list of values, which begins with the arguments; returns a scalar."""

    steps: tuple[tuple[str, int, int], ...]

    def __call__(self, *arguments: Any) -> Any:
        values = list(arguments)
        for name, first, second in self.steps:
            values.append(STEPS[name](values[first % len(values)], values[second % len(values)]))
        return sum((np.mean(value) for value in values[len(arguments) :]), start=values[-1] * 0.0)

    def scalar(self, *arguments: Any) -> Any:
        return np.sum(self(*arguments))

    @property
    def graph(self) -> Graph:
        avals = [Aval(shape, np.dtype(np.float64)) for shape in SHAPES]
        return trace(self.scalar, *avals).graph


INDICES = st.integers(0, 11)
PROGRAMS = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), INDICES, INDICES), min_size=1, max_size=8
).map(lambda steps: Program(tuple(steps)))


def arrays(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[list[Any]]:
    """An argument for each input of a program."""
    flat = st.lists(numbers, min_size=10, max_size=10)
    return flat.map(lambda v: [np.reshape(v[:6], (2, 3)), np.array(v[6:9]), np.float64(v[9])])


def _drawn(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.uniform(-2.0, 2.0, shape) for shape in SHAPES]


SMOOTH = st.integers(0, 2**32 - 1).map(_drawn)
"""Arguments off every kink: no two are equal and none is 0."""

WILD = arrays(st.sampled_from([0.0, -0.0, 1.0, -1.5, 0.1, np.inf, -np.inf, np.nan, 1e300, 5e-324]))
