"""Derivatives of graphs: gradient graphs, Jacobian graphs, masks, places, what is not used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.errors import DerivativeError, Place, ShapeError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.constructors import opaque
from optserve.primitives.reductions import logsumexp, norm
from optserve.primitives.tracing import new_trace, trace, verify
from optserve.transforms.forward import jacobian_graph, pushforward
from optserve.transforms.reverse import value_and_gradient_graph, vjp

DOUBLE = np.dtype(np.float64)
N = Dim.rows("data")
T, Y = np.array([0.5, 1.0, 2.0]), np.array([0.2, 0.4, 0.9])


def graph_of(function: Any, *shapes: Any, dtype: Any = DOUBLE, **options: Any) -> Graph:
    avals = [Aval(shape, np.dtype(dtype)) for shape in shapes]
    return trace(function, *avals, **options).graph


def model(b: Any, t: Any) -> Any:
    return b[0] * (1.0 - np.exp(-b[1] * t))


def residuals(b: Any, scale: Any, t: Any, y: Any) -> Any:
    return (model(b, t) - y) * scale


def test_the_gradient_comes_after_all_outputs() -> None:
    graph = graph_of(
        lambda b, t, y: (np.sum((model(b, t) - y) ** 2), model(b, t)), (2,), (N,), (N,)
    )
    gradient = verify(value_and_gradient_graph(graph, [0]))
    b = np.array([1.2, 0.7])
    value, predicted, slope = interpret(gradient, b, T, Y)
    r = b[0] * (1.0 - np.exp(-b[1] * T)) - Y
    np.testing.assert_allclose(value, r @ r)
    np.testing.assert_allclose(predicted, r + Y)
    jacobian = np.stack([1.0 - np.exp(-b[1] * T), b[0] * T * np.exp(-b[1] * T)], axis=1)
    np.testing.assert_allclose(slope, 2.0 * r @ jacobian)


def test_the_jacobian_of_residuals() -> None:
    graph = graph_of(residuals, (2,), (), (N,), (N,))
    jacobian = verify(jacobian_graph(graph, [0], [0, 1]))
    b = np.array([1.2, 0.7])
    value, found = interpret(jacobian, b, 2.0, T, Y)
    r = b[0] * (1.0 - np.exp(-b[1] * T)) - Y
    np.testing.assert_allclose(value, 2.0 * r)
    by_b = 2.0 * np.stack([1.0 - np.exp(-b[1] * T), b[0] * T * np.exp(-b[1] * T)], axis=1)
    np.testing.assert_allclose(found, np.column_stack([by_b, r]))


def test_a_jacobian_through_reductions_over_other_axes() -> None:
    def rows(w: Any, x: Any) -> Any:
        return logsumexp(x @ w, axis=1) + np.max(x @ w, axis=1) + norm(x @ w, axis=1)

    x, w = np.random.default_rng(0).standard_normal((4, 3)), np.arange(6.0).reshape(3, 2) / 7.0
    graph = verify(jacobian_graph(graph_of(rows, (3, 2), (N, 3)), [0], [0]))
    _, found = interpret(graph, w, x)
    for row in range(4):
        gradient = value_and_gradient_graph(
            graph_of(lambda v, x: rows(v, x)[row], (3, 2), (4, 3)),  # noqa: B023
            [0],
        )
        np.testing.assert_allclose(found[row], interpret(gradient, w, x)[1].ravel(), rtol=1e-12)


def test_what_is_not_used_has_the_derivative_zero() -> None:
    graph = graph_of(lambda a, b, x: (np.sum(a * x), b), (), (2,), (N,))
    _, _, by_a, by_b = interpret(value_and_gradient_graph(graph, [0, 1]), 2.0, np.ones(2), T)
    assert by_a == T.sum()
    np.testing.assert_array_equal(by_b, [0.0, 0.0])
    jacobian = jacobian_graph(graph, [0], [1])
    np.testing.assert_array_equal(interpret(jacobian, 2.0, np.ones(2), T)[2], [0.0, 0.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype: Any) -> None:
    graph = graph_of(lambda w, x: np.mean(np.exp(0.1 * x * w)), (), (N,), dtype=dtype)
    for found in (value_and_gradient_graph(graph, [0]), jacobian_graph(graph, [0], [0])):
        assert {atom.aval.dtype for atom in found.outputs} == {np.dtype(dtype)}
        dtypes = {v.aval.dtype for e in found.equations for v in e.results}
        assert dtypes <= {np.dtype(dtype), np.dtype(np.int64), np.dtype(bool)}


def test_dead_code_of_rules_is_pruned() -> None:
    graph = graph_of(lambda x: np.sum(x**2.5), (3,))
    gradient = value_and_gradient_graph(graph, [0])
    assert not {"log", "where"} & {equation.primitive.name for equation in gradient.equations}


def test_derivatives_carry_the_place_of_what_they_derive_from() -> None:
    recorder = new_trace()
    x = recorder.input(Aval((3,), DOUBLE))
    places = [Place("fit.yaml", line) for line in (1, 2, 3)]
    with recorder.at(places[0]):
        y = np.exp(x)
    with recorder.at(places[1]):
        z = y / (1.0 + y)
    with recorder.at(places[2]):
        loss = np.mean(z)
    gradient = value_and_gradient_graph(recorder.graph([loss]), [0])
    assert {equation.place for equation in gradient.equations} == set(places)


def test_a_pullback_takes_none_for_zero_and_gives_none_for_it() -> None:
    graph = graph_of(lambda x, y: (x * 2.0, y * 3.0), (), ())
    _, pullback = vjp(graph, [1.0, 1.0], [0, 1])
    assert pullback([1.0, None], False) == (2.0, None)
    assert pullback([None, 1.0], False) == (None, 3.0)
    assert pullback([None, None], False) == (None, None)
    assert pullback([1.0, 1.0], False) == (2.0, 3.0)


def test_a_mask_goes_on_where_the_cotangent_does() -> None:
    graph = graph_of(np.sqrt, ())
    _, pullback = vjp(graph, [np.float64(0.0)], [0])
    with np.errstate(all="ignore"):
        [unmasked] = map(np.asarray, pullback([np.float64(0.0)], False))
        assert np.isnan(unmasked)
        assert pullback([np.float64(0.0)], True) == (0.0,)


def test_directions_share_the_values_and_cost_nothing_where_they_do_not_reach() -> None:
    graph = graph_of(lambda x, y: (np.sin(x), np.cos(y)), (), ())
    _, pushed = pushforward(graph, [0.0, 0.0], [(1.0, None), (None, 1.0), (None, None)])
    assert pushed == [(1.0, None), (None, 0.0), (None, None)]


def test_a_missing_rule_is_named_with_the_place() -> None:
    bare = opaque("bare", lambda x: x * 2.0, shape=lambda x: x, doc="No rule.")
    recorder = new_trace()
    x = recorder.input(Aval((3,), DOUBLE))
    with recorder.at(Place("fit.yaml", 7, 3)):
        y = bare(x)
    graph = recorder.graph([np.sum(y)])
    for derive in (value_and_gradient_graph, lambda g, wrt: jacobian_graph(g, [0], wrt)):
        with pytest.raises(DerivativeError, match=r"fit\.yaml:7:3: bare has no derivative rule"):
            derive(graph, [0])


@pytest.mark.parametrize("loss", [lambda x: 3, lambda x: 2.5, lambda x: np.sum(x > 0.0)])
def test_a_constant_or_a_count_has_the_gradient_zero(loss: Any) -> None:
    gradient = verify(value_and_gradient_graph(graph_of(loss, (3,)), [0]))
    slope = interpret(gradient, np.ones(3))[1]
    np.testing.assert_array_equal(slope, np.zeros(3))
    assert slope.dtype == DOUBLE


def test_a_first_output_that_is_no_scalar_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"float64\[3\]"):
        value_and_gradient_graph(graph_of(np.sin, (3,)), [0])
