from __future__ import annotations

import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.optimizers.limited_memory import Memory, bounded_direction, direction

UNBOUNDED = np.full(6, np.inf)


def remembered(pairs: int, seed: int) -> tuple[Memory, Array]:
    """Steps on a convex quadratic, and the BFGS matrix that they give, by its definition."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(6, 6))
    steps = rng.normal(size=(pairs, 6))
    changes = steps @ (root @ root.T + np.eye(6))
    scale = np.geomspace(1.0, 9.0, 6)
    matrix = np.diag(scale)
    for step, change in zip(steps, changes, strict=True):
        forward = matrix @ step
        matrix = (
            matrix
            - np.outer(forward, forward) / (step @ forward)
            + np.outer(change, change) / (step @ change)
        )
    return Memory(steps, changes, scale), matrix


@pytest.mark.parametrize("pairs", [0, 1, 4])
def test_direction_is_that_of_the_dense_matrix(pairs: int) -> None:
    memory, matrix = remembered(pairs, seed=pairs)
    gradient = np.arange(1.0, 7.0)
    np.testing.assert_allclose(
        direction(memory, gradient), -np.linalg.solve(matrix, gradient), rtol=1e-9
    )


@pytest.mark.parametrize("pairs", [0, 1, 4])
def test_without_bounds_both_directions_agree(pairs: int) -> None:
    memory, _ = remembered(pairs, seed=pairs)
    gradient = np.arange(1.0, 7.0)
    np.testing.assert_allclose(
        bounded_direction(memory, gradient, -UNBOUNDED, UNBOUNDED),
        direction(memory, gradient),
        rtol=1e-8,
    )


def cauchy_by_walking(matrix: Array, gradient: Array, below: Array, above: Array) -> float:
    """The model's first minimum along the projected gradient, on a fine grid."""
    times = np.linspace(0, 2, 20001)
    points = np.clip(-times[:, None] * gradient, below, above)
    values = points @ gradient + 0.5 * np.einsum("ij,jk,ik->i", points, matrix, points)
    rises = np.flatnonzero(np.diff(values) > 0)
    return float(values[rises[0] if rises.size else -1])


@pytest.mark.parametrize("seed", range(20))
def test_bounded_direction_descends_below_the_cauchy_point(seed: int) -> None:
    memory, matrix = remembered(seed % 5, seed)
    rng = np.random.default_rng(100 + seed)
    gradient = rng.normal(size=6)
    below, above = -rng.uniform(0, 0.3, 6), rng.uniform(0, 0.3, 6)
    below[0] = above[1] = 0.0
    found = bounded_direction(memory, gradient, below, above)
    assert (found >= below).all()
    assert (found <= above).all()
    assert gradient @ found < 0

    free = (found > below) & (found < above)
    reached = found @ gradient + 0.5 * found @ matrix @ found
    if not free.any() or np.allclose((gradient + matrix @ found)[free], 0, atol=1e-9):
        # The subspace minimizer needed no projection, so it is no worse than the Cauchy point.
        unit = np.sqrt(memory.scale)
        scaled = matrix / unit / unit[:, None], gradient / unit, below * unit, above * unit
        assert reached <= cauchy_by_walking(*scaled) + 1e-6


def test_at_a_corner_where_all_is_held_nothing_moves() -> None:
    memory, _ = remembered(3, seed=0)
    found = bounded_direction(memory, np.ones(6), np.zeros(6), np.ones(6))
    np.testing.assert_array_equal(found, 0.0)
