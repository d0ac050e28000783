"""What problems of one structure share when they are prepared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optserve.jobs.preparation import prepare
from optserve.jobs.problem import Problem
from tests.jobs.problems import least_squares, parameter


def line() -> Problem:
    def residual(a: Any, b: Any, x: Any, y: Any) -> Any:
        return y - (a + b * x)

    x = np.linspace(0.0, 1.0, 20)
    return least_squares(residual, [parameter("a"), parameter("b")], {"x": x, "y": 2.0 * x})


@pytest.mark.parametrize("threads", [None, 1])
@pytest.mark.parametrize("backend", ["auto", "numpy"])
def test_data_sets_of_all_lengths_share_what_is_compiled(backend: str, threads: int | None) -> None:
    first = replace(line(), backend=backend)
    data = {name: np.asarray(column)[:13] for name, column in first.objective.data.items()}
    second = replace(first, objective=replace(first.objective, data=data))
    jobs = [prepare(one, threads=threads) for one in (first, second)]
    assert jobs[0].choice.backend is jobs[1].choice.backend
    gradients = [job.evaluator._gradient for job in jobs]
    assert gradients[0] is gradients[1]
    for job in jobs:
        loss, _ = job.evaluator.gradient(job.starts[0])
        assert loss == pytest.approx(np.sum(job.problem.objective.data["y"] ** 2))
