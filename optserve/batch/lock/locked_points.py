"""Probe points: parameters and a few rows of data that the lock holds, and what comes of them.

They stand in the file, so that the data may change without a word from the lock. Arrays of more
than a few entries are not written out, but drawn again from the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import numpy as np

from optserve.backends.numpy import numpy_backend
from optserve.errors import OptserveError
from optserve.graph.aval import Array, Aval, is_float
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem

__all__ = [
    "Point",
    "StoredValue",
    "data_of",
    "evaluated",
    "found_at",
    "is_close",
    "points_of",
    "written",
]

ROWS = 6
"""Rows of each table, at most."""

LISTED = 60
"""Entries up to which an array is written out."""

STEPS = (0.0, 0.1, 0.4)
"""How far the points lie from the start, relative to the free coordinates."""

_Evaluate = Callable[..., Sequence[Any]]
"""Gives the outputs of a graph for its inputs."""

StoredNumbers = Any
"""A nested list of numbers; or a mapping of the shape, the least and the largest entry."""


@dataclass(frozen=True)
class StoredValue:
    """A value, or numbers that tell an array, and how far they may be off."""

    numbers: tuple[float, ...]
    tolerance: float


@dataclass(frozen=True)
class Point:
    """The parameters by name as they are written, and the loss and its derivatives there."""

    parameters: Mapping[str, StoredNumbers]
    loss: StoredValue
    gradient: Mapping[str, StoredValue]


def written(array: Array) -> StoredNumbers:
    """``array`` as the lock has it.

    >>> written(np.array([1.5, 2.0])), written(np.zeros((100, 2)))
    ([1.5, 2.0], {'shape': [100, 2], 'low': 0.0, 'high': 0.0})
    """
    if 0 < array.size <= LISTED:
        return array.tolist()
    finite = array[np.isfinite(array)] if is_float(array.dtype) else array
    ends = (finite.min(), finite.max()) if finite.size else (array.dtype.type(0),) * 2
    return {"shape": [*array.shape], "low": ends[0].item(), "high": ends[1].item()}


def _read(told: StoredNumbers, name: str, aval: Aval) -> Array:
    """The array that ``written`` wrote."""
    if not isinstance(told, Mapping):
        return np.asarray(told, aval.dtype)
    random, low, high = Random(name), float(told["low"]), float(told["high"])
    shares = np.array([random.random() for _ in range(math.prod(told["shape"]))])
    drawn = low + shares * (high - low)
    if not is_float(aval.dtype):
        drawn = np.round(drawn)
    return np.asarray(drawn.reshape(told["shape"]), aval.dtype)


def data_of(problem: Problem, first: bool = False) -> Mapping[str, StoredNumbers]:
    """A few rows of the data of the loss: spread over the table, or the ``first``."""
    count = len(problem.parameters)
    found = {}
    pairs = zip(problem.objective.graph.inputs[count:], problem.objective.data, strict=True)
    for variable, name in pairs:
        array = problem.objective.data[name]
        for axis, size in enumerate(variable.aval.shape):
            if isinstance(size, Dim):
                array = _few(array, axis, first)
        found[name] = written(np.asarray(array))
    return found


def _few(array: Any, axis: int, first: bool) -> Any:
    rows = array.shape[axis]
    if rows <= ROWS:
        return array[:] if axis == 0 else array
    if first or not isinstance(array, np.ndarray):
        return array[:ROWS] if axis == 0 else np.take(array, range(ROWS), axis)
    return np.take(array, [number * rows // ROWS for number in range(ROWS)], axis)


def points_of(problem: Problem) -> Sequence[Mapping[str, StoredNumbers]]:
    """Where the loss is looked at: at its start, and at two points nearby."""
    packing = Packing(problem.parameters, np.dtype(problem.precision))
    start = packing.flat({})
    natural = []
    for number, step in enumerate(STEPS):
        random = Random(f"point {number}")
        moves = np.array([random.uniform(-1.0, 1.0) for _ in range(packing.size)])
        scale = np.where(start == 0.0, 0.5, np.abs(start))
        vector = (start + step * moves * scale).astype(packing.dtype)
        if packing.lower is not None:
            vector = np.clip(vector, packing.lower, packing.upper)
        natural.append(packing.natural(vector))
    return [{name: written(value) for name, value in one.items()} for one in natural]


def evaluated(
    gradient: Graph,
    names: Sequence[str],
    data: Mapping[str, StoredNumbers],
    captured: Sequence[Array],
    points: Sequence[Mapping[str, StoredNumbers]],
    precision: str | None = None,
) -> Sequence[Point]:
    """The loss and its derivatives by ``names`` at each of ``points``; with a ``precision`` it is
    found out how far off rounding may be in it."""
    found = []
    evaluate: _Evaluate = partial(interpret, gradient)
    if any(True for _ in gradient.subgraphs()):
        evaluate = numpy_backend(1).compile(gradient)  # the same to the bit, and loops are quick
    for point in points:
        told = {**point, **data}
        pairs = zip(told, gradient.inputs, strict=False)
        arrays = [_read(told[name], name, variable.aval) for name, variable in pairs]
        found.append(_at(evaluate, names, [*arrays, *captured], point, precision))
    return found


def found_at(
    gradient: Graph,
    names: Sequence[str],
    problem: Problem,
    captured: Sequence[Array],
) -> tuple[Mapping[str, StoredNumbers], Sequence[Point], str]:
    """Rows of data, what comes of them at the points of ``problem``, and why there is nothing."""
    why = ""
    points = points_of(problem)
    for first in (False, True):
        data = data_of(problem, first)
        try:
            return data, evaluated(gradient, names, data, captured, points, problem.precision), ""
        except OptserveError as error:
            why = error.message
    return {}, (), why


def _at(
    evaluate: _Evaluate,
    names: Sequence[str],
    arrays: Sequence[Array],
    point: Mapping[str, StoredNumbers],
    precision: str | None,
) -> Point:
    """The values, each with a tolerance: what rounding of the arguments makes of them, and more."""
    single = precision == "float32"
    exact, rounded = _told(evaluate, arrays), []
    for number in range(0 if precision is None else 2):
        random = Random(number)
        moved = [_rounded(array, random, 3e-6 if single else 1e-13) for array in arrays]
        rounded.append(_told(evaluate, moved))
    least = 1e-3 if single else 1e-8
    found = []
    for index, numbers in enumerate(exact):
        size = max((abs(one) for one in numbers if math.isfinite(one)), default=0.0)
        spread = max((_distance(numbers, other[index]) for other in rounded), default=0.0)
        found.append(StoredValue(numbers, float(f"{least * size + 10.0 * spread:.0e}")))
    return Point(point, found[0], dict(zip(names, found[1:], strict=True)))


def _told(evaluate: _Evaluate, arrays: Sequence[Array]) -> list[tuple[float, ...]]:
    with np.errstate(all="ignore"):
        outputs = evaluate(*arrays)
    return [_numbers(np.asarray(one, np.float64)) for one in outputs]


def _numbers(array: Array) -> tuple[float, ...]:
    """The entries, or of many their norm and two sums with signs."""
    if array.size <= LISTED // 3:
        return tuple(array.ravel().tolist())
    flat, random = array.ravel(), Random(array.size)
    signs = np.array([[random.choice((-1.0, 1.0)) for _ in range(flat.size)] for _ in range(2)])
    return (float(np.linalg.norm(flat)), *(signs @ flat).tolist())


def _rounded(array: Array, random: Random, step: float) -> Array:
    if not is_float(array.dtype):
        return array
    moves = np.array([random.uniform(-step, step) for _ in range(array.size)])
    return (array * (1.0 + moves.reshape(array.shape))).astype(array.dtype)


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference of two finite numbers."""
    differences = (abs(a - b) for a, b in zip(one, other, strict=True))
    return max((one for one in differences if math.isfinite(one)), default=0.0)


def is_close(before: StoredValue, now: StoredValue) -> bool:
    """Whether ``now`` is what was found before, within its tolerance.

    >>> is_close(StoredValue((1.0, math.nan), 0.1), StoredValue((1.05, math.nan), 0.0))
    True
    """
    if len(before.numbers) != len(now.numbers):
        return False
    for a, b in zip(before.numbers, now.numbers, strict=True):
        same = a == b or (math.isnan(a) and math.isnan(b))
        if not same and not abs(a - b) <= before.tolerance:
            return False
    return True
