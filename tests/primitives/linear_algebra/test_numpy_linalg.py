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
]


@pytest.mark.parametrize("call", CALLS)
def test_it_means_the_same(call: Callable[..., Any]) -> None:
    traced = trace(call, A, S, B, T)
    verify(traced.graph)
    [found] = interpret(traced.graph, A, S, B, T, *traced.captured)
    expected = np.asarray(call(A, S, B, T))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert np.shape(found) == expected.shape
