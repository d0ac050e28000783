"""The transforms of parameters that ship with optserve: what keeps them where they must be.

Each is a function from options to a ``ParameterTransform``. Entries of a vector transform lie
along the last axis, those of a matrix transform along the last two; axes before them are a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.errors import ConfigError
from optserve.graph.aval import Array
from optserve.jobs.parameters import ParameterTransform
from optserve.primitives import elementary
from optserve.primitives.reductions import logsumexp

__all__ = [
    "cholesky_factor",
    "correlation",
    "interval",
    "log",
    "logit",
    "ordered",
    "positive_definite",
    "simplex",
    "softplus",
    "unit_vector",
]

_CLOSE = 1e-3
"""How far from 1 a written sum or length may be, as in [0.333, 0.333, 0.333]; it is mended."""


def log() -> ParameterTransform:
    """Positive parameters: the method sees u = log(p), so p = exp(u).

    >>> log().forward(np.log(3.0))
    np.float64(3.0000000000000004)
    """
    return ParameterTransform(
        name="log",
        forward=np.exp,
        inverse=np.log,
        contains=_all(lambda value: value > 0),
        domain="positive values",
        start=np.ones,
    )


def softplus() -> ParameterTransform:
    """Positive parameters, p = log(1 + exp(u)): nearly u where it is large, unlike ``log``."""
    return ParameterTransform(
        name="softplus",
        forward=elementary.softplus,
        inverse=lambda value: value + np.log(-np.expm1(-value)),
        contains=_all(lambda value: value > 0),
        domain="positive values",
        start=lambda shape: np.full(shape, math.log(2.0)),
    )


def logit() -> ParameterTransform:
    """Parameters between 0 and 1: the method sees u = log(p / (1 - p)).

    >>> logit().start((2,))
    array([0.5, 0.5])
    """
    return ParameterTransform(
        name="logit",
        forward=elementary.sigmoid,
        inverse=lambda value: np.log(value) - np.log1p(-value),
        contains=_all(lambda value: (value > 0) & (value < 1)),
        domain="values above 0 and below 1",
        start=lambda shape: np.full(shape, 0.5),
    )


def interval(low: float, high: float) -> ParameterTransform:
    """Parameters between ``low`` and ``high``, of which ``logit`` is that from 0 to 1.

    >>> interval(-1.0, 3.0).forward(0.0)
    np.float64(1.0)
    """
    if not low < high:
        raise ConfigError(
            f"interval: high is {high:g}, not above low", expected="low < high", code="wrong-value"
        )
    width = high - low
    return ParameterTransform(
        name="interval",
        forward=lambda u: low + width * elementary.sigmoid(u),
        inverse=lambda value: np.log(value - low) - np.log(high - value),
        contains=_all(lambda value: (value > low) & (value < high)),
        domain=f"values above {low:g} and below {high:g}",
        start=lambda shape: np.full(shape, low + width / 2),
    )


def ordered() -> ParameterTransform:
    """Vectors whose entries increase: the first one, then the logarithms of the steps.

    A vector without ``init`` starts at 0, 1, 2, ...

    >>> ordered().forward(np.array([-1.0, 0.0, 0.0]))
    array([-1.,  0.,  1.])
    """
    return ParameterTransform(
        name="ordered",
        mixes=True,
        forward=lambda u: np.cumsum(np.concatenate([u[..., :1], np.exp(u[..., 1:])], -1), axis=-1),
        inverse=lambda value: np.concatenate([value[..., :1], np.log(np.diff(value))], -1),
        contains=lambda value: value.ndim > 0 and bool(np.all(np.diff(value) > 0)),
        domain="values that increase along the last axis",
        start=lambda shape: np.cumsum(np.ones(shape), axis=-1) - 1.0 if shape else np.zeros(shape),
    )


def simplex() -> ParameterTransform:
    """Vectors of positive shares whose sum is 1, by one coordinate fewer than they have entries.

    The coordinates are isometric log-ratios (Egozcue, Pawlowsky-Glahn, Mateu-Figueras and
    Barcelo-Vidal 2003, *Mathematical Geology* 35, 279-300): no entry is treated unlike another.
    A vector without ``init`` starts at equal shares.

    >>> simplex().forward(np.zeros(3))
    array([0.25, 0.25, 0.25, 0.25])
    """
    return ParameterTransform(
        name="simplex",
        mixes=True,
        forward=_shares,
        inverse=_log_ratios,
        contains=lambda value: (
            value.ndim > 0
            and value.shape[-1] > 1
            and bool(np.all(value > 0))
            and bool(np.all(abs(np.sum(value, axis=-1) - 1) <= _CLOSE))
        ),
        domain="two or more positive shares that sum to 1 along the last axis",
        start=lambda shape: np.full(shape, 1.0 / _last(shape)),
    )


def unit_vector() -> ParameterTransform:
    """Vectors of length 1, by one coordinate fewer than they have entries.

    The coordinates are those of a stereographic projection from the point opposite to
    (1, sqrt(2), sqrt(3), ...), which is the only one that they do not reach. A vector without
    ``init`` starts with equal entries.

    >>> unit_vector().forward(unit_vector().inverse(np.array([0.6, 0.8])))
    array([0.6, 0.8])
    """
    return ParameterTransform(
        name="unit_vector",
        mixes=True,
        forward=_on_sphere,
        inverse=_projected,
        contains=lambda value: (
            value.ndim > 0
            and value.shape[-1] > 1
            and bool(np.all(abs(np.linalg.norm(value, axis=-1) - 1) <= _CLOSE))
        ),
        domain="vectors of two or more entries and of length 1 along the last axis",
        start=lambda shape: np.full(shape, 1.0 / math.sqrt(_last(shape))),
    )


def cholesky_factor() -> ParameterTransform:
    """Lower triangular matrices with a positive diagonal, of which the method sees the logarithms.

    A matrix without ``init`` starts at the identity.

    >>> cholesky_factor().forward(np.zeros(3))
    array([[1., 0.],
           [0., 1.]])
    """
    return ParameterTransform(
        name="cholesky_factor",
        mixes=True,
        forward=_lower,
        inverse=_packed,
        contains=lambda value: _square(value) and _is_factor(value),
        domain="lower triangular matrices with a positive diagonal",
        start=_identity,
        own=_lower_triangle,
    )


def positive_definite() -> ParameterTransform:
    """Symmetric positive definite matrices, by their Cholesky factors.

    >>> positive_definite().forward(np.zeros(3))
    array([[1., 0.],
           [0., 1.]])
    """
    return ParameterTransform(
        name="positive_definite",
        mixes=True,
        forward=lambda u: _gram(_lower(u)),
        inverse=lambda value: _packed(np.linalg.cholesky(value)),
        contains=lambda value: _square(value) and _is_definite(value),
        domain="symmetric positive definite matrices",
        start=_identity,
        own=_lower_triangle,
    )


def correlation() -> ParameterTransform:
    """Correlation matrices, by the inverse hyperbolic tangents of partial correlations.

    (Lewandowski, Kurowicka and Joe 2009, *Journal of Multivariate Analysis* 100, 1989-2001; the
    rows of the Cholesky factor are built as in Stan's reference manual.) A matrix without ``init``
    starts at the identity.

    >>> correlation().forward(np.arctanh([0.5])).round(12)
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    return ParameterTransform(
        name="correlation",
        mixes=True,
        forward=lambda u: _gram(_correlation_factor(u)),
        inverse=_partial,
        contains=lambda value: (
            _square(value)
            and value.shape[-1] > 1
            and _is_definite(value)
            and bool(np.allclose(np.diagonal(value, axis1=-2, axis2=-1), 1, rtol=0, atol=1e-6))
        ),
        domain="correlation matrices (positive definite, 1 along the diagonal)",
        start=_identity,
        own=_below_diagonal,
    )


def _all(holds: Callable[[Array], Array]) -> Callable[[Array], bool]:
    return lambda value: bool(np.all(holds(value)))


def _contrasts(count: int) -> Array:
    """An orthonormal basis (count, count - 1) of the vectors whose sum is 0 (Helmert's)."""
    basis = np.zeros((count, count - 1))
    for column in range(count - 1):
        basis[: column + 1, column] = 1.0
        basis[column + 1, column] = -(column + 1.0)
    return np.asarray(basis / np.sqrt(np.sum(basis**2, axis=0)))


def _log_ratios(value: Array) -> Array:
    """Those of shares; exactly 0 where they are equal."""
    logs = np.log(value)
    found: Array = (logs - logs[..., :1]) @ _contrasts(value.shape[-1])
    return found


def _shares(u: Any) -> Any:
    logits = u @ _contrasts(np.shape(u)[-1] + 1).T.astype(u.dtype)
    return np.exp(logits - logsumexp(logits, axis=-1, keepdims=True))


def _pole(count: int) -> tuple[Array, Array]:
    """A unit vector (count,), and an orthonormal basis (count, count - 1) of what is normal to it.

    The basis is that of a Householder reflection, which takes the last axis to the vector.
    """
    pole = np.sqrt(np.arange(1.0, count + 1.0))
    pole /= np.linalg.norm(pole)
    normal = pole - np.eye(count)[-1]
    basis = np.eye(count) - 2.0 * np.outer(normal, normal) / (normal @ normal)
    return pole, basis[:, :-1]


def _on_sphere(u: Any) -> Any:
    pole, basis = (one.astype(u.dtype) for one in _pole(np.shape(u)[-1] + 1))
    square = np.sum(u**2, axis=-1, keepdims=True)
    return (2.0 * (u @ basis.T) + (1.0 - square) * pole) / (1.0 + square)


def _projected(value: Array) -> Array:
    pole, basis = _pole(value.shape[-1])
    unit = value / np.linalg.norm(value, axis=-1, keepdims=True)
    return np.asarray(unit @ basis / (1.0 + np.sum(unit * pole, axis=-1, keepdims=True)))


def _square(value: Array) -> bool:
    return value.ndim >= 2 and value.shape[-1] == value.shape[-2]


def _is_factor(value: Array) -> bool:
    positive = np.diagonal(value, axis1=-2, axis2=-1) > 0
    return bool(positive.all()) and not np.triu(value, 1).any()


def _is_definite(value: Array) -> bool:
    if not np.allclose(value, np.swapaxes(value, -1, -2), rtol=1e-6):
        return False
    try:
        np.linalg.cholesky(value)
    except np.linalg.LinAlgError:
        return False
    return True


def _last(shape: tuple[int, ...]) -> int:
    return shape[-1] if shape else 1


def _identity(shape: tuple[int, ...]) -> Array:
    square = len(shape) >= 2 and shape[-1] == shape[-2]
    return np.broadcast_to(np.eye(shape[-1]), shape) if square else np.zeros(shape)


def _lower_triangle(shape: tuple[int, ...]) -> Array:
    return np.tril(np.ones(shape, bool))


def _below_diagonal(shape: tuple[int, ...]) -> Array:
    return np.tril(np.ones(shape, bool), -1)


def _order(count: int) -> int:
    """The n for which a triangle with its diagonal has ``count`` entries."""
    return (math.isqrt(8 * count + 1) - 1) // 2


def _lower(u: Any) -> Any:
    """Coordinates (..., n (n + 1) / 2), the diagonal's first, as matrices (..., n, n)."""
    n = _order(np.shape(u)[-1])
    places = np.full((n, n), np.shape(u)[-1])
    places[np.diag_indices(n)] = np.arange(n)
    places[np.tril_indices(n, -1)] = np.arange(n, np.shape(u)[-1])
    zero = np.zeros((*np.shape(u)[:-1], 1), u.dtype)
    entries = np.concatenate([np.exp(u[..., :n]), u[..., n:], zero], axis=-1)
    return np.take(entries, places, axis=-1)


def _packed(factor: Array) -> Array:
    """What ``_lower`` makes ``factor`` of."""
    n = factor.shape[-1]
    rows, columns = np.tril_indices(n, -1)
    diagonal = np.log(np.diagonal(factor, axis1=-2, axis2=-1))
    return np.concatenate([diagonal, factor[..., rows, columns]], axis=-1)


def _gram(factor: Any) -> Any:
    return factor @ np.swapaxes(factor, -1, -2)


def _correlation_factor(u: Any) -> Any:
    """Coordinates (..., n (n - 1) / 2) as Cholesky factors (..., n, n) of correlation matrices.

    With z = tanh(u), the row i is z_ij times the square root of what the entries before j have left
    of its length 1, that is of the product of 1 - z_ik**2 = sech(u_ik)**2 over k < j.
    """
    count = np.shape(u)[-1]
    n = _order(count) + 1
    places = np.full((n, n), count)
    places[np.tril_indices(n, -1)] = np.arange(count)
    zero = np.zeros((*np.shape(u)[:-1], 1), u.dtype)
    square = np.take(np.concatenate([u, zero], axis=-1), places, axis=-1)
    left = (math.log(2.0) - elementary.logaddexp(square, -square)) @ np.triu(
        np.ones((n, n), u.dtype), 1
    )
    return (elementary.tanh(square) + np.eye(n, dtype=u.dtype)) * np.exp(left)


def _partial(value: Array) -> Array:
    """What ``correlation`` makes ``value`` of."""
    factor = np.linalg.cholesky(value)
    n = factor.shape[-1]
    left = 1.0 - np.cumsum(factor**2, axis=-1) + factor**2
    rows, columns = np.tril_indices(n, -1)
    ratio = factor[..., rows, columns] / np.sqrt(left[..., rows, columns])
    return np.asarray(np.arctanh(ratio))
