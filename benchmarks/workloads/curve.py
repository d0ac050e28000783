"""``curve``: a sum of two exponentials fitted to a million rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.by_hand import c_work
from benchmarks.by_numba import curve_work
from benchmarks.peers import with_peers
from benchmarks.problem import Problem
from benchmarks.workload import Contender, Limit, Work, Workload
from optserve.graph.aval import Array

__all__ = ["loss", "problem", "workload"]

ROWS = 1_000_000


def loss(xp: Any, a: Any, b: Any, c: Any, d: Any, e: Any, x: Any, y: Any) -> Any:
    """mean((a exp(-b x) + c exp(-d x) + e - y)^2)."""
    return xp.mean((a * xp.exp(-b * x) + c * xp.exp(-d * x) + e - y) ** 2)


def parameters() -> list[Array]:
    """A point that is not the optimum."""
    return [np.array(value) for value in (1.0, 0.5, 0.7, 1.5, 0.1)]


def data(rows: int) -> list[Array]:
    """x and a noisy y."""
    rng = np.random.default_rng(1)
    x = rng.uniform(0.0, 4.0, rows)
    y = 1.2 * np.exp(-0.6 * x) + 0.5 * np.exp(-1.8 * x) + 0.2
    return [x, y + rng.normal(0.0, 0.1, rows)]


def problem(rows: int) -> Problem:
    """The curve over any number of rows."""
    return Problem(loss, parameters, partial(data, rows))


def by_hand(rows: int) -> Work:
    """NumPy as one writes it by hand, everything shared that can be."""
    a, b, c, d, e = parameters()
    x, y = data(rows)

    def work() -> Sequence[Any]:
        s, t = np.exp(-b * x), np.exp(-d * x)
        r = a * s + c * t + e - y
        k = 2.0 / rows
        rs, rt = r * s, r * t
        return (
            np.mean(r * r),
            k * rs.sum(),
            -k * a * (rs * x).sum(),
            k * rt.sum(),
            -k * c * (rt * x).sum(),
            k * r.sum(),
        )

    return work


def in_c(rows: int) -> Work:
    """C as one writes it by hand."""
    return c_work("curve", parameters(), data(rows))


def for_numba(rows: int) -> Work:
    """Loops as one writes them by hand for numba."""
    return curve_work(parameters(), data(rows))


workload = Workload(
    name="curve",
    title=f"Value and gradient of mean((a exp(-bx) + c exp(-dx) + e - y)^2), {ROWS:,} rows.",
    contenders=(
        *with_peers(problem(ROWS)),
        Contender("NumPy by hand", partial(by_hand, ROWS), threads=1),
        Contender("C by hand", partial(in_c, ROWS), threads=1),
        Contender("C by hand", partial(in_c, ROWS), threads=2),
        Contender("numba by hand", partial(for_numba, ROWS), threads=1),
        Contender("numba by hand", partial(for_numba, ROWS), threads=2),
    ),
    limits=(
        Limit("numpy", 1.0, ("jax",)),
        Limit("llvm", 0.25, ("jax",)),
        Limit("llvm", 1.2, ("C by hand",)),
    ),
    check=problem(ROWS).check,
)
