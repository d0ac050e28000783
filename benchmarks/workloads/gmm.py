"""``gmm``: the Gaussian mixture of ADBench (https://github.com/microsoft/ADBench)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.dialects import logsumexp
from benchmarks.peers import COMPILE, PEERS, with_peers
from benchmarks.problem import Problem
from benchmarks.workload import Contender, Lazy, Limit, Work, Workload
from optserve.graph.aval import Array

__all__ = ["problem", "workload"]

FILE = Path(__file__).resolve().parents[1] / "data" / "gmm_d10_K25.txt"
COPIES = 10
"""How often each of the 1,000 points of the file is taken."""


@dataclass(frozen=True)
class Mixture:
    """``alphas`` (K,), ``means`` (K, d), ``factors`` (K, d + d (d - 1) / 2), ``points`` (n, d)."""

    alphas: Array
    means: Array
    factors: Array
    points: Array
    gamma: float
    m: int


@cache
def mixture() -> Mixture:
    """The data of the file."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    _, k, n = map(int, lines[0].split())
    rows = [np.array(line.split(), float) for line in lines[1:]]
    gamma, m = rows[-1]
    return Mixture(
        alphas=np.concatenate(rows[:k]),
        means=np.stack(rows[k : 2 * k]),
        factors=np.stack(rows[2 * k : 3 * k]),
        points=np.stack(rows[3 * k : 3 * k + n]),
        gamma=float(gamma),
        m=int(m),
    )


def triangle_columns(d: int) -> Array:
    """For each entry (i, j) of a d x d matrix the column of [0, triangle] that holds it.

    >>> triangle_columns(3).reshape(3, 3)
    array([[0, 0, 0],
           [1, 0, 0],
           [2, 3, 0]])
    """
    columns = np.zeros((d, d), np.int64)
    below = [(i, j) for j in range(d) for i in range(j + 1, d)]
    for column, (i, j) in enumerate(below, 1):
        columns[i, j] = column
    return columns.ravel()


def loss(xp: Any, alphas: Any, means: Any, factors: Any, points: Any) -> Any:
    """The negative of ADBench's objective, with the sign of the prior that its results have."""
    given = mixture()
    k, d = given.means.shape
    logs, triangle = factors[:, :d], factors[:, d:]
    zero = 0.0 * factors[:, :1]
    below = xp.concatenate([zero, triangle], 1)[:, triangle_columns(d)]
    diagonal = xp.exp(logs)
    identity = xp.asarray(np.eye(d))
    lower = below.reshape((k, d, d)) + identity * diagonal[:, None, :]
    centered = points[:, None, :] - means
    scaled = xp.einsum("kij,nkj->nki", lower, centered)
    inner = alphas + xp.sum(logs, 1) - 0.5 * xp.sum(scaled**2, 2)
    per_point = logsumexp(xp, inner) - logsumexp(xp, alphas) - 0.5 * d * math.log(2 * math.pi)
    return -(xp.sum(per_point) + prior(xp, diagonal, logs, triangle))


def prior(xp: Any, diagonal: Any, logs: Any, triangle: Any) -> Any:
    """The logarithm of the Wishart prior, without a sign that ADBench's results do not have."""
    given = mixture()
    k, d = given.means.shape
    n = d + given.m + 1
    constant = n * d * (math.log(given.gamma) - 0.5 * math.log(2.0))
    constant -= 0.25 * d * (d - 1) * math.log(math.pi)
    constant -= sum(math.lgamma(0.5 * (n - j)) for j in range(d))
    squares = xp.sum(diagonal**2) + xp.sum(triangle**2)
    return 0.5 * given.gamma**2 * squares - given.m * xp.sum(logs) - k * constant


def problem(copies: int) -> Problem:
    """The mixture, each of its points taken ``copies`` times."""
    given = mixture()
    return Problem(
        loss,
        lambda: [given.alphas, given.means, given.factors],
        lambda: [np.tile(given.points, (copies, 1))],
    )


def objective(backend: str, threads: int) -> Work:
    """The value without its gradient."""
    own = problem(COPIES)
    arguments = own.arguments

    def compiled() -> Work:
        evaluate = COMPILE[backend](own.objective_graph(), threads)
        return lambda: evaluate(*arguments)

    return Lazy(compiled)


def check(result: Sequence[Any]) -> None:
    """An objective alone is compared as far as it goes."""
    if len(result) > 1:
        problem(COPIES).check(result)


workload = Workload(
    name="gmm",
    title="Value and gradient of ADBench's Gaussian mixture, n = 10,000, d = 10, K = 25.",
    contenders=(
        *with_peers(problem(COPIES)),
        *(
            Contender(f"{backend}, objective alone", partial(objective, backend, threads), threads)
            for backend in COMPILE
            for threads in (1, 2)
        ),
    ),
    limits=(
        Limit("numpy", 1.0, PEERS),
        Limit("llvm", 0.2, PEERS),
        Limit("numpy", 4.0, ("numpy, objective alone",)),
        Limit("llvm", 4.0, ("llvm, objective alone",)),
    ),
    runs=11,
    check=check,
)
