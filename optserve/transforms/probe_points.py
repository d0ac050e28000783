"""Where a rule is looked at: near given operands, away from them, and at numbers that are special.

Rules go wrong at 0, at 1, at ties, for negative or for large numbers, where a descent arrives later
than its start.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optserve.graph.aval import Array, is_float
from optserve.graph.domain import Domain

__all__ = ["away", "nearby", "special"]

SPECIAL = (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 1e-3, -1e-3, 0.1, -0.1, 3.0, -3.0, 1.5, -1.5)
"""Numbers at which formulas have cases of their own, and numbers between them."""


def nearby(
    arguments: Sequence[Array], domains: Sequence[Domain], *, seed: int = 0, spread: float = 0.01
) -> list[Array]:
    """``arguments`` in float64, each floating entry moved by about ``spread`` of itself.

    What would leave its domain is reflected back into it, so that a point on a kink or at the end
    of a domain moves off it, inside.
    """
    rng = np.random.default_rng(seed)
    moved: list[Array] = []
    for argument, domain in zip(arguments, domains, strict=True):
        x = np.asarray(argument)
        if is_float(x.dtype):
            x = x.astype(np.float64)
            direction = domain.direction(x, rng)
            step = spread * direction
            x = domain.moved(x, direction, spread)
            x = np.where(x <= domain.low, 2.0 * domain.low - x + np.abs(step), x)
            x = np.where(x >= domain.high, 2.0 * domain.high - x - np.abs(step), x)
        moved.append(x)
    return moved


def away(
    arguments: Sequence[Array],
    domains: Sequence[Domain],
    which: Sequence[int],
    *,
    seed: int = 0,
) -> list[Array]:
    """``arguments`` in float64, those of ``which`` at other sizes, of both signs, in their domains.

    Of an interval with two ends, and of a structure, others are drawn.
    """
    rng = np.random.default_rng(seed)
    moved = [_wide(argument) for argument in arguments]
    for i in which:
        x, domain = moved[i], domains[i]
        if domain.structure is not None or np.isfinite([domain.low, domain.high]).all():
            moved[i] = domain.sample(rng, x.shape, x.dtype)
            continue
        size = np.exp(rng.uniform(-2.3, 2.3, x.shape))
        moved[i] = np.where(_inside(-x * size, domain) & (rng.random(x.shape) < 0.5), -x, x) * size
        moved[i] = np.where(_inside(moved[i], domain), moved[i], x)
    return moved


def special(
    arguments: Sequence[Array],
    domains: Sequence[Domain],
    which: Sequence[int],
    *,
    seed: int = 0,
) -> list[Array]:
    """``arguments`` in float64, those of ``which`` at special numbers of their domains.

    The order differs from one to the next but for the last third, where the first two are the
    same, since ties are special too.
    """
    rng = np.random.default_rng(seed)
    moved = [_wide(argument) for argument in arguments]
    for count, i in enumerate(which):
        x, domain = moved[i], domains[i]
        if domain.structure is not None:
            moved[i] = domain.sample(rng, x.shape, x.dtype)
            continue
        # Three that are the same leave no room between them, as those of clip.
        numbers = SPECIAL if count < 2 else tuple(one + 0.015625 for one in SPECIAL)
        inside = [one for one in numbers if domain.low < one < domain.high]
        drawn = np.resize(rng.permutation(inside), x.size)
        last = x.size - x.size // 3
        if count < 2:
            drawn[last:] = np.resize(inside, x.size - last)
        moved[i] = drawn.reshape(x.shape) if inside else x
    return moved


def _wide(argument: Array) -> Array:
    x = np.asarray(argument)
    return x.astype(np.float64) if is_float(x.dtype) else x


def _inside(x: Array, domain: Domain) -> Array:
    found: Array = (x > domain.low) & (x < domain.high)
    return found
