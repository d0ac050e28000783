"""Jobs over minibatches: their steps, what they are judged by, and why they end."""

from __future__ import annotations

import csv
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy import numpy_backend
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.streamed import Streamed
from optserve.jobs.descent.row_order import Batches
from optserve.jobs.problem import BatchPlan, Expectation, PlateauRule, Problem, StoppingRule
from optserve.jobs.record.artefacts import save
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from optserve.optimizers import adam, cosine, gradient_descent, momentum
from optserve.primitives.tracing import trace
from tests.jobs.descent.batched import HELD, HELD_Y, ROWS, X, Y, line, with_splits
from tests.jobs.descent.test_loops import LOOPING
from tests.jobs.problems import log_likelihood, parameter, problem


def by_hand(epochs: int, rate: float, seed: int = 0) -> np.ndarray:
    """The same descent in plain NumPy, with the rows in the order that is documented."""
    w = np.zeros(2)
    for epoch in range(1, epochs + 1):
        for x_stack, y_stack in Batches([X, Y], BatchPlan(8), seed).epoch(epoch):
            for x, y in zip(x_stack, y_stack, strict=True):
                w = w - rate * (2 * x.T @ (x @ w - y) / len(y) + 2e-3 * w)
    return w


def entries(result: Result) -> list[Any]:
    return list(result.history[0])


def test_the_steps_are_those_of_the_formula() -> None:
    result = run(line(stop=StoppingRule(epochs=3), seed=11))
    assert result.termination.reason == "epochs"
    assert result.termination.message == "ended after 3 epochs, 21 steps"
    assert (result.exit_code, result.epochs, result.steps, result.evaluations) == (0, 3, 21, 21)
    np.testing.assert_allclose(result.checkpoint["point"], by_hand(3, 0.05, seed=11), rtol=1e-12)


def test_sums_count_all_rows_and_penalties_count_once() -> None:
    mean = line(stop=StoppingRule(epochs=2))
    summed = problem(
        lambda w, x, y: np.sum((y - x @ w) ** 2) + 0.05 * np.sum(w**2),
        [parameter("w", [0.0, 0.0])],
        {"x": X, "y": Y},
        optimizer=gradient_descent(0.05 / ROWS),
        minibatch=BatchPlan(8),
        stop=StoppingRule(epochs=2),
    )
    np.testing.assert_allclose(
        run(summed).checkpoint["point"], run(mean).checkpoint["point"], rtol=1e-12
    )


def test_loss_and_gradient_are_of_all_rows_at_the_best_point() -> None:
    result = run(line(stop=StoppingRule(epochs=3)))
    w = np.array(result.parameters["w"])
    residual = Y - X @ w
    assert result.loss == pytest.approx(np.mean(residual**2) + 1e-3 * w @ w, rel=1e-13)
    gradient = -2 * X.T @ residual / ROWS + 2e-3 * w
    np.testing.assert_allclose(result.gradient["w"], gradient, rtol=1e-9)
    losses = [entry.loss for entry in entries(result)]
    assert [entry.epoch for entry in entries(result)] == [0, 1, 2, 3]
    assert [entry.evaluation for entry in entries(result)] == [0, 7, 14, 21]
    assert result.loss == pytest.approx(min(losses), rel=1e-13)
    assert all(entry.validation_loss is None for entry in entries(result))


def test_the_best_point_is_that_of_the_validation_rows() -> None:
    skewed = {"validation": {"x": HELD, "y": HELD @ np.array([1.0, -0.5])}}
    result = run(with_splits(line(stop=StoppingRule(epochs=12)), **skewed))
    losses = [entry.validation_loss for entry in entries(result)]
    best = int(np.argmin(losses))
    assert 0 < best < 12
    assert result.metrics["validation"]["loss"] == pytest.approx(losses[best], rel=1e-13)
    assert result.metrics["train"]["loss"] == result.loss
    np.testing.assert_allclose(result.parameters["w"], by_hand(best, 0.05), rtol=1e-10)
    assert all(entry.loss is None for entry in entries(result))
    assert all(entry.batch_loss > 0 for entry in entries(result)[1:])


def test_metrics_are_of_each_split_and_may_be_expected() -> None:
    made = with_splits(
        line(
            stop=StoppingRule(epochs=30),
            expectations=(
                Expectation("metrics.validation.worst", {"max": 0.5}),
                Expectation("metrics.test.loss", {"max": 1e-9}),
            ),
        ),
        validation={"x": HELD, "y": HELD_Y},
        test={"x": HELD, "y": HELD_Y},
    )
    result = run(made)
    assert list(result.metrics) == ["train", "validation", "test"]
    # The metrics of the test rows were not asked for, but for their loss.
    assert list(result.metrics["test"]) == ["loss", "worst", "positive"]
    w = np.array(result.parameters["w"])
    worst = result.metrics["validation"]["worst"]
    assert worst is not None
    assert worst == pytest.approx(np.max(np.abs(HELD_Y - HELD @ w)))
    assert result.metrics["train"]["positive"] == pytest.approx(np.mean(Y > 0))
    assert [found.holds for found in result.expectations] == [True, False]
    assert result.exit_code == 4


def test_metrics_are_also_of_jobs_that_see_all_rows() -> None:
    made = with_splits(line(minibatch=None, stop=StoppingRule(steps=300)))
    result = run(made)
    assert result.epochs is None
    assert result.metrics["train"]["loss"] == result.loss
    worst = result.metrics["validation"]["worst"]
    assert worst is not None
    assert worst < 0.5
    unsplit = run(replace(made, held_out={}))
    assert "loss" not in unsplit.metrics["train"]


def test_a_plateau_ends_a_descent() -> None:
    plateau = PlateauRule("metrics.validation.worst", "min", 3)
    result = run(
        with_splits(line(optimizer=gradient_descent(0.2), stop=StoppingRule(plateau=plateau)))
    )
    assert result.termination.reason == "plateau"
    assert not result.termination.converged
    assert result.exit_code == 0
    assert result.termination.message.startswith(
        "metrics.validation.worst has not improved for 3 epochs: ended after"
    )
    assert result.epochs is not None
    assert result.epochs > 3


def test_a_plateau_counts_epochs_since_the_metric_was_best() -> None:
    never = PlateauRule("metrics.train.positive", "max", 4)  # the data do not change
    result = run(with_splits(line(stop=StoppingRule(plateau=never, epochs=100))))
    assert (result.termination.reason, result.epochs) == ("plateau", 5)
    loss = run(line(stop=StoppingRule(plateau=PlateauRule("loss", "max", 2))))
    assert loss.epochs == 3


@pytest.mark.parametrize(
    ("stop", "reason", "steps"),
    [
        (StoppingRule(steps=10), "steps", 10),
        (StoppingRule(steps=10, epochs=2), "steps", 10),
        (StoppingRule(steps=100, epochs=2), "epochs", 14),
        (StoppingRule(steps=14, epochs=2), "epochs", 14),
        (StoppingRule(), "steps", 1000),
    ],
)
def test_limits_of_steps_and_epochs(stop: StoppingRule, reason: str, steps: int) -> None:
    result = run(line(stop=stop, optimizer=adam(1e-3)))
    assert (result.termination.reason, result.steps, result.exit_code) == (reason, steps, 0)


def test_a_limit_of_seconds_ends_within_an_epoch() -> None:
    result = run(line(stop=StoppingRule(seconds=0.2), optimizer=adam(1e-6)))
    assert result.termination.reason == "seconds"
    assert 0.2 <= result.seconds < 2.0


def test_an_interrupt_keeps_what_was_reached() -> None:
    made = line(stop=StoppingRule(seconds=60.0), optimizer=adam(1e-4))
    result = run(made, progress=lambda snapshot: signal.raise_signal(signal.SIGINT))
    assert (result.termination.reason, result.exit_code) == ("interrupted", 130)
    assert result.loss is not None
    assert result.loss < entries(result)[0].loss


def test_schedules_know_the_number_of_steps() -> None:
    result = run(
        line(stop=StoppingRule(epochs=3), optimizer=gradient_descent(cosine(0.05, end=0.0)))
    )
    w = np.zeros(2)
    step = 0
    for epoch in range(1, 4):
        for x_stack, y_stack in Batches([X, Y], BatchPlan(8), 0).epoch(epoch):
            for x, y in zip(x_stack, y_stack, strict=True):
                rate = 0.05 * (0.5 + 0.5 * np.cos(np.pi * step / 21))
                w = w - rate * (2 * x.T @ (x @ w - y) / len(y) + 2e-3 * w)
                step += 1
    np.testing.assert_allclose(result.checkpoint["point"], w, rtol=1e-10)


def test_tolerances_that_are_asked_for_are_judged_on_all_rows() -> None:
    result = run(
        line(stop=StoppingRule(epochs=200, gradient=0.02), optimizer=gradient_descent(0.02))
    )
    assert (result.termination.reason, result.exit_code) == ("gradient", 0)
    w, measure = np.array(result.parameters["w"]), np.abs(result.gradient["w"])
    assert np.max(measure * np.maximum(np.abs(w), 1.0)) <= 0.02
    missed = run(line(stop=StoppingRule(epochs=2, gradient=1e-12)))
    assert (missed.termination.reason, missed.exit_code) == ("epochs", 3)
    settled = run(line(stop=StoppingRule(epochs=100, loss=0.1)))
    assert settled.termination.reason == "loss"


def test_steps_that_lead_away_and_numbers_that_are_none_end_it() -> None:
    away = run(line(stop=StoppingRule(epochs=50), optimizer=gradient_descent(50.0)))
    assert (away.termination.reason, away.exit_code) == ("diverged", 5)
    assert away.parameters["w"] == [0.0, 0.0]
    made = problem(
        lambda w, x: np.mean(np.log(w - x)),
        [parameter("w", 2.0)],
        {"x": np.linspace(0, 1, 40)},
        optimizer=adam(0.1),
        minibatch=BatchPlan(8),
        stop=StoppingRule(epochs=20),
    )
    result = run(made)
    assert (result.termination.reason, result.exit_code) == ("non_finite", 5)
    assert result.failure is not None
    assert result.failure.primitive == "log"
    at_once = run(replace(made, parameters=(parameter("w", 0.5),)))
    assert (at_once.termination.reason, at_once.steps, at_once.loss) == ("non_finite", 0, None)


def likelihood(**fields: Any) -> Problem:
    return log_likelihood(
        lambda w, x, y: -0.5 * (y - x @ w) ** 2,
        [parameter("w", [0.0, 0.0], low=-1.5, high=1.5)],
        {"x": X, "y": Y},
        optimizer=momentum(1e-3),
        minibatch=BatchPlan(16, last="drop"),
        stop=StoppingRule(epochs=5),
        **fields,
    )


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_loops_take_the_same_steps(precision: Any) -> None:
    single = [parameter("w", [0.0, 0.0], precision=precision)]
    base = line(stop=StoppingRule(epochs=4), optimizer=adam(0.05))
    data = {name: array.astype(precision) for name, array in base.objective.data.items()}
    jobs = [
        base,
        likelihood(),
        line(stop=StoppingRule(steps=9), optimizer=momentum(0.01)),
        line(stop=StoppingRule(epochs=50), optimizer=gradient_descent(50.0)),
        problem(
            lambda w, x, y: np.mean((y - x @ w) ** 2),
            single,
            data,
            precision=precision,
            optimizer=adam(0.05),
            minibatch=BatchPlan(8),
            stop=StoppingRule(epochs=4),
        ),
    ]
    for made in jobs:
        looping = replace(made, backend="looping", backends={"looping": LOOPING})
        stepwise, looped = run(replace(made, backend="numpy")), run(looping)
        assert looped.termination == stepwise.termination
        assert looped.steps == stepwise.steps
        assert looped.loss == stepwise.loss
        assert looped.parameters == stepwise.parameters
        for one, other in zip(entries(looped), entries(stepwise), strict=True):
            assert repr(one._replace(seconds=0.0)) == repr(other._replace(seconds=0.0))
        for name, array in stepwise.checkpoint.items():
            np.testing.assert_array_equal(looped.checkpoint[name], array)


def test_rows_beside_the_batched_ones_stay_whole() -> None:
    """A table without rows of its own is an array like any other."""
    weights = np.array([0.5, 2.0])
    avals = [Aval((2,), np.dtype(np.float64)), Aval((2,), np.dtype(np.float64))]
    avals.append(Aval((Dim.rows("rows"), 2), np.dtype(np.float64)))
    traced = trace(
        lambda w, v, x: np.mean((x @ (w * v)) ** 2) + np.sum((w - v) ** 2),
        *avals,
    )
    made = line(stop=StoppingRule(epochs=2))
    objective = replace(made.objective, graph=traced.graph, data={"v": weights, "x": X})
    for backend in (LOOPING, numpy_backend(1)):
        job = replace(made, objective=objective, backend="b", backends={"b": backend})
        assert run(job).termination.reason == "epochs"


class _Kept(Streamed):
    """A column in memory that is read as one is that is not."""

    def __init__(self, name: str, array: np.ndarray) -> None:
        super().__init__(name, array.shape, array.dtype)
        self.array = array

    def rows(self, first: int, last: int) -> np.ndarray:
        return self.array[first:last]


def test_streamed_rows_give_the_same_bits() -> None:
    made = line(stop=StoppingRule(epochs=3))
    columns = {name: _Kept(name, array) for name, array in made.objective.data.items()}
    streamed = run(replace(made, objective=replace(made.objective, data=columns)))
    held = run(made)
    assert (streamed.loss, streamed.parameters) == (held.loss, held.parameters)
    assert streamed.gradient == held.gradient


def test_no_standard_errors_and_why() -> None:
    result = run(likelihood())
    assert result.standard_errors == {"w": [None, None]}
    assert result.unavailable["w"].startswith("the steps saw batches")


def test_a_history_has_a_line_an_epoch(tmp_path: Path) -> None:
    folder = save(run(with_splits(line(stop=StoppingRule(epochs=2)))), out=tmp_path / "run")
    with (folder / "history.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [row["epoch"] for row in lines] == ["0", "1", "2"]
    assert [row["loss"] for row in lines] == ["", "", ""]
    assert lines[0]["batch_loss"] == ""
    assert float(lines[2]["validation_loss"]) < float(lines[0]["validation_loss"])
