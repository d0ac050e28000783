"""Domains of arrays whose entries belong together: matrices and vectors of a kind.

Such a domain knows how to draw from it and how to move in it: a derivative is compared with
differences along a curve that stays inside, since nothing is promised outside. Matrices fill the
last two axes of an array, vectors the last one.

>>> rng = np.random.default_rng(0)
>>> x = positive_definite.sample(rng, (3, 3), np.dtype(np.float64))
>>> bool(np.linalg.eigvalsh(x)[0] > 0.0), np.array_equal(x, x.T)
(True, True)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.domain import Domain, Structure

__all__ = [
    "full_rank",
    "orthogonal",
    "positive_definite",
    "simplex",
    "sorted_",
    "symmetric",
    "triangular",
]

if TYPE_CHECKING:
    Generator = np.random.Generator  # importing it takes time, and few who come here draw
AxisSizes = tuple[int, ...]


def _turned(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _symmetric_numbers(rng: Generator, shape: AxisSizes) -> Array:
    drawn: Array = rng.uniform(-1.0, 1.0, shape)
    return np.asarray(0.5 * (drawn + _turned(drawn)))


def _draw_symmetric(rng: Generator, shape: AxisSizes) -> Array:
    # Eigenvalues apart from each other, so that what depends on them is smooth.
    return 0.3 * _symmetric_numbers(rng, shape) + np.diag(np.arange(shape[-1]) - 0.7)


def _symmetric_direction(x: Array, rng: Generator) -> Array:
    return np.asarray(np.max(np.abs(x), initial=1e-3) * _symmetric_numbers(rng, x.shape))


def _draw_positive_definite(rng: Generator, shape: AxisSizes) -> Array:
    return 0.5 * _draw_symmetric(rng, shape) + 2.0 * np.eye(shape[-1])


def _positive_definite_direction(x: Array, rng: Generator) -> Array:
    root = np.linalg.cholesky(x)
    inner = _symmetric_numbers(rng, x.shape) / x.shape[-1]
    return np.asarray(root @ inner @ _turned(root))


def _draw_simplex(rng: Generator, shape: AxisSizes) -> Array:
    drawn: Array = rng.uniform(0.2, 1.0, shape)
    return np.asarray(drawn / np.sum(drawn, axis=-1, keepdims=True))


def _simplex_direction(x: Array, rng: Generator) -> Array:
    grown = rng.uniform(-1.0, 1.0, x.shape)
    return np.asarray(x * (grown - np.sum(x * grown, axis=-1, keepdims=True)))


def _draw_sorted(rng: Generator, shape: AxisSizes) -> Array:
    return np.asarray(np.cumsum(rng.uniform(0.2, 1.0, shape), axis=-1) - 1.0)


def _sorted_direction(x: Array, rng: Generator) -> Array:
    gaps = np.diff(x, axis=-1, prepend=x[..., :1] - 1.0)
    return np.cumsum(gaps * rng.uniform(-1.0, 1.0, x.shape), axis=-1)


def _draw_orthogonal(rng: Generator, shape: AxisSizes) -> Array:
    return np.linalg.qr(rng.standard_normal(shape))[0]


def _orthogonal_direction(x: Array, rng: Generator) -> Array:
    drawn = np.asarray(rng.uniform(-1.0, 1.0, x.shape))
    return np.asarray(x @ (drawn - _turned(drawn)))


def _turned_on(x: Array, direction: Array, step: float) -> Array:
    """Cayley's transform: orthogonal at every step, and as far as it to second order."""
    half = 0.5 * step
    turn, one = np.matmul(_turned(x), direction), np.eye(x.shape[-1])
    return np.asarray(x @ np.linalg.solve(one - half * turn, one + half * turn))


def _draw_full_rank(rng: Generator, shape: AxisSizes) -> Array:
    # Singular values apart from each other, and none near 0.
    u, _, vh = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    return np.asarray(u * (1.0 + 0.4 * np.arange(u.shape[-1])) @ vh)


def _draw_triangular(rng: Generator, shape: AxisSizes) -> Array:
    # Both triangles, of which one is not read.
    return rng.uniform(-0.5, 0.5, shape) + np.diag(1.0 + 0.3 * np.arange(shape[-1]))


def _full_direction(x: Array, rng: Generator) -> Array:
    largest = np.max(np.abs(x), initial=1e-3)
    return np.asarray(largest * rng.uniform(-1.0, 1.0, x.shape) / max(x.shape[-1], 1))


symmetric = Domain("symmetric", structure=Structure(2, _draw_symmetric, _symmetric_direction))
positive_definite = Domain(
    "positive definite",
    structure=Structure(2, _draw_positive_definite, _positive_definite_direction),
)
simplex = Domain("on the simplex", structure=Structure(1, _draw_simplex, _simplex_direction))
sorted_ = Domain("sorted, ascending", structure=Structure(1, _draw_sorted, _sorted_direction))
orthogonal = Domain(
    "orthogonal", structure=Structure(2, _draw_orthogonal, _orthogonal_direction, _turned_on)
)
full_rank = Domain("of full rank", structure=Structure(2, _draw_full_rank, _full_direction))
triangular = Domain(
    "triangular, without a 0 on the diagonal",
    structure=Structure(2, _draw_triangular, _full_direction),
)
