"""``profiled``: intervals from the profile of the loss, each point of it a descent of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import copysign, inf

import numpy as np

from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.estimate_errors import EstimateErrors
from optserve.jobs.evidence.uncertainty.holding import EndError, Holding, Seen, unit_of_rise
from optserve.jobs.evidence.uncertainty.refits import Refits
from optserve.jobs.evidence.uncertainty.student_t import student_t_quantile
from optserve.jobs.known_points import Evaluated
from optserve.jobs.packing import entry_label

__all__ = ["ProfileOf", "ProfiledEntry", "profiled"]

CLOSE = 1e-6
"""How close to the limit the root of a rise is that counts as the end, relatively."""

DOUBLINGS, SEARCHES = 12, 30
"""How often the way out is doubled, and how often its end is searched for."""

CURVE = (0.25, 0.5, 0.75)
"""Shares of the way to an end at which the profile is computed too, for a picture."""


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
    asked = evaluator.problem.errors
    unit, dof = unit_of_rise(evaluator, found)
    limit = student_t_quantile(asked.level, dof)
    for segment in evaluator.packing.free:
        name = segment.parameter.name
        if name not in asked.profile:
            continue
        errors = np.ravel(found.standard_errors[name])
        for number, position in enumerate(segment.free, segment.start):
            label = entry_label(name, segment.parameter.shape, int(position))
            held = Holding(evaluator, best, (number,), refits, unit)
            yield label, ProfiledEntry(held, float(errors[position])).profile(limit, asked.level)


class ProfiledEntry:
    """One entry whose profile is computed; its standard ``error`` says how far to look first."""

    def __init__(self, held: Holding, error: float) -> None:
        self.held, self.error = held, error
        self.start = held.start
        self.estimate = self._value(self.start)
        self.seen = [(self.estimate, 0.0)]

    def profile(self, limit: float, level: float) -> ProfileOf:
        """The profile, its ends where the root of the rise is ``limit``."""
        reasons, ends = [], []
        for sense in (-1.0, 1.0):
            try:
                end = self.end(sense, limit)
                self._look(end, sense)
                ends.append(self._value(end))
            except EndError as why:
                ends.append(np.nan)
                reasons.append(f"{'below' if sense < 0 else 'above'}: {why}")
        low, high = ends if not (ends[0] > ends[1]) else ends[::-1]
        values, rises = zip(*sorted(self.seen), strict=True)
        return ProfileOf(
            self.estimate,
            (low, high),
            level,
            limit,
            values,
            rises,
            self.held.refits,
            self.held.failed,
            tuple(reasons),
        )

    def end(self, sense: float, limit: float) -> Seen:
        """The end of one side; raises ``EndError`` where there is none."""
        start, bound = self.start, self.held.bound(0, sense)
        reach = self._reach(limit)
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
                return made
            reach *= 2.0
        if far is None:
            raise EndError(
                f"the loss rises by {near.rise**2:.3g} of the {limit**2:.3g} units that make an "
                f"end, up to {self._value(near):.6g}"
            )
        return self._search(near, far, limit, sense)

    def _look(self, end: Seen, sense: float) -> None:
        """The profile on the way to an end, for a picture."""
        start = self.start
        for share in CURVE if end.coordinate != start.coordinate else ():
            at = start.coordinate + share * (end.coordinate - start.coordinate)
            self._at(at, start, sense)

    def _search(self, near: Seen, far: Seen, limit: float, sense: float) -> Seen:
        """Where the rise is ``limit``, between two points: by secants that stay between them."""
        before, made = near, far
        for _ in range(SEARCHES):
            if abs(made.rise - limit) <= CLOSE * limit:
                break
            ends = sorted((near.coordinate, far.coordinate))
            apart, more = made.coordinate - before.coordinate, made.rise - before.rise
            at = made.coordinate - (made.rise - limit) * apart / more if more else inf
            if not ends[0] < at < ends[1]:
                at = 0.5 * (ends[0] + ends[1])
            before, made = made, self._at(at, near, sense)
            near, far = (near, made) if made.rise >= limit else (made, far)
        return made

    def _at(self, coordinate: float, warm: Seen, sense: float) -> Seen:
        made = self.held.at(np.array([coordinate]), warm)
        self.seen.append((self._value(made), copysign(made.rise, sense)))
        return made

    def _value(self, seen: Seen) -> float:
        """The natural value of the entry there."""
        return float(self.held.values(seen.coordinates)[0])

    def _reach(self, limit: float) -> float:
        """How far the first look goes: as far as the standard error says, by the coordinate."""
        start, error = self.start.coordinate, self.error
        if not error > 0.0:
            return 0.1 * abs(start) or 1.0
        [(segment, _)] = self.held.places
        if segment.parameter.transform is None:
            return limit * error
        step = 1e-6 * max(abs(start), 1.0)
        ends = [float(self.held.values(np.array([start + one]))[0]) for one in (step, -step)]
        slope = (ends[0] - ends[1]) / (2.0 * step)
        return limit * error / abs(slope) if slope else 1.0
