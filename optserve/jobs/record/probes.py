"""The values that a person asked to see: of each ``probe`` in the loss, at the best point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.graph import Graph
from optserve.graph.primitive import Value
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.record.parts import numbers
from optserve.primitives.composition import probe as probe_
from optserve.transforms.reverse import vjp
from optserve.transforms.rules import recorded
from optserve.transforms.simplify import prune

__all__ = ["probe_values"]


def probe_values(evaluator: Evaluator, point: Array) -> dict[str, Any]:
    """The value under each label: a number, or {min, mean, max} of an array.

    Of a label that stands at several places the values follow each other in a list. Probes inside
    of loops are not reported.
    """
    graph = evaluator.problem.objective.graph
    probes = [equation for equation in graph.equations if equation.primitive is probe_]
    if not probes:
        return {}
    watched = prune(replace(graph, outputs=tuple(probe.operands[0] for probe in probes)))

    def summarized(*arguments: Value) -> Sequence[Value]:
        outputs, _ = vjp(watched, arguments, ())
        return [part for output in outputs for part in _summary(output)]

    def watching() -> Graph:
        return recorded(summarized, graph.inputs, evaluator.packing.dtype)

    values = iter(evaluator.at("probes", watching, point))
    found: dict[str, list[Any]] = {}
    for probe in probes:
        names = ("min", "mean", "max") if probe.operands[0].aval.shape else ("value",)
        summary = {name: numbers(next(values)) for name in names}
        shown = summary if len(names) > 1 else summary["value"]
        found.setdefault(probe.attributes["label"], []).append(shown)
    return {label: shown[0] if len(shown) == 1 else shown for label, shown in found.items()}


def _summary(value: Value) -> Sequence[Value]:
    value = value * 1.0  # of truth values and integers too
    return [np.min(value), np.mean(value), np.max(value)] if np.ndim(value) else [value]
