"""``gemm``: a loss whose work is all in products of large matrices."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.peers import PEERS, with_peers
from benchmarks.problem import Problem
from benchmarks.workload import Limit, Workload
from optserve.graph.aval import Array

__all__ = ["problem", "workload"]

SIZE = 1024


def loss(xp: Any, w: Any, x: Any, y: Any) -> Any:
    """mean((X W - Y)^2)."""
    return xp.mean((x @ w - y) ** 2)


def matrices(count: int, size: int) -> list[Array]:
    """Square matrices in single precision."""
    rng = np.random.default_rng(7)
    return [rng.normal(size=(size, size)).astype(np.float32) for _ in range(count)]


def problem(size: int) -> Problem:
    """Matrices of any size."""
    return Problem(
        loss,
        partial(matrices, 1, size),
        partial(matrices, 2, size),
        precision="float32",
        tolerance=1e-4,
    )


workload = Workload(
    name="gemm",
    title=f"Value and gradient through a {SIZE} x {SIZE} x {SIZE} float32 product.",
    contenders=with_peers(problem(SIZE)),
    limits=(Limit("numpy", 1.1, PEERS), Limit("llvm", 1.1, PEERS)),
    runs=11,
    check=problem(SIZE).check,
)
