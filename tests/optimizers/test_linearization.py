from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optserve.graph.aval import Array
from optserve.optimizers import linearization
from optserve.optimizers.linearization import Model, least_squares, linearize

PRECISION = float(np.finfo(float).eps)


def linear(seed: int, rows: int = 9, columns: int = 4) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.uniform(-3, 3, columns)
    return rng.normal(size=(rows, columns)) * scale, rng.normal(size=rows)


def made(jacobian: Array, residual: Array) -> Model:
    model = linearize(jacobian, residual)
    assert model is not None
    return model


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 9])
def test_the_model_keeps_slope_and_reduction(rows: int) -> None:
    jacobian, residual = linear(rows, rows)
    model = made(jacobian, residual)
    lengths, size = np.linalg.norm(jacobian, axis=0), np.linalg.norm(residual)
    np.testing.assert_allclose(model.lengths, lengths, rtol=1e-13)
    assert model.size == pytest.approx(size, rel=1e-14)
    np.testing.assert_allclose(model.cosines, jacobian.T @ residual / lengths / size, atol=1e-13)
    step = np.random.default_rng(0).normal(size=4)
    after = residual + jacobian @ (model.units * step)
    assert model.reduction(step) == pytest.approx(1 - (after @ after) / size**2, rel=1e-9)
    assert model.remainder**2 + model.target @ model.target == pytest.approx(1.0)


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 9])
def test_the_offset_is_the_part_of_the_residual_that_the_columns_span(rows: int) -> None:
    jacobian, residual = linear(rows, rows)
    projected = jacobian @ np.linalg.pinv(jacobian) @ residual
    offset = made(jacobian, residual).offset()
    assert offset == pytest.approx(np.linalg.norm(projected) / np.linalg.norm(residual), rel=1e-9)


@pytest.mark.parametrize("rows", [2, 9, 5000])
def test_columns_that_repeat_others_do_not_count(rows: int) -> None:
    jacobian, residual = linear(rows, rows, 2)
    doubled = np.column_stack([jacobian, jacobian @ [1e3, -2.0], 7e9 * jacobian[:, 0]])
    model = made(doubled, residual)
    assert not model.gauss_newton.full
    assert model.offset() == pytest.approx(made(jacobian, residual).offset(), rel=1e-9)
    change = doubled @ (model.units * model.gauss_newton.step)
    wanted = -jacobian @ np.linalg.lstsq(jacobian, residual)[0]
    np.testing.assert_allclose(change, wanted, rtol=1e-7, atol=1e-9)


def test_columns_that_are_nearly_parallel_hide_nothing() -> None:
    seconds = 1.7e9 + np.arange(60.0)
    jacobian = np.stack([np.ones(60), seconds], axis=-1)
    residual = np.sin(np.arange(60.0)) + 0.01 * (seconds - seconds.mean())
    lengths = np.linalg.norm(jacobian, axis=0) * np.linalg.norm(residual)
    residual -= residual.mean()
    assert np.max(np.abs(jacobian.T @ residual) / lengths) < 1e-8
    assert made(jacobian, residual).offset() > 0.2


def test_a_column_without_effect_gets_no_step() -> None:
    jacobian, residual = linear(0)
    jacobian[:, 2] = 0
    model = made(jacobian, residual)
    assert model.gauss_newton.step[2] == 0
    assert model.cosines[2] == 0
    assert model.units[2] == model.size


def test_what_bounds_hold_is_left_out_of_the_offset() -> None:
    jacobian, residual = linear(1)
    held = np.array([False, True, False, True])
    offset = made(jacobian, residual).offset(held)
    assert offset == pytest.approx(made(jacobian[:, ~held], residual).offset(), rel=1e-9)
    assert made(jacobian, residual).offset(np.ones(4, bool)) == 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(-300, 300), st.integers(-300, 300))
def test_no_unit_changes_a_bit(seed: int, of_residual: int, of_columns: int) -> None:
    jacobian, residual = linear(seed)
    plain = made(jacobian, residual)
    other = made(jacobian * 2.0**of_columns * 2.0**of_residual, residual * 2.0**of_residual)
    np.testing.assert_array_equal(other.factor, plain.factor)
    np.testing.assert_array_equal(other.target, plain.target)
    np.testing.assert_array_equal(other.gauss_newton.step, plain.gauss_newton.step)
    assert other.size == plain.size * 2.0**of_residual
    assert other.offset() == plain.offset()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (8, 3), (4, 4)])
def test_what_is_not_finite_has_no_model(bad: float, place: tuple[int, int]) -> None:
    stacked = np.column_stack(linear(0))
    stacked[place] = bad
    with np.errstate(invalid="ignore"):
        assert linearize(stacked[:, :4], stacked[:, 4]) is None


def test_a_matrix_whose_singular_values_lapack_does_not_find() -> None:
    # Graded superdiagonals of this kind make the divide-and-conquer of some libraries give up.
    size = 40
    factor = np.eye(size) + np.diag(10.0 ** -np.linspace(0, 46, size - 1), 1)
    factor[:, -1] = factor[:, -2]
    model = made(factor, np.ones(size))
    assert not model.gauss_newton.full
    assert np.isfinite(model.gauss_newton.step).all()


@pytest.mark.parametrize("least", [1.0, 1e-6, 1e-13, 0.0])
def test_many_columns_are_solved_as_few_are(least: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    factor = np.triu(rng.standard_normal((150, 150))) / 12 + np.eye(150)
    factor[77, 77] *= least
    target = rng.standard_normal(150)
    found = least_squares(factor, target, 2.0**-52)
    monkeypatch.setattr(linearization, "MANY", 1000)
    expected = least_squares(factor, target, 2.0**-52)
    assert found.full == expected.full
    np.testing.assert_allclose(found.offset, expected.offset, rtol=1e-12)
    np.testing.assert_allclose(found.step, expected.step, rtol=1e-9 / max(least, 1e-3))
