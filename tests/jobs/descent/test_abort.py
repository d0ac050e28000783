"""`abort`: a descent whose loss is still too high is given up, at the same step in every way."""

from __future__ import annotations

from typing import Any

import pytest

from optserve.config import load
from optserve.jobs.record.result import Result
from optserve.jobs.run import run

SLOW = {
    "version": 1,
    "parameters": {"b": 3},
    "loss": "(b - 1)**2",
    "optimizer": {"gradient_descent": {"learning_rate": 1e-5}},
    "stop": {"steps": 5000},
}


def ended(above: float, after_steps: int, **fields: Any) -> Result:
    abort = {"loss": {"above": above, "after_steps": after_steps}}
    return run(load({**SLOW, "abort": abort, **fields}))


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_a_descent_is_given_up_where_it_is_asked(backend: str) -> None:
    result = ended(3.8, 1000, backend=backend)
    assert (result.termination.reason, result.exit_code) == ("aborted", 4)
    assert result.termination.exit_codes == [4]
    assert (result.steps, result.evaluations) == (1000, 1001)
    assert result.termination.message == (
        "aborted after 1000 steps: the lowest loss is 3.84316, above 3.8"
    )


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_one_that_is_low_enough_goes_on(backend: str) -> None:
    result = ended(3.85, 1000, backend=backend)
    assert (result.termination.reason, result.exit_code) == ("steps", 0)


def test_at_the_start() -> None:
    result = ended(3.5, 0, optimizer="lbfgs")
    assert (result.termination.reason, result.steps) == ("aborted", 0)
    assert ended(4.5, 0, optimizer="lbfgs").exit_code == 0


@pytest.mark.parametrize(("above", "reason"), [(1.0, "aborted"), (1e6, "epochs")])
def test_over_minibatches_the_loss_of_the_last_epoch_counts(above: float, reason: str) -> None:
    x = list(range(64))
    result = run(
        load(
            {
                "version": 1,
                "data": {"inline": {"x": x, "y": [2 * one for one in x]}},
                "parameters": {"b": 0},
                "loss": "mean((y - b * x)**2)",
                "minibatch": {"rows": 8},
                "optimizer": {"adam": {"learning_rate": 1e-4}},
                "stop": {"epochs": 4},
                "abort": {"loss": {"above": above, "after_steps": 20}},
            }
        )
    )
    assert (result.termination.reason, result.steps) == (reason, 20 if reason == "aborted" else 32)
