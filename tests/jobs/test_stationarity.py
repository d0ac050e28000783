from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.graph.aval import Array
from optserve.jobs.stationarity import Measured, cosine, relative_offset

UNBOUNDED = (None, None)
scales = st.floats(1e-6, 1e6)


def offset(residual: Array, jacobian: Array, tolerance: float = 1.0) -> Measured:
    return relative_offset(residual, jacobian, np.zeros(len(jacobian.T)), UNBOUNDED, tolerance)


@given(scales, scales, st.floats(-1e3, 1e3), st.integers(0, 10))
def test_the_relative_offset_knows_no_units_and_no_origin(
    unit: float, weight: float, shift: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    residual, jacobian = rng.standard_normal(5), rng.standard_normal((5, 2))
    mixed = jacobian @ np.array([[1.0, shift], [0.0, 1.0]]) * np.array([unit, 1.0])
    found = offset(weight * residual, weight * mixed)
    assert found.ratio == pytest.approx(offset(residual, jacobian).ratio, rel=1e-6)


def test_the_relative_offset_is_that_of_the_projection() -> None:
    rng = np.random.default_rng(3)
    residual, jacobian = rng.standard_normal(7), rng.standard_normal((7, 3))
    within = jacobian @ np.linalg.lstsq(jacobian, residual)[0]
    found = offset(residual, jacobian)
    assert found.decrement == pytest.approx(np.linalg.norm(within), rel=1e-12)
    assert found.unit == pytest.approx(np.linalg.norm(residual - within), rel=1e-12)


def test_columns_that_are_nearly_parallel_hide_nothing() -> None:
    seconds = 1.7e9 + np.arange(60.0)
    jacobian = np.stack([np.ones(60), seconds], axis=-1)
    residual = np.sin(np.arange(60.0)) + 0.01 * (seconds - seconds.mean())
    lengths = np.linalg.norm(jacobian, axis=0) * np.linalg.norm(residual)
    residual -= residual.mean()
    assert np.max(np.abs(jacobian.T @ residual) / lengths) < 1e-8
    assert offset(residual, jacobian, 1e-8).ratio > 0.2


def test_where_one_column_tells_enough_no_more_is_computed() -> None:
    residual, jacobian = np.array([3.0, 4.0, 0.0]), np.eye(3)[:, :2]
    found = offset(residual, jacobian, 1e-8)
    assert found.ratio == pytest.approx(0.8)


def test_a_bound_that_holds_a_parameter_takes_it_out() -> None:
    jacobian, residual = np.eye(3)[:, :2], np.array([1.0, 0.5, 2.0])
    bounds = (np.array([0.0, -9.0]), np.array([9.0, 9.0]))
    found = relative_offset(residual, jacobian, np.zeros(2), bounds, 1.0)
    assert found.ratio == pytest.approx(0.5 / np.hypot(1.0, 2.0))
    found = relative_offset(-residual, jacobian, np.zeros(2), bounds, 1.0)
    assert found.ratio == pytest.approx(np.hypot(1.0, 0.5) / 2.0)


def test_a_residual_of_zero_and_a_column_of_zeros_are_stationary() -> None:
    assert offset(np.zeros(3), np.eye(3)[:, :2]).ratio == 0.0
    assert cosine(np.array([0.0, 1.0]), np.array([[0.0, 1.0], [0.0, 0.0]]), 2.0) == 0.5
    assert Measured(0.0, 0.0).ratio == 0.0
