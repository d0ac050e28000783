"""``calls``: what a call of a derivative costs, where the work itself is next to nothing.

What is measured is the time of the processor, as for ``fits``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.peers import from_python
from benchmarks.problem import Problem
from benchmarks.workload import Contender, Limit, Work, Workload
from optserve.graph.aval import Array

__all__ = ["problems", "workload"]

UNITS = 100
"""Calls in a run."""


def _scalar(xp: Any, x: Any) -> Any:
    return xp.sin(x) * xp.exp(-x) + x**2 / (1.0 + x)


def _rosenbrock(xp: Any, x: Any) -> Any:
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def _loop(xp: Any, x: Any) -> Any:
    for _ in range(50):
        x = x + 0.1 * xp.sin(x)
    return x


def _logistic(xp: Any, w: Any, rows: Any, signs: Any) -> Any:
    return xp.mean(xp.log(1.0 + xp.exp(-signs * (rows @ w))))


def _perceptron(xp: Any, *given: Any) -> Any:
    inner, shift, outer, level, rows, observed = given
    hidden = xp.tanh(rows @ inner + shift)
    return xp.mean((hidden @ outer + level - observed) ** 2)


def _drawn(*shapes: tuple[int, ...]) -> Callable[[], list[Array]]:
    def made() -> list[Array]:
        rng = np.random.default_rng(0)
        return [rng.normal(size=shape) for shape in shapes]

    return made


def _labelled() -> list[Array]:
    [rows] = _drawn((100, 5))()
    return [rows, np.where(rows[:, 0] > 0.0, 1.0, -1.0)]


def _nothing() -> list[Array]:
    return []


problems: Mapping[str, Problem] = {
    "scalar": Problem(_scalar, lambda: [np.array(1.3)], _nothing, rows=False),
    "rosenbrock": Problem(_rosenbrock, lambda: [np.linspace(-1.0, 1.0, 10)], _nothing, rows=False),
    "loop": Problem(_loop, lambda: [np.array(0.7)], _nothing, rows=False),
    "logistic": Problem(_logistic, lambda: [np.full(5, 0.1)], _labelled, rows=False),
    "perceptron": Problem(
        _perceptron, _drawn((10, 16), (16,), (16, 3), (3,)), _drawn((32, 10), (32, 3)), rows=False
    ),
}
"""8 operations on a number, 11 on 10 numbers, 150 on a number, 6 on 100 rows, 8 on 32 rows."""


def _timed(name: str, problem: Problem, contender: Contender) -> Contender:
    """The same, giving the time of the processor that a run takes; what it computes is checked."""

    def prepare() -> Work:
        work = contender.prepare()

        def run() -> float:
            began = time.process_time()
            result = work()
            took = time.process_time() - began
            problem.check(result)
            return took

        return run

    return replace(contender, name=f"{name}, {contender.name}", prepare=prepare)


workload = Workload(
    name="calls",
    title="A call of the value and gradient of a Python function: a number, 10-dimensional "
    "Rosenbrock, a loop of 50 steps, logistic regression, a network of one layer.",
    contenders=tuple(
        _timed(name, problem, contender)
        for name, problem in problems.items()
        for contender in from_python(problem, UNITS)
    ),
    limits=tuple(
        limit
        for name in problems
        for limit in (
            Limit(f"{name}, eager", 1.0, (f"{name}, autograd",)),
            Limit(f"{name}, compiled", 0.5, (f"{name}, jax.jit",)),
        )
    ),
    unit="cpu s",
)
