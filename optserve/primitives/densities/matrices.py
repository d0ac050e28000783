"""Distributions of matrices: Wishart's, and the LKJ distribution of correlations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.domain import Domain, Example, positive
from optserve.graph.facts import Facts
from optserve.graph.primitive import Value
from optserve.graph.structured import positive_definite
from optserve.primitives.constructors import composite
from optserve.primitives.densities.density import in_one_dtype, only_if
from optserve.primitives.densities.multivariate import sum_of_logs
from optserve.primitives.linear_algebra.cholesky import cholesky, triangular_solve
from optserve.primitives.special import gammaln

__all__ = ["lkj_logpdf", "wishart_logpdf"]

_LOG_PI, _LOG_2 = math.log(math.pi), math.log(2.0)
_INDEFINITE = "the matrix is not positive definite"


def _check_square(x: Value, name: str) -> int:
    shape = np.shape(x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"{name} has the shape {shape}", expected="square matrices (..., n, n)")
    return int(shape[-1])


def _wishart_logpdf(x: Value, dof: Value, scale: Value) -> Value:
    size = np.shape(x)[-1]
    dof = only_if(dof > size - 1.0, dof)
    root, of_scale = cholesky(x), cholesky(scale)
    trace = np.sum(np.square(triangular_solve(of_scale, root)), axis=(-2, -1))
    gammas = sum(gammaln(0.5 * (dof - float(k))) for k in range(size))
    norm = 0.5 * size * _LOG_2 * dof + 0.25 * size * (size - 1) * _LOG_PI + gammas
    powers = (dof - size - 1.0) * sum_of_logs(root) - dof * sum_of_logs(of_scale)
    return powers - 0.5 * trace - norm


def _wishart_arguments(x: Value, dof: Value, scale: Value) -> Any:
    if _check_square(x, "x") != _check_square(scale, "scale"):
        raise ShapeError(
            f"x {np.shape(x)} and scale {np.shape(scale)} do not match",
            expected="matrices of one size",
        )
    return (x, dof, scale), {}


wishart_logpdf = composite(
    "wishart_logpdf",
    _wishart_logpdf,
    impl=in_one_dtype(_wishart_logpdf),
    arguments=_wishart_arguments,
    domain=(positive_definite, Domain("above n - 1", low=2.5), positive_definite),
    examples=(Example(((3, 3), (), (3, 3))), Example(((2, 3, 3), (), (2, 3, 3)))),
    facts=Facts(remedy=f"{_INDEFINITE}, or dof is not above n - 1", cost=200.0),
    doc="""
    Log density, at the matrix x (n, n), of Wishart's distribution with dof degrees of freedom and
    this scale matrix; its mean is dof * scale. Of x only the lower triangle is read. Of a matrix
    that is not positive definite it is NaN.
    """,
)


def _lkj_logpdf(x: Value, shape: Value) -> Value:
    size = np.shape(x)[-1]
    shape = only_if(shape > 0.0, shape)
    whole = gammaln(shape + 0.5 * (size - 1))
    norm = 0.0 * shape
    for k in range(1, size):
        norm = norm + whole - 0.5 * k * _LOG_PI - gammaln(shape + 0.5 * (size - 1 - k))
    return norm + 2.0 * (shape - 1.0) * sum_of_logs(cholesky(x))


def _lkj_arguments(x: Value, shape: Value) -> Any:
    _check_square(x, "x")
    return (x, shape), {}


lkj_logpdf = composite(
    "lkj_logpdf",
    _lkj_logpdf,
    impl=in_one_dtype(_lkj_logpdf),
    arguments=_lkj_arguments,
    domain=(positive_definite, positive),
    examples=(Example(((3, 3), ())), Example(((2, 3, 3), (2,)))),
    facts=Facts(remedy=f"{_INDEFINITE}, or shape is not positive", cost=150.0),
    doc="""
    Log density, at the correlation matrix x (n, n), of the distribution of Lewandowski, Kurowicka
    and Joe (2009): proportional to det(x) ** (shape - 1), uniform for shape 1. That the diagonal
    is 1 is not looked at: `transform: correlation` sees to it. Of a matrix that is not positive
    definite it is NaN.
    """,
)
