"""A Jacobian by its entries: what the whole one is, whatever rows pick and tables are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.graph.aval import Array
from optserve.jobs.bijections import log
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.jobs.reduced import reduced
from optserve.jobs.run import run
from optserve.optimizers import levenberg_marquardt
from optserve.optimizers.linearization import linearize
from tests.jobs.problems import parameter, problem

GROUPS, ROWS = 40, 400
RNG = np.random.default_rng(5)
FIRST = RNG.integers(-GROUPS, GROUPS, ROWS)
FIRST[:GROUPS] = np.arange(GROUPS)
SECOND = np.roll(np.arange(ROWS) % GROUPS, 7)
X = RNG.uniform(0.5, 1.5, ROWS)
Y = RNG.standard_normal(ROWS)

Residuals = Callable[..., list[Any]]


def pairs(a: Any, b: Any, c: Any, i: Any, j: Any, x: Any, y: Any) -> list[Any]:
    """One residual a row, of one entry of each table, one of them twice."""
    return [y - a[i] * np.exp(-b[j, 0] * x) + np.sin(a[j]) * b[j, 1] ** 2]


def several(a: Any, b: Any, c: Any, i: Any, j: Any, x: Any, y: Any) -> list[Any]:
    """Two residuals, one of them with two entries a row, and what all rows share."""
    turned = np.stack([b[j, 0] * x + c, b[j, 1] * a[i]], axis=1)
    return [y - a[i] * c - b[i, 1] * x, turned]


def computed(a: Any, b: Any, c: Any, i: Any, j: Any, x: Any, y: Any) -> list[Any]:
    """Tables that are computed from parameters, entry by entry."""
    doubled = np.concatenate([np.tanh(a), 3.0 * a])
    return [y - doubled[j] * x - (b.T * 2.0)[0][i], x * doubled[j + GROUPS]]


def made(residuals: Residuals, precision: str = "float64") -> Problem:
    names = ("first", "second")[: 2 if residuals in (several, computed, penalized, posed) else 1]

    def outputs(*given: Any) -> list[Any]:
        parts = residuals(*given)
        return [sum((np.sum(part**2) for part in parts), start=0.0 * given[2]), *parts]

    rng = np.random.default_rng(1)
    fixed = np.arange(GROUPS) % 7 == 3
    return problem(
        outputs,
        [
            parameter("a", rng.uniform(0.5, 1.5, GROUPS), fixed=fixed, precision=precision),
            parameter(
                "b", rng.uniform(0.5, 1.5, (GROUPS, 2)), transform=log(), precision=precision
            ),
            parameter("c", 0.7, precision=precision),
        ],
        {"i": FIRST, "j": SECOND, "x": X, "y": Y},
        kind="least_squares",
        objective={"residuals": names},
        optimizer=levenberg_marquardt(),
        precision=precision,
    )


def evaluator_of(one: Problem, make: Any = numpy_backend, threads: int = 2) -> Evaluator:
    return Evaluator(one, Packing(one.parameters, np.dtype(one.precision)), make(threads))


@pytest.mark.parametrize(
    ("residuals", "precision", "make"),
    [
        *((one, "float64", numpy_backend) for one in (pairs, several, computed)),
        (pairs, "float32", numpy_backend),
        (several, "float64", llvm_backend),
    ],
)
def test_it_is_the_whole_jacobian(
    residuals: Residuals, precision: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = evaluator_of(made(residuals, precision), make)
    sparse = evaluator.sparse
    assert sparse is not None
    point = evaluator.packing.flat({})
    found, gradient, fewer = sparse.linearized(point), sparse.gradient(point), sparse.reduced(point)
    monkeypatch.setattr("optserve.jobs.sparse_jacobian.sparse_jacobian", lambda *given: None)
    whole = evaluator_of(made(residuals, precision), make).linearized(point)
    near = 1e-12 if precision == "float64" else 1e-4
    for one, other in zip(found, whole, strict=True):
        assert (np.shape(one), one.dtype) == (np.shape(other), other.dtype)
        np.testing.assert_allclose(one, other, rtol=near, atol=near)
    for one, other in zip(gradient, whole, strict=False):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=near, atol=near)
    np.testing.assert_allclose(fewer.gradient, whole.gradient, rtol=near, atol=near)
    left, right = (linearize(at.jacobian, at.residual) for at in (fewer, whole))
    assert left is not None
    assert right is not None
    np.testing.assert_allclose(left.lengths, right.lengths, rtol=near, atol=near)
    step = right.gauss_newton.step
    np.testing.assert_allclose(left.gauss_newton.step, step, rtol=1e-3, atol=1e-4 * abs(step).max())


def test_bits_do_not_depend_on_threads() -> None:
    found = []
    for threads in (1, 2, 3):
        evaluator = evaluator_of(made(several), llvm_backend, threads)
        by_entries = reduced(evaluator)
        assert by_entries is not None
        found.append(by_entries(evaluator.packing.flat({})))
    for other in found[1:]:
        for left, right in zip(found[0], other, strict=True):
            assert left.tobytes() == right.tobytes()


def mixing(a: Any, b: Any, c: Any, i: Any, j: Any, x: Any, y: Any) -> list[Any]:
    return [y - np.cumsum(a)[i] * x]


def all_rows(a: Any, b: Any, c: Any, i: Any, j: Any, x: Any, y: Any) -> list[Any]:
    return [y - a[i] * np.mean(b[j, 0])]


def dense(a: Any, b: Any, c: Any, i: Any, j: Any, x: Any, y: Any) -> list[Any]:
    return [y - a[i] * np.sum(b) * x]


def penalized(a: Any, b: Any, c: Any, i: Any, j: Any, x: Any, y: Any) -> list[Any]:
    return [y - a[i] * b[j, 0], 0.1 * a]


def beyond(a: Any, b: Any, c: Any, i: Any, j: Any, x: Any, y: Any) -> list[Any]:
    return [y - a[i + GROUPS] * b[j, 0]]


@pytest.mark.parametrize("residuals", [mixing, all_rows, dense, penalized, beyond])
def test_others_are_taken_whole(residuals: Residuals) -> None:
    assert evaluator_of(made(residuals)).sparse is None


def test_other_data_have_other_places() -> None:
    evaluator = evaluator_of(made(pairs))
    data = {**evaluator.problem.objective.data, "i": SECOND}
    other = evaluator.over(data)
    point = evaluator.packing.flat({})
    before, after = (one.linearized(point).jacobian for one in (evaluator, other))
    changed: Array = np.asarray(before != after)
    assert changed.any()
    assert other.sparse is not evaluator.sparse


def test_products_are_summed_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from optserve.jobs import sparse_jacobian

    evaluator = evaluator_of(made(several))
    assert evaluator.sparse is not None
    point = evaluator.packing.flat({})
    whole = evaluator.sparse.reduced(point)
    monkeypatch.setattr(sparse_jacobian, "AT_ONCE", 1000)
    parts = evaluator.sparse.reduced(point)
    np.testing.assert_allclose(parts.jacobian, whole.jacobian, rtol=1e-12, atol=1e-12)


def posed(a: Any, b: Any, c: Any, i: Any, j: Any, x: Any, y: Any) -> list[Any]:
    return [y + c - a[i] * x, (y + 4.0) * x - b[j, 0] * np.exp(b[j, 1] * x)]


def test_a_fit_ends_where_that_by_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    by_entries = run(made(posed))
    monkeypatch.setattr("optserve.jobs.sparse_jacobian.sparse_jacobian", lambda *given: None)
    whole = run(made(posed))
    assert by_entries.termination.reason == whole.termination.reason
    assert by_entries.loss == pytest.approx(whole.loss, rel=1e-9)
