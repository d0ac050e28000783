"""What neurons make of what comes in, entry by entry or along an axis."""

from __future__ import annotations

import numpy as np

from optserve.graph.operands import as_floats
from optserve.graph.primitive import Value
from optserve.primitives.elementary import sigmoid
from optserve.primitives.normal_tails import ndtr
from optserve.primitives.reductions import logsumexp, max_, mean
from optserve.primitives.sums import sum_

__all__ = [
    "elu",
    "gelu",
    "layer_norm",
    "leaky_relu",
    "log_softmax",
    "silu",
    "softmax",
]


def _below_the_largest(x: Value, axis: int) -> Value:
    x = as_floats(x)
    return x - max_(x, axis=axis, keepdims=True)


def log_softmax(x: Value, axis: int = -1) -> Value:
    """The logarithm of ``softmax``, which does not underflow: x - logsumexp(x).

    >>> log_softmax([0.0, -1000.0]).tolist()
    [0.0, -1000.0]
    """
    below = _below_the_largest(x, axis)
    return below - logsumexp(below, axis=axis, keepdims=True)


def softmax(x: Value, axis: int = -1) -> Value:
    """Shares in proportion to exp(x) along an axis, which sum to 1.

    >>> softmax([1000.0, 1000.0]).tolist()
    [0.5, 0.5]
    """
    grown = np.exp(_below_the_largest(x, axis))
    return grown / sum_(grown, axis=axis, keepdims=True)


def gelu(x: Value) -> Value:
    """x times the normal probability of a number below x (Hendrycks and Gimpel 2016), exactly.

    >>> float(gelu(0.0))
    0.0
    """
    x = as_floats(x)
    return x * ndtr(x)


def silu(x: Value) -> Value:
    """x * sigmoid(x), also called swish.

    >>> float(silu(0.0))
    0.0
    """
    x = as_floats(x)
    return x * sigmoid(x)


def elu(x: Value, alpha: Value = 1.0) -> Value:
    """x where it is positive, else alpha * (exp(x) - 1).

    >>> elu([2.0, 0.0]).tolist()
    [2.0, 0.0]
    """
    x = as_floats(x)
    return np.where(x > 0.0, x, alpha * np.expm1(np.where(x > 0.0, 0.0, x)))


def leaky_relu(x: Value, slope: Value = 0.01) -> Value:
    """x where it is positive, else ``slope`` * x; the derivative at 0 is the slope.

    >>> leaky_relu([2.0, -1.0], 0.5).tolist()
    [2.0, -0.5]
    """
    x = as_floats(x)
    return np.where(x > 0.0, x, slope * x)


def layer_norm(
    x: Value, scale: Value = 1.0, shift: Value = 0.0, axis: int = -1, epsilon: Value = 1e-5
) -> Value:
    """x less its mean along an axis, over its standard deviation, times ``scale``, plus ``shift``.

    ``epsilon`` is added to the variance (Ba, Kiros and Hinton 2016).

    >>> layer_norm([1.0, 3.0], epsilon=0.0).tolist()
    [-1.0, 1.0]
    """
    x = as_floats(x)
    deviation = x - mean(x, axis=axis, keepdims=True)
    variance = mean(deviation * deviation, axis=axis, keepdims=True)
    return deviation / np.sqrt(variance + epsilon) * scale + shift
