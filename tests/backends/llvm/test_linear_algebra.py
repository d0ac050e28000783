"""Small matrices in native code: the same numbers as LAPACK's, and NaN where there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.primitives.linear_algebra.cholesky import cholesky, triangular_solve
from optserve.primitives.linear_algebra.diagonals import diag, diagonal
from optserve.primitives.linear_algebra.solving import det, inv, slogdet, solve
from optserve.primitives.linear_algebra.triangles import fill_lower
from optserve.primitives.tracing import trace
from optserve.transforms.reverse import value_and_gradient_graph
from tests.conformance.native import only_native

RNG = np.random.default_rng(12)
BACKEND = llvm_backend(1)

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "cholesky": cholesky,
    "inv": inv,
    "det": det,
    "slogdet": lambda a: slogdet(a)[1] * slogdet(a)[0],
    "solve": lambda a: solve(a, a[..., 0]) if a.ndim == 2 else solve(a, a[..., :1]),
    "triangular_solve": lambda a: triangular_solve(a, a[..., :2], transpose=True),
}


def definite(*shape: int) -> Array:
    root = RNG.standard_normal(shape)
    return np.asarray(root @ np.swapaxes(root, -1, -2) + 0.5 * np.eye(shape[-1]))


def compiled(function: Callable[..., Any], *arrays: Any) -> Any:
    traced = trace(function, *arrays)
    [found] = BACKEND.compile(traced.graph)(*arrays, *traced.captured)
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("size", [1, 2, 5, 16, 17])
def test_values_of_every_size(name: str, size: int) -> None:
    for a in (definite(size, size), definite(3, size, size)):
        expected = FUNCTIONS[name](a)
        scale = np.max(np.abs(expected))
        np.testing.assert_allclose(compiled(FUNCTIONS[name], a), expected, atol=1e-11 * scale)


@pytest.mark.parametrize("name", ["cholesky", "inv", "solve"])
def test_what_has_no_value_is_nan_in_its_own_matrix_alone(name: str) -> None:
    a = np.stack([np.eye(2), -np.ones((2, 2)), 2.0 * np.eye(2)])
    np.testing.assert_array_equal(compiled(FUNCTIONS[name], a), FUNCTIONS[name](a))
    assert np.isnan(compiled(FUNCTIONS[name], a)[1]).all()


def test_determinants_of_singular_matrices() -> None:
    a = np.array([[1.0, 2.0], [2.0, 4.0]])
    assert compiled(det, a) == 0.0
    assert compiled(lambda a: slogdet(a)[0], a) == 0.0
    assert compiled(lambda a: slogdet(a)[1], a) == -np.inf
    turned = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert compiled(det, turned) == compiled(lambda a: slogdet(a)[0], turned) == -1.0


def test_a_likelihood_of_rows_is_native_throughout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row has a covariance of its own."""
    rows = Dim.rows("data")

    def loss(entries: Any, y: Any, s: Any) -> Any:
        factor = fill_lower(entries)
        covariance = factor @ factor.T + s[:, None, None] * diag(np.ones(3))
        root = cholesky(covariance)
        z = triangular_solve(root, y[:, :, None])
        other = np.sum(y[:, None, :] @ solve(covariance, y[:, :, None]))
        return (
            np.sum(z * z) + np.sum(np.log(diagonal(root))) + other + np.sum(slogdet(covariance)[1])
        )

    float64 = np.dtype(np.float64)
    avals = [Aval((6,), float64), Aval((rows, 3), float64), Aval((rows,), float64)]
    traced = trace(loss, *avals)
    graph = value_and_gradient_graph(traced.graph, [0])
    arguments = (
        np.array([1.0, 0.3, 1.2, -0.4, 0.1, 0.8]),
        RNG.standard_normal((50, 3)),
        RNG.uniform(0.5, 1.0, 50),
        *traced.captured,
    )
    only_native(monkeypatch)
    found = BACKEND.compile(graph)(*arguments)
    for have, want in zip(found, interpret(graph, *arguments), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-11)
