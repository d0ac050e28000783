"""The multivariate normal distribution: by covariance, by its Cholesky factor, by precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.domain import Domain, Example, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import positive_definite, triangular
from optserve.primitives.constants import positions
from optserve.primitives.constructors import composite
from optserve.primitives.densities.density import in_one_dtype
from optserve.primitives.linear_algebra.cholesky import cholesky, triangular_solve
from optserve.primitives.linear_algebra.diagonals import diagonal
from optserve.primitives.reductions import entry_count

__all__ = [
    "multivariate_normal_cholesky_logpdf",
    "multivariate_normal_logpdf",
    "multivariate_normal_precision_logpdf",
    "sum_of_logs",
    "whitened",
]

_LOG_2_PI = math.log(2.0 * math.pi)


def sum_of_logs(factor: Value) -> Value:
    """Log determinant of a triangular factor: half of that of the matrix."""
    return np.sum(np.log(np.abs(diagonal(factor))), axis=-1)


def whitened(factor: Value, deviation: Value) -> Value:
    """Vectors (..., n), multiplied by the inverse of a lower factor (..., n, n)."""
    if np.ndim(deviation) == 1 and np.ndim(factor) == 2:
        return triangular_solve(factor, deviation)
    place = positions(factor, -1)
    unit = np.where(place[:, None] == place, np.ones_like(factor), np.zeros_like(factor))
    return _times(deviation, np.swapaxes(triangular_solve(factor, unit), -1, -2))


def _times(vectors: Value, matrix: Value) -> Value:
    """Row vectors (..., n) times matrices (..., n, n), one or as many."""
    if np.ndim(matrix) == 2:
        return np.matmul(vectors, matrix)
    return np.matmul(vectors[..., None, :], matrix)[..., 0, :]


def _log_density(z: Value, half_log_determinant: Value) -> Value:
    size = entry_count(z, (np.ndim(z) - 1,))
    return -0.5 * np.sum(np.square(z), axis=-1) - half_log_determinant - 0.5 * size * _LOG_2_PI


def _by_factor(y: Value, mean: Value, factor: Value) -> Value:
    return _log_density(whitened(factor, y - mean), sum_of_logs(factor))


def _by_covariance(y: Value, mean: Value, covariance: Value) -> Value:
    return _by_factor(y, mean, cholesky(covariance))


def _by_precision(y: Value, mean: Value, precision: Value) -> Value:
    factor = cholesky(precision)
    return _log_density(_times(y - mean, factor), -sum_of_logs(factor))


def _arguments(third: str) -> Callable[..., Any]:
    """What is called for the shapes of the three: vectors, and matrices of their size."""

    def check(y: Value, mean: Value, matrix: Value) -> Any:
        size = np.shape(y)[-1:] or np.shape(mean)[-1:]
        if not size or np.shape(matrix)[-2:] != (*size, *size):
            raise ShapeError(
                f"y {np.shape(y)} and {third} {np.shape(matrix)} do not match",
                expected=f"vectors (..., n) and a {third} (n, n), or as many",
            )
        return (y, mean, matrix), {}

    return check


_covariance, _factor, _precision = map(_arguments, ("covariance", "factor", "precision"))


def _covariance_arguments(y: Value, mean: Value, covariance: Value) -> Any:
    return _covariance(y, mean, covariance)


def _factor_arguments(y: Value, mean: Value, factor: Value) -> Any:
    return _factor(y, mean, factor)


def _precision_arguments(y: Value, mean: Value, precision: Value) -> Any:
    return _precision(y, mean, precision)


def _normal(
    form: str, body: Callable[..., Value], arguments: Callable[..., Any], matrix: Domain, doc: str
) -> Primitive:
    return composite(
        f"multivariate_normal_{form}logpdf",
        body,
        impl=in_one_dtype(body),
        arguments=arguments,
        domain=(real, real, matrix),
        examples=(
            Example(((3,), (3,), (3, 3))),
            Example(((4, 3), (3,), (3, 3))),
            Example(((2, 3), (3,), (2, 3, 3))),
        ),
        facts=Facts(
            remedy="the matrix is not positive definite: add a small multiple of eye(n) to it, or "
            "parametrize its factor",
            cost=100.0,
        ),
        doc=doc,
    )


multivariate_normal_logpdf = _normal(
    "",
    _by_covariance,
    _covariance_arguments,
    positive_definite,
    """
    Log density of normal vectors y, along the last axis, of this mean and covariance matrix; one
    number a vector. Of a matrix that is not positive definite it is NaN.
    """,
)

multivariate_normal_cholesky_logpdf = _normal(
    "cholesky_",
    _by_factor,
    _factor_arguments,
    triangular,
    """
    Log density of normal vectors y, along the last axis, of this mean and of the covariance
    factor @ factor.T; of the factor only the lower triangle is read.
    """,
)

multivariate_normal_precision_logpdf = _normal(
    "precision_",
    _by_precision,
    _precision_arguments,
    positive_definite,
    """
    Log density of normal vectors y, along the last axis, of this mean and of the covariance
    inv(precision). Of a matrix that is not positive definite it is NaN.
    """,
)
