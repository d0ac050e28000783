"""Jobs over minibatches that make no sense, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.jobs.problem import BatchPlan, PlateauRule, Problem, StoppingRule
from optserve.jobs.run import run
from optserve.optimizers import adam, lbfgs, levenberg_marquardt
from optserve.primitives.tracing import trace
from tests.jobs.descent.batched import X, Y, line, with_splits
from tests.jobs.problems import least_squares, parameter, problem

REFUSED = [
    (line(optimizer=lbfgs()), "lbfgs compares losses"),
    (
        least_squares(
            lambda w, x, y: y - x @ w,
            [parameter("w", [0.0, 0.0])],
            {"x": X, "y": Y},
            optimizer=levenberg_marquardt(),
            minibatch=BatchPlan(8),
        ),
        "levenberg_marquardt compares losses",
    ),
    (
        line(minibatch=None, stop=StoppingRule(epochs=3)),
        "`epochs` counts epochs, and without batches",
    ),
    (
        line(minibatch=None, stop=StoppingRule(plateau=PlateauRule("loss"))),
        "`plateau` counts epochs",
    ),
    (line(stop=StoppingRule(plateau=PlateauRule("metrics.validation.acc"))), "names nothing"),
    (
        with_splits(line(stop=StoppingRule(plateau=PlateauRule("metrics.validation")))),
        "is no number",
    ),
    (line(stop=StoppingRule(plateau=PlateauRule("termination"))), "names nothing"),
    (
        problem(
            lambda w, x: np.sqrt(np.mean((x - w) ** 2)),
            [parameter("w", 0.0)],
            {"x": X[:, 0]},
            optimizer=adam(),
            minibatch=BatchPlan(8),
        ),
        "`sqrt` of a sum or mean over rows",
    ),
    (
        problem(lambda w: w**2, [parameter("w", 1.0)], optimizer=adam(), minibatch=BatchPlan(8)),
        "there are no rows to make batches of",
    ),
]


@pytest.mark.parametrize(("made", "message"), REFUSED)
def test_what_makes_no_sense_is_refused_before_anything_runs(made: Problem, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run(made)


def test_two_tables_with_rows_are_refused() -> None:
    avals = [Aval((2,), np.dtype(np.float64))]
    avals += [Aval((Dim.rows(table),), np.dtype(np.float64)) for table in ("low", "high")]
    traced = trace(
        lambda w, x, y: np.mean(x * w[0]) + np.mean(y * w[1]),
        *avals,
    )
    made = line()
    data = {"x": X[:, 0], "y": Y[:9]}
    objective = replace(made.objective, graph=traced.graph, data=data)
    with pytest.raises(ConfigError, match="rows of 2 tables: low, high") as caught:
        run(replace(made, objective=objective))
    assert caught.value.key == "minibatch.tables"


def test_what_has_no_steps_needs_no_batches() -> None:
    result = run(line(optimizer=None))
    assert (result.termination.reason, result.evaluations) == ("evaluated", 1)
