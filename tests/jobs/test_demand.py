from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optserve.jobs.demand import demand_of_job
from optserve.jobs.packing import Packing
from optserve.jobs.problem import BatchPlan, StoppingRule
from optserve.optimizers import adam
from tests.jobs.problems import parameter, problem


def test_minibatches_are_many_small_evaluations() -> None:
    made = problem(
        lambda w, x: np.mean((x - w) ** 2),
        [parameter("w", 0.0)],
        {"x": np.zeros(1000)},
        optimizer=adam(),
        stop=StoppingRule(steps=50),
    )
    packing = Packing(made.parameters, np.dtype(np.float64))
    whole = demand_of_job(made, packing)
    batched = replace(made, minibatch=BatchPlan(100), stop=StoppingRule(epochs=3))
    small = demand_of_job(batched, packing)
    assert (whole.evaluations, small.evaluations) == (50, 30)
    assert small.entries == pytest.approx(whole.entries / 10, rel=0.01)
    endless = demand_of_job(replace(batched, stop=StoppingRule(seconds=9.0)), packing)
    assert endless.evaluations == 1000
