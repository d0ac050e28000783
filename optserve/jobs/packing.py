"""Packing: the parameters of a job as one flat vector of free coordinates, and back.

A method of descent sees the vector alone. Fixed entries are left out of it, and a transform is
undone: the coordinates of a parameter with ``log`` are its logarithms. The way back to the natural
scale runs on arrays and on tracers alike, so it becomes part of the graph that is compiled.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import overload

import numpy as np

from optserve.errors import ConfigError
from optserve.graph.aval import Array, DType
from optserve.graph.primitive import Value
from optserve.jobs.consistency import check_domain
from optserve.jobs.parameters import JobParameter

__all__ = ["Packing", "Segment", "entry_label"]

_ROUNDINGS = 8
"""By how many floats, at most, the coordinate of a bound is off by rounding."""


@dataclass(frozen=True)
class Segment:
    """The coordinates of one parameter: ``count`` entries of the flat vector from ``start`` on.

    ``shape`` is that of all its coordinates, fixed ones included, and ``free`` holds the flat
    positions of those that vary. ``constants`` are the arrays from which ``natural`` fills in
    what is fixed.
    """

    parameter: JobParameter
    shape: tuple[int, ...]
    free: Array
    start: int
    constants: tuple[Array, ...]

    @cached_property
    def count(self) -> int:
        return len(self.free)

    @cached_property
    def columns(self) -> slice:
        """Where the flat vector has them."""
        return slice(self.start, self.start + self.count)

    @cached_property
    def whole(self) -> bool:
        """Whether every coordinate is free."""
        return self.count == prod(self.shape)

    @cached_property
    def piece_shape(self) -> tuple[int, ...]:
        return self.shape if self.whole else (self.count,)

    def piece(self, flat: Value) -> Value:
        """The parameter's own part of the flat vector."""
        if not self.shape:
            return flat[self.start]
        return np.reshape(flat[self.columns], self.piece_shape)

    def natural(self, piece: Value | None, constants: Sequence[Value]) -> Value:
        """The parameter on its natural scale; ``piece`` is ``None`` where all of it is fixed."""
        transform = self.parameter.transform
        if piece is None:
            return constants[0]
        if self.whole:
            return piece if transform is None else transform.forward(piece)
        held, order, *rest = constants
        coordinates = np.reshape(np.take(np.concatenate([piece, held]), order), self.shape)
        if transform is None:
            return coordinates
        fixed, init = rest
        return np.where(fixed, init, transform.forward(coordinates))

    def coordinates(self, value: Array) -> Array:
        """The free coordinates of a natural value, of shape (count,)."""
        return np.reshape(_inverse(self.parameter, value), -1)[self.free]


class Packing:
    """How parameters lie in one flat vector of the job's precision.

    ``size`` is the number p of free coordinates; ``lower`` and ``upper`` (p,) are their bounds, or
    ``None`` where none is bounded. ``constants`` are arrays that the graph needs beside the pieces.
    ``layout`` is an object that packings share which differ in the values of arrays alone.

    >>> one = np.ones(2)
    >>> w = JobParameter("w", one * 3, -np.inf * one, np.inf * one, np.array([False, True]))
    >>> packing = Packing([w], np.dtype(np.float64))
    >>> packing.flat({}), *packing.labels
    (array([3.]), 'w[0]')
    >>> packing.natural(np.array([7.0]))["w"]
    array([7., 3.])
    """

    def __init__(self, parameters: Sequence[JobParameter], dtype: DType) -> None:
        self.dtype = dtype
        self.segments: tuple[Segment, ...] = ()
        self.size = 0
        for parameter in parameters:
            segment = _segment(parameter, self.size, dtype)
            self.segments += (segment,)
            self.size += segment.count
        self.free = tuple(segment for segment in self.segments if segment.count)
        self.constants = tuple(array for one in self.segments for array in one.constants)
        lower, upper = self._bounds()
        bounded = bool(np.isfinite(lower).any() or np.isfinite(upper).any())
        self.lower: Array | None = lower if bounded else None
        self.upper: Array | None = upper if bounded else None
        self.layout: object = self

    def like(self, other: Packing) -> Packing:
        """This packing, as one of the layout of ``other``, from which it differs by the values of
        what is fixed, and of bounds: they share all that is made of that layout."""
        self.layout = other.layout
        return self

    @property
    def transformed(self) -> list[int]:
        """Which parameters vary on another scale than their natural one."""
        return [
            index
            for index, segment in enumerate(self.segments)
            if segment.count and segment.parameter.transform is not None
        ]

    @cached_property
    def is_identity(self) -> bool:
        """Whether the pieces of the vector are the natural values, one each."""
        return all(one.whole and one.count and not one.parameter.transform for one in self.segments)

    @cached_property
    def labels(self) -> Sequence[str]:
        """A name for each coordinate: ``b1``, ``w[3]``, ``W[0][1]``."""
        return _Labels(self.free, self.size)

    def flat(self, start: Mapping[str, Array]) -> Array:
        """The vector (p,) of a start: natural values by name, the others at their ``init``."""
        parts = [
            segment.coordinates(start.get(segment.parameter.name, segment.parameter.init))
            for segment in self.free
        ]
        vector = np.concatenate([np.zeros(0, self.dtype), *parts]).astype(self.dtype)
        return vector if self.lower is None else np.clip(vector, self.lower, self.upper)

    def pieces(self, flat: Value) -> list[Value]:
        """What the free parameters are made from, one each; runs on arrays and tracers alike."""
        return [segment.piece(flat) for segment in self.free]

    def values(self, pieces: Sequence[Value], constants: Sequence[Value]) -> list[Value]:
        """All parameters on their natural scale, in order."""
        free, held = iter(pieces), iter(constants)
        return [
            segment.natural(
                next(free) if segment.count else None,
                list(itertools.islice(held, len(segment.constants))),
            )
            for segment in self.segments
        ]

    def natural(self, flat: Array) -> dict[str, Array]:
        """The parameters by name on their natural scale, as arrays."""
        values = self.pieces(flat)
        if not self.is_identity:
            with np.errstate(all="ignore"):
                values = self.values(values, self.constants)
        return {
            segment.parameter.name: np.asarray(value, self.dtype)
            for segment, value in zip(self.segments, values, strict=True)
        }

    def spread(self, flat: Array) -> dict[str, Array]:
        """A number for each coordinate, laid out as the parameters are; NaN where fixed."""
        spread = {}
        for segment in self.segments:
            entries = np.full(prod(segment.shape), np.nan)
            entries[segment.free] = flat[segment.start : segment.start + segment.count]
            spread[segment.parameter.name] = entries.reshape(segment.shape)
        return spread

    def _bounds(self) -> tuple[Array, Array]:
        lower, upper = np.full(self.size, -np.inf), np.full(self.size, np.inf)
        for segment in self.free:
            part = slice(segment.start, segment.start + segment.count)
            lower[part] = _bound(segment, segment.parameter.lower, -np.inf, self.dtype)
            upper[part] = _bound(segment, segment.parameter.upper, np.inf, self.dtype)
        return lower.astype(self.dtype), upper.astype(self.dtype)


class _Labels(Sequence[str]):
    """The names of coordinates, each made when it is asked for: there may be millions."""

    def __init__(self, segments: Sequence[Segment], size: int) -> None:
        self._segments = segments
        self._starts = [segment.start for segment in segments]
        self._size = size

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[one] for one in range(*index.indices(self._size)))
        number = range(self._size)[index]
        segment = self._segments[bisect_right(self._starts, number) - 1]
        position = segment.free[number - segment.start]
        return entry_label(segment.parameter.name, segment.shape, position)


def _segment(parameter: JobParameter, start: int, dtype: DType) -> Segment:
    transform = parameter.transform
    check_domain(parameter, parameter.init, parameter.place)
    init = np.asarray(parameter.init, dtype)
    if parameter.fixed.all():
        return Segment(parameter, init.shape, np.zeros(0, np.int64), start, (init,))
    coordinates = _inverse(parameter, init)
    if not parameter.fixed.any():
        free = np.arange(coordinates.size)
        return Segment(parameter, coordinates.shape, free, start, ())
    if _mixes(parameter, coordinates.shape):
        raise _entangled(parameter, "an entry is fixed")
    is_free = ~parameter.fixed.reshape(-1)
    free, held = np.flatnonzero(is_free), np.flatnonzero(~is_free)
    order = np.argsort(np.concatenate([free, held]))
    constants: tuple[Array, ...] = (coordinates.reshape(-1)[held].astype(dtype), order)
    if transform is not None:
        constants += (parameter.fixed, init)
    return Segment(parameter, coordinates.shape, free, start, constants)


def _inverse(parameter: JobParameter, value: Array) -> Array:
    transform = parameter.transform
    if transform is None:
        return np.asarray(value)
    with np.errstate(all="ignore"):
        return np.asarray(transform.inverse(np.asarray(value)))


def _bound(segment: Segment, bound: Array, without: float, dtype: DType) -> Array:
    """A bound in free coordinates; one outside of a transform's domain is none.

    The natural value there is not beyond the bound, as rounding would make it.
    """
    if not np.isfinite(bound).any():
        return np.full(segment.count, without)
    if _mixes(segment.parameter, segment.shape):
        raise _entangled(segment.parameter, "it has bounds")
    found = segment.coordinates(bound).astype(dtype)
    transform = segment.parameter.transform
    if transform is not None:
        ends = bound.reshape(-1)[segment.free].astype(dtype)
        with np.errstate(all="ignore"):
            for _ in range(_ROUNDINGS):
                value = np.asarray(transform.forward(found))
                beyond = value < ends if without < 0.0 else value > ends
                if not beyond.any():
                    break
                found = np.where(beyond, np.nextafter(found, dtype.type(-without)), found)
    return np.where(np.isnan(found), without, found)


def _mixes(parameter: JobParameter, coordinates: tuple[int, ...]) -> bool:
    """Whether the transform makes an entry of more than its own coordinate."""
    transform = parameter.transform
    return transform is not None and (transform.mixes or coordinates != parameter.shape)


def _entangled(parameter: JobParameter, why: str) -> ConfigError:
    assert parameter.transform is not None
    return ConfigError(
        f"'{parameter.name}': {parameter.transform.name} mixes its entries, and {why}",
        place=parameter.place,
        expected="neither bounds nor fixed entries beside such a transform",
        code="contradiction",
    )


def entry_label(name: str, shape: tuple[int, ...], position: int) -> str:
    """The path of an entry of a parameter, given its flat position.

    >>> entry_label("W", (2, 3), 5), entry_label("b1", (), 0)
    ('W[1][2]', 'b1')
    """
    if not shape:
        return name
    index = np.unravel_index(int(position), shape)
    return name + "".join(f"[{int(i)}]" for i in index)
