"""``compile``: from a loss to its first gradient."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from typing import Any

import numpy as np

from benchmarks.peers import COMPILE
from benchmarks.problem import Loss, Problem
from benchmarks.workload import Contender, Limit, Work, Workload
from benchmarks.workloads.curve import data, loss, parameters

__all__ = ["many_equations", "workload"]

ROWS = 1_000
EQUATIONS = 1_000
TERMS = 38
"""Terms of the long loss, so that value and gradient together have about 1,000 equations."""


def many_equations(xp: Any, a: Any, b: Any, c: Any, d: Any, e: Any, x: Any, y: Any) -> Any:
    """A long sum of terms that share nothing."""
    total = e - y
    for k in range(1, TERMS + 1):
        total = total + a * xp.sin((b + k) * x) * xp.exp(-c * x / k) + d * k
    return xp.mean(total**2)


def problem(function: Loss) -> Problem:
    """A few rows, so that running takes no time."""
    return Problem(function, parameters, partial(data, ROWS))


def without_cache(backend: str, function: Loss) -> Work:
    """Traced, differentiated, compiled and run, with nothing on disk."""
    own = problem(function)

    def work() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["OPTSERVE_CACHE_DIR"] = folder
            return COMPILE[backend](own.gradient_graph(), 1)(*own.arguments)

    return work


def cached(function: Loss) -> Work:
    """Compiled and run, the object code on disk, the graph at hand."""
    own = problem(function)
    graph = own.gradient_graph()
    return lambda: COMPILE["llvm"](graph, 1)(*own.arguments)


def by_jax(function: Loss) -> Work:
    """Compiled and run, every cache of JAX emptied.

    The long loss is left out: JAX 0.10.2 took 50 s to compile it.
    """
    import jax

    jax.config.update("jax_enable_x64", True)
    arguments = [jax.numpy.asarray(value) for value in problem(function).arguments]

    def work() -> Any:
        jax.clear_caches()
        evaluate = jax.jit(jax.value_and_grad(partial(function, jax.numpy), argnums=range(5)))
        value, gradients = jax.block_until_ready(evaluate(*arguments))
        return value, *gradients

    return work


def check(result: Any) -> None:
    """Either loss."""
    values = [float(np.asarray(value)) for value in result]
    for function in (loss, many_equations):
        own = problem(function)
        if np.isclose(values[0], float(function(np, *own.arguments))):
            own.check(result)
            return
    raise AssertionError(f"{values} belongs to no loss")


workload = Workload(
    name="compile",
    title=f"The first gradient: traced, differentiated, compiled and run on {ROWS:,} rows.",
    contenders=(
        Contender("numpy", partial(without_cache, "numpy", loss), threads=1),
        Contender("llvm", partial(without_cache, "llvm", loss), threads=1),
        Contender("llvm, cached on disk, from the graph", partial(cached, loss), threads=1),
        Contender("jax", partial(by_jax, loss), threads=1),
        *(
            Contender(
                f"{backend}, {EQUATIONS:,} equations",
                partial(without_cache, backend, many_equations),
                threads=1,
            )
            for backend in COMPILE
        ),
    ),
    limits=(
        Limit("llvm", 0.060),
        Limit(f"llvm, {EQUATIONS:,} equations", 2.0),
        Limit("llvm, cached on disk, from the graph", 0.005),
    ),
    runs=7,
    check=check,
)
