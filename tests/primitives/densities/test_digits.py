"""The digits of every density and of its derivatives, in the middle and far in the tails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("mpmath")

from optserve.primitives.vocabulary import density_primitives
from optserve.transforms.functions import vjp
from tests.primitives.densities.formulas import EXACT
from tests.primitives.densities.measured import DENSITIES, measured

DOCUMENTED = (
    (Path(__file__).parents[3] / "docs" / "accuracy.md").read_text(encoding="utf-8").splitlines()
)


def test_every_density_has_a_reference() -> None:
    assert sorted(EXACT) == sorted(DENSITIES)


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("name", sorted(EXACT))
def test_no_error_is_larger_than_documented(name: str, every: int) -> None:
    [line] = [line for line in DOCUMENTED if line.startswith(f"| {name} |")]
    told = [float(cell) for cell in line.split("|")[2:5]]
    for worst, limit in zip(measured(name, every), told, strict=True):
        assert worst.error <= 4.0 * limit + 1.0, f"{worst}; measure docs/accuracy.md again"


@pytest.mark.parametrize("name", sorted(EXACT))
def test_outside_of_the_support_nothing_pulls(name: str) -> None:
    exact, density = EXACT[name], DENSITIES[name]
    for point in exact.points():
        value = density(*point)
        if not np.isinf(value):
            continue
        _, pullback = vjp(density, *point)
        assert all(slope == 0.0 for slope in pullback(np.float64(1.0))), point
        assert value == -np.inf


def test_a_normal_number_that_is_forty_deviations_below() -> None:
    from optserve.primitives.densities.normal import normal_logcdf

    assert float(normal_logcdf(-40.0, mean=0.0, std=1.0)) == pytest.approx(-804.608442013754, 1e-15)


@pytest.mark.parametrize("density", [d for d in density_primitives() if d.name in EXACT], ids=str)
def test_whole_numbers_and_single_precision(density: Any) -> None:
    point = next(iter(EXACT[density.name].points()))
    whole = [np.int64(round(x)) or np.int64(1) for x in point]
    assert density(*whole).dtype == np.float64
    assert density(np.float32(point[0]), *(float(x) for x in point[1:])).dtype == np.float32
    assert density(np.float32(point[0]), *whole[1:]).dtype == np.float32
