"""Linear systems: what they compute, and what becomes of matrices that have no solution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.errors import ShapeError
from optserve.primitives.linear_algebra.cholesky import cholesky, triangular_solve
from optserve.primitives.linear_algebra.diagonals import diag, diagonal, trace
from optserve.primitives.linear_algebra.solving import det, inv, slogdet, solve
from optserve.primitives.linear_algebra.triangles import fill_lower, tril, triu
from optserve.transforms.functions import grad

RNG = np.random.default_rng(3)
MATRICES = RNG.standard_normal((2, 4, 4))
DEFINITE = MATRICES @ np.swapaxes(MATRICES, -1, -2) + 4.0 * np.eye(4)
SINGULAR = np.ones((2, 2))


def test_values_are_those_of_numpy() -> None:
    b = RNG.standard_normal((4, 3))
    np.testing.assert_array_equal(cholesky(DEFINITE), np.linalg.cholesky(DEFINITE))
    np.testing.assert_array_equal(solve(MATRICES, b), np.linalg.solve(MATRICES, b))
    np.testing.assert_array_equal(
        solve(MATRICES, b[:, 0])[0], np.linalg.solve(MATRICES[0], b[:, 0])
    )
    np.testing.assert_array_equal(inv(MATRICES), np.linalg.inv(MATRICES))
    np.testing.assert_array_equal(det(MATRICES), np.linalg.det(MATRICES))
    for found, expected in zip(slogdet(MATRICES), np.linalg.slogdet(MATRICES), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(tril(MATRICES, -1), np.tril(MATRICES, -1))
    np.testing.assert_array_equal(triu(MATRICES, 1), np.triu(MATRICES, 1))
    np.testing.assert_array_equal(diagonal(MATRICES), np.diagonal(MATRICES, 0, 1, 2))
    np.testing.assert_array_equal(diag(b[:, 0], -1), np.diag(b[:, 0], -1))
    np.testing.assert_array_equal(trace(b), np.trace(b))
    assert fill_lower([1.0, 2.0, 3.0]).tolist() == [[1.0, 0.0], [2.0, 3.0]]


@pytest.mark.parametrize("size", [1, 5, 24, 25, 130])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
def test_a_triangular_system_of_any_size(size: int, lower: bool, transpose: bool) -> None:
    a = RNG.standard_normal((2, size, size)) / size + np.eye(size)
    x = RNG.standard_normal((2, size, 3))
    own = np.tril(a) if lower else np.triu(a)
    b = (np.swapaxes(own, -1, -2) if transpose else own) @ x
    found = triangular_solve(a, b, lower=lower, transpose=transpose)
    np.testing.assert_allclose(found, x, rtol=1e-12, atol=1e-13)
    vector = triangular_solve(a[0], b[0, :, 0], lower=lower, transpose=transpose)
    np.testing.assert_allclose(vector, x[0, :, 0], rtol=1e-12, atol=1e-13)


def test_the_other_triangle_is_not_read() -> None:
    a = np.array([[2.0, np.nan], [1.0, 3.0]])
    assert np.isfinite(triangular_solve(a, [1.0, 1.0])).all()
    assert np.isfinite(cholesky(a)).all()
    slope = grad(lambda a: np.sum(cholesky(a)))(np.array([[2.0, 7.0], [1.0, 3.0]]))
    assert slope[0, 1] == 0.0


@pytest.mark.parametrize(
    ("function", "matrix"),
    [
        (cholesky, np.diag([1.0, -1.0])),
        (inv, SINGULAR),
        (lambda a: solve(a, [1.0, 0.0]), SINGULAR),
        (lambda a: solve(a, np.eye(2)), SINGULAR),
    ],
)
def test_what_has_no_value_is_nan_in_its_own_matrix_alone(
    function: Callable[[Any], Any], matrix: Any
) -> None:
    assert np.isnan(function(matrix)).all()
    found = function(np.stack([matrix, np.eye(2), matrix]))
    assert np.isnan(found[[0, 2]]).all()
    np.testing.assert_allclose(found[1], function(np.eye(2)))


def test_a_zero_on_the_diagonal_is_not_finite() -> None:
    assert not np.isfinite(triangular_solve(np.tril(SINGULAR) - np.eye(2), [1.0, 1.0])).any()


def test_the_determinant_of_a_singular_matrix_has_a_derivative() -> None:
    rank_two = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    cofactors = np.array([[-3.0, 6.0, -3.0], [6.0, -12.0, 6.0], [-3.0, 6.0, -3.0]])
    np.testing.assert_allclose(grad(det)(rank_two), cofactors, atol=1e-12)
    np.testing.assert_allclose(grad(det)(np.ones((3, 3))), np.zeros((3, 3)), atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: inv(np.ones((2, 3))), "is not square"),
        (lambda: cholesky(np.ones(3)), "is no matrix"),
        (lambda: solve(np.eye(2), np.ones(3)), "do not match"),
        (lambda: solve(np.eye(2), np.ones((5, 2, 3, 2))), "do not match"),
        (lambda: fill_lower(np.ones(4)), "fill no lower triangle"),
    ],
)
def test_shapes_that_do_not_fit_are_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        call()
