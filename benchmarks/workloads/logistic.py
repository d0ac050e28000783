"""``logistic``: a dense logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.by_hand import c_work
from benchmarks.by_numba import logistic_work
from benchmarks.dialects import softplus
from benchmarks.peers import PEERS, with_peers
from benchmarks.problem import Problem
from benchmarks.workload import Contender, Limit, Work, Workload
from optserve.graph.aval import Array

__all__ = ["problem", "workload"]

ROWS, COLUMNS = 200_000, 32  # c/logistic.c knows the columns


def loss(xp: Any, w: Any, b: Any, x: Any, y: Any) -> Any:
    """The mean negative log likelihood of labels 0 and 1."""
    z = x @ w + b
    return xp.mean(softplus(xp, z) - y * z)


def parameters() -> list[Array]:
    """A point that is not the optimum."""
    return [np.linspace(-0.5, 0.5, COLUMNS), np.array(0.1)]


def data(rows: int) -> list[Array]:
    """Columns, and labels that depend on them."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(rows, COLUMNS))
    truth = rng.normal(size=COLUMNS) / np.sqrt(COLUMNS)
    return [x, (rng.uniform(size=rows) < 1.0 / (1.0 + np.exp(-x @ truth))).astype(np.float64)]


def problem(rows: int) -> Problem:
    """The regression over any number of rows."""
    return Problem(loss, parameters, partial(data, rows))


def by_hand(rows: int) -> Work:
    """NumPy as one writes it by hand."""
    w, b = parameters()
    x, y = data(rows)

    def work() -> Sequence[Any]:
        z = x @ w + b
        e = np.exp(-np.abs(z))
        value = np.mean(np.maximum(z, 0.0) + np.log1p(e) - y * z)
        r = (np.where(z > 0.0, 1.0, e) / (1.0 + e) - y) / rows
        return value, r @ x, r.sum()

    return work


def in_c(rows: int) -> Work:
    """C as one writes it by hand."""
    return c_work("logistic", parameters(), data(rows))


def for_numba(rows: int) -> Work:
    """Loops as one writes them by hand for numba."""
    return logistic_work(parameters(), data(rows))


workload = Workload(
    name="logistic",
    title=f"Value and gradient of a logistic regression, {ROWS:,} x {COLUMNS} dense.",
    contenders=(
        *with_peers(problem(ROWS)),
        Contender("NumPy by hand", partial(by_hand, ROWS), threads=1),
        Contender("NumPy by hand", partial(by_hand, ROWS), threads=2),
        Contender("C by hand", partial(in_c, ROWS), threads=1),
        Contender("C by hand", partial(in_c, ROWS), threads=2),
        Contender("numba by hand", partial(for_numba, ROWS), threads=1),
        Contender("numba by hand", partial(for_numba, ROWS), threads=2),
    ),
    limits=(Limit("numpy", 0.75, PEERS), Limit("llvm", 0.3, PEERS)),
    check=problem(ROWS).check,
)
