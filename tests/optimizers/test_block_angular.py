"""Triangles by blocks: what the whole ones are, of dependent columns too."""

from __future__ import annotations

import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.optimizers import Evaluation, levenberg_marquardt
from optserve.optimizers.block_angular import (
    AngularTriangle,
    BlockLayout,
    assembled,
    eliminated,
    of_border,
)
from optserve.optimizers.damped_least_squares import damped_gain, model_step
from optserve.optimizers.linearization import Model, linearize

WIDTHS = (3, 1, 2, 3)


def layout(border: int) -> BlockLayout:
    """Four blocks of one to three columns, in no order, beside a border."""
    size = sum(WIDTHS) + border
    order = np.random.default_rng(border).permutation(size)
    blocks = np.full((len(WIDTHS), max(WIDTHS)), size)
    first = 0
    for number, width in enumerate(WIDTHS):
        blocks[number, :width] = order[first : first + width]
        first += width
    return BlockLayout(blocks, order[first:], size)


def made(one: BlockLayout, seed: int, rows: int = 6, repeated: bool = False) -> tuple[Array, Array]:
    """A Jacobian with so many rows for each block, and a residual."""
    rng = np.random.default_rng(seed)
    parts = []
    for block in one.blocks:
        part = np.zeros((rows, one.size))
        own = [*block[block < one.size], *one.border]
        part[:, own] = rng.standard_normal((rows, len(own))) * 10.0 ** rng.uniform(-3, 3, len(own))
        parts.append(part)
    jacobian = np.concatenate(parts)
    if repeated:  # in a block, and in the border
        jacobian[:, one.blocks[3, 1]] = -2.0 * jacobian[:, one.blocks[3, 0]]
        jacobian[:, one.border[1]] = 1e3 * jacobian[:, one.border[0]]
    return jacobian, rng.standard_normal(len(jacobian))


def angular(one: BlockLayout, jacobian: Array, residual: Array) -> tuple[AngularTriangle, Array]:
    """What is made of it: the triangle, and the residual (p + 1,)."""
    (count, width), border = one.blocks.shape, one.border.size
    panels = np.zeros((count, len(jacobian) // count + width, width + border + 1))
    for number, block in enumerate(one.blocks):
        rows = slice(number * (len(jacobian) // count), (number + 1) * (len(jacobian) // count))
        for place, column in enumerate(block):
            if column == one.size:
                panels[number, -1 - place, place] = 1.0
            else:
                panels[number, : len(jacobian) // count, place] = jacobian[rows, column]
        panels[number, : len(jacobian) // count, width:-1] = jacobian[rows][:, one.border]
        panels[number, : len(jacobian) // count, -1] = residual[rows]
    top, rest = eliminated(panels, width)
    whole = of_border([rest])
    triangle, target = assembled(one, top, whole)
    return triangle, np.append(target, whole[-1, -1])


def models(border: int, seed: int, rows: int = 6, repeated: bool = False) -> tuple[Model, Model]:
    one = layout(border)
    jacobian, residual = made(one, seed, rows, repeated)
    whole = linearize(jacobian, residual)
    found = linearize(*angular(one, jacobian, residual))
    assert whole is not None
    assert found is not None
    return found, whole


@pytest.mark.parametrize("border", [0, 1, 4])
@pytest.mark.parametrize("rows", [4, 6])
def test_the_model_is_the_whole_one(border: int, rows: int) -> None:
    found, whole = models(border, 3, rows)
    step = np.random.default_rng(1).standard_normal(len(whole.target))
    for one, other in (
        (found.lengths, whole.lengths),
        (found.size, whole.size),
        (found.remainder, whole.remainder),
        (found.cosines, whole.cosines),
        (found.reduction(step), whole.reduction(step)),
        (found.offset(), whole.offset()),
        (found.gauss_newton.step, whole.gauss_newton.step),
        ((found.factor / (2.0 + step**2)).lengths(), 1.0 / (2.0 + step**2)),
    ):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert found.gauss_newton.full
    assert whole.gauss_newton.full


@pytest.mark.parametrize("border", [0, 1, 4])
@pytest.mark.parametrize("radius", [1e-3, 0.1, 1.0])
def test_steps_within_a_radius_are_the_same(border: int, radius: float) -> None:
    found, whole = models(border, 5)
    weights = np.random.default_rng(2).uniform(0.5, 2.0, len(whole.target))
    step, damping = model_step(found, weights, radius, 0.0)
    wanted, other = model_step(whole, weights, radius, 0.0)
    np.testing.assert_allclose(step, wanted, rtol=1e-9, atol=1e-12)
    assert damping == pytest.approx(other, rel=1e-9)
    gains = [damped_gain(one, weights, damping, None) for one in (found, whole)]
    assert gains[0] == pytest.approx(gains[1], rel=1e-9)


def test_columns_that_repeat_others_do_not_count() -> None:
    found, whole = models(4, 7, repeated=True)
    assert not found.gauss_newton.full
    assert found.offset() == pytest.approx(whole.offset(), rel=1e-9)
    step = found.gauss_newton.step
    np.testing.assert_allclose(
        found.reduction(step), whole.reduction(whole.gauss_newton.step), rtol=1e-9
    )


def test_blocks_without_rows_enough_leave_them_to_the_border() -> None:
    one = layout(2)
    jacobian, residual = made(one, 11, 8)
    jacobian[2:8] = 0.0  # the first block, of three columns, has two rows
    residual[2:8] = 0.0
    found, whole = linearize(*angular(one, jacobian, residual)), linearize(jacobian, residual)
    assert found is not None
    assert whole is not None
    assert not found.gauss_newton.full
    assert found.offset() == pytest.approx(whole.offset(), rel=1e-9)
    assert found.reduction(found.gauss_newton.step) == pytest.approx(found.offset() ** 2, rel=1e-9)


def test_a_column_without_effect_is_left_alone() -> None:
    one = layout(1)
    jacobian, residual = made(one, 13)
    jacobian[:, one.blocks[1, 0]] = 0.0
    found, whole = linearize(*angular(one, jacobian, residual)), linearize(jacobian, residual)
    assert found is not None
    assert whole is not None
    assert found.gauss_newton.step[one.blocks[1, 0]] == 0.0
    assert found.offset() == pytest.approx(whole.offset(), rel=1e-9)


def test_the_state_is_arrays_from_which_a_descent_goes_on() -> None:
    one = layout(4)
    jacobian, residual = made(one, 17)
    triangle, short = angular(one, jacobian, residual)
    method = levenberg_marquardt(radius=0.1)
    params = np.zeros(one.size)
    given = residual @ residual, 2.0 * jacobian.T @ residual
    updates = []
    for evaluation in (
        Evaluation(*given, short, triangle),
        Evaluation(*given, residual, jacobian),
    ):
        step, state = method.update(evaluation, method.init(params), params)
        assert all(isinstance(part, np.ndarray | np.generic) for part in state)
        updates.append(step)
    np.testing.assert_allclose(updates[0], updates[1], rtol=1e-9)


def test_what_is_not_finite_has_no_model() -> None:
    one = layout(1)
    unknown = AngularTriangle.of(one, np.full(one.entries, np.nan))
    assert linearize(unknown, np.full(one.size + 1, np.nan)) is None
