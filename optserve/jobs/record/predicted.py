"""The errors of what is computed of a result that is recorded: by its covariance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.graph import Graph
from optserve.jobs.evidence.uncertainty.student_t import student_t_quantile
from optserve.jobs.packing import entry_label
from optserve.jobs.record.result import Result
from optserve.transforms.forward import pushforward

__all__ = ["Predicted", "predicted"]


class Predicted(NamedTuple):
    """Values (n,), with standard error and interval where there are error bars; ``new_low`` and
    ``new_high`` are where a new observation lies with the same probability, where the standard
    deviation of a residual was estimated. ``unavailable`` says why there are none."""

    value: Array
    standard_error: Array | None = None
    low: Array | None = None
    high: Array | None = None
    new_low: Array | None = None
    new_high: Array | None = None
    unavailable: str = ""


def predicted(result: Result, graph: Graph, data: Sequence[Array]) -> Predicted:
    """What ``graph`` computes of the estimates: its inputs are the parameters of ``result``, in
    order, then ``data``.

    The standard error is that of the delta method, sqrt(d' C d) with the covariance of the result
    (Seber & Wild 1989, section 5.1); a new observation has the variance of a residual more.
    """
    values: dict[str, Array] = {}
    for (name, value), variable in zip(result.parameters.items(), graph.inputs, strict=False):
        values[name] = np.asarray(value, dtype=variable.aval.dtype)
    arguments = [*values.values(), *data]
    if result.covariance is None or not result.labels:
        [value] = pushforward(graph, arguments, [])[0]
        why = "; ".join(dict.fromkeys(result.unavailable.values())) or "the covariance is not kept"
        return Predicted(np.asarray(value), unavailable=why)
    entries = {
        entry_label(name, value.shape, position): (name, position)
        for name, value in values.items()
        for position in range(value.size)
    }
    unknown = [
        label
        for label, (name, _) in entries.items()
        if label not in result.labels and "not determined" in result.unavailable.get(name, "")
    ]
    directions = [_direction(entries[one], values, len(data)) for one in [*result.labels, *unknown]]
    (value,), tangents = pushforward(graph, arguments, directions)
    columns = [
        np.zeros(np.shape(value)) if one is None else np.broadcast_to(one, np.shape(value))
        for (one,) in tangents
    ]
    known = np.stack(columns[: len(result.labels)], axis=-1).astype(np.float64)
    covariance = np.asarray(result.covariance, np.float64)
    variance = np.einsum("...i,ij,...j->...", known, covariance, known)
    error = np.sqrt(np.maximum(variance, 0.0))
    for one in columns[len(result.labels) :]:
        error = np.where(one != 0.0, np.nan, error)
    width = student_t_quantile(result.level, np.inf if result.dof is None else result.dof)
    found = Predicted(value, error, value - width * error, value + width * error)
    spread = None if result.fit is None else result.fit.residual_standard_error
    if spread is None:
        return found
    whole = width * np.sqrt(error**2 + spread**2)
    return found._replace(new_low=value - whole, new_high=value + whole)


def _direction(
    entry: tuple[str, int], values: Mapping[str, Array], columns: int
) -> tuple[Any, ...]:
    """One entry of one parameter moves, and nothing else."""
    name, position = entry
    moved = np.zeros_like(values[name])
    moved.flat[position] = 1.0
    return (*(moved if one == name else None for one in values), *[None] * columns)
