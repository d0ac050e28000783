"""``stop_gradient``, ``custom_vjp`` and ``checkpoint``, eager, nested, mapped and compiled."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from optserve.errors import DerivativeError, OptserveError, TraceError
from optserve.functions.compiled_function import compile as compiled
from optserve.primitives.custom import checkpoint, custom_vjp, stop_gradient
from optserve.primitives.loops import cond, scan
from optserve.transforms.functions import grad, jvp, vjp
from optserve.transforms.jacobians import hessian, jacobian
from optserve.transforms.mapped import vmap

X = np.array([0.3, -0.7])


@custom_vjp
def sine(x: Any) -> Any:
    return np.sin(x)


sine.defvjp(lambda x: (np.sin(x), x), lambda x, ct: (ct * np.cos(x),))


@custom_vjp
def doubled_slope(x: Any) -> Any:
    return np.sin(x)


doubled_slope.defvjp(lambda x: (np.sin(x), x), lambda x, ct: (2.0 * ct * np.cos(x),))


def test_nothing_passes_through_stop_gradient() -> None:
    def loss(x: Any) -> Any:
        return np.sum(x * stop_gradient(x) ** 2)

    for slope in (grad(loss)(X), compiled(grad(loss))(X), vmap(grad(loss))(X)):
        np.testing.assert_allclose(slope, X**2)
    value, tangent = jvp(stop_gradient, [3.0], [1.0])
    assert (value, tangent) == (3.0, 0.0)
    np.testing.assert_allclose(hessian(lambda x: x**3 * stop_gradient(x))(2.0), 24.0)
    assert stop_gradient({"a": 1.0, "b": "text"}) == {"a": 1.0, "b": "text"}
    tree = grad(lambda p: stop_gradient(p)["a"] * p["b"])({"a": 2.0, "b": 3.0})
    assert tree == {"a": 0.0, "b": 2.0}


def test_a_custom_pullback_takes_the_place_of_the_derivative() -> None:
    def loss(x: Any) -> Any:
        return np.sum(doubled_slope(x) ** 2)

    expected = 4.0 * np.sin(X) * np.cos(X)
    for slope in (grad(loss)(X), compiled(grad(loss))(X), vmap(grad(loss))(X)):
        np.testing.assert_allclose(slope, expected)
    np.testing.assert_allclose(jacobian(doubled_slope)(X), np.diag(2.0 * np.cos(X)))
    np.testing.assert_allclose(doubled_slope(X), np.sin(X))


def test_a_true_pullback_has_true_second_derivatives() -> None:
    np.testing.assert_allclose(
        hessian(lambda x: np.sum(sine(x) ** 2))(X), hessian(lambda x: np.sum(np.sin(x) ** 2))(X)
    )


def test_custom_pullbacks_of_trees_give_trees_and_none() -> None:
    @custom_vjp
    def both(p: Any, q: Any, mode: Any) -> Any:
        return {"a": p["u"] * q, "b": q}

    both.defvjp(
        lambda p, q, mode: (both.function(p, q, mode), (p, q)),
        lambda kept, ct: ({"u": ct["a"] * kept[1]}, ct["a"] * kept[0]["u"] + ct["b"], None),
    )

    def loss(p: Any) -> Any:
        out = both(p, p["u"] ** 2, 1.0)
        return out["a"] + 3.0 * out["b"]

    np.testing.assert_allclose(grad(loss)({"u": 2.0})["u"], 3 * 2.0**2 + 6 * 2.0)


def test_what_is_wrong_with_a_custom_pullback_is_told() -> None:
    unstated = custom_vjp(np.sin)
    with pytest.raises(DerivativeError, match=r"call sin\.defvjp"):
        grad(unstated)(1.0)

    def closing(x: Any) -> Any:
        inner = custom_vjp(lambda y: x * y)
        inner.defvjp(lambda y: (x * y, None), lambda kept, ct: (ct,))
        return inner(x)

    with pytest.raises(TraceError, match="none of its arguments"):
        grad(closing)(1.0)
    short = custom_vjp(lambda x, y: x * y)
    short.defvjp(lambda x, y: (x * y, None), lambda kept, ct: (ct,))
    with pytest.raises(DerivativeError, match="gave 1 of them"):
        grad(short)(1.0, 2.0)
    with pytest.raises(OptserveError, match="arguments by position"):
        grad(lambda x: sine(x=x))(1.0)


def layer(x: Any, scale: Any = 1.1) -> Any:
    for _ in range(10):
        x = np.sin(x) * scale
    return x


def test_checkpoints_change_no_number_and_keep_less() -> None:
    def loss(step: Any, x: Any) -> Any:
        for _ in range(10):
            x = step(x)
        return np.sum(x)

    x = np.linspace(0.0, 1.0, 20_000)
    peaks = {}
    slopes = {}
    for name, step in (("kept", layer), ("again", checkpoint(layer))):
        tracemalloc.start()
        slopes[name] = grad(loss, argnums=1)(step, x)
        peaks[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    np.testing.assert_allclose(slopes["again"], slopes["kept"], rtol=1e-14)
    assert peaks["again"] < 0.4 * peaks["kept"]


def test_checkpoints_nest_close_over_values_and_compile() -> None:
    def loss(x: Any) -> Any:
        return np.sum(checkpoint(lambda y: layer(y, scale=x[0]) * x)(x**2))

    def plain(x: Any) -> Any:
        return np.sum(layer(x**2, scale=x[0]) * x)

    x = np.array([1.1, 0.4])
    np.testing.assert_allclose(grad(loss)(x), grad(plain)(x), rtol=1e-14)
    np.testing.assert_allclose(hessian(loss)(x), hessian(plain)(x), rtol=1e-13)
    np.testing.assert_allclose(compiled(grad(loss))(x), grad(plain)(x), rtol=1e-13)
    many = np.stack([x, 2 * x])
    np.testing.assert_allclose(vmap(grad(loss))(many), vmap(grad(plain))(many), rtol=1e-13)
    np.testing.assert_allclose(checkpoint(layer)(x, scale=0.9), layer(x, 0.9))


@pytest.mark.parametrize(
    "body",
    [
        lambda v: cond(v[0] > 0.0, lambda v: v * 2.0, lambda v: v**3, v),
        lambda v: scan(lambda c, a: (c * a + 1.0, c), v[0], v)[1],
        lambda v: v / np.sum(v),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_checkpoint_holds_loops_and_choices_and_keeps_its_precision(
    body: Any, dtype: Any
) -> None:
    x = np.array([0.7, -1.2, 2.0], dtype)
    expected = vjp(body, x)
    kept: Any = checkpoint(body)
    for function in (kept, compiled(kept)):
        found = vjp(function, x)
        assert found[0].dtype == dtype
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
        np.testing.assert_allclose(found[1](x)[0], expected[1](x)[0], rtol=1e-5)
