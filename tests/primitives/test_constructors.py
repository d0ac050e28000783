"""The four ways to make a primitive: what each derives, and what each says of a wrong call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.errors import DerivativeError, PluginFailure, ShapeError
from optserve.graph.aval import Aval
from optserve.graph.domain import positive, real
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import composite, elementwise, linear, opaque
from optserve.primitives.tracing import trace
from optserve.testing import check_primitive
from optserve.transforms.forward import jacobian_graph
from optserve.transforms.functions import grad, jvp, vjp
from optserve.transforms.jacobians import hessian
from optserve.transforms.reverse import value_and_gradient_graph

X = np.array([0.5, -1.0, 2.0])


def test_a_body_is_enough() -> None:
    swish = elementwise("swish", lambda x: x / (1.0 + np.exp(-x)), doc="x times its sigmoid.")
    check_primitive(swish)
    np.testing.assert_allclose(grad(swish)(0.0), 0.5)


def test_operands_have_defaults_and_attributes_are_keywords() -> None:
    def huber(r: Value, delta: Value = 1.0, *, scale: float = 2.0) -> Value:
        return scale * np.where(np.abs(r) <= delta, r * r / 2, delta * (np.abs(r) - delta / 2))

    # Where delta is 0 the quadratic is met at one point only, and bends there as nothing else does.
    domain = (real, positive)
    primitive = elementwise("huber", huber, domain=domain, doc="Quadratic, then linear.")
    assert primitive.usage == "huber(r, delta=1.0, scale=2.0)"
    assert primitive(3.0) == 5.0
    assert primitive(3.0, 2.0, scale=1.0) == 4.0
    assert grad(primitive, argnums=(0, 1))(3.0, 2.0) == (4.0, 2.0)
    graph = trace(lambda r: primitive(r, scale=3.0), X).graph
    [equation] = graph.equations
    assert dict(equation.attributes) == {"scale": 3.0}
    check_primitive(primitive)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p: p(), "missing a required argument: 'x'"),
        (lambda p: p(X, X, X), "too many positional arguments"),
        (lambda p: p(X, sharpness=2.0), "unexpected keyword argument 'sharpness'"),
    ],
)
def test_a_wrong_call_shows_the_right_one(call: Callable[[Primitive], Any], words: str) -> None:
    primitive = elementwise("soft", lambda x, y=1.0: x * y, doc="A product.")
    with pytest.raises(ShapeError, match=words) as caught:
        call(primitive)
    assert caught.value.message.startswith("soft: ")
    assert caught.value.expected == "soft(x, y=1.0)"


def test_elementwise_needs_something_to_compute() -> None:
    with pytest.raises(TypeError, match="needs a body or a ufunc"):
        elementwise("nothing")


def test_a_foreign_ufunc() -> None:
    cube_root = elementwise(
        "cube_root", ufunc=np.cbrt, partials=lambda out, x: (1.0 / (3.0 * out * out),), doc="Root."
    )
    check_primitive(cube_root)
    assert cube_root.usage == "cube_root(x)"
    assert cube_root.call.floating


def test_a_linear_function_is_its_transposes() -> None:
    def convolved(a: Value, b: Value) -> Value:
        return np.convolve(a, b)

    def shape(a: Aval, b: Aval) -> Aval:
        return Aval((a.shape[0] + b.shape[0] - 1,), a.dtype)

    def window(ct: Value, other: Value, size: int) -> Value:
        rows = [ct[i : i + np.shape(other)[0]] @ other for i in range(size)]
        return np.stack(rows)

    convolve = linear(
        "convolve",
        convolved,
        shape=shape,
        transposes=[
            lambda ct, a, b: window(ct, b, a.shape[0]),
            lambda ct, a, b: window(ct, a, b.shape[0]),
        ],
        doc="Discrete convolution.",
    )
    a, b = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0])
    pulled = vjp(convolve, a, b)[1](np.arange(4.0))
    for index, operand in enumerate((a, b)):
        basis = np.eye(len(operand))
        pairs = [(e, b) if index == 0 else (a, e) for e in basis]
        np.testing.assert_allclose(pulled[index], [np.convolve(*p) @ np.arange(4.0) for p in pairs])
    np.testing.assert_allclose(
        jvp(convolve, [a, b], [a, b])[1], 2.0 * np.convolve(a, b), rtol=1e-15
    )
    with pytest.raises(AssertionError, match="give it examples"):
        check_primitive(convolve)


def test_a_composite_with_a_rule_that_keeps_what_it_computed() -> None:
    calls: list[str] = []

    def rule(x: Value) -> tuple[Value, Callable[[Value], tuple[Value]]]:
        calls.append("forward")
        weight = np.exp(x - np.max(x))
        total = np.sum(weight)
        return np.log(total) + np.max(x), lambda ct: (ct * weight / total,)

    lse = composite("lse", lambda x: np.log(np.sum(np.exp(x))), rule=rule, doc="log(sum(exp(x))).")
    np.testing.assert_allclose(grad(lse)(X), np.exp(X) / np.sum(np.exp(X)))
    assert calls == ["forward"]
    weights = np.exp(X) / np.sum(np.exp(X))
    expected = np.diag(weights) - np.outer(weights, weights)
    np.testing.assert_allclose(hessian(lse)(X), expected, atol=1e-15)


def test_a_composite_of_composites_is_differentiated_through() -> None:
    rms = composite("rms", lambda x: np.sqrt(np.mean(x * x)), doc="Root mean square.")
    relative = composite("relative", lambda x: rms(x) / np.max(np.abs(x)), doc="Relative to max.")
    x = np.array([3.0, 4.0])
    np.testing.assert_allclose(relative(x), np.sqrt(12.5) / 4.0)
    np.testing.assert_allclose(grad(relative)(x)[0], 3.0 / (2.0 * np.sqrt(12.5)) / 4.0)


def foreign(**fields: Any) -> Primitive:
    """A simulator that knows arrays only."""

    def simulate(x: Value) -> Value:
        return np.array([np.sin(entry) for entry in np.asarray(x, float)])

    def pullback(ct: Value, out: Value, x: Value) -> tuple[Value]:
        return (np.array([c * np.cos(e) for c, e in zip(ct.tolist(), x.tolist(), strict=True)]),)

    right: dict[str, Any] = {"pullback": pullback, "doc": "Waves."}
    return opaque("simulate", simulate, shape=lambda x: x, **(right | fields))


def test_a_rule_that_cannot_be_traced_is_called_out_to() -> None:
    simulate = foreign()
    graph = trace(lambda x: np.sum(simulate(x) ** 2), X).graph
    gradient = value_and_gradient_graph(graph, [0])
    assert "simulate.pullback" in str(gradient)
    value, slope = interpret(gradient, X)
    np.testing.assert_allclose(value, np.sum(np.sin(X) ** 2))
    np.testing.assert_allclose(slope, 2.0 * np.sin(X) * np.cos(X))


def test_its_jacobian_calls_it_once_for_each_entry_of_the_result() -> None:
    calls: list[int] = []

    def pullback(ct: Value, out: Value, a: Value, x: Value) -> tuple[Value, Value]:
        rows = [c * math.cos(a * e) for c, e in zip(ct.tolist(), x.tolist(), strict=True)]
        calls.append(1)  # not of tracers, at which it fails
        return np.array(np.dot(rows, x)), float(a) * np.array(rows)

    waves = opaque("waves", lambda a, x: np.sin(a * x), shape=lambda a, x: x, pullback=pullback)
    graph = trace(lambda a, x: 2.0 * waves(a, x * x), np.array(0.7), X).graph
    *_, found = interpret(jacobian_graph(graph, [0], [0, 1]), np.array(0.7), X)
    slope = 2.0 * np.cos(0.7 * X**2)
    expected = np.column_stack([slope * X**2, np.diag(slope * 0.7 * 2.0 * X)])
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)
    assert len(calls) == len(X)


def test_its_second_derivative_raises_naming_it() -> None:
    simulate = foreign()
    with pytest.raises(DerivativeError, match=r"simulate\.pullback has no derivative rule"):
        grad(lambda x: np.sum(grad(lambda y: np.sum(simulate(y)))(x)))(X)


def test_no_rule_at_all_raises_naming_the_primitive() -> None:
    with pytest.raises(DerivativeError, match="simulate has no derivative rule") as caught:
        grad(lambda x: np.sum(foreign(pullback=None)(x)))(X)
    assert "give it a pullback" in caught.value.remedy


def test_a_rule_that_fails_is_named() -> None:
    broken = foreign(pullback=lambda ct, out, x: (ct @ np.ones((7, 7)),))
    with pytest.raises(PluginFailure, match="derivative rule of simulate raised ValueError"):
        vjp(broken, X)[1](X)


def test_impl_sees_arrays_and_errors_keep_their_words() -> None:
    seen: list[type] = []

    def watch(x: Value) -> Value:
        seen.append(type(x))
        if np.ndim(x) != 1:
            raise ValueError("one axis, please")
        return x

    primitive = opaque("watch", watch, shape=lambda x: x, doc="Watches.")
    primitive([1.0, 2.0])
    assert seen == [np.ndarray]
    with pytest.raises(ValueError, match="one axis, please"):
        primitive(np.ones((2, 2)))
