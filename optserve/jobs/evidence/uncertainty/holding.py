"""``Holding``: the best fit of all the rest where some entries are held, as profiles need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, isfinite, sqrt
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.estimate_errors import EstimateErrors
from optserve.jobs.evidence.uncertainty.refits import Refits
from optserve.jobs.known_points import Evaluated
from optserve.jobs.packing import Packing, Segment
from optserve.jobs.parameters import JobParameter

__all__ = ["EndError", "Holding", "LowerError", "Seen", "unit_of_rise"]

RETREATS = 5
"""How often the way out is halved where a refit fails."""

LOWER = 1e-5
"""By how much of the unit of the rise the loss may fall below that of the estimates."""


class EndError(Exception):
    """Why a profile goes no farther."""


class LowerError(EndError):
    """A lower minimum was found: the estimates are not the best."""


class Seen(NamedTuple):
    """The best fit where entries are held at ``coordinates`` (k,): the root of the ``rise`` of the
    loss, in its unit, and the natural values of all parameters, ``rest``."""

    coordinates: Array
    rise: float
    rest: Mapping[str, Array]

    @property
    def coordinate(self) -> float:
        """The first coordinate, where one entry is held."""
        return float(self.coordinates[0])


def unit_of_rise(evaluator: Evaluator, found: EstimateErrors) -> tuple[float, float]:
    """By how much the loss rises in a unit, and of how many degrees of freedom that unit is.

    Of least squares it is the variance of a residual, or 1 where sigma is given; of a likelihood
    half of 1, of infinitely many.
    """
    problem = evaluator.problem
    if problem.objective.kind != "least_squares":
        return 0.5, inf
    if problem.objective.sigma or found.fit is None:
        return 1.0, inf
    spread = found.fit.residual_standard_error
    unit = 1.0 if spread is None else spread**2
    return unit, float(found.fit.degrees_of_freedom)


class Holding:
    """The entries of the coordinates ``numbers`` (k,), held on the scale on which the descent
    moves; ``unit`` is that of a rise. It counts its ``refits``, and those that ``failed``."""

    def __init__(
        self,
        evaluator: Evaluator,
        best: Evaluated,
        numbers: tuple[int, ...],
        refits: Refits,
        unit: float,
    ) -> None:
        self.evaluator, self.numbers, self.unit = evaluator, numbers, unit
        self.fit_again = refits
        self.places = [_place_of(evaluator.packing, number) for number in numbers]
        self.loss = best.loss
        self.natural = evaluator.packing.natural(best.point)
        self.start = Seen(best.point[list(numbers)].astype(np.float64), 0.0, self.natural)
        self.refits, self.failed = 0, 0

    def at(self, coordinates: Array, warm: Seen, retreats: int = RETREATS) -> Seen:
        """The best fit at coordinates (k,), from its neighbour on; nearer by where a refit fails.

        Raises ``EndError`` where they go on failing, and where the loss is lower.
        """
        last = ""
        for _ in range(retreats):
            made = self.fit_again(self._held(coordinates), start=warm.rest)
            self.refits += 1
            if not made.why and isfinite(made.loss):
                fallen = (self.loss - made.loss) / self.unit
                if fallen > LOWER:
                    raise LowerError(
                        f"a lower loss is at {self.told(coordinates)}: the estimates are no "
                        "lowest minimum"
                    )
                return Seen(coordinates, sqrt(max(-fallen, 0.0)), made.values)
            self.failed += 1
            last = made.why or "the loss is not finite"
            coordinates = 0.5 * (coordinates + warm.coordinates)
        raise EndError(f"the refits from {self.told(coordinates)} on fail: {last}")

    def values(self, coordinates: Array) -> Array:
        """The natural values (k,) of the entries at their coordinates (k,)."""
        if all(segment.parameter.transform is None for segment, _ in self.places):
            return np.asarray(coordinates, np.float64)
        point = np.array(self.evaluator.packing.flat(self.natural))
        point[list(self.numbers)] = coordinates
        found = self.evaluator.packing.natural(point)
        return np.array(
            [
                coordinate
                if segment.parameter.transform is None
                else float(np.ravel(found[segment.parameter.name])[position])
                for coordinate, (segment, position) in zip(coordinates, self.places, strict=True)
            ],
            np.float64,
        )

    def coordinates_of(self, rest: Mapping[str, Array]) -> Array:
        """The coordinates (k,) of the entries where all parameters have these natural values."""
        found: Array = self.evaluator.packing.flat(rest)[list(self.numbers)].astype(np.float64)
        return found

    def bound(self, which: int, sense: float) -> float:
        """The coordinate of the bound of an entry on one side, infinite where there is none."""
        packing = self.evaluator.packing
        bounds = packing.lower if sense < 0 else packing.upper
        return sense * inf if bounds is None else float(bounds[self.numbers[which]])

    def told(self, coordinates: Array) -> str:
        """The natural values, for a sentence."""
        return ", ".join(f"{value:.6g}" for value in self.values(coordinates))

    def _held(self, coordinates: Array) -> tuple[JobParameter, ...]:
        """The parameters with the entries held at their coordinates."""
        values = self.values(coordinates)
        changed: dict[str, JobParameter] = {}
        for value, (segment, position) in zip(values, self.places, strict=True):
            parameter = segment.parameter
            before = changed.get(parameter.name)
            init = np.array(self.natural[parameter.name] if before is None else before.init)
            fixed = np.array((before or parameter).fixed)
            init.flat[position], fixed.flat[position] = value, True
            changed[parameter.name] = replace(parameter, init=init, fixed=fixed)
        return tuple(changed.get(one.name, one) for one in self.evaluator.problem.parameters)


def _place_of(packing: Packing, number: int) -> tuple[Segment, int]:
    """The parameter of a coordinate, and which of its entries it is."""
    for segment in packing.free:
        if segment.start <= number < segment.start + segment.count:
            return segment, int(segment.free[number - segment.start])
    raise IndexError(number)
