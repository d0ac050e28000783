"""How near to stationary a point is, as far as the method tells by the curvature it has.

What a method says costs nothing beside a step. It only says when an end is worth examining (see
``optserve.jobs.evidence``); nothing is called converged by it.
"""

from __future__ import annotations

from math import nan
from typing import NamedTuple

__all__ = ["Measured"]


class Measured(NamedTuple):
    """The root of a predicted decrease of the loss, and what it is compared with (NaN: open)."""

    decrement: float
    unit: float = nan
