"""``embedding``: few rows into a large table, gathered and scattered back."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.peers import PEERS, with_peers
from benchmarks.problem import Problem
from benchmarks.workload import Limit, Workload
from optserve.graph.aval import Array

__all__ = ["problem", "workload"]

ROWS, ENTRIES = 100_000, 1_000_000


def loss(xp: Any, table: Any, index: Any, x: Any, y: Any) -> Any:
    """mean((table[index] x - y)^2)."""
    return xp.mean((table[index] * x - y) ** 2)


def parameters(entries: int) -> list[Array]:
    """The table."""
    return [np.random.default_rng(5).normal(size=entries)]


def data(rows: int, entries: int) -> list[Array]:
    """An index into the table a row, and two columns."""
    rng = np.random.default_rng(6)
    return [rng.integers(0, entries, rows), rng.normal(size=rows), rng.normal(size=rows)]


def problem(rows: int, entries: int) -> Problem:
    """A table of any size."""
    return Problem(loss, partial(parameters, entries), partial(data, rows, entries))


workload = Workload(
    name="embedding",
    title=f"Gather from and scatter-add into {ENTRIES:,} parameters, {ROWS:,} rows.",
    contenders=with_peers(problem(ROWS, ENTRIES)),
    limits=(Limit("llvm", 0.7, PEERS),),
    check=problem(ROWS, ENTRIES).check,
)
