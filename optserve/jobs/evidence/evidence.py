"""``Evidence``: what shows that the end of a descent is a minimum, or what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Literal

from optserve.graph.aval import Array

__all__ = ["Direction", "DirectionKind", "Evidence"]

DirectionKind = Literal["unused", "flat", "trade-off", "at bound", "at start", "runs away"]
"""What is to be known of a direction.

unused
    the loss does not use the parameter
flat
    the loss does not change with the parameter near the end
trade-off
    the loss does not change when the parameters change together
at bound
    a bound holds the parameter: the loss falls beyond it
at start
    the parameter stands where it started: no derivative reaches it
runs away
    the loss falls for ever as the parameters grow
"""


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction of the free coordinates along which an end is not an ordinary minimum.

    Coordinates that do not take part (unused, at start, at bound) make one direction of a kind.
    ``parameters`` names the entries that take part, strongest first, such as ``W[1][2]``.
    ``vector`` (p,) is the direction in free coordinates, of any length; that of a single
    coordinate is a unit vector.
    """

    kind: DirectionKind
    parameters: tuple[str, ...]
    vector: Array


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was found out at the end of a descent; a number that was not computed is NaN.

    ``verified`` says that it is a minimum as far as numbers can tell: a Newton step (Gauss-Newton
    for least squares) would lower the loss by no more than the tolerance or rounding allows, and no
    curvature is negative. Directions that are flat may remain. ``predicted_decrease`` is by how
    much the Newton step would lower the loss, ``rounding`` what its rounding errors come to.
    ``distance`` is the decrease free of units: for least squares ``|P r| / |(I - P) r|`` (Bates &
    Watts 1981), for a log likelihood the distance in standard errors, for other losses relative to
    what the last tenth of the steps gained. ``least_curvature`` is the smallest eigenvalue of the
    Hessian in coordinates where its diagonal is 1. ``moved`` tells whether the descent left its
    start. ``evaluations`` of the loss and its gradient are what finding out cost, ``seconds`` how
    long it took, both beside the descent; ``sentence`` says it all to a person.
    """

    verified: bool
    sentence: str
    moved: bool = True
    predicted_decrease: float = nan
    rounding: float = nan
    distance: float = nan
    least_curvature: float = nan
    directions: tuple[Direction, ...] = ()
    evaluations: int = 0
    seconds: float = 0.0

    @property
    def flatness(self) -> int:
        """In how many directions the data leave the end open; a bound leaves nothing open."""
        return sum(one.kind != "at bound" for one in self.directions)

    def along(self, *kinds: DirectionKind) -> tuple[Direction, ...]:
        """The directions of these kinds.

        >>> import numpy as np
        >>> found = Evidence(True, "", directions=(Direction("flat", ("c",), np.ones(1)),))
        >>> [one.parameters for one in found.along("flat", "trade-off")], found.along("unused")
        ([('c',)], ())
        """
        return tuple(one for one in self.directions if one.kind in kinds)
