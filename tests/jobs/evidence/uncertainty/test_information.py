"""What is determined, and how well, whatever the units, the origin and the other parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.graph.aval import Array
from optserve.jobs.evidence.uncertainty.information import (
    Information,
    of_hessian,
    of_jacobian,
)

EPSILON = float(np.finfo(np.float64).eps)


def at_minimum(hessian: Array) -> Information:
    """What a Hessian tells where no gradient is left."""
    nothing = np.zeros(len(hessian))
    return of_hessian(hessian, nothing, nothing, EPSILON)


def covariance(found: Information) -> Array:
    factor, _ = found.of(np.eye(found.scale.size))
    product: Array = factor @ factor.T
    return product


def determined(found: Information) -> list[bool]:
    flags: list[bool] = found.of(np.eye(found.scale.size)).determined.tolist()
    return flags


def test_the_inverse_is_right_whatever_the_units() -> None:
    rng = np.random.default_rng(0)
    units = np.array([1e-150, 1.0, 1e150])
    jacobian = rng.standard_normal((9, 3)) * units
    expected = np.linalg.inv((jacobian / units).T @ (jacobian / units))
    hessian = (jacobian / units).T @ (jacobian / units) * np.sqrt(units) * np.sqrt(units)[:, None]
    for found, of in (
        (of_jacobian(jacobian, EPSILON), units),
        (at_minimum(hessian), np.sqrt(units)),
    ):
        factor, known = found.of(np.diag(of))
        np.testing.assert_allclose(factor @ factor.T, expected, rtol=1e-9)
        assert known.all()
        assert found.definite
        assert found.groups() == ()
        assert 1.0 <= found.condition < 10.0


@given(
    st.integers(0, 10**6),
    st.integers(2, 30),
    st.lists(st.floats(-12, 12), min_size=5, max_size=5),
)
def test_a_parameter_that_is_given_twice_takes_nothing_from_the_others(
    seed: int, more_rows: int, powers: list[float]
) -> None:
    """Columns 1 and 3 are proportional: the others are as in the model without column 3."""
    rng = np.random.default_rng(seed)
    jacobian = rng.standard_normal((4 + more_rows, 5))
    jacobian[:, 3] = 0.7 * jacobian[:, 1]
    jacobian *= 10.0 ** np.array(powers)
    found = of_jacobian(jacobian, EPSILON)
    assert found.rank == 4
    assert determined(found) == [True, False, True, False, True]
    assert found.groups() == ((1, 3),)
    kept = [0, 2, 4]
    without = of_jacobian(np.delete(jacobian, 3, axis=1), EPSILON)
    expected = covariance(without)[np.ix_([0, 2, 3], [0, 2, 3])]
    np.testing.assert_allclose(covariance(found)[np.ix_(kept, kept)], expected, rtol=1e-9)


@pytest.mark.parametrize("origin", [0.0, 1e3, 1.7e9])
def test_a_slope_that_is_given_twice_by_other_origins(origin: float) -> None:
    """Of 1, t and t - origin none is determined, however small the share of one may be."""
    t = origin + 60.0 * np.random.default_rng(1).uniform(-1.0, 1.0, 40)
    other = np.cos(t)
    jacobian = np.stack([np.ones(40), t, t - origin - 1.0, other], axis=1)
    found = of_jacobian(jacobian, EPSILON)
    assert found.groups() == ((0, 1, 2),)
    assert determined(found) == [False, False, False, True]
    centred = of_jacobian(np.stack([np.ones(40), t - origin, other], axis=1), EPSILON)
    assert covariance(found)[3, 3] == pytest.approx(covariance(centred)[2, 2], rel=1e-6)


def test_what_is_nearly_collinear_is_not_drawn_into_what_is_open() -> None:
    """A line over unix seconds beside a parameter that is given twice: it stays determined."""
    t = 1.7e9 + np.arange(60.0)
    wave = np.cos(np.arange(60.0))
    jacobian = np.stack([np.ones(60), t, wave, 2.0 * wave], axis=1)
    found = of_jacobian(jacobian, EPSILON)
    assert determined(found) == [True, True, False, False]
    slope = 1.0 / np.sum((t - t.mean()) ** 2)
    apart = np.linalg.lstsq(np.stack([np.ones(60), wave], axis=1), t - t.mean(), rcond=None)
    slope = 1.0 / apart[1][0]
    assert covariance(found)[1, 1] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_fewer_rows_than_parameters(rows: int) -> None:
    """1, x, x**2 at x = 0, 1, ...: the first alone is determined until there are three rows."""
    x = np.arange(float(rows))
    found = of_jacobian(np.stack([np.ones(rows), x, x * x], axis=1), EPSILON)
    assert found.rank == rows
    assert determined(found) == [True, rows == 3, rows == 3]
    assert found.groups() == {1: ((1,), (2,)), 2: ((1, 2),), 3: ()}[rows]
    assert covariance(found)[0, 0] == pytest.approx(1.0)


def test_directions_that_share_nothing_are_told_apart() -> None:
    rng = np.random.default_rng(3)
    a, b, c = rng.standard_normal((3, 20))
    jacobian = np.stack([a, b, a * 3.0, np.zeros(20), b + c, c], axis=1)
    assert of_jacobian(jacobian, EPSILON).groups() == ((3,), (0, 2), (1, 4, 5))
    hessian = jacobian.T @ jacobian
    assert at_minimum(hessian).groups() == ((3,), (0, 2), (1, 4, 5))


def test_a_combination_is_determined_though_its_parts_are_not() -> None:
    jacobian = np.stack([np.ones(7), np.ones(7), np.arange(7.0)], axis=1)
    found = of_jacobian(jacobian, EPSILON)
    weights = np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 3.0]])
    factor, known = found.of(weights)
    assert known.tolist() == [True, False, True]
    expected = np.linalg.inv(jacobian[:, 1:].T @ jacobian[:, 1:])
    assert factor[0] @ factor[0] == pytest.approx(expected[0, 0])
    assert factor[2] @ factor[2] == pytest.approx(np.array([1, 3]) @ expected @ np.array([1, 3]))


def test_what_is_left_of_a_gradient_is_no_curvature() -> None:
    """Of a loss of a * b alone: along the valley the Hessian is as large as the gradient."""
    a, b, slope = 3.0, 0.5, 1e-11
    hessian = np.array([[b * b, a * b + slope], [a * b + slope, a * a]])
    gradient = slope * np.array([b, a])
    for sign in (-1.0, 1.0):
        hessian[0, 1] = hessian[1, 0] = a * b + sign * slope
        found = of_hessian(hessian, gradient, np.array([a, b]), EPSILON)
        assert found.definite
        assert found.groups() == ((0, 1),)


def test_a_saddle_is_not_definite_and_a_flat_direction_is() -> None:
    assert not at_minimum(np.diag([1.0, -1e-3])).definite
    found = at_minimum(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 4.0]]))
    assert found.definite
    assert determined(found) == [False, False, True]
    assert covariance(found)[2, 2] == 0.25


def test_without_columns_nothing_is_known() -> None:
    found = of_jacobian(np.zeros((3, 0)), EPSILON)
    assert (found.rank, found.condition, found.groups()) == (0, 1.0, ())
