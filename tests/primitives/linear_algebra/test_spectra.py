"""Eigenvalues and singular values: values, and derivatives where they are repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm, expm_frechet, fractional_matrix_power

from optserve.graph.aval import Array
from optserve.primitives.linear_algebra import matrix_exponential
from optserve.primitives.linear_algebra.eigen import eigh, eigvalsh
from optserve.primitives.linear_algebra.orthogonal import lstsq, pinv, qr
from optserve.primitives.linear_algebra.singular import svd, svdvals
from optserve.primitives.norms import norm
from optserve.transforms.functions import grad
from optserve.transforms.jacobians import hessian

RNG = np.random.default_rng(8)
A = RNG.standard_normal((2, 4, 3))
S = A @ np.swapaxes(A, -1, -2)
REPEATED = np.diag([1.0, 1.0, 2.0])
C = np.array([[0.0, 1.0, 0.3], [1.0, 0.0, 0.2], [0.3, 0.2, 0.5]])


def turned() -> Array:
    """A matrix of the eigenvalues 1, 1 and 2 whose vectors are not axes."""
    q = np.linalg.qr(RNG.standard_normal((3, 3)))[0]
    return np.asarray(q @ REPEATED @ q.T)


def lower(full: Array) -> Array:
    """The derivative by the lower triangle, of that by all entries."""
    both = full + full.T
    return np.asarray(np.tril(both) - np.diag(np.diag(full)))


def test_values_are_those_of_numpy() -> None:
    for found, expected in [
        (eigh(S), np.linalg.eigh(S)),
        (svd(A), np.linalg.svd(A, full_matrices=False)),
        (qr(A), np.linalg.qr(A)),
    ]:
        for have, want in zip(found, expected, strict=True):
            np.testing.assert_array_equal(have, want)
    np.testing.assert_allclose(eigvalsh(S), np.linalg.eigvalsh(S), atol=1e-14)
    np.testing.assert_allclose(svdvals(A), np.linalg.svdvals(A), rtol=1e-13)
    np.testing.assert_array_equal(pinv(A), np.linalg.pinv(A))
    b = RNG.standard_normal(4)
    np.testing.assert_allclose(lstsq(A[0], b), np.linalg.lstsq(A[0], b)[0], rtol=1e-12)
    wide = A[0].T
    np.testing.assert_allclose(lstsq(wide, b[:3]), np.linalg.lstsq(wide, b[:3])[0], rtol=1e-12)
    deficient = np.ones((3, 2))
    shortest = np.linalg.lstsq(deficient, b[:3])[0]
    np.testing.assert_allclose(lstsq(deficient, b[:3]), shortest, rtol=1e-12)
    for scale in (1e-9, 0.1, 1.0, 3.0):
        near = matrix_exponential.expm(scale * S)
        np.testing.assert_allclose(near, expm(scale * S), rtol=1e-12)


@pytest.mark.parametrize(
    ("order", "axis"),
    [
        *((order, None) for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)),
        *((order, 0) for order in (0, 1, 2, 3, 0.5, -1, np.inf, -np.inf)),
        (None, None),
        ("nuc", (0, 1)),
        (2, (1, 0)),
    ],
)
def test_norms_are_those_of_numpy(order: Any, axis: Any) -> None:
    found, expected = norm(A[0], order, axis), np.linalg.norm(A[0], order, axis)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    kept = np.linalg.norm(A[0], order, axis, keepdims=True)
    assert np.shape(norm(A[0], order, axis, keepdims=True)) == kept.shape


@pytest.mark.parametrize("matrix", [REPEATED, turned(), np.eye(3)], ids=["axes", "turned", "one"])
@pytest.mark.parametrize(
    ("loss", "slope"),
    [
        (lambda a: np.sum(np.square(eigvalsh(a))), lambda a: 2.0 * a),
        (lambda a: np.sum(np.log(eigvalsh(a))), np.linalg.inv),
        (lambda a: np.sum(np.exp(eigh(a)[0])), expm),
        (lambda a: np.mean(eigvalsh(a)) ** 2, lambda a: 2.0 / 9.0 * np.trace(a) * np.eye(3)),
    ],
    ids=["squares", "log det", "exp", "mean"],
)
def test_functions_of_repeated_eigenvalues(
    matrix: Array, loss: Callable[[Any], Any], slope: Callable[[Array], Array]
) -> None:
    np.testing.assert_allclose(grad(loss)(matrix), lower(slope(matrix)), atol=1e-13)


@pytest.mark.parametrize("matrix", [REPEATED, turned(), np.eye(3)], ids=["axes", "turned", "one"])
def test_second_derivatives_of_functions_of_repeated_eigenvalues(matrix: Array) -> None:
    def loss(x: Any) -> Any:
        return np.sum(np.log(eigvalsh(np.tensordot(x, BASIS, 1) + matrix)))

    inverse = np.linalg.inv(matrix)
    expected = -np.einsum("ab,ibc,cd,jda->ij", inverse, BASIS, inverse, BASIS)
    np.testing.assert_allclose(hessian(loss)(np.zeros(3)), expected, atol=1e-13)


BASIS = np.stack([x + x.T for x in RNG.standard_normal((3, 3, 3))])


SPELLINGS: list[Callable[[Any, Any], Any]] = [
    lambda w, v: (v * w) @ v.T,
    lambda w, v: (v * w[None, :]) @ v.T,
    lambda w, v: v @ np.diag(w) @ v.T,
    lambda w, v: np.matmul(w[..., None, :] * v, np.swapaxes(v, -1, -2)),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("matrix", [REPEATED, turned(), np.eye(3)], ids=["axes", "turned", "one"])
def test_a_function_of_a_matrix_by_its_eigenvalues(
    spelling: Callable[[Any, Any], Any], matrix: Array
) -> None:
    def loss(a: Any) -> Any:
        w, v = eigh(a)
        return np.sum(C * spelling(np.exp(w), v))

    assert loss(matrix) == pytest.approx(np.sum(C * expm(matrix)))
    expected = lower(expm_frechet(matrix, C)[1])
    np.testing.assert_allclose(grad(loss)(matrix), expected, atol=1e-12)


def test_eigenvalues_that_nearly_meet_keep_their_digits() -> None:
    for gap in (1e-3, 1e-6, 1e-9, 1e-12, 1e-15):
        matrix = np.diag([1.0, 1.0 + gap, 3.0])
        slope = grad(lambda a: np.sum(C * _root(a)))(matrix)
        step = 1e-5
        root = fractional_matrix_power
        difference = (root(matrix + step * C, 0.5) - root(matrix - step * C, 0.5)) / (2 * step)
        expected = float(np.sum(C * difference))
        assert float(np.sum(np.tril(C) * slope)) == pytest.approx(expected, rel=1e-8)


def _root(a: Any) -> Any:
    w, v = eigh(a)
    return (v * np.sqrt(w)) @ v.T


def test_vectors_of_their_own_are_not_a_number() -> None:
    slope = grad(lambda a: np.sum(C[:, ::-1] * eigh(a)[1] ** 2))
    assert np.isnan(slope(turned())).any()
    assert np.isfinite(slope(np.diag([1.0, 2.0, 3.0]))).all()
    single = grad(lambda a: eigh(a)[1][0, 2] ** 2)
    assert np.isfinite(single(REPEATED)).all()
    by_position = grad(lambda a: np.sum(C * _by_position(a)))
    assert np.isnan(by_position(REPEATED)).any()
    assert all(np.isnan(by_position(turned())).any() for _ in range(5))


@pytest.mark.parametrize("size", [3, 5])
def test_eigenvalues_that_only_rounding_tells_apart_are_repeated(size: int) -> None:
    weights = np.cos(np.arange(size * size)).reshape(size, size)
    for _ in range(10):
        q = np.linalg.qr(RNG.standard_normal((size, size)))[0]
        matrix = q @ np.diag([*np.ones(size - 1), 2.0]) @ q.T
        assert np.isnan(grad(lambda a: np.sum(weights * eigh(a)[1] ** 2))(matrix)).any()
        assert np.isnan(grad(lambda a: np.sum(weights * svd(a)[0] ** 2))(matrix)).any()


@pytest.mark.parametrize("matrix", [REPEATED, turned()], ids=["axes", "turned"])
@pytest.mark.parametrize(
    "function",
    [
        lambda a: eigh(a)[1][:, :2] @ eigh(a)[1][:, :2].T,
        lambda a: eigh(a)[1][:, 2:] @ eigh(a)[1][:, 2:].T,
    ],
    ids=["onto a plane", "onto a line"],
)
def test_a_projection_does_not_depend_on_the_basis(
    matrix: Array, function: Callable[[Any], Any]
) -> None:
    direction, step = C + np.diag([0.1, 0.2, 0.4]), 1e-5
    above, below = function(matrix + step * direction), function(matrix - step * direction)
    expected = np.sum(C * (above - below)) / (2.0 * step)
    slope = grad(lambda a: np.sum(C * function(a)))(matrix)
    assert float(np.sum(np.tril(direction) * slope)) == pytest.approx(expected, rel=1e-7)


def test_what_two_singular_bases_share_does_not_depend_on_them() -> None:
    p, q = (np.linalg.qr(RNG.standard_normal((3, 3)))[0] for _ in range(2))
    direction, step = RNG.standard_normal((3, 3)), 1e-5

    def polar(a: Any) -> Any:
        u, _, vh = svd(a)
        return np.sum(C * (u @ vh))

    def first(a: Any) -> Any:
        u, _, vh = svd(a)
        return np.sum(C * (u[:, :1] @ vh[:1]))

    for loss, values in ((polar, [2.0, 2.0, 1.0]), (polar, [1.0] * 3), (first, [2.0, 1.0, 0.0])):
        matrix = p @ np.diag(values) @ q.T
        expected = (loss(matrix + step * direction) - loss(matrix - step * direction)) / (
            2.0 * step
        )
        found = float(np.sum(direction * grad(loss)(matrix)))
        assert found == pytest.approx(expected, rel=1e-7)


def _by_position(a: Any) -> Any:
    w, v = eigh(a)
    return (v * (w * np.array([1.0, 2.0, 3.0]))) @ v.T


def test_the_nuclear_norm_away_from_zero() -> None:
    def nuclear(x: Any) -> Any:
        return norm(x, "nuc")

    np.testing.assert_allclose(grad(nuclear)(2.0 * np.eye(3)), np.eye(3), atol=1e-14)
    second = hessian(lambda x: nuclear(np.reshape(x, (2, 2))))(np.eye(2).ravel())
    # Away from 0 it changes to second order by turns alone: U diag(1) V.T is a rotation.
    expected = np.array([[0, 0, 0, 0], [0, 0.5, -0.5, 0], [0, -0.5, 0.5, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(second, expected, atol=1e-14)
    tall = np.eye(3)[:, :2]
    np.testing.assert_allclose(grad(nuclear)(tall), tall, atol=1e-14)


def test_squares_of_singular_values_at_zero() -> None:
    def squares(x: Any) -> Any:
        return np.sum(np.square(svdvals(x)))

    singular = np.ones((3, 2))
    np.testing.assert_allclose(grad(squares)(singular), 2.0 * singular, atol=1e-14)
    second = hessian(lambda x: squares(np.reshape(x, (3, 2))))(singular.ravel())
    np.testing.assert_allclose(second, 2.0 * np.eye(6), atol=1e-13)


def test_the_exponential_of_what_is_too_large() -> None:
    assert np.isinf(matrix_exponential.expm(np.array([[1000.0]]))).all()
    found = matrix_exponential.expm(np.stack([np.full((2, 2), np.nan), np.zeros((2, 2))]))
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1], np.eye(2))
