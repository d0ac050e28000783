"""Models of many coordinates by a triangle: the same as by axes."""

from __future__ import annotations

import numpy as np
import pytest

from optserve.graph.aval import Array
from optserve.jobs.evidence import curvature, quadratic
from optserve.jobs.evidence.curvature import ByAxes, ByTriangle
from optserve.jobs.evidence.quadratic import Quadratic, of_hessian, of_jacobian, projected
from optserve.jobs.evidence.uncertainty.information import leverages
from optserve.jobs.evidence.uncertainty.information import of_jacobian as information_of

EPSILON = float(np.finfo(np.float64).eps)
ROWS, COLUMNS = 300, 80


def tall(seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    units = 10.0 ** rng.uniform(-6, 6, COLUMNS)
    mixed = np.eye(COLUMNS) + 0.3 * np.eye(COLUMNS, k=1)
    return rng.standard_normal((ROWS, COLUMNS)) @ mixed * units, rng.standard_normal(ROWS)


def alike(one: Quadratic, other: Quadratic) -> None:
    assert isinstance(one.curvature, ByTriangle)
    assert isinstance(other.curvature, ByAxes)
    assert one.decrement == pytest.approx(other.decrement, rel=1e-9)
    np.testing.assert_allclose(one.step, other.step, rtol=1e-7)
    np.testing.assert_allclose(one.values, np.sort(other.values), rtol=1e-9)
    assert one.least == pytest.approx(other.least, rel=1e-9)
    assert one.floor <= other.least
    assert one.sure.all()
    assert other.sure.all()
    assert one.rest == pytest.approx(other.rest)
    shown = np.square(other.axes) @ (1.0 / other.values)
    assert one.variances is not None
    np.testing.assert_allclose(one.variances, shown, rtol=1e-9)
    for model in (one, other):  # slopes and roots belong to the axes
        np.testing.assert_allclose(
            model.turned(-model.curvature.slopes / model.values), model.step, rtol=1e-7
        )
        assert np.linalg.norm(model.curvature.roots) == pytest.approx(model.decrement)


def test_a_model_of_least_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    jacobian, residual = tall()
    free = np.ones(COLUMNS, bool)
    found = of_jacobian(jacobian, residual, free, EPSILON)
    vectors = np.random.default_rng(1).standard_normal((ROWS, 3))
    lengths = projected(jacobian, vectors, free, EPSILON)
    monkeypatch.setattr(quadratic, "independent", lambda root: None)
    alike(found, of_jacobian(jacobian, residual, free, EPSILON))
    assert lengths == pytest.approx(projected(jacobian, vectors, free, EPSILON))


def test_a_model_of_a_hessian(monkeypatch: pytest.MonkeyPatch) -> None:
    jacobian, residual = tall()
    free = np.arange(COLUMNS) != 3
    hessian, gradient = jacobian.T @ jacobian, jacobian.T @ residual
    found = of_hessian(hessian, gradient, free, EPSILON)
    monkeypatch.setattr(curvature, "MANY", 1000)
    other = of_hessian(hessian, gradient, free, EPSILON)
    alike(found, other)
    alike(found.at(2.0 * gradient), other.at(2.0 * gradient))


def test_what_is_not_clearly_curved_has_axes() -> None:
    jacobian, residual = tall()
    jacobian[:, 5] = jacobian[:, 6] * (1.0 + 1e-9)
    free = np.ones(COLUMNS, bool)
    for found in (
        of_jacobian(jacobian, residual, free, EPSILON),
        of_hessian(jacobian.T @ jacobian, jacobian.T @ residual, free, EPSILON),
        of_hessian(-np.eye(COLUMNS), np.ones(COLUMNS), free, EPSILON),
        of_jacobian(jacobian[:40], residual[:40], free, EPSILON),
    ):
        assert isinstance(found.curvature, ByAxes)
        assert found.floor == -np.inf
        assert found.variances is None


def test_leverages_without_singular_values() -> None:
    jacobian, _ = tall()
    found = leverages(jacobian)
    factor = information_of(jacobian, EPSILON).of(jacobian).factor
    assert found is not None
    np.testing.assert_allclose(found, np.square(factor).sum(axis=1), rtol=1e-9)
    jacobian[:, 2] = 0.0
    assert leverages(jacobian) is None
