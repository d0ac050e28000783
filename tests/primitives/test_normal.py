"""Tails of the normal distribution keep the digits of their second derivatives."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from optserve.backends.backend import Backend
from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.graph.interpret import interpret
from optserve.primitives.normal_tails import erfc_hazard
from optserve.transforms.derivative_check import equation_graph, pullback_graph

X = np.array(
    [-70.0, -3.0, -0.5, 0.0, 0.4, 0.83, 1.3, 1.9, 1.99, 2.3, 2.5, 2.51, 3.0, 9.0, 1e4, 1e20]
)


def exact(x: float) -> float:
    """The derivative of the hazard h, h (h - 2 x)."""
    with mpmath.workdps(60):
        z = mpmath.mpf(x)
        if z > 1e3:
            return float(2 - 1 / z**2)
        hazard = 2 * mpmath.exp(-z * z) / (mpmath.sqrt(mpmath.pi) * mpmath.erfc(z))
        return float(hazard * (hazard - 2 * z))


@pytest.mark.parametrize(
    "backend", [None, numpy_backend(1), llvm_backend(1)], ids=["none", "numpy", "llvm"]
)
def test_the_derivative_of_the_hazard_does_not_cancel(backend: Backend | None) -> None:
    graph = pullback_graph(equation_graph(erfc_hazard, [X]))
    with np.errstate(all="ignore"):
        given = X, np.ones_like(X)
        [found] = interpret(graph, *given) if backend is None else backend.compile(graph)(*given)
    np.testing.assert_allclose(found, [exact(x) for x in X], rtol=2e-15, atol=1e-300)


def test_the_hazard_at_the_ends() -> None:
    ends = np.array([-np.inf, np.inf])
    graph = pullback_graph(equation_graph(erfc_hazard, [ends]), values=True)
    with np.errstate(all="ignore"):
        hazard, slope = interpret(graph, ends, np.ones(2))
    np.testing.assert_array_equal(hazard, [0.0, np.inf])
    np.testing.assert_array_equal(slope, [0.0, 2.0])
