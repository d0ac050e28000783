"""Intervals around the estimates, on the natural scale and within bounds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.direction_names import listed
from optserve.jobs.evidence.uncertainty.delta_method import Varying
from optserve.jobs.packing import Packing, Segment
from optserve.optimizers.lengths import lengths

__all__ = ["Intervals", "intervals_of"]


class Intervals(NamedTuple):
    """The two ends (m, 2) for each entry that varies, NaN where there is no interval; what is to
    be said of how they were made, and of where they were cut."""

    ends: Array
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def intervals_of(
    packing: Packing, point: Array, varying: Varying, known: Array, factor: Array, width: float
) -> Intervals:
    """The estimates at ``point`` (p,), and ``width`` standard errors to each side.

    ``factor`` (p, k) is a root of the covariance of the coordinates; ``known`` (m,) tells which
    entries have a standard error. What would cross a bound ends there.
    """
    roots = width * varying.derivative @ factor
    widths = lengths(roots, axis=1)
    values, scales = np.empty(known.size), dict[str, list[str]]()
    transformed: dict[str, Array] = {}
    for segment in packing.free:
        parameter = segment.parameter
        part, columns = varying.parts[parameter.name], segment.columns
        if parameter.transform is None:
            values[part] = point[columns]
        elif known[part].any():
            positions, own = varying.positions[parameter.name], width * factor[columns]
            transformed[parameter.name] = _around(segment, point, positions, roots[part], own)
            scales.setdefault(parameter.transform.name, []).append(parameter.name)
    ends = np.stack([values - widths, values + widths], axis=1)
    for name, around in transformed.items():
        ends[varying.parts[name]] = around
    ends[~known] = np.nan
    notes = [
        f"{_named(names)} made on the scale of {scale}, and mapped back"
        for scale, names in scales.items()
    ]
    if packing.lower is None and not scales:
        return Intervals(ends, (), ())
    lower, upper = varying.bounds
    crossed = (ends[:, 0] < lower) | (ends[:, 1] > upper)
    labels = list(itertools.compress(varying.labels, crossed))
    warnings = [f"{_named(labels)} cut at a bound, which it would cross"] if labels else []
    ends = np.clip(ends, lower[:, None], upper[:, None])
    return Intervals(ends, tuple(notes), tuple(warnings))


def _named(names: Sequence[str]) -> str:
    return (
        f"the interval of {names[0]} is"
        if len(names) == 1
        else f"the intervals of {listed(names)} are"
    )


def _around(segment: Segment, point: Array, positions: Array, roots: Array, own: Array) -> Array:
    """The ends (m, 2) for the entries of one transformed parameter at ``positions``.

    The rows of ``roots`` (m, k) are as long as the entries move, those of ``own`` (count, k) as the
    coordinates do. A transformed parameter moves on the scale of its transform, in the direction in
    which the entry changes most for its probability, so that its ends lie where the transform leads
    (for the log: Meeker & Escobar 1998, chapter 8).
    """
    piece = segment.piece(point)
    value = np.ravel(segment.natural(piece, segment.constants))[positions].astype(np.float64)
    widths = lengths(roots, axis=1)
    ends = np.stack([value, value], axis=1)
    for entry, position in enumerate(positions):
        if widths[entry] > 0.0:
            along = np.reshape(own @ (roots[entry] / widths[entry]), np.shape(piece))
            moved = [segment.natural(piece + to * along, segment.constants) for to in (-1.0, 1.0)]
            ends[entry] = np.sort([np.ravel(one)[position] for one in moved])
    return ends
