"""NumPy's ufuncs on traced values that are no primitives of ours, made of those that are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.graph.aval import is_traced
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Value
from optserve.primitives import floats
from optserve.primitives.constructors import elementwise

__all__ = ["FUNCTIONS", "UFUNCS"]

_LN2 = math.log(2.0)

_spacing = elementwise("spacing", ufunc=np.spacing, partials=lambda out, x: (None,), internal=True)
_step = elementwise(
    "step",
    ufunc=lambda x, y: np.nextafter(x, y) - x,
    partials=lambda out, x, y: (None, None),
    internal=True,
)
"""From x to the number beside it on the way to y, which depends on the precision alone."""


def _real(x: Value) -> Value:
    """``x`` as floating-point numbers."""
    array = as_operand(x)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _same(x: Value) -> Value:
    return x


def _copysign(x: Value, y: Value) -> Value:
    size = np.abs(_real(x))
    return np.where(floats.signbit(_real(y)), -size, size)


def _truncated(x: Value) -> Value:
    x = as_operand(x)
    return np.where(x < 0, np.ceil(x), np.floor(x)) if x.dtype.kind == "f" else x


def _fmod(x: Value, y: Value) -> Value:
    left = np.remainder(np.abs(x), np.abs(y))
    return np.where(as_operand(x) < 0, -left, left)


def _divmod(x: Value, y: Value) -> tuple[Value, Value]:
    return np.floor_divide(x, y), np.remainder(x, y)


def _modf(x: Value) -> tuple[Value, Value]:
    x = _real(x)
    whole = _truncated(x)
    part = np.where(np.isfinite(x), x - np.where(np.isfinite(x), whole, 0.0), x * 0.0)
    return np.where(np.isinf(x), _copysign(np.zeros_like(x), x), _copysign(part, x)), whole


def _scaled(x: Value, exponent: Value) -> Value:
    """x times a power of 2, in two steps: one may be too large for a number, or too small."""
    x = _real(x)
    half = np.floor_divide(exponent, 2)
    first, second = (np.exp2(as_operand(one).astype(x.dtype)) for one in (half, exponent - half))
    return x * first * second


def _frexp(x: Value) -> tuple[Value, Value]:
    x = _real(x)
    exponent = floats.exponent(x)
    return _scaled(x, -exponent), exponent


def _heaviside(x: Value, at_zero: Value) -> Value:
    x = _real(x)
    step = np.where(x < 0.0, 0.0, np.where(x > 0.0, 1.0, at_zero))
    return np.where(np.isnan(x), x, step)


def _either(choose: np.ufunc) -> Callable[..., Value]:
    """``choose`` of two numbers, or the one that is not NaN."""

    def chosen(x: Value, y: Value) -> Value:
        return choose(np.where(np.isnan(x), y, x), np.where(np.isnan(y), x, y))

    return chosen


def _float_power(x: Value, y: Value) -> Value:
    return np.power(*(as_operand(one).astype(np.float64) for one in (x, y)))


def _logaddexp2(x: Value, y: Value) -> Value:
    return np.logaddexp(np.multiply(x, _LN2), np.multiply(y, _LN2)) / _LN2


def _imag(val: Value) -> Value:
    return np.zeros_like(val)


def _angle(z: Value, deg: bool = False) -> Value:
    z = _real(z)
    half = 180.0 if deg else np.pi
    return np.where(np.isnan(z), z, np.where(floats.signbit(z), half, 0.0))


def _sinc(x: Value) -> Value:
    """sin(pi x) / (pi x), near 0 by its series: the quotient's derivatives lose digits there."""
    y = np.pi * _real(x)
    near = np.abs(y) < 1.0
    square = np.where(near, y, 0.0) ** 2
    series: Value = 1.0
    for n in range(11, 0, -1):
        series = 1.0 - square / (2 * n * (2 * n + 1)) * series
    far = np.where(near, 1.0, y)
    return np.where(near, series, np.sin(far) / far)


def _i0(x: Value) -> Value:
    """The mean of exp(x cos t) over a turn, by the trapezoidal rule, exact to all digits for the
    x whose value is a number (Trefethen and Weideman, SIAM Review 56 (2014), 385)."""
    count = 128
    x = _real(x)
    cosines = np.cos(np.pi * np.arange(count + 1) / count).astype(x.dtype)
    weights = np.full(count + 1, 1.0 / count, x.dtype)
    weights[[0, -1]] *= 0.5
    return np.sum(weights * np.exp(x[..., None] * cosines), axis=-1)


def _nan_to_num(
    x: Value,
    copy: bool = True,
    nan: Value = 0.0,
    posinf: Value | None = None,
    neginf: Value | None = None,
) -> Value:
    del copy
    x = as_operand(x)
    if x.dtype.kind != "f":
        return x
    largest = float(np.finfo(x.dtype).max)
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    return np.where(np.isnan(x), nan, np.where(np.isinf(x), np.where(x > 0, high, low), x))


def _dtypes(function: Any) -> Callable[..., Any]:
    """``function`` of dtypes, of which those of traced values are known."""

    def applied(*arguments: Any, **keywords: Any) -> Any:
        return function(*(one.dtype if is_traced(one) else one for one in arguments), **keywords)

    return applied


def _text(a: Value, *options: Any, **more: Any) -> str:
    """How a traced value prints: with its numbers, where they are known."""
    del options, more
    return repr(a)


UFUNCS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.bitwise_count: floats.bitwise_count,
        np.conjugate: _same,
        np.copysign: _copysign,
        np.deg2rad: lambda x: _real(x) * (np.pi / 180.0),
        np.degrees: lambda x: _real(x) * (180.0 / np.pi),
        np.divmod: _divmod,
        np.float_power: _float_power,
        np.fmax: _either(np.maximum),
        np.fmin: _either(np.minimum),
        np.fmod: _fmod,
        np.frexp: _frexp,
        np.gcd: floats.gcd,
        np.heaviside: _heaviside,
        np.isinf: lambda x: np.abs(x) == np.inf,
        np.lcm: floats.lcm,
        np.ldexp: _scaled,
        np.logaddexp2: _logaddexp2,
        np.logical_xor: lambda x, y: np.not_equal(as_operand(x) != 0, as_operand(y) != 0),
        np.matvec: lambda a, v: np.matmul(a, v[..., None])[..., 0],
        np.modf: _modf,
        np.nextafter: lambda x, y: x + _step(x, y),
        np.positive: _same,
        np.rad2deg: lambda x: _real(x) * (180.0 / np.pi),
        np.radians: lambda x: _real(x) * (np.pi / 180.0),
        np.signbit: floats.signbit,
        np.spacing: _spacing,
        np.trunc: _truncated,
        np.vecdot: lambda a, b: np.sum(np.multiply(a, b), axis=-1),
        np.vecmat: lambda v, a: np.matmul(v[..., None, :], a)[..., 0, :],
    }
)

FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.angle: _angle,
        np.array2string: _text,
        np.array_repr: _text,
        np.array_str: _text,
        np.can_cast: _dtypes(np.can_cast),
        np.empty_like: np.zeros_like,
        np.fix: lambda x, out=None: _truncated(x),
        np.i0: _i0,
        np.imag: _imag,
        np.iscomplex: lambda x: np.zeros(np.shape(x), bool),
        np.iscomplexobj: lambda x: False,
        np.isneginf: lambda x, out=None: as_operand(x) == -np.inf,
        np.isposinf: lambda x, out=None: as_operand(x) == np.inf,
        np.isreal: lambda x: np.ones(np.shape(x), bool),
        np.isrealobj: lambda x: True,
        np.nan_to_num: _nan_to_num,
        np.real: _same,
        np.real_if_close: lambda a, tol=100: a,
        np.result_type: _dtypes(np.result_type),
        np.sinc: _sinc,
    }
)
