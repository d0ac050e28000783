"""The losses against their formulas, their derivatives, their kinks, and very large residuals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optserve_robust
import pytest
from optserve_robust import (
    cauchy_loss,
    huber_loss,
    log_cosh_loss,
    optserve_primitives,
    quantile_loss,
    tukey_loss,
)

from optserve import testing
from optserve.plugin import Primitive
from optserve.transforms.functions import grad

Array = np.ndarray[Any, np.dtype[np.float64]]

RESIDUALS = np.array([-7.3, -2.0, -0.4, -1e-3, 1e-3, 0.3, 1.1, 2.9, 11.0])

# The textbook formula of each, with a scale of 2 (0.7 for the quantile), written in another way.
FORMULAS: list[tuple[Primitive, tuple[float, ...], Callable[[Array], Array]]] = [
    (huber_loss, (2.0,), lambda r: np.where(abs(r) <= 2, r**2 / 2, 2 * (abs(r) - 1))),
    (
        tukey_loss,
        (2.0,),
        lambda r: np.where(abs(r) <= 2, 4 / 6 * (1 - (1 - r**2 / 4) ** 3), 4 / 6),
    ),
    (cauchy_loss, (2.0,), lambda r: 2 * np.log(1 + r**2 / 4)),
    (log_cosh_loss, (), lambda r: np.log(np.cosh(r))),
    (quantile_loss, (0.7,), lambda r: np.where(r > 0, 0.7 * r, -0.3 * r)),
]
NAMES = [primitive.name for primitive, _, _ in FORMULAS]

DEFAULTS = {"huber_loss": 1.345, "tukey_loss": 4.685, "cauchy_loss": 2.385, "quantile_loss": 0.5}


@pytest.mark.parametrize("check", testing.checks(optserve_robust), ids=str)
def test_conformance(check: testing.Check) -> None:
    check()


def slope(primitive: Primitive, r: float, *scale: float, order: int = 1) -> float:
    """The derivative of that order by the residual."""
    function: Callable[..., Any] = primitive
    for _ in range(order):
        function = grad(function)
    return float(function(r, *scale))


def difference(function: Callable[[float], float], x: float, step: float = 1e-5) -> float:
    return (function(x + step) - function(x - step)) / (2 * step)


def test_the_plugin_contributes_all_five() -> None:
    assert [primitive.name for primitive in optserve_primitives()] == NAMES


@pytest.mark.parametrize(("loss", "scale", "formula"), FORMULAS, ids=NAMES)
def test_values_are_those_of_the_formula(
    loss: Primitive, scale: tuple[float, ...], formula: Callable[[Array], Array]
) -> None:
    np.testing.assert_allclose(loss(RESIDUALS, *scale), formula(RESIDUALS), rtol=1e-9, atol=1e-15)
    assert loss(RESIDUALS.astype(np.float32), *scale).dtype == np.float32
    assert loss(0.0, *scale) == 0.0


@pytest.mark.parametrize(("name", "scale"), DEFAULTS.items(), ids=DEFAULTS.keys())
def test_the_scale_has_a_default(name: str, scale: float) -> None:
    [loss] = [primitive for primitive in optserve_primitives() if primitive.name == name]
    np.testing.assert_array_equal(loss(RESIDUALS), loss(RESIDUALS, scale))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("loss", "scale", "_formula"), FORMULAS, ids=NAMES)
def test_derivatives_by_the_residual(
    loss: Primitive, scale: tuple[float, ...], _formula: object, order: int
) -> None:
    def below(r: float) -> float:
        return slope(loss, r, *scale, order=order - 1) if order > 1 else float(loss(r, *scale))

    for r in RESIDUALS[np.abs(np.abs(RESIDUALS) - 2.0) > 1e-3]:
        assert slope(loss, r, *scale, order=order) == pytest.approx(
            difference(below, r), rel=1e-6, abs=1e-9
        )


@pytest.mark.parametrize(
    ("loss", "scale"),
    [(huber_loss, 2.0), (tukey_loss, 2.0), (cauchy_loss, 2.0), (quantile_loss, 0.7)],
    ids=lambda value: str(value),
)
def test_derivatives_by_the_scale(loss: Primitive, scale: float) -> None:
    by_scale = grad(loss, argnums=1)
    for r in (-7.3, -0.4, 0.3, 1.1, 2.9, 1e4):
        expected = difference(lambda c, r=r: float(loss(r, c)), scale)  # type: ignore[misc]
        assert float(by_scale(r, scale)) == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_at_a_kink_the_slope_is_the_one_of_least_norm() -> None:
    assert slope(quantile_loss, 0.0, 0.7) == 0.0
    assert slope(huber_loss, 2.0, 2.0) == 2.0  # no kink in the value, one in the slope:
    assert slope(huber_loss, 2.0, 2.0, order=2) == 0.5
    assert slope(tukey_loss, 2.0, 2.0) == slope(tukey_loss, 2.0, 2.0, order=2) == 0.0


@pytest.mark.parametrize("r", [-1e150, -1e30, 1e30, 1e150])
def test_huge_residuals_neither_overflow_nor_lose_the_slope(r: float) -> None:
    sign = np.sign(r)
    assert huber_loss(r, 2.0) == pytest.approx(2 * abs(r))
    assert tukey_loss(r, 2.0) == pytest.approx(4 / 6)
    assert cauchy_loss(r, 2.0) == pytest.approx(4 * np.log(abs(r) / 2))
    assert log_cosh_loss(r) == abs(r)
    assert quantile_loss(r, 0.7) == pytest.approx(abs(r) * (0.7 if r > 0 else 0.3))
    assert slope(huber_loss, r, 2.0) == 2 * sign
    assert slope(tukey_loss, r, 2.0) == 0.0
    assert slope(cauchy_loss, r, 2.0) == pytest.approx(4 / r)
    assert slope(log_cosh_loss, r) == sign
    assert slope(log_cosh_loss, r, order=2) == 0.0


def test_tiny_residuals_keep_their_digits() -> None:
    for loss in (huber_loss, cauchy_loss, log_cosh_loss):
        assert loss(1e-6) == pytest.approx(5e-13, rel=1e-9)


@pytest.mark.parametrize("loss", optserve_primitives(), ids=NAMES)
def test_a_missing_number_stays_missing(loss: Primitive) -> None:
    assert np.isnan(loss(np.nan))
    assert np.isnan(slope(loss, np.nan))
