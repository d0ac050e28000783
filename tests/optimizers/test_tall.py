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
