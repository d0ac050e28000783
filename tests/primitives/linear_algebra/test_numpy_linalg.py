"""NumPy's linear algebra means on traced values what it means on arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.graph.interpret import interpret
from optserve.primitives.tracing import trace, verify

RNG = np.random.default_rng(4)
A = RNG.standard_normal((3, 3)) + 3.0 * np.eye(3)
S = A @ A.T
B = RNG.standard_normal((3, 2))
T = RNG.standard_normal((2, 3, 4))

CALLS: list[Callable[..., Any]] = [
    lambda a, s, b, t: np.linalg.cholesky(s),
    lambda a, s, b, t: np.linalg.cholesky(s, upper=True),
    lambda a, s, b, t: np.linalg.solve(a, b),
    lambda a, s, b, t: np.linalg.solve(a, b[:, 0]),
    lambda a, s, b, t: np.linalg.solve(A, b),
    lambda a, s, b, t: np.linalg.inv(a),
    lambda a, s, b, t: np.linalg.det(a),
    lambda a, s, b, t: np.linalg.slogdet(a).logabsdet,
    lambda a, s, b, t: np.linalg.slogdet(a)[0],
    lambda a, s, b, t: np.tril(t, -1) + np.triu(t),
    lambda a, s, b, t: np.diag(a, 1),
    lambda a, s, b, t: np.diag(b[:, 0], k=-1),
    lambda a, s, b, t: np.diagonal(t),
    lambda a, s, b, t: np.diagonal(t, 1, 1, 2),
    lambda a, s, b, t: np.trace(t, axis1=2, axis2=1),
    lambda a, s, b, t: np.linalg.trace(t, offset=-1),
    lambda a, s, b, t: np.linalg.diagonal(t),
    lambda a, s, b, t: np.linalg.eigh(s).eigenvalues,
    lambda a, s, b, t: np.linalg.eigh(s, "U")[0],
    lambda a, s, b, t: np.linalg.eigvalsh(s),
    lambda a, s, b, t: np.linalg.svd(b, full_matrices=False).S,
    lambda a, s, b, t: np.linalg.svd(a)[1],
    lambda a, s, b, t: np.linalg.svd(t, compute_uv=False),
    lambda a, s, b, t: np.linalg.svdvals(t),
    lambda a, s, b, t: np.linalg.qr(b).Q,
    lambda a, s, b, t: np.linalg.qr(t, mode="r"),
    lambda a, s, b, t: np.linalg.lstsq(b, a[0])[0],
    lambda a, s, b, t: np.linalg.lstsq(b, a, rcond=None)[0],
    lambda a, s, b, t: np.linalg.pinv(t),
    lambda a, s, b, t: np.linalg.matrix_power(a, 5),
    lambda a, s, b, t: np.linalg.matrix_power(a, -2),
    lambda a, s, b, t: np.linalg.matrix_power(a, 0),
    lambda a, s, b, t: np.linalg.multi_dot([a, s, b]),
    lambda a, s, b, t: np.linalg.norm(b, "nuc"),
    lambda a, s, b, t: np.linalg.norm(t, 2, axis=(1, 2), keepdims=True),
    lambda a, s, b, t: np.kron(a, b),
    lambda a, s, b, t: np.kron(b[0], a),
    lambda a, s, b, t: np.cross(a, s),
    lambda a, s, b, t: np.cross(a, s[:, 0], axis=0),
    lambda a, s, b, t: np.linalg.cross(a, s, axis=-1),
]


@pytest.mark.parametrize("call", CALLS)
def test_it_means_the_same(call: Callable[..., Any]) -> None:
    traced = trace(call, A, S, B, T)
    verify(traced.graph)
    [found] = interpret(traced.graph, A, S, B, T, *traced.captured)
    expected = np.asarray(call(A, S, B, T))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert np.shape(found) == expected.shape
