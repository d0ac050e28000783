"""Losses and metrics of the splits of the data: training, validation and test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import nan
from typing import Any

from optserve.backends.backend import Compiled
from optserve.errors import ConfigError, NumericalFailure, Place
from optserve.graph.aval import Array
from optserve.jobs.consistency import check_metric_names
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.problem import Metrics, Problem
from optserve.jobs.result_paths import look_up
from optserve.transforms.simplify import simplify

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
        self.failures: dict[str, str] = {}
        """Why there is no value, by the path of what has none: a whole number does not exist."""

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
        try:
            [loss] = self._losses[split](point, *self.evaluator.packing.constants, *arrays)
        except NumericalFailure as failure:
            return self._none(f"metrics.{split}.loss", failure)
        return float(loss)

    def metrics(self, split: str, point: Array) -> dict[str, float]:
        """The metrics of a split by name, without its loss."""
        metrics = self.problem.metrics
        if metrics is None or split not in metrics.data:
            return {}
        names = metrics.names
        if split not in self._metrics:
            self._metrics[split] = self.evaluator.backend.compile(metrics.graph)
        values = self.evaluator.packing.natural(point).values()
        arguments = (*values, *metrics.data[split].values())
        try:
            found = self._metrics[split](*arguments)
        except NumericalFailure:  # of one of them
            apart = range(len(names))
            found = tuple(self._alone(metrics, number, split, arguments) for number in apart)
        return {name: float(value) for name, value in zip(names, found, strict=True)}

    def _alone(self, metrics: Metrics, number: int, split: str, arguments: Sequence[Any]) -> float:
        """One metric, which may fail without the others."""
        alone = simplify(replace(metrics.graph, outputs=metrics.graph.outputs[number : number + 1]))
        try:
            [found] = self.evaluator.backend.compile(alone)(*arguments)
        except NumericalFailure as failure:
            return self._none(f"metrics.{split}.{metrics.names[number]}", failure)
        return float(found)

    def _none(self, path: str, failure: NumericalFailure) -> float:
        """NaN, for what has no value."""
        where = f" ({failure.place})" if failure.place else ""
        self.failures[path] = f"{path} has no value: {failure.message}{where}"
        return nan

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
