"""``outline``: the numbers that a result will have, by their paths, before there is one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.graph import Graph
from optserve.jobs.packing import entry_label
from optserve.jobs.parameters import JobParameter
from optserve.jobs.problem import Problem
from optserve.jobs.record.parts import FitFound, Used
from optserve.primitives.composition import probe

__all__ = ["Expected", "expected_of", "outline", "probes_of"]

_NUMBERS = (
    "loss",
    "steps",
    "evaluations",
    "seconds",
    "memory",
    "termination",
    "aic",
    "bic",
    "aicc",
    "deviance",
)


class Expected(NamedTuple):
    """What is known of a result: its parameters, the shapes of its outputs, the names of the
    metrics of each split, of the methods by which there are errors, of the parameters that have
    profiles and of what is probed; and whether it tells how well predictions fit."""

    parameters: Sequence[JobParameter]
    outputs: Mapping[str, tuple[int, ...]]
    metrics: Mapping[str, Collection[str]]
    methods: Collection[str]
    profile: Collection[str] = ()
    probes: Collection[str] = ()
    fit: bool = True


def expected_of(problem: Problem) -> Expected:
    """What is known of the result of a problem."""
    objective = problem.objective
    metrics: Mapping[str, Collection[str]] = {}
    if problem.metrics is not None or problem.held_out:
        from optserve.jobs.splits import metrics_outline  # most jobs have none

        metrics = metrics_outline(problem)
    return Expected(
        problem.parameters,
        {one.name: one.shape for one in problem.outputs},
        metrics,
        [one.label_of(objective.kind, objective.weights) for one in problem.errors.methods],
        problem.errors.profile,
        probes_of(objective.graph),
        objective.kind == "least_squares",
    )


def probes_of(graph: Graph) -> list[str]:
    """The names of the values that are probed."""
    return [one.attributes["label"] for one in graph.equations if one.primitive is probe]


def outline(expected: Expected) -> dict[str, Any]:
    """The keys of the result as mappings of names to arrays of the shapes that it will have.

    >>> nothing = Expected((), {"half_life": ()}, {}, ())
    >>> sorted(outline(nothing)["outputs"]["half_life"])
    ['interval', 'standard_error', 'value']
    """
    shapes = {one.name: one.shape for one in expected.parameters}
    values = {name: _of(shape) for name, shape in shapes.items()}
    errors = {
        "standard_errors": values,
        "intervals": {name: _of((*shape, 2)) for name, shape in shapes.items()},
    }
    labels = [
        entry_label(one.name, one.shape, int(position))
        for one in expected.parameters
        if one.name in expected.profile
        for position in np.flatnonzero(~one.fixed)
    ]
    trees: dict[str, Any] = {
        "parameters": values,
        "gradient": values,
        **errors,
        "uncertainties": dict.fromkeys(expected.methods, errors),
        "profiles": {one: {"interval": _of((2,)), "estimate": _of(())} for one in labels},
        "outputs": {
            name: {
                "value": _of(shape),
                "standard_error": _of(shape),
                "interval": _of((*shape, 2)),
            }
            for name, shape in expected.outputs.items()
        },
        "metrics": {
            split: dict.fromkeys(names, _of(())) for split, names in expected.metrics.items()
        },
        "probes": {one: dict.fromkeys(("min", "mean", "max"), _of(())) for one in expected.probes},
        "used": dict.fromkeys(Used.model_fields, _of(())),
        "fit": dict.fromkeys(FitFound.model_fields if expected.fit else (), _of(())),
    }
    return {**dict.fromkeys(_NUMBERS, _of(())), **{key: one for key, one in trees.items() if one}}


def _of(shape: tuple[int, ...]) -> Array:
    """An array of this shape, which takes no memory."""
    return np.broadcast_to(np.float64(0.0), shape)
