from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from optserve.graph.aval import Array
from optserve.optimizers.damped_least_squares import linearize, model_step

FAR = np.full(4, np.inf)


def problem(seed: int, rows: int = 9) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-3, 3, 4)
    return rng.normal(size=(rows, 4)) * scale, rng.normal(size=rows), scale


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 9])
def test_the_model_keeps_gradient_and_reduction(rows: int) -> None:
    jacobian, residual, scale = problem(rows, rows)
    step = np.random.default_rng(0).normal(size=4) / scale
    model = linearize(jacobian, residual)
    np.testing.assert_allclose(model.gradient(), 2 * jacobian.T @ residual, rtol=1e-11)
    after = residual + jacobian @ step
    assert model.reduction(step) == pytest.approx(residual @ residual - after @ after, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("radius", [1e-6, 1e-2, 0.3, 1e3])
def test_the_step_fits_the_trust_region(seed: int, radius: float) -> None:
    jacobian, residual, scale = problem(seed)
    model = linearize(jacobian, residual)
    step, damping = model_step(model, scale, radius, 0.0, -FAR, FAR)
    length = float(np.linalg.norm(scale * step))
    assert length <= 1.1 * radius
    assert damping == 0 or length >= 0.9 * radius
    stacked = np.vstack([jacobian, np.sqrt(damping) * np.diag(scale)])
    wanted = np.linalg.lstsq(stacked, np.concatenate([-residual, np.zeros(4)]))[0]
    np.testing.assert_allclose(scale * step, scale * wanted, rtol=1e-7, atol=1e-9 * length)


@pytest.mark.parametrize("seed", range(20))
def test_a_step_in_the_box_is_the_best(seed: int) -> None:
    jacobian, residual, scale = problem(seed)
    rng = np.random.default_rng(seed)
    below, above = -rng.uniform(0, 0.3, 4) / scale, rng.uniform(0, 0.3, 4) / scale
    model = linearize(jacobian, residual)
    step, damping = model_step(model, scale, 1e3, 0.0, below, above)
    assert damping == 0
    assert (step >= below).all()
    assert (step <= above).all()
    best = lsq_linear(jacobian, -residual, (below, above), tol=1e-14)
    assert model.reduction(step) == pytest.approx(residual @ residual - 2 * best.cost, rel=1e-6)


def test_the_gauss_newton_step_of_deficient_rank_is_the_shortest() -> None:
    jacobian = np.outer(np.arange(1.0, 6.0), np.ones(4))
    step, damping = model_step(linearize(jacobian, np.ones(5)), np.ones(4), 1e3, 0.0, -FAR, FAR)
    assert damping == 0
    np.testing.assert_allclose(step, -np.linalg.pinv(jacobian) @ np.ones(5), rtol=1e-12)


def test_what_descent_would_push_out_is_held() -> None:
    model = linearize(np.eye(4), np.array([1.0, -1.0, 1.0, -1.0]))
    below, above = np.array([0.0, -9, -9, -9]), np.array([9.0, 0, 9, 9])
    step, _ = model_step(model, np.ones(4), 1e3, 0.0, below, above)
    np.testing.assert_allclose(step, [0, 0, -1, 1], atol=1e-15)
