"""The largest errors, and the time of an element beside that of NumPy and SciPy."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.mathematics.cases import Case
from benchmarks.mathematics.native import NativeFunction
from benchmarks.mathematics.reference import errors

__all__ = ["Worst", "peer", "timed", "worst"]


@dataclass(frozen=True)
class Worst:
    """The largest error in units in the last place, where it is, and how many were compared."""

    error: float
    at: tuple[float, ...]
    count: int


def worst(case: Case, function: NativeFunction, count: int, seed: int = 0) -> Worst:
    """The largest error over about ``count`` arguments; infinite where a value is NaN."""
    operands = case.operands(count, function.dtype, seed)
    with np.errstate(all="ignore"):
        scale = case.scale(*operands)
        found = np.abs(errors(case.function, operands, function(*operands), scale))
    found = np.where(np.isnan(found), np.inf, found)
    index = int(np.argmax(found))
    at = tuple(float(operand[index]) for operand in operands)
    return Worst(float(found[index]), at, len(found))


def peer(name: str) -> Callable[..., Any]:
    """What computes the same on arrays in NumPy or SciPy."""
    import scipy.special

    if name == "sigmoid":
        return scipy.special.expit
    if name == "softplus":
        return lambda x, out: np.logaddexp(x, 0.0, out=out)
    found: Callable[..., Any] = getattr(np, name, None) or getattr(scipy.special, name)
    return found


def timed(
    function: NativeFunction, low: float, high: float, rounds: int = 15
) -> tuple[float, float]:
    """Nanoseconds of an element, native and by the peer, on 4096 numbers between two bounds.

    The shortest of some rounds, in which both take turns: what is longer is due to others.
    """
    generator = np.random.default_rng(0)
    x, y = (generator.uniform(low, high, 4096).astype(function.dtype) for _ in range(2))
    out: NDArray[Any] = np.empty_like(x)
    operands = (x, y)[: function.arity]
    calls: list[tuple[Callable[[], object], int]] = [
        (function.bound(x, y, out), 50),
        (partial(peer(function.name), *operands, out=out), 5),
    ]
    best = [math.inf, math.inf]
    with np.errstate(all="ignore"):
        for _ in range(rounds):
            for which, (call, repeat) in enumerate(calls):
                start = time.perf_counter()
                for _ in range(repeat):
                    call()
                best[which] = min(best[which], (time.perf_counter() - start) / repeat)
    native, other = (1e9 * seconds / len(x) for seconds in best)
    return native, other
