"""``contoured``: where the profile of two entries rises to what makes their joint region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import expm1, hypot, isinf, log1p, sqrt
from typing import TypeAlias

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.coordinate_errors import CoordinateErrors
from optserve.jobs.evidence.uncertainty.edge_tracing import EdgeEnd, EdgeLine, Tracing
from optserve.jobs.evidence.uncertainty.estimate_errors import EstimateErrors
from optserve.jobs.evidence.uncertainty.holding import (
    EndError,
    Holding,
    LowerError,
    Seen,
    unit_of_rise,
)
from optserve.jobs.evidence.uncertainty.profiling import ProfiledEntry
from optserve.jobs.evidence.uncertainty.refits import Refits
from optserve.jobs.known_points import Evaluated
from optserve.jobs.packing import entry_label

__all__ = ["ContourOf", "contoured", "joint_limit"]

FARTHEST = 3.0
"""Where a region does not end, it is followed so many times the way to its other end."""

SIDES = ((0, 1.0), (1, 1.0), (0, -1.0), (1, -1.0))
"""Which entry is largest or least, counterclockwise around a region."""


_Line: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
"""The values of both entries along a line."""


@dataclass(frozen=True)
class ContourOf:
    """The contour of two entries, whose estimates are ``estimate``.

    Along each of its ``lines``, which have both entries of their points (2, n), the loss of the
    best fit of all the rest is ``limit`` squared units above that of the estimates. One that is
    ``closed`` has one line, which comes back to its first point, along bounds where these cut the
    region. Else ``unavailable`` says why not. ``refits`` were made, of which ``failed`` were no
    minima.
    """

    labels: tuple[str, str]
    estimate: tuple[float, float]
    level: float
    limit: float
    lines: tuple[_Line, ...]
    closed: bool
    refits: int
    failed: int
    unavailable: tuple[str, ...] = ()


def joint_limit(level: float, dof: float) -> float:
    """The root of the rise at which the region of two entries ends that has this probability.

    Its square is twice the quantile of F with 2 and ``dof`` degrees of freedom, of infinitely many
    the quantile of chi-square with 2; both have a closed form.

    >>> round(joint_limit(0.95, np.inf) ** 2, 4), round(joint_limit(0.95, 10) ** 2, 4)
    (5.9915, 8.2056)
    """
    beyond = log1p(-level)
    return sqrt(-2.0 * beyond if isinf(dof) else dof * expm1(-2.0 * beyond / dof))


def contoured(
    evaluator: Evaluator, best: Evaluated, found: EstimateErrors, refits: Refits
) -> Iterator[ContourOf]:
    """The contours that are asked for, each of the joint region of two entries.

    The region's ends in both entries are those of their profiles, at the same rise (Bates & Watts
    1988, section 6.1.3; Minuit's contours: James & Roos 1975). From there on its edge is followed.
    """
    asked = evaluator.problem.errors
    unit, dof = unit_of_rise(evaluator, found)
    limit = joint_limit(asked.level, dof)
    labels = [*evaluator.packing.labels]
    errors = _errors_by_label(evaluator, found)
    for pair in asked.contours:
        numbers = labels.index(pair[0]), labels.index(pair[1])
        held = Holding(evaluator, best, numbers, refits, unit)
        alone = [
            ProfiledEntry(Holding(evaluator, best, (number,), refits, unit), errors[label])
            for number, label in zip(numbers, pair, strict=True)
        ]
        contour = _Contour(pair, held, alone, limit)
        lines = contour.lines(_unit_circle(found, numbers))
        estimate = held.values(held.start.coordinates)
        everything = [held, *(one.held for one in alone)]
        yield ContourOf(
            pair,
            (float(estimate[0]), float(estimate[1])),
            asked.level,
            limit,
            tuple(lines),
            bool(lines) and not contour.reasons,
            sum(one.refits for one in everything),
            sum(one.failed for one in everything),
            tuple(dict.fromkeys(contour.reasons)),
        )


class _Contour:
    """The contour of the entries that ``held`` holds; ``alone`` are their profiles."""

    def __init__(
        self, labels: tuple[str, str], held: Holding, alone: list[ProfiledEntry], limit: float
    ) -> None:
        self.labels, self.held, self.alone, self.limit = labels, held, alone, limit
        self.walls = np.array([[held.bound(which, sense) for sense in (-1, 1)] for which in (0, 1)])
        self.reasons: list[str] = []

    def lines(self, circle: Array | None) -> list[_Line]:
        """The values of both entries along each line."""
        try:
            ends = [self._end(which, sense) for which, sense in SIDES]
            known = [one.coordinates for one in ends if one is not None]
            if len(known) < 2:
                return []
            if circle is None:
                scales = np.ptp(known, axis=0)
                circle = np.diag(np.where(scales > 0.0, 0.5 * scales / self.limit, 1.0))
            lines = self._followed(ends, circle)
        except LowerError as error:
            self.reasons = [str(error)]
            return []
        made = []
        for line in lines:
            values = np.array([self.held.values(one) for one in line])
            made.append((tuple(map(float, values[:, 0])), tuple(map(float, values[:, 1]))))
        return made

    def _end(self, which: int, sense: float) -> Seen | None:
        """Where the region is farthest out on a side: at its edge, or at a wall, which is a bound,
        or where it is followed no farther."""
        entry = self.alone[which]
        try:
            seen = entry.end(sense, self.limit)
        except LowerError:
            raise
        except EndError as error:
            side = "below" if sense < 0 else "above"
            self.reasons.append(f"{self.labels[which]} {side}: {error}")
            found = self._last(which, sense)
            if found is None:
                return None
            seen = found
        coordinates = self.held.coordinates_of(seen.rest)
        coordinates[which] = seen.coordinate
        return Seen(coordinates, seen.rise, seen.rest)

    def _last(self, which: int, sense: float) -> Seen | None:
        """Where a region that does not end on a side is followed to, which is a wall from then on;
        nothing where not even that is known."""
        entry = self.alone[which]
        start = entry.start.coordinate
        try:
            other = entry.end(-sense, self.limit).coordinate
            reach = FARTHEST * abs(other - start)
            seen = entry.held.at(np.array([start + sense * reach]), entry.start)
        except LowerError:
            raise
        except EndError:
            return None
        if seen.rise >= self.limit or seen.coordinate == start:
            return None
        self.walls[which, int(sense > 0)] = seen.coordinate
        return seen

    def _followed(self, ends: list[Seen | None], circle: Array) -> list[list[Array]]:
        """The edge of the region from each of its ends on that is not on the way already; one line
        where it is closed."""
        tracing = Tracing(self.held, self.limit, circle, self.walls)
        lines: list[EdgeLine] = []
        for (which, sense), end in zip(SIDES, ends, strict=True):
            if end is None or end.rise < self.limit * (1.0 - 1e-3):
                continue  # at a wall
            if any(tracing.has_taken(line, end) for line in lines):
                continue
            try:
                lines.append(tracing.line(end, which, sense))
            except LowerError:
                raise
            except EndError as error:
                self.reasons.append(str(error))
        stops = [stop for line in lines for stop in line.stops]
        self.reasons += [stop.why for stop in stops if stop.why]
        if not lines and not self.reasons:
            self.reasons.append("it lies beyond the bounds, which cut the region all around")
        if self.reasons or not stops:
            return [line.coordinates for line in lines]
        return [self._joined(lines)]

    def _joined(self, lines: list[EdgeLine]) -> list[Array]:
        """Lines that end at bounds, with what joins them along these, as one line."""
        joined: list[Array] = []
        for line, after in zip(lines, [*lines[1:], lines[0]], strict=True):
            joined += line.coordinates
            one, other = line.stops[1], after.stops[0]
            if one.wall != other.wall:
                joined.append(self._corner(one, other))
        return [*joined, joined[0]]

    def _corner(self, one: EdgeEnd, other: EdgeEnd) -> Array:
        corner = np.zeros(2)
        for which, side in (one.wall, other.wall):
            corner[which] = self.walls[which, side]
        try:
            inside = self.held.at(corner, one.seen, 1).rise <= self.limit
        except LowerError:
            raise
        except EndError:
            inside = False
        if not inside or one.wall[0] == other.wall[0]:
            where = self.held.told(corner)
            self.reasons.append(f"two bounds cut the region, and not in their corner, {where}")
        return corner


def _unit_circle(found: EstimateErrors, numbers: tuple[int, int]) -> Array | None:
    """The lower triangular root of the covariance (2, 2) of two coordinates, if it is known."""
    errors = found.errors
    if not isinstance(errors, CoordinateErrors) or not errors.free[list(numbers)].all():
        return None
    places = np.cumsum(errors.free) - 1
    (a, b) = (errors.root[places[number]] for number in numbers)
    first = hypot(*a)
    if not (np.isfinite(a).all() and np.isfinite(b).all()) or not first > 0.0:
        return None
    along = float(a @ b) / first
    across = sqrt(max(float(b @ b) - along**2, 0.0))
    return np.array([[first, 0.0], [along, across]]) if across > 1e-9 * hypot(*b) else None


def _errors_by_label(evaluator: Evaluator, found: EstimateErrors) -> dict[str, float]:
    """The standard error of each entry that varies."""
    return {
        entry_label(segment.parameter.name, segment.parameter.shape, int(position)): float(
            np.ravel(found.standard_errors[segment.parameter.name])[position]
        )
        for segment in evaluator.packing.free
        for position in segment.free
    }
