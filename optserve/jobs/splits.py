"""Losses and metrics of the splits of the data: training, validation and test rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from optserve.backends.base import Compiled
from optserve.errors import ConfigError, Place
from optserve.graph.aval import Array
from optserve.jobs.consistency import check_metric_names
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.paths import look_up
from optserve.jobs.problem import Problem

__all__ = ["TRAINING", "VALIDATION", "AtPoint", "Splits", "check_metric", "metrics_outline"]

TRAINING, VALIDATION = "train", "validation"


def metrics_outline(problem: Problem) -> dict[str, dict[str, None]]:
    """The names of the metrics that the result will have, by split."""
    metrics = problem.metrics
    names = () if metrics is None else metrics.names
    check_metric_names(names)
    splits = [TRAINING, *problem.held_out] if problem.held_out else []
    splits += [] if metrics is None else [split for split in metrics.data if split not in splits]
    outline = {}
    for split in splits:
        own = dict.fromkeys(names if metrics is not None and split in metrics.data else ())
        outline[split] = {"loss": None, **own} if problem.held_out else own
    return outline


def check_metric(problem: Problem, path: str, place: Place | None) -> None:
    """Raise ``ConfigError`` where ``path`` is no number that is known after each epoch."""
    found = look_up({"loss": None, "metrics": metrics_outline(problem)}, path, place)
    if found is not None:
        raise ConfigError(
            f"`{path}` is no number",
            place=place,
            expected="loss, or metrics.SPLIT.NAME",
            code="unknown-path",
        )


class Splits:
    """The compiled losses and metrics of a job's splits, each made when it is first asked for.

    The loss of a split is the objective over its rows, penalties included.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.problem = evaluator.problem
        self._losses: dict[str, Compiled] = {}
        self._metrics: dict[str, Compiled] = {}

    def at(self, point: Array) -> AtPoint:
        """What is known of the splits at a point (p,)."""
        return AtPoint(self, point)

    def loss(self, split: str, point: Array) -> float:
        """The loss of a split; of the training rows, that of the job."""
        # A callable a split: what it has prepared for a number of rows is then used again.
        if split not in self._losses:
            self._losses[split] = self.evaluator.backend.compile(self._loss_graph)
        data = {**self.problem.objective.data, **self.problem.held_out.get(split, {})}
        arrays = [data[name] for name in self.problem.objective.data]
        [loss] = self._losses[split](point, *self.evaluator.packing.constants, *arrays)
        return float(loss)

    def metrics(self, split: str, point: Array) -> dict[str, float]:
        """The metrics of a split by name, without its loss."""
        metrics = self.problem.metrics
        if metrics is None or split not in metrics.data:
            return {}
        if split not in self._metrics:
            self._metrics[split] = self.evaluator.backend.compile(metrics.graph)
        values = self.evaluator.packing.natural(point).values()
        found = self._metrics[split](*values, *metrics.data[split].values())
        return {name: float(value) for name, value in zip(metrics.names, found, strict=True)}

    @cached_property
    def _loss_graph(self) -> Any:
        return self.evaluator.graphs.loss()


class AtPoint:
    """The losses and metrics at one point, each computed once, when it is asked for."""

    def __init__(self, splits: Splits, point: Array) -> None:
        self.splits = splits
        self.point = point
        self._losses: dict[str, float] = {}
        self._metrics: dict[str, dict[str, float]] = {}

    def loss(self, split: str = TRAINING) -> float:
        if split not in self._losses:
            self._losses[split] = self.splits.loss(split, self.point)
        return self._losses[split]

    def metrics(self, split: str) -> dict[str, float]:
        if split not in self._metrics:
            self._metrics[split] = self.splits.metrics(split, self.point)
        return self._metrics[split]

    def value(self, path: str) -> float:
        """What ``loss`` or ``metrics.SPLIT.NAME`` is here."""
        if path == "loss":
            return self.loss()
        _, split, name = path.split(".", 2)
        return self.loss(split) if name == "loss" else self.metrics(split)[name]

    def tree(self) -> Mapping[str, Mapping[str, float]]:
        """All of them, by split."""
        found = {}
        for split, names in metrics_outline(self.splits.problem).items():
            losses = {"loss": self.loss(split)} if "loss" in names else {}
            found[split] = {**losses, **self.metrics(split)}
        return found
