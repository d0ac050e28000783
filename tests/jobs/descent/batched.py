"""A line through 50 rows, in batches, with or without rows held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.jobs.problem import BatchPlan, Metrics, Problem
from optserve.optimizers import gradient_descent
from optserve.primitives.tracing import trace
from tests.jobs.problems import parameter, problem

ROWS = 50
RNG = np.random.default_rng(5)
X = RNG.normal(size=(ROWS, 2))
Y = X @ np.array([2.0, -1.0]) + 0.1 * RNG.normal(size=ROWS)
HELD = RNG.normal(size=(20, 2))
HELD_Y = HELD @ np.array([2.0, -1.0]) + 0.1 * RNG.normal(size=20)


def line(**fields: Any) -> Problem:
    """A mean of squares over 50 rows, with a penalty, in batches of 8."""
    fields.setdefault("optimizer", gradient_descent(0.05))
    fields.setdefault("minibatch", BatchPlan(8))
    return problem(
        lambda w, x, y: np.mean((y - x @ w) ** 2) + 1e-3 * np.sum(w**2),
        [parameter("w", [0.0, 0.0])],
        {"x": X, "y": Y},
        **fields,
    )


def with_splits(made: Problem, **splits: Any) -> Problem:
    """With validation rows, and the largest residual of each split as a metric."""
    held = splits or {"validation": {"x": HELD, "y": HELD_Y}}
    double, rows = np.dtype(np.float64), Dim.rows("rows")
    avals = [Aval((2,), double), Aval((rows, 2), double), Aval((rows,), double)]
    traced = trace(
        lambda w, x, y: [np.max(np.abs(y - x @ w)), np.mean(y > 0)],
        *avals,
    )
    data: Mapping[str, Any] = {"train": made.objective.data, **held}
    metrics = Metrics(("worst", "positive"), traced.graph, data)
    return replace(made, held_out=held, metrics=metrics)
