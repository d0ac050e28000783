"""The triangle of a tall matrix by blocks of rows: that of the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.optimizers import tall
from optserve.optimizers.tall import triangle


def positive(found: Any) -> Any:
    """A triangle whose diagonal is positive, which is unique."""
    return found * np.where(np.diagonal(found) < 0, -1.0, 1.0)[:, None]


@pytest.mark.parametrize("rows", [0, 1, 3, 64, 65, 197])
@pytest.mark.parametrize("columns", [1, 4, 30])
def test_it_is_that_of_the_whole(rows: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tall, "HEIGHT", 16)
    rng = np.random.default_rng(rows)
    units = 10.0 ** np.linspace(-150, 150, columns)
    x, y = rng.standard_normal((rows, columns)), rng.standard_normal(rows)
    found = triangle(x * units, y)
    expected: Any = np.linalg.qr(np.column_stack([x, y]), mode="r")
    assert found.shape == expected.shape
    scaled = positive(found / [*units, 1.0])
    np.testing.assert_allclose(scaled, positive(expected), atol=1e-12)


def test_single_precision_and_what_is_not_finite() -> None:
    x = np.ones((10_000, 2), np.float32)
    assert triangle(x).dtype == np.float64
    x[5000, 0] = np.nan
    assert np.isnan(triangle(x)).any()


@pytest.mark.parametrize("condition", [1.0, 8.0, 1e3, 1e7, 1e14])
@pytest.mark.parametrize("unit", [1e-160, 1e-100, 1.0, 1e100, 1e160])
def test_many_columns_have_the_triangle_of_reflections(condition: float, unit: float) -> None:
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.standard_normal((500, tall.MANY)))[0]
    right = np.linalg.qr(rng.standard_normal((tall.MANY, tall.MANY)))[0]
    x = (left * np.geomspace(1.0, 1.0 / condition, tall.MANY)) @ right.T
    found, expected = triangle(x * unit), np.linalg.qr(x, mode="r")
    np.testing.assert_array_equal(np.tril(found, -1), 0.0)
    # R is as certain as the condition lets it be; products may lose it once more, at most 64 times
    lost = 1e-14 * min(condition**2, 64.0 * condition)
    np.testing.assert_allclose(positive(found) / unit, positive(expected), atol=lost)


def test_products_are_left_to_reflections_where_they_lose_digits() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, tall.MANY))
    assert tall.of_products(x.T @ x) is not None
    for spoilt in (x[:, :1] + 1e-3 * x[:, 1:2], np.zeros((500, 1)), np.full((500, 1), np.nan)):
        x[:, 2:3] = spoilt
        assert tall.of_products(x.T @ x) is None


def test_a_triangle_is_its_own() -> None:
    known = np.triu(np.random.default_rng(0).standard_normal((tall.MANY, tall.MANY)))
    known[-1, -1] = 1e-9
    assert triangle(known).tobytes() == known.tobytes()
