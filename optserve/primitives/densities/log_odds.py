"""The log chance that one beta number is above another, from the difference of their log odds.

The log odds of a beta number (a, b) have the moment generating function G(a + s) G(b - s) / (G(a)
G(b)), G being the gamma function. That of the difference of two, over s, is integrated along an
upright line from 0 to the next pole. Where the line meets the real axis the integrand is least
along it and largest along the line, so that nothing cancels, however far in the tail (Rice 1980,
SIAM J. Sci. Stat. Comput. 1, 438). The line is where it is whatever is differentiated by.
"""

from __future__ import annotations

import numpy as np

from optserve.graph.primitive import Value
from optserve.primitives.constants import arange_beside
from optserve.primitives.densities.deviance import STIRLING, deviance, stirling
from optserve.primitives.densities.incomplete import both_tails
from optserve.primitives.elementary import sigmoid
from optserve.primitives.shaping import cast
from optserve.primitives.stopping import stopped

__all__ = ["log_beta_above"]

_PLACES = 256
"""Places that are looked at for the line, evenly spaced in the logit of their share of the way."""

_NODES = 128
"""Nodes on the upper half of the line; the lower is its mirror image."""

_NOTHING = 37.0
"""Minus the logarithm of what is no part of 1."""

_SHIFT = 8
"""How far to the right a gamma function is taken, for Stirling's series."""

_SERIES = STIRLING[:9]


def log_beta_above(a: Value, b: Value, c: Value, d: Value) -> tuple[Value, Value]:
    """Log chances that a beta number (a, b) is above one of (c, d), and that it is not."""
    a, b = a + 0.0 * (b + c + d), b + 0.0 * (a + c + d)
    c, d = c + 0.0 * a, d + 0.0 * a
    above = _slope(a) - _slope(b) - _slope(c) + _slope(d) < 0.0  # the mean of the difference
    a, b = np.where(above, a, b), np.where(above, b, a)
    c, d = np.where(above, c, d), np.where(above, d, c)
    return both_tails(above, _log_tail(a, b, c, d))


def _slope(x: Value) -> Value:
    """About digamma(x)."""
    return np.log(x + 0.5) - 1.0 / x


def _inside(a: Value, b: Value, c: Value, d: Value, share: Value, rest: Value) -> Value:
    """The arguments of the gamma functions at a share of the way to the next pole, as a new axis.

    Those that vanish at the pole are what is left of the way, without a difference.
    """
    pole = stopped(np.minimum(b, c))
    s, left = pole * share, pole * rest
    return np.stack((a + s, (b - pole) + left, (c - pole) + left, d + s), axis=-1)


def _numbers(count: int, x: Value) -> Value:
    return cast(arange_beside(count, x), dtype=np.dtype(x.dtype))


def _logit(a: Value, b: Value, c: Value, d: Value) -> Value:
    """Of the share of the way at which the integrand is about least."""
    logit = 0.2 * _numbers(_PLACES, a) - 0.1 * _PLACES
    share, rest = sigmoid(logit), sigmoid(-logit)
    wide = (a[..., None], b[..., None], c[..., None], d[..., None])
    slope = _slope(_inside(*wide, share, rest))
    s = np.minimum(wide[1], wide[2]) * share
    rises = slope[..., 0] - slope[..., 1] - slope[..., 2] + slope[..., 3] - 1.0 / s
    return 0.2 * np.sum(np.where(rises < 0.0, 1.0 + 0.0 * s, 0.0 * s), axis=-1) - 0.1 * _PLACES


def _log_tail(a: Value, b: Value, c: Value, d: Value) -> Value:
    """Log chance that a beta number (a, b) is above one of (c, d): best where that is seldom."""
    logit = stopped(_logit(a, b, c, d))
    pole = stopped(np.minimum(b, c))
    s, left = pole * sigmoid(logit), pole * sigmoid(-logit)
    start = np.stack((a, b, c, d), axis=-1)
    x = _inside(a, b, c, d, sigmoid(logit), sigmoid(-logit))
    move = np.stack((s, -s, -s, s), axis=-1)
    gammas = deviance(x, start, move) + (stirling(x) - stirling(start)) - np.log(x / start)
    height = np.sum(gammas, axis=-1) + s * np.log(a / b * (d / c)) - np.log(s)
    t, weight = map(stopped, _line(stopped(x), s, left))
    t = t[..., None, :]
    real, angle = _upright(x[..., None], t)
    size = np.exp(np.sum(real, axis=-2))
    turn = angle[..., 0, :] - angle[..., 1, :] - angle[..., 2, :] + angle[..., 3, :]
    over = t[..., 0, :] / s[..., None]
    parts = size * (np.cos(turn) + over * np.sin(turn)) / (1.0 + over * over)
    return height + np.log(np.sum(weight * parts, axis=-1) / np.pi)


def _line(x: Value, s: Value, left: Value) -> tuple[Value, Value]:
    """Nodes t and weights on the upper half: even in arcsinh(t / scale), as far as they matter."""
    share = _NOTHING / x
    reach = np.min(x * 0.5 * (0.64 * share + np.sqrt(0.41 * share * share + 8.0 * share)), axis=-1)
    narrow = 1.0 / np.sqrt(np.sum((1.0 + 1.0 / x) / x, axis=-1))
    scale = np.minimum(np.minimum(s, left), narrow)
    step = (np.arcsinh(reach / scale) / _NODES)[..., None]
    number = _numbers(_NODES + 1, x)
    weight = step * scale[..., None] * np.cosh(step * number)
    weight = np.where(number == 0.0, 0.5 * weight, weight)
    return scale[..., None] * np.sinh(step * number), weight


def _upright(x: Value, t: Value) -> tuple[Value, Value]:
    """gammaln(x + i t) - gammaln(x), by real and imaginary part; angles may turn more than once.

    What is linear in t, and the same in all, is left out.
    """
    far = x + _SHIFT
    ratio = t / far
    longer, angle = 0.5 * np.log1p(ratio * ratio), np.arctan(ratio)
    up, down = _series(far, ratio)
    real = (far - 0.5) * longer - t * angle + up
    turn = (far - 0.5) * angle + t * (np.log(far) + longer) + down
    by, across = 1.0, 0.0 * ratio
    for number in range(_SHIFT):
        ratio = t / (x + number)
        by, across = by - across * ratio, across + by * ratio
    return real - 0.5 * np.log(by * by + across * across), turn - np.arctan2(across, by)


def _series(x: Value, ratio: Value) -> tuple[Value, Value]:
    """Stirling's series at x (1 + i ratio), less that at x."""
    whole = x * (1.0 + ratio * ratio)
    real, imaginary = 1.0 / whole, -ratio / whole
    square, twice = real * real - imaginary * imaginary, 2.0 * real * imaginary
    alone = 1.0 / (x * x)
    up, down, own = _SERIES[-1] + 0.0 * ratio, 0.0 * ratio, _SERIES[-1] + 0.0 * x
    for coefficient in _SERIES[-2::-1]:
        up, down = up * square - down * twice + coefficient, up * twice + down * square
        own = own * alone + coefficient
    return up * real - down * imaginary - own / x, up * imaginary + down * real
