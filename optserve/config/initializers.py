"""Initial values by name. Each is a function from options to ``initializer(rng, shape) -> array``.

The fans of a shape are those of ``X @ W``: W has the shape (fan in, fan out); axes before the last
two are a receptive field and count for both.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.optimizers.option_limits import held

if TYPE_CHECKING:
    from numpy.random import Generator  # imported when first used: it takes its time

__all__ = [
    "Initializer",
    "fill",
    "generator",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "zeros",
]

Initializer = Callable[["Generator", tuple[int, ...]], Array]


def generator(seed: int, name: str) -> Generator:
    """The generator of the parameter ``name``: another parameter does not change what it draws.

    >>> generator(0, "b1").normal() == generator(0, "b1").normal()
    True
    """
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])


def fill(value: float) -> Initializer:
    """Every entry ``value``.

    >>> fill(0.5)(generator(0, "b"), (2,))
    array([0.5, 0.5])
    """
    return lambda _rng, shape: np.full(shape, float(value))


def zeros() -> Initializer:
    """Every entry 0."""
    return fill(0.0)


def ones() -> Initializer:
    """Every entry 1."""
    return fill(1.0)


@held
def normal(mean: float = 0.0, std: Annotated[float, Ge(0)] = 1.0) -> Initializer:
    """Independent normal draws.

    >>> normal(std=0.1)(generator(0, "W"), (3, 2)).shape
    (3, 2)
    """
    return lambda rng, shape: rng.normal(mean, std, shape)


def uniform(low: float = 0.0, high: float = 1.0) -> Initializer:
    """Independent uniform draws from ``low`` to ``high``."""
    if high < low:
        raise ConfigError(
            f"uniform: high is {high:g}, below low", expected="low <= high", code="wrong-value"
        )
    return lambda rng, shape: rng.uniform(low, high, shape)


@held
def truncated_normal(mean: float = 0.0, std: Annotated[float, Ge(0)] = 1.0) -> Initializer:
    """Normal draws, those beyond two ``std`` from the mean drawn again: their deviation is less.

    >>> abs(truncated_normal(std=0.1)(generator(0, "W"), (300, 20))).max() <= 0.2
    np.True_
    """

    def draw(rng: Generator, shape: tuple[int, ...]) -> Array:
        values = np.asarray(rng.standard_normal(shape))
        while (outside := np.abs(values) > 2.0).any():
            values = np.where(outside, rng.standard_normal(shape), values)
        return mean + std * values

    return draw


def orthogonal(gain: float = 1.0) -> Initializer:
    """A matrix of orthonormal rows or columns, whichever are fewer, times ``gain``.

    Uniform among these matrices (Mezzadri 2007, *Notices of the AMS* 54, 592-604). Axes before the
    last are taken together as rows (Saxe, McClelland and Ganguli 2014).

    >>> W = orthogonal()(generator(0, "W"), (5, 3))
    >>> (W.T @ W).round(12) + 0.0
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """

    def draw(rng: Generator, shape: tuple[int, ...]) -> Array:
        if len(shape) < 2:
            raise ConfigError(
                f"orthogonal: a parameter of shape {shape} is no matrix",
                expected="a shape of two or more axes",
                code="wrong-value",
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        q = q * np.copysign(1.0, np.diagonal(r))
        return gain * np.reshape(q if rows >= columns else q.T, shape)

    return draw


def glorot_uniform(gain: float = 1.0) -> Initializer:
    """Uniform with variance ``gain**2 * 2 / (fan in + fan out)`` (Glorot & Bengio 2010, eq. 16)."""
    return lambda rng, shape: _uniform(rng, shape, gain * math.sqrt(2.0 / sum(_fans(shape))))


def glorot_normal(gain: float = 1.0) -> Initializer:
    """Normal with variance ``gain**2 * 2 / (fan in + fan out)`` (Glorot & Bengio 2010, eq. 12)."""
    return lambda rng, shape: rng.normal(0.0, gain * math.sqrt(2.0 / sum(_fans(shape))), shape)


def he_uniform() -> Initializer:
    """Uniform with variance ``2 / fan in``, for rectifiers (He et al. 2015, eq. 10)."""
    return lambda rng, shape: _uniform(rng, shape, math.sqrt(2.0 / _fans(shape)[0]))


def he_normal() -> Initializer:
    """Normal with variance ``2 / fan in``, for rectifiers (He et al. 2015, eq. 10)."""
    return lambda rng, shape: rng.normal(0.0, math.sqrt(2.0 / _fans(shape)[0]), shape)


def _uniform(rng: Generator, shape: tuple[int, ...], std: float) -> Array:
    half = math.sqrt(3.0) * std
    return rng.uniform(-half, half, shape)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many values an output is made of, and how many outputs a value goes to."""
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]
