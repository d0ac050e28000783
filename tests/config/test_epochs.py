"""Minibatches, epochs, plateaus and metrics: what of them reaches the job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.graph.interpret import interpret
from optserve.jobs.problem import BatchPlan
from optserve.jobs.splits import metrics_outline
from optserve.primitives.tracing import verify
from tests.config.evaluation import Load

DATA = "data: {read: d.csv, columns: {x: x, y: y}}\n"
TAIL = "parameters: {b: 2}\nloss: mean((y - b * x)**2)\noptimizer: adam\n"


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("{rows: 2}", BatchPlan(2)),
        ("{rows: 9}", BatchPlan(9)),
        ("{rows: 3, shuffle: false, last: drop}", BatchPlan(3, shuffle=False, last="drop")),
    ],
)
def test_a_minibatch(problem: Load, written: str, made: BatchPlan) -> None:
    assert problem(f"{DATA}{TAIL}minibatch: {written}\n").minibatch == made


def test_without_one_there_is_none(problem: Load) -> None:
    made = problem(f"{DATA}{TAIL}")
    assert made.minibatch is None
    assert made.metrics is None
    assert dict(made.held_out) == {}
    assert (made.stop.epochs, made.stop.plateau) == (None, None)


def test_epochs_and_a_plateau(problem: Load) -> None:
    stop = problem(
        f"{DATA}{TAIL}minibatch: {{rows: 2}}\nmetrics: {{worst: max(abs(y - b * x))}}\n"
        "stop:\n  epochs: 20\n  plateau: {metric: metrics.train.worst, mode: max, patience: 3}\n"
    ).stop
    assert stop.epochs == 20
    assert stop.plateau is not None
    assert (stop.plateau.metric, stop.plateau.mode, stop.plateau.patience) == (
        "metrics.train.worst",
        "max",
        3,
    )
    assert stop.plateau.place is not None
    assert (stop.plateau.place.line, stop.plateau.place.path) == (10, "stop.plateau.metric")
    plain = problem(f"{DATA}{TAIL}minibatch: {{rows: 2}}\nstop: {{plateau: {{metric: loss}}}}\n")
    assert plain.stop.plateau is not None
    assert (plain.stop.plateau.mode, plain.stop.plateau.patience) == ("min", 10)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_metrics_are_computed_of_every_split(problem: Load, tmp_path: Path, precision: str) -> None:
    (tmp_path / "s.csv").write_text("x,y,f\n1,2,train\n2,5,test\n3,7,train\n4,7,test\n")
    made = problem(
        f"precision: {precision}\n"
        "data: {read: s.csv, columns: {x: x, y: y}, split: {column: f}}\n"
        "parameters: {b: 2, c: 5}\n"
        "define: {mu: b * x, error(t): t - mu}\n"
        "loss: sum(error(y)**2)\n"
        "metrics:\n"
        "  worst: max(abs(error(y)))\n"
        "  mean_x: mean(x)\n"
        "  size: c\n"
        "  right: mean(error(y) == 0)\n"
        "  rows: x.shape[0]\n"
        "expect:\n  metrics.test.worst: {max: 2}\n  metrics.train.right: {near: 0.5, abs: 0}\n"
    )
    metrics = made.metrics
    assert metrics is not None
    assert metrics.names == ("worst", "mean_x", "size", "right", "rows")
    verify(metrics.graph)
    starts = [parameter.init for parameter in made.parameters]
    found = {
        split: interpret(metrics.graph, *starts, *arrays.values())
        for split, arrays in metrics.data.items()
    }
    assert found == {"train": (1.0, 2.0, 5.0, 0.5, 2.0), "test": (1.0, 3.0, 5.0, 0.0, 2.0)}
    assert all(np.result_type(value) == precision for value in found["test"])
    assert [one.path for one in made.expectations] == ["metrics.test.worst", "metrics.train.right"]


def test_a_metric_may_use_columns_that_the_loss_does_not(problem: Load) -> None:
    made = problem(f"{DATA}parameters: {{b: 2}}\nloss: sum(b * x)\nmetrics: {{m: mean(y) * b}}\n")
    assert list(made.objective.data) == ["x"]
    assert made.metrics is not None
    assert list(made.metrics.data["train"]) == ["y"]


def test_metrics_without_data(problem: Load) -> None:
    made = problem("parameters: {b: 2}\nloss: b**2\nmetrics: {twice: 2 * b}\n")
    assert made.metrics is not None
    assert dict(made.metrics.data) == {"train": {}}
    assert interpret(made.metrics.graph, np.float64(3.0)) == (6.0,)


def test_a_metric_may_need_a_large_constant(problem: Load) -> None:
    made = problem(
        f"{DATA}parameters: {{b: 2}}\nloss: sum(b * x)\n"
        "metrics:\n  m: sum(linspace(0, 1, 2001)) * b\n"
    )
    assert made.metrics is not None
    [value] = interpret(made.metrics.graph, np.float64(1.0), *made.metrics.data["train"].values())
    np.testing.assert_allclose(value, 1000.5)


SPLIT = (
    "data: {inline: {x: [1, 2, 3, 4]}, split: {validation: 0.5}}\nparameters: {b: 2}\n"
    "loss: mean((x - b)**2)\nminibatch: {rows: 1}\noptimizer: adam\n"
)


def test_each_of_several_splits_has_a_loss(problem: Load) -> None:
    made = problem(
        f"{SPLIT}stop: {{plateau: {{metric: metrics.validation.loss}}}}\n"
        "expect: {metrics.train.loss: {max: 1}}\n"
    )
    assert made.stop.plateau is not None
    assert made.stop.plateau.metric == "metrics.validation.loss"
    assert [one.path for one in made.expectations] == ["metrics.train.loss"]
    assert {split: [*names] for split, names in metrics_outline(made).items()} == {
        "train": ["loss"],
        "validation": ["loss"],
    }
    with pytest.raises(ConfigError, match=r"metrics\.train\.loss` names nothing"):
        problem(f"{DATA}{TAIL}expect: {{metrics.train.loss: {{max: 1}}}}\n")
    with pytest.raises(ConfigError, match="each split has its loss already"):
        problem(f"{SPLIT}metrics: {{loss: mean(x)}}\n")
