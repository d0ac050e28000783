"""Elliptic integrals of the parameter m, the square of the modulus.

The derivatives are those of the NIST Digital Library of Mathematical Functions, 19.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from optserve.plugin import Domain, Facts, Primitive, Value, elementwise
from optserve_special.differences import TOLERANCE, central, primitive_by

__all__ = ["ellipe", "ellipeinc", "ellipk", "ellipkinc", "ellipkm1"]

_BELOW_1 = Domain("below 1", high=1.0)
_UP_TO_1 = Domain("in (0, 1)", low=0.0, high=1.0)
_ANGLE = Domain("in (-pi/2, pi/2)", low=-1.5, high=1.5)

_SMALL = 0.03
"""Below it the closed forms cancel; their series are accurate to the last digit."""


def _near_0(m: Value, closed: Value, *series: float) -> Value:
    """``closed`` away from 0, and a power ``series`` of m beside it."""
    return np.where(np.abs(m) < _SMALL, _polynomial(m, series), closed)


def _polynomial(m: Value, coefficients: tuple[float, ...]) -> Value:
    found: Value = 0.0
    for one in reversed(coefficients):
        found = found * m + one
    return found


def _k_series(count: int) -> list[float]:
    """The coefficients of K(m) = pi/2 * sum (((2n)! / (2**n * n!)**2)**2) m**n (19.5.1)."""
    found = [np.pi / 2.0]
    for n in range(1, count):
        found.append(found[-1] * ((2.0 * n - 1.0) / (2.0 * n)) ** 2)
    return found


def _e_series(count: int) -> list[float]:
    """Those of E(m), which are the same over 1 - 2n (19.5.2)."""
    return [one / (1.0 - 2.0 * n) for n, one in enumerate(_k_series(count))]


def _derivative(series: list[float]) -> list[float]:
    return [n * one for n, one in enumerate(series)][1:]


_TERMS = 12
_OF_K = tuple(_derivative(_k_series(_TERMS)))
_OF_E = tuple(_derivative(_e_series(_TERMS)))


def _off_0(m: Value) -> Value:
    return np.where(np.abs(m) < _SMALL, 0.5, m)


def _k_slope(out: Value, m: Value) -> tuple[Value]:
    away = _off_0(m)
    closed = (ellipe(away) / (1.0 - away) - ellipk(away)) / (2.0 * away)
    return (_near_0(m, closed, *_OF_K),)


def _e_slope(out: Value, m: Value) -> tuple[Value]:
    away = _off_0(m)
    return (_near_0(m, (ellipe(away) - ellipk(away)) / (2.0 * away), *_OF_E),)


def _km1_slope(out: Value, p: Value) -> tuple[Value]:
    near = p < 0.5  # to 0, where 1 - (1 - p) would lose p
    inner = np.where(near, p, 0.25)
    closed = (out - ellipe(1.0 - inner) / inner) / (2.0 * (1.0 - inner))
    return (np.where(near, closed, -_k_slope(out, np.where(near, 0.5, 1.0 - p))[0]),)


ellipk: Primitive = elementwise(
    "ellipk",
    ufunc=special.ellipk,
    partials=_k_slope,
    domain=_BELOW_1,
    facts=Facts(cost=40.0),
    doc="Complete elliptic integral of the first kind, of the parameter m.",
)

ellipe: Primitive = elementwise(
    "ellipe",
    ufunc=special.ellipe,
    partials=_e_slope,
    domain=_BELOW_1,
    facts=Facts(cost=40.0),
    doc="Complete elliptic integral of the second kind, of the parameter m.",
)

ellipkm1: Primitive = elementwise(
    "ellipkm1",
    ufunc=special.ellipkm1,
    partials=_km1_slope,
    domain=_UP_TO_1,
    facts=Facts(cost=40.0),
    doc="ellipk(1 - p), accurate for p near 0.",
)


def _root(phi: Value, m: Value) -> Value:
    return np.sqrt(1.0 - m * np.sin(phi) ** 2)


def _by_m(phi: Any, y: Any, z: Any) -> Any:
    """An integral by Carlson's R_D, which does not cancel where m is near 0 (DLMF 19.25)."""
    return np.sin(phi) ** 3 * special.elliprd(np.cos(phi) ** 2, y, z) / 6.0


def _f_by_m(phi: Any, m: Any) -> Any:
    return _by_m(phi, np.ones_like(m), 1.0 - m * np.sin(phi) ** 2)


def _e_by_m(phi: Any, m: Any) -> Any:
    return -_by_m(phi, 1.0 - m * np.sin(phi) ** 2, np.ones_like(m))


def _again(computed: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The derivative of that by m, within what is left up to the pole."""
    return lambda phi, m: central(
        lambda one: computed(phi, one), m, 0.02 * (1.0 - m * np.sin(phi) ** 2)
    )


_OPERANDS = (_ANGLE, _UP_TO_1)
_kinc_by_mm = primitive_by("ellipkinc_by_mm", _again(_f_by_m), _OPERANDS)
_einc_by_mm = primitive_by("ellipeinc_by_mm", _again(_e_by_m), _OPERANDS)
_kinc_by_m: Primitive = primitive_by(
    "ellipkinc_by_m",
    _f_by_m,
    _OPERANDS,
    lambda out, phi, m: (0.5 * np.sin(phi) ** 2 / _root(phi, m) ** 3, _kinc_by_mm(phi, m)),
)
_einc_by_m: Primitive = primitive_by(
    "ellipeinc_by_m",
    _e_by_m,
    _OPERANDS,
    lambda out, phi, m: (-0.5 * np.sin(phi) ** 2 / _root(phi, m), _einc_by_mm(phi, m)),
)

ellipkinc: Primitive = elementwise(
    "ellipkinc",
    ufunc=special.ellipkinc,
    partials=lambda out, phi, m: (1.0 / _root(phi, m), _kinc_by_m(phi, m)),
    domain=_OPERANDS,
    tolerance=TOLERANCE,
    facts=Facts(cost=60.0),
    doc="Incomplete elliptic integral of the first kind, of an angle phi up to pi/2 and m.",
)

ellipeinc: Primitive = elementwise(
    "ellipeinc",
    ufunc=special.ellipeinc,
    partials=lambda out, phi, m: (_root(phi, m), _einc_by_m(phi, m)),
    domain=_OPERANDS,
    tolerance=TOLERANCE,
    facts=Facts(cost=60.0),
    doc="Incomplete elliptic integral of the second kind, of an angle phi up to pi/2 and m.",
)
