"""Inverse hyperbolic functions, and the bases 2 and 10, in exact numbers: see ``exact``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from flint import arb

__all__ = ["HYPERBOLIC", "need"]

Derivatives = tuple[Any, ...]


def need(holds: Any) -> None:
    """Raise where there is no value or derivative."""
    if not holds:
        raise ArithmeticError


def _log_to(base: int) -> Callable[[Any], Derivatives]:
    def derivatives(x: Any) -> Derivatives:
        need(x > 0)
        one = 1 / arb(base).log()
        return x.log() * one, one / x, -one / (x * x)

    return derivatives


def _cbrt(x: Any) -> Derivatives:
    need(x != 0)
    root = abs(x).root(3) * x.sgn()
    return root, 1 / (3 * root**2), -2 / (9 * root**5)


def _exp2(x: Any) -> Derivatives:
    bounded = x if abs(x) < 100000 else 100000 * x.sgn()
    value, rate = arb(2) ** bounded, arb(2).log()
    return value, value * rate, value * rate * rate


def _arcsinh(x: Any) -> Derivatives:
    slope = 1 / (1 + x * x).sqrt()
    return x.asinh(), slope, -x * slope**3


def _arccosh(x: Any) -> Derivatives:
    need(x > 1)
    slope = 1 / (x * x - 1).sqrt()
    return x.acosh(), slope, -x * slope**3


def _arctanh(x: Any) -> Derivatives:
    need(abs(x) < 1)
    slope = 1 / (1 - x * x)
    return x.atanh(), slope, 2 * x * slope * slope


HYPERBOLIC: Mapping[str, Callable[..., Derivatives]] = MappingProxyType(
    {
        "log10": _log_to(10),
        "log2": _log_to(2),
        "exp2": _exp2,
        "cbrt": _cbrt,
        "arcsinh": _arcsinh,
        "arccosh": _arccosh,
        "arctanh": _arctanh,
    }
)
