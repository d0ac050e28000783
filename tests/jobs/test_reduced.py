"""Least squares by blocks of rows: the steps that the whole Jacobian gives, whatever the blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.jobs import reduced as module
from optserve.jobs.bijections import log
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.jobs.reduced import reduced
from optserve.jobs.run import run
from optserve.optimizers import levenberg_marquardt
from optserve.optimizers.linearization import linearize
from tests.jobs.problems import parameter, problem

BACKENDS = [numpy_backend, llvm_backend]
ROWS = 1_003

Residuals = Callable[..., list[Any]]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_ENTRIES", 256)


def curve(k: Any, w: Any, c: Any, x: Any, y: Any) -> list[Any]:
    return [y - k * np.exp(-x * w[0]) - w[1] * x - c]


def several(k: Any, w: Any, c: Any, x: Any, y: Any) -> list[Any]:
    """Two of rows, one of them with two entries a row, and two without rows."""
    both = np.stack([y - k * np.exp(-x * w[0]), w[1] * x - c], axis=1)
    return [both, 0.1 * w, y - k * x, np.mean(x) * k - 1.0]


def mixed(k: Any, w: Any, c: Any, x: Any, y: Any) -> list[Any]:
    return [y - k * np.mean(np.exp(-x * w[0])) - w[1] * x - c]


def positions(k: Any, w: Any, c: Any, x: Any, y: Any) -> list[Any]:
    return [y - k * np.cumsum(np.ones_like(x)) / ROWS - w[0] * w[1] * c]


def made(residuals: Residuals, precision: str = "float64", rows: int = ROWS) -> Problem:
    names = tuple(f"r{i}" for i in range(len(residuals(1.0, np.ones(2), 1.0, np.ones(2), 0.0))))
    x = np.linspace(0.0, 3.0, rows)

    def outputs(*given: Any) -> list[Any]:
        parts = residuals(*given)
        return [sum((np.sum(part**2) for part in parts), start=0.0 * given[0]), *parts]

    return problem(
        outputs,
        [
            parameter("k", 2.0, transform=log(), precision=precision),
            parameter("w", [0.5, 0.25], precision=precision),
            parameter("c", 0.5, precision=precision),
        ],
        {"x": x, "y": 3.0 * np.exp(-0.7 * x) + 0.1 * np.sin(40.0 * x)},
        kind="least_squares",
        objective={"residuals": names},
        optimizer=levenberg_marquardt(),
        precision=precision,
    )


def evaluator_of(problem_: Problem, make: Any, threads: int = 2) -> Evaluator:
    packing = Packing(problem_.parameters, np.dtype(problem_.precision))
    return Evaluator(problem_, packing, make(threads))


@pytest.mark.parametrize("make", BACKENDS)
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("residuals", [curve, several])
def test_it_is_the_same_least_squares(residuals: Residuals, precision: str, make: Any) -> None:
    evaluator = evaluator_of(made(residuals, precision), make)
    by_blocks = reduced(evaluator)
    assert by_blocks is not None
    point = evaluator.packing.flat({})
    found, whole = by_blocks(point), evaluator.linearized(point)
    tolerance = 1e-12 if precision == "float64" else 1e-5
    size = point.size
    assert (found.residual.shape, found.jacobian.shape) == ((size + 1,), (size + 1, size))
    assert found.gradient.dtype == whole.gradient.dtype
    np.testing.assert_allclose(found.loss, whole.loss, rtol=tolerance)
    np.testing.assert_allclose(found.gradient, whole.gradient, rtol=tolerance, atol=tolerance)
    one, other = (linearize(at.jacobian, at.residual) for at in (found, whole))
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.lengths, other.lengths, rtol=tolerance)
    np.testing.assert_allclose(one.size, other.size, rtol=tolerance)
    np.testing.assert_allclose(one.gauss_newton.step, other.gauss_newton.step, rtol=100 * tolerance)


@pytest.mark.parametrize("make", BACKENDS)
def test_bits_do_not_depend_on_threads(make: Any) -> None:
    found = []
    for threads in (1, 2, 3):
        evaluator = evaluator_of(made(several), make, threads)
        by_blocks = reduced(evaluator)
        assert by_blocks is not None
        found.append(by_blocks(evaluator.packing.flat({})))
    for other in found[1:]:
        for left, right in zip(found[0], other, strict=True):
            assert left.tobytes() == right.tobytes()


@pytest.mark.parametrize("residuals", [mixed, positions])
def test_rows_that_depend_on_others_are_taken_whole(residuals: Residuals) -> None:
    assert reduced(evaluator_of(made(residuals), numpy_backend)) is None


def test_few_rows_are_taken_whole() -> None:
    assert reduced(evaluator_of(made(curve, rows=20), numpy_backend)) is None


@pytest.mark.parametrize("residuals", [curve, several])
def test_a_fit_ends_where_that_by_the_whole_does(
    residuals: Residuals, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_blocks = run(made(residuals))
    monkeypatch.setattr(module, "BLOCK_ENTRIES", 1 << 30)
    whole = run(made(residuals))
    assert by_blocks.termination.reason == whole.termination.reason
    for name in ("k", "w", "c"):
        np.testing.assert_allclose(by_blocks.parameters[name], whole.parameters[name], 1e-7, 1e-12)


def ridge(rows: int = ROWS) -> Problem:
    """Least squares of ten columns, and of what they are multiplied with."""
    rng = np.random.default_rng(0)

    def outputs(w: Any, x: Any) -> list[Any]:
        r = x @ w - 1.0
        return [np.sum(r**2) + np.sum(w**2), r, w]

    return problem(
        outputs,
        [parameter("w", [0.25] * 10)],
        {"x": rng.standard_normal((rows, 10))},
        kind="least_squares",
        objective={"residuals": ("r0", "r1")},
        optimizer=levenberg_marquardt(),
    )


@pytest.fixture
def many_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MANY", 2)


@pytest.mark.usefixtures("many_columns")
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_products_of_many_columns(threads: int) -> None:
    evaluator = evaluator_of(ridge(), llvm_backend, threads)
    by_blocks = reduced(evaluator)
    assert by_blocks is not None
    for at in (0.0, 0.5):
        point = np.full(10, at)
        found, whole = by_blocks(point), evaluator.linearized(point)
        np.testing.assert_array_equal(np.tril(found.jacobian, -1), 0.0)  # nothing was left to QR
        assert (np.diagonal(found.jacobian) > 0.0).all()
        np.testing.assert_allclose(found.loss, whole.loss, rtol=1e-13)
        np.testing.assert_allclose(found.gradient, whole.gradient, rtol=1e-12)
        products = found.jacobian.T @ found.jacobian
        np.testing.assert_allclose(products, whole.jacobian.T @ whole.jacobian, atol=1e-10)
        alone = reduced(evaluator_of(ridge(), llvm_backend, 1))
        assert alone is not None
        for left, right in zip(found, alone(point), strict=True):
            assert left.tobytes() == right.tobytes()


@pytest.mark.usefixtures("many_columns")
@pytest.mark.parametrize("rows", [60, ROWS])
def test_columns_that_are_alike_are_left_to_reflections(rows: int) -> None:
    problem_ = made(curve, rows=rows)
    x = 1.0 + 1e-9 * problem_.objective.data["x"]
    objective = replace(problem_.objective, data={**problem_.objective.data, "x": x})
    evaluator = evaluator_of(replace(problem_, objective=objective), llvm_backend)
    by_blocks = reduced(evaluator)
    assert by_blocks is not None
    point = evaluator.packing.flat({})
    found, whole = (
        linearize(at.jacobian, at.residual)
        for at in (by_blocks(point), evaluator.linearized(point))
    )
    assert found is not None
    assert whole is not None
    np.testing.assert_allclose(found.gauss_newton.offset, whole.gauss_newton.offset, rtol=1e-6)
