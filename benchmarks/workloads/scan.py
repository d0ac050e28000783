"""``scan``: an ordinary differential equation fitted through its integrator."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.dialects import scan
from benchmarks.peers import PEERS, with_peers
from benchmarks.problem import Problem
from benchmarks.workload import Limit, Workload
from optserve.graph.aval import Array

__all__ = ["problem", "workload"]

STEPS, STEP = 256, 0.05


def loss(xp: Any, rates: Any, start: Any, observed: Any) -> Any:
    """Predators and prey by the classical Runge-Kutta method, against what was observed."""
    a, b, c, d = rates[0], rates[1], rates[2], rates[3]

    def slope(state: Any) -> Any:
        prey, predators = state[0], state[1]
        meetings = prey * predators
        return xp.stack([a * prey - b * meetings, c * meetings - d * predators])

    def step(state: Any) -> Any:
        first = slope(state)
        second = slope(state + 0.5 * STEP * first)
        third = slope(state + 0.5 * STEP * second)
        fourth = slope(state + STEP * third)
        return state + STEP / 6.0 * (first + 2.0 * second + 2.0 * third + fourth)

    return xp.mean((scan(xp, step, start, STEPS) - observed) ** 2)


def parameters() -> list[Array]:
    """Rates and the first state."""
    return [np.array([0.9, 0.6, 0.5, 1.1]), np.array([1.5, 1.0])]


def data() -> list[Array]:
    """Something to be near."""
    times = STEP * np.arange(1, STEPS + 1)
    return [np.stack([2.0 + np.cos(times), 1.5 + np.sin(times)], axis=1)]


problem = Problem(loss, parameters, data, rows=False)

workload = Workload(
    name="scan",
    title=f"Value and gradient through {STEPS} Runge-Kutta steps of a 2-state system.",
    contenders=with_peers(problem),
    limits=(Limit("llvm", 0.5, PEERS),),
    check=problem.check,
)
