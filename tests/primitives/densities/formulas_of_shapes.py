"""Distribution functions that are integrals, by series of exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from mpmath import mp, mpf

from tests.primitives.densities.exact import Exact

__all__ = ["OF_SHAPES"]


def _owen(h: Any, a: Any) -> Any:
    """Owen's T function, by its series where a is small (Owen 1956, Ann. Math. Stat. 27, 1075)."""
    if a < 0:
        return -_owen(h, -a)
    below, slanted = mp.ncdf(h), mp.ncdf(a * h)
    if a > 1:
        return (below + slanted) / 2 - below * slanted - _owen(a * h, 1 / a)
    half = h * h / 2
    power = weight = mp.exp(-half)
    total, term, sign = mpf(0), a, 1
    for j in range(4000):
        total += sign * term / (2 * j + 1) * (1 - power)
        term *= a * a
        weight *= half / (j + 1)
        power += weight
        sign = -sign
        if term < mp.eps:
            break
    return (mp.atan(a) - total) / (2 * mp.pi)


def _skew_normal_below(x: Any, location: Any, scale: Any, shape: Any) -> Any:
    """The chance of up to x."""
    z = (x - location) / scale
    return mp.ncdf(z) - 2 * _owen(z, shape)


def _log_part(part: Callable[[int], Any], side: int) -> Any:
    """The log of a part of all chances; of a large one by the rest, which has its digits."""
    own = part(side)
    return mp.log(own) if own < mpf(1) / 2 else mp.log1p(-part(-side))


def _skew_normal_part(side: int, x: Any, location: Any, scale: Any, shape: Any) -> Any:
    return _log_part(lambda at: _skew_normal_below(at * x, at * location, scale, at * shape), side)


def _von_mises_below(angle: Any, concentration: Any) -> Any:
    """The chance of an angle from -pi up to this, by its Fourier series; the Bessel functions come
    from their recurrence downwards (Miller)."""
    count = 260
    after, now = mpf(0), mpf(10) ** -mp.dps
    total, series = mpf(0), mpf(0)
    for j in range(count, 0, -1):
        total += 2 * now
        series += now * mp.sin(j * angle) / j
        after, now = now, after + 2 * j / concentration * now
    total += now
    bessel = mp.exp(concentration) / total
    zeroth = now * bessel
    return mpf(1) / 2 + angle / (2 * mp.pi) + series * bessel / (mp.pi * zeroth)


def _von_mises_part(side: int, x: Any, location: Any, concentration: Any) -> Any:
    return _log_part(lambda at: _von_mises_below(at * (x - location), concentration), side)


_SKEWED = ((-5.0, 0.2, 3.2), (0.5,), (0.8,), (-3.0, 0.4))
_ANGLES = ((-2.5, -0.3, 0.9), (-0.2,), (2.0, 30.0))

OF_SHAPES: Mapping[str, Exact] = MappingProxyType(
    {
        "skew_normal_logcdf": Exact(partial(_skew_normal_part, 1), _SKEWED, by=(0, 3)),
        "skew_normal_logsf": Exact(partial(_skew_normal_part, -1), _SKEWED, by=(0, 3)),
        "von_mises_logcdf": Exact(partial(_von_mises_part, 1), _ANGLES, by=(0, 2)),
        "von_mises_logsf": Exact(partial(_von_mises_part, -1), _ANGLES, by=(0, 2)),
    }
)
