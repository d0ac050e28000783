"""``profiled``: intervals from the profile of the loss, each point of it a descent of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import copysign, inf, isfinite, sqrt
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.refits import Refits
from optserve.jobs.evidence.uncertainty.student_t import student_t_quantile
from optserve.jobs.evidence.uncertainty.uncertainty import EstimateErrors
from optserve.jobs.packing import Segment, entry_label
from optserve.jobs.parameters import JobParameter
from optserve.jobs.points import Evaluated

__all__ = ["ProfileOf", "profiled"]

CLOSE = 1e-6
"""How close to the limit the root of a rise is that counts as the end, relatively."""

DOUBLINGS, SEARCHES, RETREATS = 12, 30, 5
"""How often the way out is doubled, how often its end is searched for, and how often it is halved
where a refit fails."""

CURVE = (0.25, 0.5, 0.75)
"""Shares of the way to an end at which the profile is computed too, for a picture."""

LOWER = 1e-5
"""By how much of the unit of the rise the loss may fall below that of the estimates."""


@dataclass(frozen=True)
class ProfileOf:
    """The profile of one entry of a parameter.

    ``interval`` are its two ends, NaN where there is none, and ``unavailable`` then says why not.
    At ``values`` (m,) of the entry, in order, the loss of the best fit of all the rest is so many
    units above that of the estimates as ``rise`` (m,) squared tells; it has the sign of the side.
    The ends lie where it is ``limit``. ``refits`` were made, of which ``failed`` were no minima.
    """

    estimate: float
    interval: tuple[float, float]
    level: float
    limit: float
    values: tuple[float, ...]
    rise: tuple[float, ...]
    refits: int
    failed: int
    unavailable: tuple[str, ...] = ()


def profiled(
    evaluator: Evaluator, best: Evaluated, found: EstimateErrors, refits: Refits
) -> Iterator[tuple[str, ProfileOf]]:
    """The profiles of the entries of all parameters that are asked for, by their labels.

    With S the least sum of squares and S(b) that with the entry at b, the ends are where
    (S(b) - S) / s^2 is the square of Student's t, which is the F test of lmfit's `conf_interval`
    (Bates & Watts 1988, section 6.1.2); of a likelihood, and with sigma, where twice the fall of
    the log likelihood is the quantile of chi-square (Venzon & Moolgavkar 1988).
    """
    problem = evaluator.problem
    asked = problem.errors
    unit, dof = 0.5, inf
    if problem.objective.kind == "least_squares":
        spread = None if found.fit is None else found.fit.residual_standard_error
        unit = 1.0 if problem.objective.sigma or spread is None else spread**2
        if not problem.objective.sigma and found.fit is not None:
            dof = float(found.fit.degrees_of_freedom)
    limit = student_t_quantile(asked.level, dof)
    for segment in evaluator.packing.free:
        name = segment.parameter.name
        if name not in asked.profile:
            continue
        errors = np.ravel(found.standard_errors[name])
        for number, position in enumerate(segment.free, segment.start):
            label = entry_label(name, segment.parameter.shape, int(position))
            error = float(errors[position])
            side = _Entry(evaluator, best, segment, number, int(position), refits, unit)
            yield label, side.profile(error, limit, asked.level)


class _Seen(NamedTuple):
    """The profile at a coordinate: the root of the rise, without a sign, and where the rest is."""

    coordinate: float
    rise: float
    rest: Mapping[str, Array]


class _EndError(Exception):
    """Why a side has no end."""


class _Entry:
    """One entry whose profile is computed, on the scale on which the descent moves."""

    def __init__(
        self,
        evaluator: Evaluator,
        best: Evaluated,
        segment: Segment,
        number: int,
        position: int,
        refits: Refits,
        unit: float,
    ) -> None:
        self.evaluator, self.segment, self.refits, self.unit = evaluator, segment, refits, unit
        self.number, self.position = number, position
        self.loss = best.loss
        self.natural = evaluator.packing.natural(best.point)
        self.start = _Seen(float(best.point[number]), 0.0, self.natural)
        self.count, self.failed = 0, 0
        self.seen: list[tuple[float, float]] = []

    def profile(self, error: float, limit: float, level: float) -> ProfileOf:
        """The profile, its ends where the root of the rise is ``limit``."""
        estimate = float(np.ravel(self.natural[self.segment.parameter.name])[self.position])
        self.seen = [(estimate, 0.0)]
        reasons, ends = [], []
        for sense in (-1.0, 1.0):
            try:
                ends.append(self._end(sense, error, limit))
            except _EndError as why:
                ends.append(np.nan)
                reasons.append(f"{'below' if sense < 0 else 'above'}: {why}")
        low, high = ends if not (ends[0] > ends[1]) else ends[::-1]
        values, rises = zip(*sorted(self.seen), strict=True)
        return ProfileOf(
            estimate,
            (low, high),
            level,
            limit,
            values,
            rises,
            self.count,
            self.failed,
            tuple(reasons),
        )

    def _end(self, sense: float, error: float, limit: float) -> float:
        """The natural value at the end of one side."""
        start, bound = self.start, self._bound(sense)
        reach = self._reach(error, limit)
        near, far, wall = start, None, bound
        for _ in range(DOUBLINGS):
            to = start.coordinate + sense * reach
            if sense * (to - wall) >= 0.0:  # at a bound, or half of the way to where refits fail
                to = bound if wall == bound else 0.5 * (near.coordinate + wall)
            made = self._at(to, near, sense)
            if made.rise >= limit:
                far = made
                break
            near = made
            if made.coordinate != to:
                wall = to
            elif to == bound:
                return self._value(bound)
            reach *= 2.0
        if far is None:
            raise _EndError(
                f"the loss rises by {near.rise**2:.3g} of the {limit**2:.3g} units that make an "
                f"end, up to {self._value(near.coordinate):.6g}"
            )
        end = self._search(near, far, limit, sense)
        for share in CURVE:
            at = start.coordinate + share * (end.coordinate - start.coordinate)
            self._at(at, start, sense)
        return self._value(end.coordinate)

    def _search(self, near: _Seen, far: _Seen, limit: float, sense: float) -> _Seen:
        """Where the rise is ``limit``, between two points: by the false position of Illinois."""
        low, high = near.rise - limit, far.rise - limit
        made = far
        for _ in range(SEARCHES):
            if abs(made.rise - limit) <= CLOSE * limit:
                break
            at = (near.coordinate * high - far.coordinate * low) / (high - low)
            made = self._at(at, near, sense)
            if made.rise >= limit:
                far, high = made, made.rise - limit
                low *= 0.5
            else:
                near, low = made, made.rise - limit
                high *= 0.5
        return made

    def _at(self, coordinate: float, warm: _Seen, sense: float) -> _Seen:
        """The profile at a coordinate, from its neighbour on; nearer by where the refit fails."""
        last = ""
        for _ in range(RETREATS):
            made = self.refits(self._held(coordinate), start=warm.rest)
            self.count += 1
            if not made.why and isfinite(made.loss):
                fallen = (self.loss - made.loss) / self.unit
                if fallen > LOWER:
                    raise _EndError(
                        f"a lower loss is at {self._value(coordinate):.6g}: the estimates are no "
                        "lowest minimum"
                    )
                rise = sqrt(max(-fallen, 0.0))
                self.seen.append((self._value(coordinate), copysign(rise, sense)))
                return _Seen(coordinate, rise, made.values)
            self.failed += 1
            last = made.why or "the loss is not finite"
            coordinate = 0.5 * (coordinate + warm.coordinate)
        raise _EndError(f"the refits from {self._value(coordinate):.6g} on fail: {last}")

    def _held(self, coordinate: float) -> tuple[JobParameter, ...]:
        """The parameters with the entry held at a coordinate."""
        return tuple(
            self._holding(one, coordinate) if one is self.segment.parameter else one
            for one in self.evaluator.problem.parameters
        )

    def _holding(self, parameter: JobParameter, coordinate: float) -> JobParameter:
        value = self._value(coordinate)
        init, fixed = np.array(self.natural[parameter.name]), np.array(parameter.fixed)
        init.flat[self.position], fixed.flat[self.position] = value, True
        return replace(parameter, init=init, fixed=fixed)

    def _value(self, coordinate: float) -> float:
        """The natural value of the entry at a coordinate."""
        transform = self.segment.parameter.transform
        if transform is None:
            return float(coordinate)
        point = np.array(self.evaluator.packing.flat(self.natural))
        point[self.number] = coordinate
        found = self.evaluator.packing.natural(point)[self.segment.parameter.name]
        return float(np.ravel(found)[self.position])

    def _bound(self, sense: float) -> float:
        """The coordinate of the bound on one side, infinite where there is none."""
        bounds = self.evaluator.packing.lower if sense < 0 else self.evaluator.packing.upper
        return sense * inf if bounds is None else float(bounds[self.number])

    def _reach(self, error: float, limit: float) -> float:
        """How far the first look goes: as far as the standard error says, by the coordinate."""
        start = self.start.coordinate
        if not error > 0.0:
            return 0.1 * abs(start) or 1.0
        if self.segment.parameter.transform is None:
            return limit * error
        step = 1e-6 * max(abs(start), 1.0)
        slope = (self._value(start + step) - self._value(start - step)) / (2.0 * step)
        return limit * error / abs(slope) if slope else 1.0
