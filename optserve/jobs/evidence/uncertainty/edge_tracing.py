"""``Tracing``: the edge of a region of two entries, followed step by step."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, pi
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.uncertainty.holding import EndError, Holding, LowerError, Seen

__all__ = ["EdgeEnd", "EdgeLine", "Tracing"]

POINTS = 36
"""Steps around a circle: the longest that there are."""

MOST = 400
"""Steps of a line."""

SHORTEST = 1e-3
"""The shortest step, in the longest."""

CLOSE = 1e-6
"""How close to the limit the root of a rise is that counts as the edge, relatively."""

NEAR = 0.05
"""By how much a way over an end is longer that is on the line, in the longest step."""

CORRECTIONS = 8
"""How often a step is corrected across its way."""

ASIDE, TURN = 0.5, 0.5
"""By how much a step is corrected at most, in its length, and how far the way turns, in radians."""


class EdgeEnd(NamedTuple):
    """Where a line stops: at the ``wall`` on one side (0 or 1) of an entry (0 or 1), or, where
    ``why`` says so, at nothing."""

    wall: tuple[int, int]
    seen: Seen
    why: str = ""


@dataclass(frozen=True)
class EdgeLine:
    """The ``coordinates`` of points in order, counterclockwise, and where it stops at both ends,
    unless it comes back to its first point."""

    coordinates: list[Array]
    stops: tuple[EdgeEnd, ...]


class _At(NamedTuple):
    z: Array
    seen: Seen
    slope: float


class Tracing:
    """Follows the edge, on which the root of the rise is ``limit``, on a scale on which ``circle``
    (2, 2) makes the region nearly a circle; as far as the coordinates ``walls`` (2, 2)."""

    def __init__(self, held: Holding, limit: float, circle: Array, walls: Array) -> None:
        self.held, self.limit, self.circle, self.walls = held, limit, circle, walls
        self.longest = 2.0 * pi * limit / POINTS

    def line(self, end: Seen, which: int, sense: float) -> EdgeLine:
        """The edge from an end on, where an entry is largest or least; both ways to a wall, unless
        it closes."""
        along = np.zeros(2)
        along[1 - which] = sense if which == 0 else -sense  # counterclockwise
        start = self._z(end.coordinates)
        way = np.linalg.solve(self.circle, along)
        way /= np.linalg.norm(way)
        ahead, last = self._one_way(start, end, way, 1.0)
        if last is None:
            return EdgeLine([one.seen.coordinates for one in [*ahead, ahead[0]]], ())
        back, first = self._one_way(start, end, -way, -1.0)
        assert first is not None
        points = [*back[:0:-1], *ahead]
        return EdgeLine([one.seen.coordinates for one in points], (first, last))

    def has_taken(self, line: EdgeLine, end: Seen) -> bool:
        """Whether the end is on a line, which has taken it up then between two of its points."""
        z = self._z(end.coordinates)
        places = np.array([self._z(one) for one in line.coordinates])
        away = np.linalg.norm(places - z, axis=1)
        if away.min() == 0.0:
            return True
        longer = away[:-1] + away[1:] - np.linalg.norm(np.diff(places, axis=0), axis=1)
        number = int(np.argmin(longer))
        if longer[number] > NEAR * self.longest:
            return False
        line.coordinates.insert(number + 1, end.coordinates)
        return True

    def _one_way(
        self, start: Array, end: Seen, way: Array, turning: float
    ) -> tuple[list[_At], EdgeEnd | None]:
        """Points from ``start`` on, along ``way``, the region lying to the left (``turning`` 1) or
        to the right (-1); and where they stop, which is nowhere if they come back."""
        points = [_At(start, end, 1.0)]
        first, length, turn, before = way, self.longest, 0.0, self.longest
        while len(points) < MOST:
            last = points[-1]
            ahead = _rotated(way, turn * length / before)
            try:
                made, wall = self._step(last, ahead, length, turning)
                chord = made.z - last.z
                far = float(np.linalg.norm(chord))
                angle = float(np.arctan2(way[0] * chord[1] - way[1] * chord[0], way @ chord))
                if wall is None and abs(angle) > TURN and len(points) > 1:
                    raise EndError(f"the edge turns too fast at {self._told(last)}")
            except LowerError:
                raise
            except EndError as error:
                length *= 0.5
                if length < SHORTEST * self.longest:
                    return points, EdgeEnd((0, 0), last.seen, str(error))
                continue
            points.append(made)
            if wall is not None:
                return points, EdgeEnd(wall, made.seen)
            way, turn, before = chord / far, angle if len(points) > 2 else 0.0, far
            back = float(np.linalg.norm(made.z - start))
            if len(points) > 4 and back <= 0.75 * length and way @ first > 0.5:
                return points[:-1] if way @ (start - made.z) <= 0.0 else points, None
            length = min(1.5 * length, self.longest)
        return points, EdgeEnd(
            (0, 0), points[-1].seen, f"it is too long: {MOST} steps are not enough"
        )

    def _step(
        self, last: _At, ahead: Array, length: float, turning: float
    ) -> tuple[_At, tuple[int, int] | None]:
        """The next point; and the wall that it is at, if any."""
        outward = turning * np.array([ahead[1], -ahead[0]])
        way, wall = self._to_wall(last.z, ahead)
        if way > length:
            made = self._corrected(last, last.z + length * ahead, outward, ASIDE * length)
            if not self._is_beyond(made.z):
                return made, None
            beyond = made.z - last.z
            way, wall = self._to_wall(last.z, beyond / np.linalg.norm(beyond))
            ahead = beyond / np.linalg.norm(beyond)
        along = np.zeros(2)
        along[1 - wall[0]] = 1.0
        across = np.linalg.solve(self.circle, along)
        across /= np.linalg.norm(across)
        across = across if across @ outward > 0.0 else -across
        made = self._corrected(last, last.z + way * ahead, across, 2.0 * length)
        coordinates = np.array(made.seen.coordinates)
        coordinates[wall[0]] = self.walls[wall]
        return made._replace(seen=made.seen._replace(coordinates=coordinates)), wall

    def _corrected(self, last: _At, base: Array, outward: Array, most: float) -> _At:
        """Where the edge is on a line through ``base``, by secants, at most so far from it."""
        at, slope, before = 0.0, last.slope, None
        for _ in range(CORRECTIONS):
            z = base + at * outward
            seen = self.held.at(self.held.start.coordinates + self.circle @ z, last.seen, 1)
            beyond = seen.rise - self.limit
            if before is not None and at != before[0]:
                slope = (beyond - before[1]) / (at - before[0])
            if not slope > 0.0:
                break
            if abs(beyond) <= CLOSE * self.limit:
                return _At(z, seen, slope)
            before, at = (at, beyond), at - beyond / slope
            if abs(at) > most:
                break
        raise EndError(f"the edge is not found near {self._told(last)}")

    def _to_wall(self, z: Array, ahead: Array) -> tuple[float, tuple[int, int]]:
        """How far it is to the nearest wall, and which this is."""
        place, direction = self.held.start.coordinates + self.circle @ z, self.circle @ ahead
        ways = [(inf, (0, 0))]
        for which in (0, 1):
            if direction[which]:
                side = int(direction[which] > 0.0)
                way = (self.walls[which, side] - place[which]) / direction[which]
                ways.append((max(float(way), 0.0), (which, side)))
        return min(ways)

    def _is_beyond(self, z: Array) -> bool:
        place = self.held.start.coordinates + self.circle @ z
        return bool((place < self.walls[:, 0]).any() or (place > self.walls[:, 1]).any())

    def _z(self, coordinates: Array) -> Array:
        found: Array = np.linalg.solve(self.circle, coordinates - self.held.start.coordinates)
        return found

    def _told(self, point: _At) -> str:
        return self.held.told(point.seen.coordinates)


def _rotated(way: Array, angle: float) -> Array:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([cosine * way[0] - sine * way[1], sine * way[0] + cosine * way[1]])
