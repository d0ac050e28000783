"""Derivatives of Python functions against closed forms, nested in every way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.errors import ShapeError, TraceError
from optserve.graph.aval import Aval
from optserve.primitives.constructors import linear
from optserve.primitives.loops import scan
from optserve.transforms.functions import grad, jvp, value_and_grad, vjp
from optserve.transforms.jacobians import hessian, hvp

A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 5.0]])
X = np.array([0.3, -0.7, 1.1])


def quadratic(x: Any) -> Any:
    return 0.5 * x @ (A @ x) + np.sum(x)


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def test_value_and_gradient_of_a_quadratic() -> None:
    value, slope = value_and_grad(quadratic)(X)
    np.testing.assert_allclose(value, quadratic(X))
    np.testing.assert_allclose(slope, A @ X + 1.0)


def test_the_hessian_of_a_quadratic_and_its_products() -> None:
    np.testing.assert_allclose(hessian(quadratic)(X), A, rtol=1e-14)
    v = np.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(hvp(quadratic)(X, v), A @ v, rtol=1e-14)


def test_the_hessian_of_rosenbrock() -> None:
    a, b = 0.5, -0.2
    expected = [[1200 * a * a - 400 * b + 2, -400 * a], [-400 * a, 200.0]]
    np.testing.assert_allclose(hessian(rosenbrock)(np.array([a, b])), expected, rtol=1e-13)


def test_the_hessian_of_a_scalar_function_of_a_number() -> None:
    np.testing.assert_allclose(hessian(np.sin)(0.7), -np.sin(0.7))


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_derivatives_of_any_order(order: int) -> None:
    function: Any = np.exp
    for _ in range(order):
        function = grad(function)
    np.testing.assert_allclose(function(0.3), np.exp(0.3), rtol=1e-14)
    power: Any = lambda x: x**5.0  # noqa: E731
    for _ in range(order):
        power = grad(power)
    np.testing.assert_allclose(power(1.5), np.polyder([1.0, 0, 0, 0, 0, 0], order) @ [
        1.5**k for k in range(5 - order, -1, -1)
    ], rtol=1e-13)  # fmt: skip


def test_forward_over_reverse_and_reverse_over_forward_agree() -> None:
    v = np.array([0.2, 0.5, -0.4])
    forward = jvp(grad(rosenbrock), [X], [v])[1]
    reverse = grad(lambda x: jvp(rosenbrock, [x], [v])[1])(X)
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)


def test_perturbations_of_nested_derivatives_stay_apart() -> None:
    """d/dx (x * d/dy (x + y)) is 1: the inner derivative must not see the outer one (Siskind)."""
    assert grad(lambda x: x * grad(lambda y: x + y)(1.0))(2.0) == 1.0
    assert grad(lambda x: x * jvp(lambda y: x * y, [1.0], [1.0])[1])(3.0) == 6.0


def test_python_control_flow_sees_values() -> None:
    def piecewise(x: Any) -> Any:
        total = 0.0
        for entry in x:
            if entry > 0:
                total += entry**2
            else:
                total -= 3.0 * entry
        return total

    np.testing.assert_allclose(grad(piecewise)(X), [0.6, -3.0, 2.2])
    np.testing.assert_allclose(hessian(piecewise)(X), np.diag([2.0, 0.0, 2.0]))


def test_arrays_that_are_closed_over() -> None:
    data = np.linspace(0.0, 1.0, 5000)

    def loss(w: Any) -> Any:
        return np.mean((w * data - 2.0 * data) ** 2)

    np.testing.assert_allclose(grad(loss)(1.0), -2.0 * np.mean(data**2))
    np.testing.assert_allclose(grad(grad(loss))(1.0), 2.0 * np.mean(data**2))


def test_several_arguments() -> None:
    def loss(w: Any, b: Any, x: Any) -> Any:
        return np.sum(w * x + b)

    x = np.array([1.0, 2.0])
    by_w, by_b = grad(loss, argnums=(0, 1))(np.ones(2), 0.5, x)
    np.testing.assert_array_equal(by_w, x)
    assert by_b == 2.0
    np.testing.assert_array_equal(grad(loss, argnums=2)(np.ones(2), 0.5, x), [1.0, 1.0])


def test_tuples_of_outputs() -> None:
    outputs, pullback = vjp(lambda x, y: (x * y, np.sin(x)), 2.0, 3.0)
    np.testing.assert_allclose(outputs, (6.0, np.sin(2.0)))
    np.testing.assert_allclose(pullback((1.0, 10.0)), (3.0 + 10.0 * np.cos(2.0), 2.0))
    outputs, tangents = jvp(lambda x: (x * x, 5.0), [3.0], [1.0])
    np.testing.assert_allclose(tangents, (6.0, 0.0))


def test_lists_and_numbers_are_arguments_too() -> None:
    np.testing.assert_array_equal(grad(lambda x: np.sum(x * x))([1.0, 2.0]), [2.0, 4.0])
    assert grad(lambda x: x * x)(3) == 6.0


def test_what_is_not_differentiated_by_reaches_the_function_as_it_is() -> None:
    def loss(x: Any, *others: Any, power: Any = None) -> Any:
        seen.extend([*others, power])
        return x * 2.0 if others[0] is None else x

    seen: list[Any] = []
    given = (None, True, "a", 3, [1, 2], {"b": 1}, np.array([1.0]), np.array(["c"]))
    assert grad(loss)(1.0, *given, power=sum) == 2.0
    assert all(one is other for one, other in zip(seen, [*given, sum], strict=True))
    assert grad(lambda a, b: a * 2.0 if b is None else a)(1.0, None) == 2.0
    assert grad(lambda x, n, flag: x**n if flag else x)(2.0, 3, True) == 12.0
    assert jvp(lambda a, b: a if b is None else a * 2.0, [3.0, None], [1.0, None]) == (3.0, 1.0)
    out, pullback = vjp(lambda a, b: a if b is None else a * 2.0, 3.0, None)
    assert (out, pullback(2.0)) == (3.0, (2.0, None))


def test_what_does_not_vary_has_the_gradient_zero() -> None:
    for function in (np.argmax, lambda x: np.sum(x > 0), lambda x: 1, lambda x: np.any(x > 1.0)):
        np.testing.assert_array_equal(grad(function)(X), np.zeros(3))


def test_an_argument_may_be_named_from_the_end() -> None:
    data = np.arange(1.0, 4.0)
    assert grad(lambda x, y: np.sum(data * x * y), argnums=-1)(2.0, 3.0) == 12.0
    assert grad(lambda x, y: x * y, argnums=[1, 0])(2.0, 3.0) == (2.0, 3.0)
    assert grad(lambda x, y: x * y, argnums=[-1])(2.0, 3.0) == (2.0,)


def test_arrays_may_change_after_they_were_used() -> None:
    def loss(x: Any) -> Any:
        factor = np.ones(2)
        first = np.sum(x * factor)
        factor *= 10.0
        return first + np.sum(x * factor)

    value, slope = value_and_grad(loss)(np.array([3.0, 4.0]))
    assert value == 77.0
    np.testing.assert_array_equal(slope, [11.0, 11.0])
    np.testing.assert_array_equal(jvp(loss, [np.ones(2)], [np.ones(2)])[1], 22.0)
    np.testing.assert_array_equal(hessian(lambda x: loss(x * x))(np.ones(2)), 22.0 * np.eye(2))

    x, y = np.array([3.0, 4.0]), np.array([1.0, 2.0])
    out, pullback = vjp(lambda a, b: a * b, x, y)
    x[:], y[:] = 0.0, 0.0
    out *= 0.0
    for _ in range(2):
        by_x, by_y = pullback(np.ones(2))
        np.testing.assert_array_equal((by_x, by_y), ([1.0, 2.0], [3.0, 4.0]))
        by_x *= 0.0
        by_y *= 0.0

    own = np.array([1.0, 2.0])

    def changes_its_argument(x: Any) -> Any:
        own[:] = 5.0
        return np.sum(x * x)

    np.testing.assert_array_equal(grad(changes_its_argument)(own), [2.0, 4.0])


def test_results_are_arrays_of_their_own() -> None:
    x, y, constant = np.ones(3), np.ones(3), np.ones(3)
    by_x, by_y = grad(lambda a, b: np.sum(a) + np.sum(b), (0, 1))(x, y)
    twice, pullback = vjp(lambda a, b: (a, a, b, constant), x, y)
    cotangent = np.ones(3)
    pulled = pullback((cotangent, np.zeros(3), cotangent, cotangent))
    pushed = jvp(lambda a, b: (a, b, a[::-1]), [x, y], [cotangent, cotangent])
    fresh = [
        by_x,
        by_y,
        *twice,
        *pulled,
        *pushed[0],
        *pushed[1],
        grad(lambda a: constant @ a)(x),
        grad(lambda a: np.sum(np.broadcast_to(a, (2, 3))))(x),
        grad(lambda a: 1.0)(x),
        hvp(np.sum)(x, cotangent),
        hessian(np.sum)(x),
    ]
    given = [x, y, constant, cotangent]
    for i, one in enumerate(fresh):
        assert one.flags.writeable
        assert not any(np.shares_memory(one, other) for other in [*fresh[:i], *given])


def test_nothing_is_computed_twice_nor_for_nobody() -> None:
    computed: list[str] = []

    def value(x: Any, y: Any) -> Any:
        computed.append("value")
        return x * y

    def transposed(index: int, ct: Any, *operands: Any) -> Any:
        computed.append(f"transpose {index}")
        return ct * operands[1 - index]

    def shape(x: Aval, y: Aval) -> Aval:
        del y
        return x

    product = linear("product", value, shape=shape, transposes=transposed)
    assert grad(lambda x: product(x, 3.0) * 2.0)(1.0) == 6.0
    assert computed == ["value", "transpose 0"]
    computed.clear()
    assert hessian(lambda x: x * product(x, 3.0))(1.0) == 6.0
    assert computed.count("value") == 2  # and once for its tangent


def test_integers_may_stand_beside_what_is_differentiated() -> None:
    labels = np.array([0, 2])
    slope = grad(lambda x, i: np.sum(x[i] ** 2))(X, labels)
    np.testing.assert_allclose(slope, [0.6, 0.0, 2.2])


def test_single_precision_stays_single() -> None:
    x = X.astype(np.float32)
    counts = np.array([1, 2, 3])
    value, slope = value_and_grad(lambda t: np.mean(np.exp(t) * counts) + np.std(t))(x)
    assert value.dtype == slope.dtype == np.float32
    assert hessian(lambda t: np.sum(t**3))(x).dtype == np.float32


def test_loops_are_differentiated() -> None:
    def compound(rate: Any) -> Any:
        final, _ = scan(lambda state, x: (state * (1.0 + rate * x), state), 1.0, np.ones(5))
        return final

    np.testing.assert_allclose(grad(compound)(0.1), 5 * 1.1**4)
    np.testing.assert_allclose(grad(grad(compound))(0.1), 20 * 1.1**3)


def test_nothing_warns() -> None:
    assert grad(np.sqrt)(0.0) == np.inf
    assert np.isnan(grad(lambda x: np.sqrt(x * x))(0.0))
    assert vjp(np.log, 0.0)[1](1.0)[0] == np.inf
    assert jvp(np.log, [0.0], [1.0])[1] == np.inf


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: grad(np.sin)(X), r"shape \(3,\)"),
        (lambda: grad(lambda x: (x, x))(1.0), "several parts"),
        (lambda: grad(np.sum)(np.arange(3)), "dtype int64"),
        (lambda: grad(lambda x: x)(True), "dtype bool"),
        (lambda: vjp(np.sin, X)[1](1.0), "cotangent of shape"),
        (lambda: vjp(lambda x: (x, x), X)[1]((X,)), "1 cotangents for 2 values"),
        (lambda: jvp(np.sin, [X], [1.0]), "tangent of shape"),
        (lambda: jvp(np.multiply, [X, X], [X]), "1 tangents for 2 values"),
        (lambda: jvp(np.sin, X, X), "takes a list of values"),  # type: ignore[arg-type]
        (lambda: jvp(np.sin, [X], [np.array([1j, 1.0, 1.0])]), "complex"),
        (lambda: vjp(np.sin, X)[1](1j * X), "complex"),
        (lambda: grad(np.abs)(1.0 + 2.0j), "complex"),
        (lambda: grad(lambda z: np.sum(np.abs(z * z)))(np.array([1.0 + 2.0j])), "complex"),
        (lambda: grad(np.sum)(np.array([1, 2], object)), "dtype object"),
        (lambda: grad(np.sum)("a"), "type str"),
        (lambda: grad(np.sum)(np.array(["a"])), "dtype <U1"),
        (lambda: grad(np.sum)(np.array(["2020-01-01"], "M8[D]")), "datetime64"),
        (lambda: grad(np.sum)(np.ma.masked_array([1.0, 2.0], [True, False])), "mask"),
        (lambda: grad(np.sum)(np.ones((1, 2)).view(np.matrix)), "matrix"),
        (lambda: grad(np.sum)(np.int64(3)), "dtype int64"),
        (lambda: grad(np.multiply, (0, 0))(1.0, 2.0), "one argument twice"),
        (lambda: grad(np.multiply, 2)(1.0, 2.0), "no argument 2 "),
        (lambda: grad(np.multiply, "x")(1.0, 2.0), "argnums 'x'"),  # type: ignore[arg-type]
        (lambda: grad(np.multiply, (1, -1))(1.0, 2.0), "one argument twice"),
    ],
)
def test_a_wrong_call_is_explained(wrong: Any, words: str) -> None:
    with pytest.raises((ShapeError, TraceError), match=words):
        wrong()


def test_a_value_that_is_no_scalar_is_placed_at_its_line() -> None:
    with pytest.raises(ShapeError) as caught:
        grad(lambda x: np.sin(x) * 2.0)(X)
    assert caught.value.place is not None
    assert caught.value.place.file == __file__
