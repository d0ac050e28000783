from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from optserve.graph.aval import Array
from optserve.optimizers.damped_least_squares import model_step
from optserve.optimizers.linearization import Model, linearize


def model_of(jacobian: Array, residual: Array) -> Model:
    model = linearize(jacobian, residual)
    assert model is not None
    return model


def problem(seed: int, rows: int = 9) -> tuple[Array, Array]:
    """A Jacobian with columns of length 1, and a residual of length 1."""
    rng = np.random.default_rng(seed)
    jacobian, residual = rng.normal(size=(rows, 4)), rng.normal(size=rows)
    return jacobian / np.linalg.norm(jacobian, axis=0), residual / np.linalg.norm(residual)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("radius", [1e-6, 1e-2, 0.3, 1e3])
def test_the_step_fits_the_trust_region(seed: int, radius: float) -> None:
    jacobian, residual = problem(seed)
    weights = 10.0 ** np.random.default_rng(seed).uniform(0, 6, 4)
    step, damping = model_step(model_of(jacobian, residual), weights, radius, 0.0)
    length = float(np.linalg.norm(weights * step))
    assert length <= 1.1 * radius
    assert damping == 0 or length >= 0.9 * radius
    stacked = np.vstack([jacobian, np.sqrt(damping) * np.diag(weights)])
    wanted = np.linalg.lstsq(stacked / weights, np.concatenate([-residual, np.zeros(4)]))[0]
    np.testing.assert_allclose(weights * step, wanted, rtol=1e-7, atol=1e-9 * length)


@pytest.mark.parametrize("seed", range(20))
def test_a_step_in_the_box_is_the_best(seed: int) -> None:
    jacobian, residual = problem(seed)
    model = model_of(jacobian, residual)
    rng = np.random.default_rng(seed)
    below, above = -rng.uniform(0, 0.3, 4), rng.uniform(0, 0.3, 4)
    step, damping = model_step(model, np.ones(4), 1e3, 0.0, below, above)
    assert damping == 0
    assert (step >= below).all()
    assert (step <= above).all()
    best = lsq_linear(jacobian, -residual, (below, above), tol=1e-14)
    assert model.reduction(step) == pytest.approx(1 - 2 * best.cost, rel=1e-6)


def test_the_gauss_newton_step_of_deficient_rank_is_the_shortest() -> None:
    jacobian = np.outer(np.arange(1.0, 6.0), np.ones(4))
    model = model_of(jacobian, np.ones(5))
    step, damping = model_step(model, np.ones(4), 1e3, 0.0)
    assert damping == 0
    wanted = -np.linalg.pinv(jacobian) @ np.ones(5)
    np.testing.assert_allclose(model.units * step, wanted, rtol=1e-12)


def test_what_descent_would_push_out_is_held() -> None:
    model = model_of(np.eye(4), np.array([1.0, -1.0, 1.0, -1.0]))
    below, above = np.array([0.0, -9, -9, -9]), np.array([9.0, 0, 9, 9])
    step, _ = model_step(model, np.ones(4), 1e3, 0.0, below, above)
    np.testing.assert_allclose(model.units * step, [0, 0, -1, 1], atol=1e-15)
