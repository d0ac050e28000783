from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optserve.graph.aval import Array
from optserve.jobs.stationarity import ColumnNorms, cosine, relative_gradient

scales = st.floats(1e-6, 1e6)


@given(scales, scales, st.integers(0, 10))
def test_the_cosine_knows_no_scale(unit: float, weight: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    residual, jacobian = rng.standard_normal(5), rng.standard_normal((5, 2))

    def measured(r: Array, J: Array) -> float:
        norms = np.linalg.norm(J, axis=0)
        return cosine(2 * J.T @ r, norms, np.zeros(2), float(r @ r), None, None)

    scaled = measured(weight * residual, weight * jacobian * np.array([unit, 1.0]))
    np.testing.assert_allclose(scaled, measured(residual, jacobian), rtol=1e-12)


def test_a_bound_that_holds_a_parameter_takes_it_out() -> None:
    point, lower = np.array([0.0, 1.0]), np.zeros(2)
    gradient = np.array([5.0, 0.25])
    assert relative_gradient(gradient, point, 1.0, lower, None) == 0.25
    assert relative_gradient(-gradient, point, 1.0, lower, None) == 5.0
    assert cosine(gradient, np.ones(2), point, 1.0, lower, None) == 0.125


def test_a_residual_of_zero_and_a_column_of_zeros_are_stationary() -> None:
    assert cosine(np.zeros(2), np.ones(2), np.zeros(2), 0.0, None, None) == 0.0
    assert cosine(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.zeros(2), 1.0, None, None) == 0.5


def test_convergence_is_told_from_norms_at_the_point_itself() -> None:
    asked = []

    def norms_at(point: Array) -> Array:
        asked.append(float(point[0]))
        return np.array([1.0 if point[0] < 6 else 1e-3])

    columns = ColumnNorms(norms_at)
    for step in range(1, 8):
        found = columns.cosine(np.array([1e-6]), np.array([float(step)]), 1.0, None, None, 1e-5)
        exact = 0.5e-6 / (1.0 if step < 6 else 1e-3)
        assert found == exact
    assert asked == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
