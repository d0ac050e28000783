from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optserve.optimizers import project, projected_gradient

finite = st.floats(-1e3, 1e3)


@given(st.lists(st.tuples(finite, finite, finite), min_size=1))
def test_projection_is_the_nearest_point_and_idempotent(rows: list[tuple[float, ...]]) -> None:
    point, one, other = np.array(rows).T
    lower, upper = np.minimum(one, other), np.maximum(one, other)
    found = project(point, lower, upper)
    np.testing.assert_array_equal(found, np.clip(point, lower, upper))
    np.testing.assert_array_equal(project(found, lower, upper), found)


def test_no_bounds_change_nothing() -> None:
    point, gradient = np.array([1.0, -2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(project(point, None, None), point)
    np.testing.assert_array_equal(projected_gradient(point, gradient, None, None), gradient)


def test_only_what_descent_would_push_out_is_left_out() -> None:
    lower, upper = np.zeros(6), np.ones(6)
    point = np.array([0.0, 0.0, 0.5, 0.5, 1.0, 1.0])
    gradient = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    found = projected_gradient(point, gradient, lower, upper)
    np.testing.assert_array_equal(found, [0.0, -1.0, 1.0, -1.0, 1.0, 0.0])


def test_a_coordinate_between_equal_bounds_never_counts() -> None:
    at = np.array([2.0, 2.0])
    np.testing.assert_array_equal(projected_gradient(at, np.array([1.0, -1.0]), at, at), [0.0, 0.0])
