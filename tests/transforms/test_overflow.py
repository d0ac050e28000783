"""Overflow under a function that levels off: 0 in every mode, to second order, on every backend.

References have sixty digits and exponents of any size (see ``hyperdual``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from optserve.backends.backend import Backend
from optserve.backends.llvm import llvm_backend
from optserve.backends.numpy import numpy_backend
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import trace
from optserve.transforms.derivative_check import pullback_graph
from optserve.transforms.forward import pushforward
from optserve.transforms.functions import grad, jvp, value_and_grad, vjp
from optserve.transforms.reverse import value_and_gradient_graph
from optserve.transforms.reverse import vjp as graph_vjp
from tests.transforms.hyperdual import exact_derivatives

Function = Callable[..., Any]
Derivatives = Mapping[str, Any]

SIZES = (0.0, 0.5, 3.0, 20.0, 40.0, 87.0, 89.0, 120.0, 232.0, 240.0, 300.0, 354.0, 356.0, 500.0,
         700.0, 709.0, 710.0, 750.0, 1e3, 3e3, 1e4)  # fmt: skip
POINTS = np.array([sign * size for size in SIZES for sign in (1.0, -1.0)][1:])
"""Beyond 88 exp overflows in float32, beyond 709 in float64; half of that is enough for squares."""

FUNCTIONS: Mapping[str, Function] = {
    "logistic": lambda z, a, b: a / (1.0 + np.exp(-b * (z - 1.5))),
    "logistic with b": lambda z, a, b: a / (1.0 + b * np.exp(-z)),
    "to a power": lambda z, a, b: (1.0 + np.exp(-z)) ** -0.9,
    "over a power": lambda z, a, b: a / (1.0 + np.exp(-z)) ** 0.9,
    "generalised": lambda z, a, b: a + (b - a) / (1.0 + np.exp(-z) + np.exp(-2.0 * z)) ** b,
    "over a root": lambda z, a, b: b / np.sqrt(1.0 + a * np.exp(z)),
    "Planck": lambda z, a, b: a / (np.exp(z) - 1.0),
    "Fermi": lambda z, a, b: 1.0 / (np.exp((z - a) / b) + 1.0),
    "Bose": lambda z, a, b: 1.0 / (np.exp((z - a) / b) / a - 1.0),
    "sech squared": lambda z, a, b: 1.0 / np.cosh(z) ** 2,
    "sech": lambda z, a, b: a / np.cosh(b * z),
    "Gompertz": lambda z, a, b: a * np.exp(-b * np.exp(-z)),
    "Gauss": lambda z, a, b: a * np.exp(-(((z - b) / a) ** 2)),
    "power of a square": lambda z, a, b: (1.0 + z**2) ** (-5),
    "Student": lambda z, a, b: (1.0 + z**2 / a) ** (-(a + 1.0) / 2.0),
    "Hill of a square": lambda z, a, b: z**2 / (b + z**2),
    "two exponentials": lambda z, a, b: 1.0 / (a * np.exp(z) + b * np.exp(-z)),
    "twice exponential": lambda z, a, b: 1.0 / (1.0 + np.exp(np.exp(z))),
    "arctan": lambda z, a, b: a * np.arctan(np.exp(z)),
    "tanh": lambda z, a, b: np.tanh(b * np.exp(z)),
    "complementary log-log": lambda z, a, b: 1.0 - np.exp(-np.exp(z)),
    "exp over 1 + exp": lambda z, a, b: a * np.exp(z) / (1.0 + np.exp(z)),
    "exp over a sum": lambda z, a, b: a * np.exp(z) / (b + a * np.exp(z)),
    "Gumbel": lambda z, a, b: a * np.exp(-b * z) * np.exp(-np.exp(-z)),
    "growth": lambda z, a, b: a * b * np.exp(z) / (a + b * (np.exp(z) - 1.0)),
    "three states": lambda z, a, b: np.exp(-a * z) / (np.exp(-a * z) + b * np.exp(-z) + 1.0),
    "tanh by two": lambda z, a, b: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "tanh by one": lambda z, a, b: (1.0 - np.exp(-2.0 * z)) / (1.0 + np.exp(-2.0 * z)),
    "tanh by expm1": lambda z, a, b: (np.exp(b * z) - 1.0) / (np.exp(b * z) + 1.0),
    "tanh by sinh": lambda z, a, b: np.sinh(z) / np.cosh(z),
    "coth": lambda z, a, b: np.cosh(z) / np.sinh(z),
    "softplus": lambda z, a, b: np.log(1.0 + np.exp(z)),
    "softplus with b": lambda z, a, b: np.log(1.0 + b * np.exp(z)),
    "logaddexp": lambda z, a, b: np.log(np.exp(z) + np.exp(b)),
    "mixture": lambda z, a, b: np.log(a * np.exp(z) + b * np.exp(-z)),
    "log cosh": lambda z, a, b: np.log(np.cosh(z)),
    "log sigmoid": lambda z, a, b: np.log(1.0 / (1.0 + np.exp(-z))),
    "log 1 - sigmoid": lambda z, a, b: np.log(1.0 - 1.0 / (1.0 + np.exp(-z))),
    "log expm1": lambda z, a, b: np.log(np.exp(np.abs(z)) - 1.0),
    "log 1 - exp": lambda z, a, b: np.log(1.0 - np.exp(-np.abs(z))),
    "under a logarithm": lambda z, a, b: 1.0 / (1.0 + np.log(1.0 + np.exp(z)) ** 2),
}
EXACT: Mapping[str, Function] = {"log 1 - sigmoid": lambda z, a, b: -np.log(1.0 + np.exp(z))}
"""How the same is written where sixty digits would not do."""
AT_ZERO_A_POLE = {"Planck", "Bose", "coth", "log expm1", "log 1 - exp"}
POSITIVE: Mapping[str, Function] = {
    "Hill": lambda x, n, k: x**n / (k**n + x**n),
    "Hill of a ratio": lambda x, n, k: (x / k) ** n / (1.0 + (x / k) ** n),
    "Hill inverted": lambda x, n, k: 1.0 / (1.0 + (k / x) ** n),
    "log of a power": lambda x, n, k: np.log(1.0 + (x / k) ** n),
    "log-logistic": lambda x, n, k: 1.0 / (1.0 + (x / k) ** -n),
    "Weibull": lambda x, n, k: np.exp(-((x / k) ** n)),
}


@cache
def cases(single: bool) -> list[tuple[str, Function, list[Any], Derivatives]]:
    """Name, function, operands a row, and what is right there."""
    dtype = np.float32 if single else np.float64
    found = []
    for name, function in FUNCTIONS.items():
        inner = POINTS[POINTS != 0.0] if name in AT_ZERO_A_POLE else POINTS
        found.append((name, function, [inner, 2.5 + 0 * inner, 3.0 + 0 * inner]))
    large = np.array([1e-8, 0.1, 1.9, 2.0, 30.0, 1e4, 1e8, 1e20, *([] if single else [1e100])])
    for name, function in POSITIVE.items():
        found.append((name, function, [large, 50.0 + 0 * large, 2.0 + 0 * large]))
    return [
        (name, function, operands, exact_derivatives(EXACT.get(name, function), operands))
        for name, function, given in found
        for operands in [[np.asarray(one, dtype) for one in given]]
    ]


def close(found: Any, expected: Sequence[Any], what: str) -> None:
    """To rounding of the number or of 1, whichever is larger; infinite where it is too large."""
    found = np.asarray(found)
    single = found.dtype == np.float32
    want = np.array([float(number) for number in expected])
    large = np.abs(want) > np.finfo(found.dtype).max / 1e3
    tolerance = 2e-3 if single else 1e-9
    np.testing.assert_allclose(
        found[~large], want[~large], rtol=tolerance, atol=tolerance * 1e-2, err_msg=what
    )


def derivatives(function: Function, count: int) -> Function:
    """All of value, gradient by either mode, and second derivatives in four ways, by name."""

    def total(*given: Any) -> Any:
        return np.sum(function(*given))

    def all_of(*given: Any) -> dict[str, Any]:
        ones = [np.ones_like(given[0]), np.zeros_like(given[0])]
        gradient = grad(total, range(count))
        out, pullback = vjp(function, *given)
        found = {"": out}
        for i, slope in enumerate(pullback(ones[0])):
            found[f"reverse {i}"] = slope
        for i in range(count):
            along = [ones[k != i] for k in range(count)]
            found[f"forward {i}"] = jvp(function, given, along)[1]
            second = jvp(gradient, given, along)[1]
            again = grad(lambda *x, i=i: np.sum(gradient(*x)[i]), range(count))(*given)
            for j in range(count):
                found[f"forward over reverse {i}{j}"] = second[j]
                found[f"reverse over reverse {i}{j}"] = again[j]
            found[f"forward over forward {i}{i}"] = jvp(
                lambda *x, along=along: jvp(function, x, along)[1], given, along
            )[1]
        return found

    return all_of


def right(found: Derivatives, expected: Derivatives, name: str) -> None:
    for what, value in found.items():
        operands = "".join(sorted(what.split(" ")[-1]))
        close(value, expected[operands], f"{name}: {what or 'value'}")


NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize("single", [False, pytest.param(True, marks=NIGHTLY)])
def test_derivatives_are_right_however_far_out(single: bool) -> None:
    for name, function, operands, expected in cases(single):
        right(derivatives(function, len(operands))(*operands), expected, name)


def recorded(single: bool) -> tuple[Graph, list[Any], list[tuple[str, Sequence[Any]]]]:
    """All functions with their derivatives as one graph over rows, and what is right for each."""
    precision = np.dtype(np.float32 if single else np.float64)
    arguments: list[Any] = []
    avals: list[Aval] = []
    right: list[tuple[str, Sequence[Any]]] = []

    def everything(*given: Any) -> list[Any]:
        outputs: list[Any] = []
        rest = iter(given)
        for name, function, operands, expected in cases(single):
            own = [next(rest) for _ in operands]
            graph = trace(function, *(x.aval for x in own), precision=precision).graph
            one = np.ones_like(own[0])
            along: list[Any] = [one, None, None]
            [out], pullback = graph_vjp(graph, own, range(3))
            _, [[forward]] = pushforward(graph, own, [tuple(along)])
            _, [[second, *_]] = pushforward(pullback_graph(graph), [*own, one], [(*along, None)])
            outputs += [out, *pullback([one], False), forward, second]
            right.extend((f"{name} {key}", expected[key]) for key in ("", "0", "1", "2", "0", "00"))
        return [given[0].dtype.type(0.0) if one is None else one for one in outputs]

    for number, (_, _, operands, _) in enumerate(cases(single)):
        arguments += operands
        avals += [Aval((Dim.rows(f"t{number}"),), precision) for _ in operands]
    traced = trace(everything, *avals, precision=precision)
    return traced.graph, arguments, right


@pytest.mark.parametrize(
    ("backend", "single"),
    [
        (None, False),
        pytest.param(None, True, marks=NIGHTLY),
        pytest.param(numpy_backend(), False, marks=NIGHTLY),
        (numpy_backend(), True),
        (llvm_backend(), False),
        pytest.param(llvm_backend(), True, marks=NIGHTLY),
    ],
    ids=lambda one: getattr(one, "name", str(one)),
)
def test_graphs_of_derivatives_are_right_on_every_backend(
    backend: Backend | None, single: bool
) -> None:
    graph, arguments, right = recorded(single)
    with np.errstate(all="ignore"):
        found = backend.compile(graph)(*arguments) if backend else interpret(graph, *arguments)
    for value, (name, expected) in zip(found, right, strict=True):
        close(np.broadcast_to(value, len(expected)), expected, name)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: np.exp(np.log(x)), 0.0),
        (lambda x: 1.0 / (1.0 / x), 0.0),
        (lambda x: np.sqrt(x) ** 2, 0.0),
        (lambda x: np.sqrt(x**2), 0.0),
        (lambda x: np.exp(-np.sqrt(3.0 * x**2)), 0.0),
        (lambda x: np.tanh(np.log(x)), 0.0),
        (lambda x: np.exp(-1.0 / x), 0.0),
        (lambda x: 1.0 / (1.0 + np.exp(1.0 / x)), 0.0),
        (lambda x: np.log(x) * 0.0, 0.0),
    ],
)
def test_poles_stay_what_they_are(function: Function, x: float) -> None:
    assert np.isnan(grad(function)(x))


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (np.exp, 1e3),
        (lambda x: np.exp(x) + 1.0 / (1.0 + np.exp(x)), 1e3),
        (lambda x: np.cosh(x) + np.tanh(np.exp(x)), 1e3),
        (lambda x: np.sqrt(x), 0.0),
        (lambda x: np.log(x), 0.0),
    ],
)
def test_a_derivative_that_is_infinite_is_not_called_0(function: Function, x: float) -> None:
    assert np.isinf(grad(function)(x))
    assert np.isinf(jvp(function, [x], [1.0])[1])


def test_an_overflow_that_has_not_levelled_off_is_no_number() -> None:
    def slow(z: Any) -> Any:  # exp(-z), but 0 is computed; its derivative is not 0
        return 1.0 / np.log(np.exp(np.exp(z)))

    value, slope = value_and_grad(slow)(7.0)
    assert value == 0.0
    assert np.isnan(slope)
    assert np.isnan(jvp(slow, [7.0], [1.0])[1])


def test_products_of_matrices_carry_overflows_too() -> None:
    u = np.array([[1e3, 0.0], [0.0, 1.0], [-1e3, 2.0]])

    def loss(w: Any, scale: Any = 1.0) -> Any:
        return np.sum(1.0 / (1.0 + np.exp(scale * u) @ w))

    value, [slope, by_scale] = value_and_grad(loss, (0, 1))(np.array([2.0, 1.0]), 1.0)
    assert np.isfinite(by_scale)
    rows = [0.0, 1.0 / (3.0 + np.e), 1.0 / (1.0 + np.exp(2.0))]
    np.testing.assert_allclose(value, rows[1] + rows[2])
    inner = np.exp(u[1:])
    np.testing.assert_allclose(slope, -(np.square(rows[1:]) @ inner))
    mixed = jvp(lambda s: grad(loss)(np.array([2.0, 1.0]), s), [1.0], [1.0])[1]
    assert np.isfinite(mixed).all()


def test_what_no_overflow_can_reach_is_differentiated_as_it_stands() -> None:
    def curve(a: Any, b: Any, x: Any) -> Any:
        return np.mean((a * np.exp(-b * x) - 1.0) ** 2)

    operands = [np.float64(1.0), np.float64(0.5), np.ones(3)]
    traced = trace(curve, *operands)
    gradient = value_and_gradient_graph(traced.graph, (0, 1))
    assert "tame" not in str(gradient)
    second = value_and_gradient_graph(
        Graph(gradient.inputs, gradient.equations, gradient.outputs[1:]), (0, 1)
    )
    assert "tame" not in str(second)


def test_what_overflows_may_be_looked_up_by_an_index() -> None:
    def sorted_logistic(z: Any) -> Any:
        return np.sum(1.0 / (1.0 + np.sort(np.exp(z))))

    z = np.array([800.0, 0.0, -1.0])
    ahead = 1.0 / (2.0 + 2.0 * np.cosh(z[1:]))
    np.testing.assert_allclose(grad(sorted_logistic)(z), [0.0, *-ahead], rtol=1e-14)
