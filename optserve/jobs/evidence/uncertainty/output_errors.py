"""The outputs of a job: quantities and curves of the estimates, with errors by the delta method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from optserve.errors import DataFailure, NumericalFailure, OptserveError, PluginFailure
from optserve.graph.aval import Array, DType
from optserve.graph.interpret import interpret
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.suspects import Values
from optserve.jobs.evidence.uncertainty.delta_method import varying_entries
from optserve.jobs.evidence.uncertainty.estimate_errors import EstimateErrors
from optserve.jobs.evidence.uncertainty.student_t import student_t_quantile
from optserve.jobs.problem import OutputAsked
from optserve.transforms.forward import pushforward

__all__ = ["OutputErrors", "outputs_at"]

LARGEST = 10_000_000
"""Entries of the derivative of an output up to which it is formed."""


@dataclass(frozen=True)
class OutputErrors:
    """An output at the estimates.

    ``standard_error`` has the shape of ``value``, and ``interval`` an axis more, of its two ends;
    NaN where there is none, and ``unavailable`` says why. ``at`` is what it was computed at.
    """

    value: Array
    standard_error: Array
    interval: Array
    level: float
    at: Mapping[str, Array]
    unavailable: str = ""


def outputs_at(
    evaluator: Evaluator, point: Array | None, uncertainty: EstimateErrors
) -> dict[str, OutputErrors]:
    """Every output of the job at ``point`` (p,); without numbers where there is no point."""
    outputs = evaluator.problem.outputs
    if point is None:
        why = "there is no point at which the loss is finite"
        return {one.name: _found(one, [np.full(one.shape, np.nan)], None, why) for one in outputs}
    values = [*evaluator.packing.natural(point).values()]
    found: dict[str, OutputErrors] = {}
    for one in outputs:
        try:
            found[one.name] = _at(one, evaluator, point, values, uncertainty)
        except NumericalFailure as failure:  # a whole number that does not exist
            none = [np.full(one.shape, np.nan)]
            found[one.name] = _found(one, none, None, failure.message)
    return found


def _at(
    output: OutputAsked,
    evaluator: Evaluator,
    point: Array,
    values: Sequence[Array],
    uncertainty: EstimateErrors,
) -> OutputErrors:
    arguments = [*values, *output.data.values()]
    errors, why = uncertainty.errors, ""
    if errors is None:
        reasons = dict.fromkeys(uncertainty.unavailable.values())
        why = "; ".join(reasons) or "nothing varies"
    elif prod(output.shape) * evaluator.packing.size > LARGEST:
        why = f"the derivatives of {prod(output.shape)} entries are too many to be formed"
    if errors is None or why:
        plain = interpret(output.graph, *arguments)
        if not np.isfinite(plain[0]).all():
            why += f"; the value is not finite{_blamed(output, arguments)}"
        return _found(output, plain, None, why)
    try:
        found, derivative = _derivative(output, evaluator, point, arguments)
    except (PluginFailure, DataFailure):
        raise
    except OptserveError as error:  # a derivative that a plugin does not have
        return _found(output, interpret(output.graph, *arguments), None, error.message)
    finite = np.isfinite(found[0])
    made = np.where(finite, np.reshape(errors.of(derivative), output.shape), np.nan)
    if not finite.all():
        why = _of_which(~finite, "the value is not finite", "are not finite")
        why += _blamed(output, arguments)
    elif (without := np.isnan(made)).any():
        bound = "at a bound, or not determined by the data"
        why = _of_which(without, bound, f"have no error: {bound}")
    width = student_t_quantile(output.level, errors.dof)
    return _found(output, found, made, why, width)


def _blamed(output: OutputAsked, arguments: Sequence[Array]) -> str:
    """What made a value of an output bad, and where."""
    suspect = Values(output.graph, arguments).suspect(0)
    if suspect is None or suspect.equation is None:
        return ""
    primitive = suspect.equation.primitive
    told = f"`{primitive.name}` gives no number there"
    if primitive.facts.picks:
        told = "an index is out of range"
    place = suspect.place or suspect.equation.place
    return f": {told}{f' ({place})' if place else ''}"


def _of_which(these: Array, one: str, some: str) -> str:
    """What is to be said where all or the only one of the values are ``these``, or some."""
    if these.all():
        return one
    return f"{np.count_nonzero(these)} of {these.size} values {some}"


def _found(
    output: OutputAsked,
    found: Sequence[Array],
    errors: Array | None,
    why: str,
    width: float = np.nan,
) -> OutputErrors:
    """``found`` is the value, then what it is computed at."""
    value, *at = found
    error = np.full(np.shape(value), np.nan) if errors is None else errors
    half = width * error
    return OutputErrors(
        value=np.asarray(value),
        standard_error=error,
        interval=np.stack([value - half, value + half], axis=-1),
        level=output.level,
        at=dict(zip(output.at, map(np.asarray, at), strict=False)),
        unavailable=why,
    )


def _derivative(
    output: OutputAsked, evaluator: Evaluator, point: Array, arguments: Sequence[Array]
) -> tuple[Sequence[Array], Array]:
    """The outputs of the graph, and how the entries (m,) of the first change with the free
    coordinates: (m, p)."""
    packing = evaluator.packing
    varying = varying_entries(packing, point)
    names = [segment.parameter.name for segment in packing.segments]
    held = [None for _ in output.data]
    directions = []
    for column in varying.derivative.T:
        moved = varying.laid_out(column)
        own = [_tangent(moved.get(name), packing.dtype) for name in names]
        directions.append((*own, *held))
    values, tangents = pushforward(output.graph, arguments, directions)
    size = prod(output.shape)
    columns = [
        np.zeros(size) if one is None else np.ravel(np.broadcast_to(one, output.shape))
        for one, *_ in tangents
    ]
    return values, np.stack(columns, axis=-1) if columns else np.zeros((size, 0))


def _tangent(moved: Array | None, dtype: DType) -> Array | None:
    """How the entries of a parameter change: not at all where ``moved`` has no number."""
    if moved is None:
        return None
    tangent = np.nan_to_num(moved, nan=0.0).astype(dtype)
    return tangent if tangent.any() else None
