"""NumPy's functions of series, samples and polynomials on traced values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Value
from optserve.primitives.numpy_options import signed_all
from optserve.primitives.shaping import normal_axes

__all__ = ["FUNCTIONS"]


def _vector(x: Value, function: str) -> Value:
    x = np.atleast_1d(as_operand(x))
    if np.ndim(x) != 1 or not np.size(x):
        raise ShapeError(f"np.{function} of {np.shape(x)}", expected="vectors with entries")
    return x


def _convolve(a: Value, v: Value, mode: str = "full") -> Value:
    a, v = _vector(a, "convolve"), _vector(v, "convolve")
    if np.size(v) > np.size(a):
        a, v = v, a
    count, size = np.size(a), np.size(v)
    fill = np.zeros(size - 1)
    padded = np.concatenate([fill, a, fill])
    windows = np.take(padded, np.arange(count + size - 1)[:, None] + np.arange(size))
    full = windows @ v[::-1]
    ends = {"full": (0, count + size - 1), "valid": (size - 1, count)}
    ends["same"] = ((size - 1) // 2, (size - 1) // 2 + count)
    if mode not in ends:
        raise ShapeError(f"mode={mode!r}", expected="'full', 'same' or 'valid'")
    start, stop = ends[mode]
    return full[start:stop]


def _correlate(a: Value, v: Value, mode: str = "valid") -> Value:
    a, v = _vector(a, "correlate"), _vector(v, "correlate")
    if np.size(v) > np.size(a):  # NumPy exchanges them, and turns the result
        return _convolve(v, a[::-1], mode)[::-1]
    return _convolve(a, v[::-1], mode)


def _along(axis: int, ndim: int) -> Callable[[Any], tuple[Any, ...]]:
    """An index along one of the axes."""
    [only] = normal_axes(axis, ndim)
    return lambda entry: (*(slice(None),) * only, entry)


def _trapezoid(y: Value, x: Value | None = None, dx: Value = 1.0, axis: int = -1) -> Value:
    y = as_operand(y)
    at = _along(axis, np.ndim(y))
    if x is None:
        width = dx
    elif np.ndim(x) == 1:
        [only] = normal_axes(axis, np.ndim(y))
        width = np.reshape(np.diff(x), (-1, *(1,) * (np.ndim(y) - only - 1)))
    else:
        width = np.diff(x, axis=axis)
    sums = y[at(slice(1, None))] + y[at(slice(None, -1))]
    return np.sum(width * sums / 2.0, axis=axis)


def _ediff1d(ary: Value, to_end: Value | None = None, to_begin: Value | None = None) -> Value:
    parts = [np.ravel(one) for one in (to_begin, np.diff(np.ravel(ary)), to_end) if one is not None]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _gradient(f: Value, *varargs: Value, axis: Any = None, edge_order: int = 1) -> Any:
    f = as_operand(f)
    f = f if f.dtype.kind == "f" else f.astype(np.float64)
    axes = normal_axes(axis, np.ndim(f))
    if len(varargs) not in (0, 1, len(axes)) or (
        len(varargs) == 1 and np.ndim(varargs[0]) and len(axes) > 1
    ):
        raise ShapeError(
            f"np.gradient with {len(varargs)} spacings for {len(axes)} axes", expected="one each"
        )
    if edge_order not in (1, 2):
        raise ShapeError(f"edge_order={edge_order}", expected="1 or 2")
    spacings = varargs if len(varargs) == len(axes) else (*varargs, 1.0)[:1] * len(axes)
    slopes = [
        _slope(f, spacing, only, edge_order) for only, spacing in zip(axes, spacings, strict=True)
    ]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: Value, spacing: Value, axis: int, edge_order: int) -> Value:
    """Second-order differences within (Quarteroni et al. 2007, chapter 8.1), one-sided at ends."""
    size = np.shape(f)[axis]
    if size < edge_order + 1:
        raise ShapeError(f"np.gradient along {size} entries", expected=f"at least {edge_order + 1}")
    at = _along(axis, np.ndim(f))
    spacing = as_operand(spacing)
    single = not spacing.ndim
    steps = np.full(size - 1, spacing.astype(f.dtype)) if single else np.diff(spacing)
    steps = np.reshape(steps, (-1, *(1,) * (np.ndim(f) - axis - 1)))
    low, high = steps[:-1], steps[1:]
    before, here, after = f[at(slice(None, -2))], f[at(slice(1, -1))], f[at(slice(2, None))]
    inner = (
        -high / (low * (low + high)) * before
        + (high - low) / (low * high) * here
        + low / (high * (low + high)) * after
    )

    def end(first: int, second: int, third: int, h: Value, k: Value, sign: float) -> Value:
        one, two = f[at(slice(first, first + 1 or None))], f[at(slice(second, second + 1 or None))]
        if edge_order == 1:
            return sign * (two - one) / h
        three = f[at(slice(third, third + 1 or None))]
        return sign * (
            -(2.0 * h + k) / (h * (h + k)) * one
            + (h + k) / (h * k) * two
            - h / (k * (h + k)) * three
        )

    second, last = min(1, size - 2), max(-2, 1 - size)
    first_end = end(0, 1, 2, steps[:1], steps[second : second + 1], 1.0)
    last_end = end(-1, -2, -3, steps[-1:], steps[last : last + 1 or None], -1.0)
    return np.concatenate([first_end, inner, last_end], axis=axis)


def _unwrap(
    p: Value, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi
) -> Value:
    p = as_operand(p)
    p = p if p.dtype.kind == "f" else p.astype(np.float64)
    at = _along(axis, np.ndim(p))
    step = np.diff(p, axis=axis)
    half = period / 2.0
    within = np.remainder(step + half, period) - half
    within = np.where((within == -half) & (step > 0), half, within)
    jump = half if discont is None else discont
    correction = np.where(np.abs(step) < jump, 0.0, within - step)
    moved = p[at(slice(1, None))] + np.cumsum(correction, axis=axis)
    return np.concatenate([p[at(slice(0, 1))], moved], axis=axis)


def _ptp(a: Value, axis: Any = None, keepdims: bool = False) -> Value:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def _cov(
    m: Value,
    y: Value | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Value | None = None,
    aweights: Value | None = None,
) -> Value:
    def rows(x: Value) -> Value:
        x = np.atleast_2d(as_operand(x))
        return x if rowvar or np.shape(x)[0] == 1 else x.T

    sample = rows(m) if y is None else np.concatenate([rows(m), rows(y)])
    freedom = (0 if bias else 1) if ddof is None else ddof
    counts = 1.0 if fweights is None else as_operand(fweights)
    shares = 1.0 if aweights is None else as_operand(aweights)
    weights = counts * shares * np.ones(np.shape(sample)[1])
    total = np.sum(weights)
    centred = sample - (np.sum(sample * weights, axis=1) / total)[:, None]
    if aweights is None or not freedom:
        divisor = total - freedom
    else:
        divisor = total - freedom * np.sum(weights * shares) / total
    return np.squeeze((centred * weights) @ centred.T / np.maximum(divisor, 0.0))


def _corrcoef(x: Value, y: Value | None = None, rowvar: bool = True) -> Value:
    covariance = _cov(x, y, rowvar)
    if not np.ndim(covariance):
        return covariance / covariance
    scale = np.sqrt(np.diag(covariance))
    return np.clip(covariance / scale[:, None] / scale, -1.0, 1.0)


def _linspace(
    start: Value,
    stop: Value,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    axis: int = 0,
) -> Any:
    parts = num - 1 if endpoint else num
    width = np.subtract(stop, start)
    step = width / parts if parts > 0 else width * np.nan
    apart = (-1, *(1,) * np.ndim(width))
    shares = np.reshape(np.arange(num) / max(parts, 1), apart)
    points = start + shares * width
    if endpoint and num > 1:
        last = np.broadcast_to(np.add(stop, np.zeros(())), np.shape(width))
        points = np.concatenate([points[:-1], last[None]])
    points = np.moveaxis(points, 0, axis) if axis else points
    return (points, step) if retstep else points


def _logspace(
    start: Value,
    stop: Value,
    num: int = 50,
    endpoint: bool = True,
    base: Value = 10.0,
    axis: int = 0,
) -> Value:
    return np.power(base, _linspace(start, stop, num, endpoint, axis=axis))


def _geomspace(
    start: Value, stop: Value, num: int = 50, endpoint: bool = True, axis: int = 0
) -> Value:
    sign = np.sign(start)
    first, last = (np.log(np.multiply(sign, one)) for one in (start, stop))
    return sign * np.exp(_linspace(first, last, num, endpoint, axis=axis))


def _apply_along_axis(
    func1d: Callable[..., Value], axis: int, arr: Value, *args: Any, **kwargs: Any
) -> Value:
    """``func1d`` of each line, one after another; ``optserve.vmap`` takes all at once."""
    moved = np.moveaxis(as_operand(arr), axis, -1)
    outer = np.shape(moved)[:-1]
    made = [as_operand(func1d(moved[place], *args, **kwargs)) for place in np.ndindex(outer)]
    inner = np.shape(made[0])
    stacked = np.reshape(np.stack(made), (*outer, *inner))
    [only] = normal_axes(axis, np.ndim(arr))
    for offset in range(len(inner)):
        stacked = np.moveaxis(stacked, len(outer) + offset, only + offset)
    return stacked


def _polyval(p: Value, x: Value) -> Value:
    p, x = _vector(p, "polyval"), as_operand(x)
    value = np.zeros_like(x)
    for coefficient in p:
        value = value * x + coefficient
    return value


def _polyder(p: Value, m: int = 1) -> Value:
    p = _vector(p, "polyder")
    for _ in range(m):
        p = p[:-1] * np.arange(np.size(p) - 1, 0, -1)
    return p


def _polyint(p: Value, m: int = 1, k: Any = None) -> Value:
    p = _vector(p, "polyint")
    constants = np.broadcast_to(0.0 if k is None else np.asarray(k), (m,))
    for constant in constants:
        powers = np.arange(np.size(p), 0, -1)
        p = np.concatenate([p / powers, np.reshape(constant, (1,))])
    return p


def _polyadd(a1: Value, a2: Value) -> Value:
    a1, a2 = _vector(a1, "polyadd"), _vector(a2, "polyadd")
    size = max(np.size(a1), np.size(a2))
    first, second = (np.concatenate([np.zeros(size - np.size(one)), one]) for one in (a1, a2))
    return first + second


def _vander(x: Value, N: int | None = None, increasing: bool = False) -> Value:
    x = _vector(x, "vander")
    powers = np.arange(np.size(x) if N is None else N)
    return x[:, None] ** (powers if increasing else powers[::-1])


def _cumulated(function: Any, fill: float) -> Callable[..., Value]:
    def cumulated(a: Value, axis: int | None = None) -> Value:
        return function(np.where(np.isnan(a), fill, a), axis=axis)

    return cumulated


def _sum_of(function: Any) -> Callable[..., Value]:
    """``np.cumulative_sum`` and its like, by the older function."""

    def cumulated(x: Value, /, *, axis: int | None = None, include_initial: bool = False) -> Value:
        if axis is None and np.ndim(x) > 1:
            raise ShapeError(f"{function.__name__} of {np.shape(x)}", expected="an axis")
        along = -1 if axis is None else axis
        sums = function(x, axis=along)
        if not include_initial:
            return sums
        first = sums[_along(along, np.ndim(x))(slice(0, 1))] * 0.0
        start = first if function is np.cumsum else first + 1.0
        return np.concatenate([start, sums], axis=along)

    return cumulated


FUNCTIONS: Mapping[Any, Callable[..., Any]] = MappingProxyType(
    {
        np.apply_along_axis: _apply_along_axis,
        np.gradient: _gradient,
        np.cumulative_prod: _sum_of(np.cumprod),
        np.cumulative_sum: _sum_of(np.cumsum),
        **signed_all(
            {
                np.convolve: _convolve,
                np.corrcoef: _corrcoef,
                np.correlate: _correlate,
                np.cov: _cov,
                np.ediff1d: _ediff1d,
                np.geomspace: _geomspace,
                np.linspace: _linspace,
                np.logspace: _logspace,
                np.nancumprod: _cumulated(np.cumprod, 1.0),
                np.nancumsum: _cumulated(np.cumsum, 0.0),
                np.polyadd: _polyadd,
                np.polyder: _polyder,
                np.polyint: _polyint,
                np.polymul: lambda a1, a2: _convolve(a1, a2),
                np.polysub: lambda a1, a2: _polyadd(a1, np.negative(a2)),
                np.polyval: _polyval,
                np.ptp: _ptp,
                np.trapezoid: _trapezoid,
                np.unwrap: _unwrap,
                np.vander: _vander,
            }
        ),
    }
)
