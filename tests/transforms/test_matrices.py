"""Jacobians, Hessians and products with them: of trees, of several arguments, beside results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.functions.compiled_function import compile as compiled
from optserve.transforms.functions import grad, vjp
from optserve.transforms.jacobians import gauss_newton_vp, hessian, hvp, jacobian
from optserve.transforms.mapped import vmap

X, Y = np.array([0.3, -0.7, 1.1]), np.array([2.0, 1.0, 0.5])


def wide(x: Any, y: Any) -> Any:
    """More values than entries: forward mode."""
    return np.stack([x * y, np.sin(x), x[::-1] * y])


def narrow(x: Any, y: Any) -> Any:
    """Fewer: reverse mode."""
    return np.stack([np.sum(x * y), np.sum(np.exp(x) * y**2)])


@pytest.mark.parametrize("function", [wide, narrow], ids=["forward", "reverse"])
def test_jacobians_by_several_arguments_are_those_by_each(function: Any) -> None:
    both = jacobian(function, argnums=(1, 0))(X, Y)
    assert isinstance(both, tuple)
    np.testing.assert_allclose(both[0], jacobian(lambda y: function(X, y))(Y), rtol=1e-15)
    np.testing.assert_allclose(both[1], jacobian(function)(X, y=Y), rtol=1e-15)
    step = 1e-6 * np.eye(3)
    columns = [(function(X + one, Y) - function(X - one, Y)) / 2e-6 for one in step]
    np.testing.assert_allclose(both[1], np.stack(columns, axis=-1), atol=1e-8)
    np.testing.assert_array_equal(compiled(jacobian(function))(X, Y), jacobian(function)(X, Y))


@pytest.mark.parametrize("function", [wide, narrow], ids=["forward", "reverse"])
def test_the_jacobian_of_a_tree_is_a_tree_of_trees(function: Any) -> None:
    def of_tree(p: Any) -> Any:
        return {"value": function(p["x"], p["y"]), "number": p["x"][0] * p["y"][1]}

    found = jacobian(of_tree)({"x": X, "y": Y})
    by_x, by_y = jacobian(function, argnums=(0, 1))(X, Y)
    np.testing.assert_allclose(found["value"]["x"], by_x, rtol=1e-15)
    np.testing.assert_allclose(found["value"]["y"], by_y, rtol=1e-15)
    np.testing.assert_allclose(found["number"]["x"], [1.0, 0.0, 0.0])
    np.testing.assert_allclose(found["number"]["y"], [0.0, 0.3, 0.0])


def test_jacobians_leave_further_results_beside_them() -> None:
    found, aux = jacobian(lambda x: (x**2, {"sum": np.sum(x), "name": "f"}), has_aux=True)(X)
    np.testing.assert_allclose(found, np.diag(2 * X))
    assert aux == {"sum": np.sum(X), "name": "f"}


@pytest.mark.parametrize("shape", [(0,), (0, 2)])
def test_nothing_has_an_empty_jacobian(shape: tuple[int, ...]) -> None:
    assert jacobian(np.sin)(np.ones(shape)).shape == shape + shape
    assert jacobian(lambda x: np.reshape(x, -1)[:0])(np.ones(3)).shape == (0, 3)
    assert jacobian(lambda x: np.sum(x) * np.ones(2))(np.ones(shape)).shape == (2, *shape)


def test_hessians_by_several_arguments_are_blocks() -> None:
    [[xx, xy], [yx, yy]] = hessian(lambda x, y: np.sum(x**2 * y**3), argnums=(0, 1))(X, Y)
    np.testing.assert_allclose(xx, np.diag(2 * Y**3))
    np.testing.assert_allclose(xy, np.diag(6 * X * Y**2))
    np.testing.assert_allclose(yx, xy.T)
    np.testing.assert_allclose(yy, np.diag(6 * X**2 * Y))
    blocks = hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 2.0, "b": 3.0})
    assert blocks == {"a": {"a": 6.0, "b": 4.0}, "b": {"a": 4.0, "b": 0.0}}
    assert isinstance(blocks["b"]["b"], np.float64)


def test_products_with_hessians_take_further_arguments() -> None:
    def loss(x: Any, y: Any, power: int = 2) -> Any:
        return np.sum(x**power * y)

    v = np.array([1.0, 0.0, -2.0])
    np.testing.assert_allclose(hvp(loss)(X, v, Y, power=3), 6 * X * Y * v)


def test_gauss_newton_products_are_those_of_the_matrix() -> None:
    v = np.array([1.0, -1.0, 2.0])
    jac = np.reshape(jacobian(wide)(X, Y), (-1, 3))
    np.testing.assert_allclose(gauss_newton_vp(wide)(X, v, Y), jac.T @ jac @ v, rtol=1e-14)

    def loss(z: Any) -> Any:
        return np.sum(np.exp(z) + z**2)

    curvature = np.reshape(hessian(loss)(wide(X, Y)), (9, 9))
    expected = jac.T @ curvature @ jac @ v
    np.testing.assert_allclose(gauss_newton_vp(wide, loss)(X, v, Y), expected, rtol=1e-13)
    tree = gauss_newton_vp(lambda p: (p["x"] * Y, p["x"] ** 2))({"x": X}, {"x": v})
    np.testing.assert_allclose(tree["x"], (Y**2 + 4 * X**2) * v)


def test_values_of_one_entry_have_gradients_and_pullbacks() -> None:
    np.testing.assert_allclose(grad(lambda x: x**2)(np.array([3.0])), [6.0])
    _, pullback = vjp(lambda x: x * np.ones((1, 1)), 2.0)
    assert pullback(1.0) == (1.0,)


def test_vmap_maps_trees() -> None:
    def step(state: Any, rate: float) -> Any:
        return {"x": state["x"] - rate * state["v"], "v": state["v"]}, np.sum(state["x"])

    many = {"x": np.reshape(np.arange(6.0), (3, 2)), "v": np.ones((3, 2))}
    moved, total = vmap(step, in_axes=(0, None), out_axes=(0, 0))(many, 0.5)
    np.testing.assert_allclose(moved["x"], many["x"] - 0.5)
    np.testing.assert_allclose(total, np.sum(many["x"], axis=1))
    slopes = vmap(grad(lambda p: p["a"] ** 2 * p["b"]))({"a": X, "b": Y})
    np.testing.assert_allclose(slopes["a"], 2 * X * Y)
