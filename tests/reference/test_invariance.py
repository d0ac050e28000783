"""The same problem in other units, from other origins and mixed: the same verdict and minimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from tests.reference.published import Published, more_garbow_hillstrom, nist

NAMES = ("Misra1a", "Thurber", "Rat42", "Chwirut2", "osborne_1", "kowalik_osborne", "bard")


def plain(name: str) -> Published:
    """A published problem whose parameters are one vector."""
    found = {**nist(), **more_garbow_hillstrom()}[name]
    start = found.certified["start2"] if found.certified else found.start
    return replace(found, certified={}, start=np.array(start, float))


def changed(published: Published, matrix: Any, unit: float = 1.0) -> Published:
    """The problem in parameters z, x = matrix z, with residuals in another unit."""

    def residual(z: Any, xp: Any) -> Any:
        x = matrix * z if np.ndim(matrix) < 2 else matrix @ z
        return unit * published.residual(x, xp)

    if np.ndim(matrix) < 2:
        start = published.start / matrix
    else:
        start = np.linalg.solve(matrix, published.start)
    return replace(published, start=start, residual=residual)


def same(one: Result, other: Result, unit: float, digits: float) -> None:
    """The verdicts are alike, and so are the minima, to ``digits`` of the loss."""
    assert one.exit_code == other.exit_code, (one.termination.message, other.termination.message)
    if one.exit_code == 0:
        assert one.loss is not None
        assert other.loss is not None
        assert other.loss / unit**2 == pytest.approx(one.loss, rel=10.0**-digits)


@pytest.mark.parametrize("unit", [1e-30, 1e-9, 1e9, 1e30])
@pytest.mark.parametrize("way", ["default", "lbfgs", "loss"])
@pytest.mark.parametrize("name", NAMES[:3])
def test_the_unit_of_the_loss(name: str, way: str, unit: float) -> None:
    published = plain(name)
    unit = 2.0 ** round(np.log2(unit) / 2)  # of the residual
    one = run(published.job(way))
    other = run(changed(published, 1.0, unit).job(way))
    same(one, other, unit, 9)


@pytest.mark.parametrize("unit", [1e-10, 1e10])
@pytest.mark.parametrize("way", ["default", "lbfgs", "loss"])
@pytest.mark.parametrize("name", NAMES)
def test_the_units_of_the_parameters(name: str, way: str, unit: float) -> None:
    published = plain(name)
    matrix = np.where(np.arange(published.start.size) % 2, unit, 1.0)
    one = run(published.job(way))
    other = run(changed(published, matrix).job(way))
    same(one, other, 1.0, 6)


@pytest.mark.parametrize("way", ["default", "lbfgs"])
@pytest.mark.parametrize("name", NAMES)
def test_a_mixture_of_the_parameters(name: str, way: str) -> None:
    published = plain(name)
    size = published.start.size
    matrix = np.eye(size) + 0.5 * np.random.default_rng(size).normal(size=(size, size))
    scale = np.maximum(np.abs(published.start), 1e-8)
    matrix = scale[:, None] * matrix / scale
    other = run(changed(published, matrix).job(way))
    assert other.exit_code in (0, 3)
    if other.exit_code == 0:
        assert other.loss is not None
        assert published.matches(other.loss)


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "wood", "brown_dennis", "osborne_1"])
def test_a_constant_that_is_added_to_the_loss(name: str) -> None:
    published = more_garbow_hillstrom()[name]
    result = run(published.job("loss", offset=1e9))
    assert result.exit_code == 0
    assert result.loss is not None
    assert abs(result.loss - 1e9 - min(published.minima)) < 1e-5


TOGETHER: dict[str, Callable[[Any], Any]] = {
    "powers of two": lambda size: 2.0 ** (7 * (np.arange(size) % 5) - 14),
    "one power of two": lambda size: np.full(size, 2.0**20),
}


@pytest.mark.parametrize("units", TOGETHER)
@pytest.mark.parametrize("name", NAMES)
def test_levenberg_marquardt_takes_the_same_steps_in_any_unit(name: str, units: str) -> None:
    published = plain(name)
    matrix = TOGETHER[units](published.start.size)
    one = run(published.job("default"))
    other = run(changed(published, matrix).job("default"))
    assert other.steps == one.steps
    assert other.loss == pytest.approx(one.loss, rel=1e-10)
