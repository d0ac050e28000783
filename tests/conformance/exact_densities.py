"""Value and derivatives of what densities are made of, by ball arithmetic: see ``exact``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flint import arb

__all__ = ["OF_DENSITIES"]

Ball = Any
Derivatives = tuple[Ball, ...]


def _within(x: Ball, low: float) -> None:
    if not x > low:
        raise ArithmeticError


def _bennett(d: Ball) -> Derivatives:
    _within(d, -1.0)
    return (1 + d) * d.log1p() - d, d.log1p(), 1 / (1 + d)


def _exponential_rest(u: Ball) -> Derivatives:
    power = (u if abs(u) < 100000 else 100000 * u.sgn()).exp()
    return power - 1 - u, power - 1, power


def _gumbel_exponent(z: Ball) -> Derivatives:
    small = (-z if abs(z) < 100000 else -100000 * z.sgn()).exp()
    return z + small, 1 - small, small


def _log1p_less(d: Ball) -> Derivatives:
    _within(d, -1.0)
    return d.log1p() - d, -d / (1 + d), -1 / (1 + d) ** 2


def _log1p_square(z: Ball) -> Derivatives:
    whole = 1 + z * z
    return whole.log(), 2 * z / whole, 2 * (1 - z * z) / whole**2


def _log1p_square_slope(z: Ball) -> Derivatives:
    _, slope, second = _log1p_square(z)
    return slope, second, 4 * z * (z * z - 3) / (1 + z * z) ** 3


def _stirling(k: Ball) -> Derivatives:
    _within(k, 0.0)
    value = (k + 1).lgamma() - k * k.log() + k
    return value, (k + 1).digamma() - k.log(), arb(2).zeta(k + 1) - 1 / k


def _stirling_slope(k: Ball) -> Derivatives:
    _, slope, second = _stirling(k)
    return slope, second, 1 / k**2 - 2 * arb(3).zeta(k + 1)


def _log_logistic_slope(x: Ball) -> Derivatives:
    small = (-abs(x) if abs(x) < 100000 else arb(-100000)).exp()
    return -abs(x) - 2 * small.log1p(), -(x / 2).tanh(), -2 * small / (1 + small) ** 2


OF_DENSITIES: Mapping[str, Callable[..., Derivatives]] = MappingProxyType(
    {
        "bennett": _bennett,
        "exponential_rest": _exponential_rest,
        "gumbel_exponent": _gumbel_exponent,
        "log1p_less": _log1p_less,
        "log1p_square": _log1p_square,
        "log1p_square_slope": _log1p_square_slope,
        "log_logistic_slope": _log_logistic_slope,
        "stirling": _stirling,
        "stirling_slope": _stirling_slope,
    }
)
