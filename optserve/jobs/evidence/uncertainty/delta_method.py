"""How the natural values change with the free coordinates: what the delta method needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.packing import Packing, Segment, entry_label
from optserve.primitives.tracing import trace
from optserve.transforms.forward import pushforward

__all__ = ["Varying", "varying_entries"]


@dataclass(frozen=True)
class Varying:
    """The entries of the parameters that vary, m of them, and their ``derivative`` (m, p).

    ``positions`` are flat positions in each parameter; ``parts`` says which of the m are whose, and
    ``own`` (m,) which are no copies of others. ``bounds`` are the lower and the upper ones (m,).
    """

    labels: tuple[str, ...]
    derivative: Array
    own: Array
    parts: Mapping[str, slice]
    positions: Mapping[str, Array]
    shapes: Mapping[str, tuple[int, ...]]
    bounds: tuple[Array, Array]

    def laid_out(self, entries: Array) -> dict[str, Array]:
        """Numbers (m, ...) of the m entries, laid out as the parameters are; NaN elsewhere."""
        rest = entries.shape[1:]
        arrays = {
            name: np.full((prod(shape), *rest), np.nan) for name, shape in self.shapes.items()
        }
        for name, part in self.parts.items():
            arrays[name][self.positions[name]] = entries[part]
        return {name: one.reshape((*self.shapes[name], *rest)) for name, one in arrays.items()}

    def entries(self, values: Mapping[str, Array]) -> Array:
        """The entries (m,) of natural ``values`` by name."""
        found = [np.ravel(values[name])[at] for name, at in self.positions.items()]
        return np.concatenate(found).astype(np.float64)


def varying_entries(packing: Packing, point: Array) -> Varying:
    """What varies at ``point`` (p,).

    >>> from optserve.jobs.bijections import log
    >>> from optserve.jobs.parameters import JobParameter
    >>> low, high = np.array(-np.inf), np.array(np.inf)
    >>> three = JobParameter("k", np.array(3.0), low, high, np.array(False), log())
    >>> packing = Packing([three], np.dtype(np.float64))
    >>> varying_entries(packing, packing.flat({})).derivative.round(12)
    array([[3.]])
    """
    labels: list[str] = []
    blocks, owns, lower, upper = [], [], [], []
    parts, positions = {}, {}
    for segment in packing.free:
        parameter = segment.parameter
        derivative, own = _derivative(segment, point), _own(segment)
        varies = np.flatnonzero(~parameter.fixed.ravel() & (own | _moves(derivative)))
        block = np.zeros((varies.size, packing.size))
        block[:, segment.columns] = derivative[varies]
        lower.append(parameter.lower.ravel()[varies])
        upper.append(parameter.upper.ravel()[varies])
        owns.append(own[varies])
        parts[parameter.name] = slice(len(labels), len(labels) + varies.size)
        positions[parameter.name] = varies
        labels += [entry_label(parameter.name, parameter.shape, int(i)) for i in varies]
        blocks.append(block)
    shapes = {one.parameter.name: one.parameter.shape for one in packing.segments}
    bounds = np.concatenate(lower), np.concatenate(upper)
    derivative, own = np.concatenate(blocks), np.concatenate(owns)
    return Varying(tuple(labels), derivative, own, parts, positions, shapes, bounds)


def _own(segment: Segment) -> Array:
    """Which natural entries are neither constants nor copies of others."""
    parameter = segment.parameter
    own = None if parameter.transform is None else parameter.transform.own
    return np.ones(parameter.init.size, bool) if own is None else own(parameter.shape).ravel()


def _moves(derivative: Array) -> Array:
    """Which entries change by more than the rounding of how the others change."""
    lengths = np.linalg.norm(derivative, axis=1)
    return np.asarray(lengths > np.sqrt(np.finfo(np.float64).eps) * lengths.max(initial=0.0))


def _derivative(segment: Segment, point: Array) -> Array:
    """Of all natural entries of one parameter by its free coordinates."""
    size = prod(segment.parameter.shape)
    if segment.parameter.transform is None:
        return np.eye(size)[:, segment.free]
    piece = segment.piece(point)
    traced = trace(
        lambda given: segment.natural(given, segment.constants),
        piece,
        precision=point.dtype,
        rewrites=False,
    )
    held = tuple(None for _ in traced.captured)
    units = np.eye(segment.count, dtype=point.dtype)
    directions = [(np.reshape(unit, np.shape(piece)), *held) for unit in units]
    with np.errstate(all="ignore"):
        _, tangents = pushforward(traced.graph, [piece, *traced.captured], directions)
    columns = [
        np.zeros(size) if tangent is None else np.reshape(tangent, -1) for (tangent,) in tangents
    ]
    return np.stack(columns, axis=-1)
