from __future__ import annotations

import numpy as np
import pytest

from optserve.config import initializers
from optserve.config.initializers import Initializer, generator
from optserve.errors import ConfigError

SHAPE = (400, 100)
VARIANCES: dict[str, tuple[Initializer, float]] = {
    "normal": (initializers.normal(std=0.3), 0.09),
    "uniform": (initializers.uniform(-3.0, 3.0), 3.0),
    "glorot_normal": (initializers.glorot_normal(), 2 / 500),
    "glorot_uniform": (initializers.glorot_uniform(gain=2.0), 8 / 500),
    "he_normal": (initializers.he_normal(), 2 / 400),
    "he_uniform": (initializers.he_uniform(), 2 / 400),
    # 1 - 4 phi(2) / (2 Phi(2) - 1), of a standard normal cut at two deviations
    "truncated_normal": (initializers.truncated_normal(std=0.3), 0.09 * 0.7737413),
    "orthogonal": (initializers.orthogonal(gain=2.0), 4 / 400),
}


@pytest.mark.parametrize(("initializer", "variance"), VARIANCES.values(), ids=VARIANCES)
def test_draws_have_the_variance_of_their_paper(initializer: Initializer, variance: float) -> None:
    values = initializer(generator(0, "W"), SHAPE)
    assert values.shape == SHAPE
    np.testing.assert_allclose(values.var(), variance, rtol=0.05)
    np.testing.assert_allclose(values.mean(), 0.0, atol=4 * np.sqrt(variance / values.size))


def test_constants() -> None:
    rng = generator(0, "b")
    assert initializers.zeros()(rng, (2,)).tolist() == [0.0, 0.0]
    assert initializers.ones()(rng, ()).tolist() == 1.0
    assert initializers.fill(0.5)(rng, (1, 2)).tolist() == [[0.5, 0.5]]


def test_draws_depend_on_the_seed_and_the_name_alone() -> None:
    draw = initializers.normal()
    first = draw(generator(0, "W"), (5,))
    assert (first == draw(generator(0, "W"), (5,))).all()
    assert (first != draw(generator(1, "W"), (5,))).all()
    assert (first != draw(generator(0, "V"), (5,))).all()


def test_the_mean_of_a_normal_is_its_mean() -> None:
    np.testing.assert_allclose(initializers.normal(mean=3.0, std=0.0)(generator(0, "b"), (2,)), 3.0)


@pytest.mark.parametrize("shape", [(), (7,), (3, 3, 16, 8)])
def test_every_shape_has_fans(shape: tuple[int, ...]) -> None:
    for make in (initializers.glorot_uniform, initializers.he_normal):
        values = make()(generator(0, "W"), shape)
        assert values.shape == shape
        assert np.isfinite(values).all()


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 2, 3)])
def test_an_orthogonal_matrix_is_one(shape: tuple[int, ...]) -> None:
    matrix = initializers.orthogonal()(generator(0, "W"), shape).reshape(-1, shape[-1])
    small = matrix if matrix.shape[0] < matrix.shape[1] else matrix.T
    np.testing.assert_allclose(small @ small.T, np.eye(len(small)), atol=1e-14)


def test_a_vector_cannot_be_orthogonal() -> None:
    with pytest.raises(ConfigError, match="no matrix"):
        initializers.orthogonal()(generator(0, "W"), (3,))


def test_options_that_make_no_distribution_are_refused() -> None:
    with pytest.raises(ConfigError, match="std"):
        initializers.normal(std=-1.0)
    with pytest.raises(ConfigError, match="below low"):
        initializers.uniform(1.0, 0.0)
