"""The Jacobian of a job's residuals, however it is computed: that of the columns written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.jobs.bijections import log
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.transforms.forward import jacobian_graph
from tests.jobs.problems import least_squares, parameter

BACKENDS = [numpy_backend, llvm_backend]
ROWS = 40


def waves(model: Callable[..., Any], width: int) -> Problem:
    """A least squares problem of ``2 * width + 2`` free coordinates, of every kind."""
    rng = np.random.default_rng(0)
    x = np.linspace(0.0, 3.0, ROWS)
    fixed = [True] + [False] * (width - 1)
    return least_squares(
        lambda a, f, b, s, c, x, y: y - model(a, f, b, s, c, x),
        [
            parameter("a", rng.uniform(0.5, 1.0, width)),
            parameter("f", rng.uniform(1.0, 4.0, width), transform=log()),
            parameter("b", rng.uniform(0.0, 1.0, width), fixed=fixed),
            parameter("s", 0.5),
            parameter("c", 0.25, fixed=True),
        ],
        {"x": x, "y": np.sin(2.0 * x)},
        response="y",
    )


def by_rows(a: Any, f: Any, b: Any, s: Any, c: Any, x: Any) -> Any:
    return np.sin(x[:, None] * f + b) @ a * s + c


def by_sums(a: Any, f: Any, b: Any, s: Any, c: Any, x: Any) -> Any:
    return np.cumsum(by_rows(a, f, b, s, c, x)) / 20.0


def evaluator_of(made: Problem, make: Any) -> Evaluator:
    return Evaluator(made, Packing(made.parameters, np.dtype(made.precision)), make(2))


@pytest.mark.parametrize("make", BACKENDS)
@pytest.mark.parametrize("width", [2, 5, 40])
@pytest.mark.parametrize("model", [by_rows, by_sums])
def test_every_way_gives_the_columns(model: Callable[..., Any], width: int, make: Any) -> None:
    evaluator = evaluator_of(waves(model, width), make)
    graphs, packing = evaluator.graphs, evaluator.packing
    point = packing.flat({})
    found = evaluator.linearized(point)
    plain = jacobian_graph(graphs.objective, [1], range(len(packing.free)))
    *_, residual, _observed, jacobian = evaluator.backend.compile(plain)(
        *packing.pieces(point), *graphs.arguments
    )
    assert found.jacobian.shape == (ROWS, 3 * width)
    np.testing.assert_allclose(found.residual, residual, rtol=1e-13)
    np.testing.assert_allclose(found.jacobian, jacobian, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(found.loss, residual @ residual, rtol=1e-13)
    np.testing.assert_allclose(found.gradient, 2.0 * jacobian.T @ residual, rtol=1e-10)
    assert (graphs.jacobian() is None) == (model is by_sums and width > 2)


@pytest.mark.parametrize("make", BACKENDS)
@pytest.mark.parametrize("model", [by_rows, by_sums])
def test_bits_do_not_depend_on_threads(model: Callable[..., Any], make: Any) -> None:
    made = waves(model, 30)
    first, second = (
        Evaluator(made, Packing(made.parameters, np.dtype(made.precision)), make(threads))
        for threads in (1, 3)
    )
    point = first.packing.flat({})
    for one, other in zip(first.linearized(point), second.linearized(point), strict=True):
        assert one.tobytes() == other.tobytes()
