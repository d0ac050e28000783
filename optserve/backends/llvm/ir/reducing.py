"""Reductions over lanes: their units, and how two partial results combine."""

from __future__ import annotations

import math

from optserve.backends.llvm.ir.arithmetic import add, maximum, minimum
from optserve.backends.llvm.ir.builder import LANES, Builder, IRValue, element
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.mathematics import FUNCTIONS

__all__ = ["across", "combine", "unit"]


def unit(kind: str, type_: str = "double") -> float:
    """What a reduction of values of a type begins with; of whole numbers it is one itself.

    >>> unit("max"), unit("max", "i64")
    (-inf, -9223372036854775808)
    """
    units = {"sum": 0.0, "max": -math.inf, "min": math.inf, "logsumexp": -math.inf}
    if kind not in units:
        raise Unsupported(f"a reduction by {kind}")
    found, scalar = units[kind], element(type_)
    if scalar in ("double", "float"):
        return found
    half: int = 1 << (int(scalar[1:]) - 1)
    return min(max(found, -half), half - 1)


def combine(b: Builder, kind: str, x: IRValue, y: IRValue) -> IRValue:
    """Two partial results as one."""
    if kind == "logsumexp":
        return b.outlined("logaddexp", FUNCTIONS["logaddexp"], x, y)
    return {"sum": add, "max": maximum, "min": minimum}[kind](b, x, y)


def across(b: Builder, lanes: IRValue, kind: str) -> IRValue:
    """The lanes combined pairwise: 8 to 4 to 2 to 1."""
    width = LANES
    while width > 2:
        width //= 2
        low = b.shuffle(lanes, lanes, list(range(width)))
        high = b.shuffle(lanes, lanes, list(range(width, 2 * width)))
        lanes = combine(b, kind, low, high)
    return combine(b, kind, b.lane(lanes, 0), b.lane(lanes, 1))
