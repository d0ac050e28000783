"""Random programs over the rows of a table: values of rows, fixed vectors, scalars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.tracer import trace
from optserve.primitives.constants import positions
from optserve.primitives.elementary import sigmoid
from optserve.primitives.indexing import take
from optserve.primitives.ordering import median
from optserve.primitives.reductions import logsumexp, norm
from optserve.primitives.vocabulary import builtin_vocabulary

# M: (rows, 2); V: (rows,); F: (2,); S: a scalar; I: (rows,) integers, 0 or 1.
KINDS = "MVFSI"

STEPS: dict[str, tuple[str, Callable[..., Any]]] = {
    "product": ("MM>M", lambda x, y: x * y + 1.0),
    "scaled columns": ("MF>M", lambda x, w: x * w),
    "outer": ("VF>M", lambda v, w: v[:, None] * w),
    "squashed": ("MS>M", lambda x, s: np.tanh(x * s)),
    "centred": ("M>M", lambda x: x - np.mean(x, axis=0)),
    "whitened": ("M>M", lambda x: (x - np.mean(x, axis=0)) / (np.std(x, axis=0) + 1.0)),
    "normalized": ("M>M", lambda x: x / (norm(x, axis=1, keepdims=True) + 1.0)),
    "linear": ("MF>V", lambda x, w: x @ w),
    "columns": ("M>V", lambda x: x[:, 0] - 0.5 * x[:, -1]),
    "row sums": ("M>V", lambda x: np.sum(x, axis=1)),
    "row logsumexp": ("M>V", lambda x: logsumexp(x, axis=1)),
    "row max": ("M>V", lambda x: np.max(x, axis=1)),
    "waves": ("VV>V", lambda v, u: np.sin(v) * u),
    "shifted": ("VS>V", lambda v, s: sigmoid(v - s)),
    "where": ("VVS>V", lambda v, u, s: np.where(v > s, v, u)),
    "table": ("FI>V", lambda w, i: take(w, i)),
    "masked root": ("V>V", lambda v: np.where(v > 0.0, np.sqrt(v), 0.0)),
    "residual": ("VV>V", lambda v, u: (v - u) ** 2),
    "positions": ("V>V", lambda v: v * 0.1 * positions(v, 0)),
    "softmax over rows": ("V>V", lambda v: np.exp(v - logsumexp(v))),
    "sorted": ("V>V", np.sort),
    "looked up": ("VV>V", lambda v, u: take(v, np.argsort(u))),
    "lagged": ("V>V", lambda v: np.concatenate([v[1:], v[:1]])),
    "backwards": ("V>V", lambda v: v[::-1]),
    "differences": ("V>S", lambda v: np.sum((v[1:] - 0.5 * v[:-1]) ** 2) / v.shape[0]),
    "running": ("V>V", lambda v: 0.1 * np.cumsum(v)),
    "reversed pairs": ("M>V", lambda x: np.reshape(x.T, (-1,))[: x.shape[0]]),
    "XtV": ("MV>F", lambda x, v: x.T @ v / x.shape[0]),
    "column sums": ("M>F", lambda x: np.sum(x, axis=0)),
    "column max": ("M>F", lambda x: np.max(x, axis=0)),
    "fixed product": ("FF>F", lambda w, u: w * u + 0.5),
    "fixed waves": ("FS>F", lambda w, s: np.sin(w * s)),
    "mean": ("V>S", lambda v: np.mean(v)),
    "mean of all": ("M>S", lambda x: np.mean(x)),
    "root mean square": ("V>S", lambda v: np.sqrt(np.mean(v**2) + 1.0)),
    "dot": ("VV>S", lambda v, u: v @ u / v.shape[0]),
    "fixed dot": ("FF>S", lambda w, u: w @ u),
    "scalars": ("SS>S", lambda s, t: s * t + np.tanh(t)),
    "largest": ("V>S", np.max),
    "spread": ("V>S", lambda v: np.std(v)),
    "length": ("V>S", lambda v: norm(v)),
    "einsum": ("MVF>S", lambda x, v, w: np.einsum("ij,i,j->", x, v, w) / x.shape[0]),
    "median": ("V>S", lambda v: median(v)),
    "ends": ("V>S", lambda v: v[0] + v[-1]),
    "count": ("VS>S", lambda v, s: s / v.shape[0]),
}


@dataclass(frozen=True)
class RowProgram:
    """Typed steps on a table of values; returns a scalar that depends on all of them."""

    steps: tuple[tuple[str, tuple[int, ...]], ...]

    def __call__(self, x: Any, y: Any, i: Any, w: Any, s: Any) -> Any:
        table: dict[str, list[Any]] = {"M": [x], "V": [y], "I": [i], "F": [w], "S": [s]}
        made: list[Any] = []
        for name, choices in self.steps:
            signature, function = STEPS[name]
            kinds, result = signature.split(">")
            operands = [
                table[kind][choice % len(table[kind])]
                for kind, choice in zip(kinds, choices, strict=False)
            ]
            made.append(function(*operands))
            table[result].append(made[-1])
        return sum((np.mean(value) for value in made), start=0.0 * s)

    @property
    def graph(self) -> Graph:
        rows, double = Dim.rows("data"), np.dtype(np.float64)
        avals = [
            Aval((rows, 2), double),
            Aval((rows,), double),
            Aval((rows,), np.dtype(np.int64)),
            Aval((2,), double),
            Aval((), double),
        ]
        return trace(self, *avals, vocabulary=builtin_vocabulary()).graph


CHOICES = st.tuples(*[st.integers(0, 7)] * 3)
ROW_PROGRAMS = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), CHOICES), min_size=1, max_size=7
).map(lambda steps: RowProgram(tuple(steps)))


def arguments(rows: int, seed: int) -> list[Any]:
    """Arguments for a row program, away from kinks."""
    rng = np.random.default_rng(seed)
    return [
        rng.uniform(-1.5, 1.5, (rows, 2)),
        rng.uniform(-1.5, 1.5, rows),
        rng.integers(0, 2, rows),
        rng.uniform(-1.5, 1.5, 2),
        np.float64(rng.uniform(0.5, 1.5)),
    ]
