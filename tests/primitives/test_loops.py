"""Loops and choices: what they compute, their derivatives, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.errors import ShapeError, TraceError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.primitives.loops import cond, scan
from optserve.primitives.tracing import trace, verify
from optserve.transforms.derivative_check import agreement, pullback_graph
from optserve.transforms.functions import grad, jvp, vjp
from optserve.transforms.jacobians import hessian
from optserve.transforms.reverse import value_and_gradient_graph
from optserve.transforms.simplify import simplify

DOUBLE = np.dtype(np.float64)
XS = np.array([0.3, -0.8, 1.2, 0.5])


def graph_of(function: Any, *operands: Any) -> Any:
    return verify(trace(function, *operands).graph)


def looped(rate: Any, start: Any, xs: Any) -> Any:
    """A carry of two values, an output that is not the carry, and a value closed over."""

    def step(state: Any, x: Any) -> Any:
        level, slope = state
        following = level * np.cos(rate * x) + slope
        return (following, slope * 0.9 + np.sin(x)), following * x

    (level, slope), outputs = scan(step, (start, rate), xs)
    return np.sum(outputs**2) + level * slope


def unrolled(rate: Any, start: Any, xs: Any) -> Any:
    level, slope, total = start, rate, 0.0
    for x in xs:
        level, slope = level * np.cos(rate * x) + slope, slope * 0.9 + np.sin(x)
        total = total + (level * x) ** 2
    return total + level * slope


def test_a_loop_computes_what_the_unrolled_one_does() -> None:
    np.testing.assert_allclose(looped(0.7, 1.5, XS), unrolled(0.7, 1.5, XS), rtol=1e-15)
    graph = graph_of(looped, 0.7, 1.5, XS)
    np.testing.assert_allclose(interpret(graph, 0.7, 1.5, XS)[0], unrolled(0.7, 1.5, XS))
    np.testing.assert_allclose(interpret(simplify(graph), 0.7, 1.5, XS)[0], unrolled(0.7, 1.5, XS))


def test_its_derivatives_are_those_of_the_unrolled_one() -> None:
    point = (0.7, 1.5, XS)
    for one, other in zip(
        grad(looped, argnums=(0, 1, 2))(*point),
        grad(unrolled, argnums=(0, 1, 2))(*point),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    tangents = [1.0, -0.5, np.ones(4)]
    np.testing.assert_allclose(
        jvp(looped, point, tangents)[1], jvp(unrolled, point, tangents)[1], rtol=1e-12
    )
    np.testing.assert_allclose(
        hessian(lambda xs: looped(0.7, 1.5, xs))(XS),
        hessian(lambda xs: unrolled(0.7, 1.5, xs))(XS),
        rtol=1e-10,
        atol=1e-12,
    )


def test_the_graph_of_its_gradient_and_of_its_second_derivative() -> None:
    arguments: list[Any] = [np.float64(0.7), np.float64(1.5), XS]
    graph = graph_of(looped, *arguments)
    found = interpret(verify(value_and_gradient_graph(graph, [0, 2])), *arguments)
    np.testing.assert_allclose(found[1], grad(unrolled)(*arguments), rtol=1e-12)
    twice = verify(pullback_graph(graph))
    for wrt in range(4):
        assert agreement(twice, [*arguments, np.array(1.0)], wrt=wrt).worst < 1e-6


def test_backward_loops_begin_at_the_end() -> None:
    final, path = scan(lambda s, x: (s * 0.5 + x, s), 0.0, XS, True)
    expected, carried = 0.0, []
    for x in XS[::-1]:
        carried.append(expected)
        expected = expected * 0.5 + x
    np.testing.assert_allclose(final, expected)
    np.testing.assert_allclose(path, carried[::-1])
    slope = grad(lambda xs: scan(lambda s, x: (s * 0.5 + x, s), 0.0, xs, True)[0])(XS)
    np.testing.assert_allclose(slope, 0.5 ** np.arange(4))


def test_loops_over_rows_of_any_number() -> None:
    def decayed(xs: Any) -> Any:
        return scan(lambda s, x: (0.5 * s + x, s * x), 1.0, xs)

    graph = graph_of(decayed, Aval((Dim.rows("data"),), DOUBLE))
    gradient = verify(value_and_gradient_graph(graph, [0]))
    for n in (0, 1, 5):
        xs = np.arange(1.0, n + 1.0)
        final, path = interpret(graph, xs)
        expected = 1.0
        for x in xs:
            expected = 0.5 * expected + x
        assert final == expected
        assert np.shape(path) == (n,)
        np.testing.assert_allclose(interpret(gradient, xs)[2], 0.5 ** np.arange(n)[::-1])


def test_loops_nest() -> None:
    def powers(x: Any) -> Any:
        def outer(total: Any, k: Any) -> Any:
            product, _ = scan(lambda p, _: (p * x * k, p), 1.0, np.ones(3))
            return total + product, product

        return scan(outer, 0.0, np.array([1.0, 2.0]))[0]

    assert powers(0.5) == 0.125 * 9.0
    np.testing.assert_allclose(grad(powers)(0.5), 27.0 * 0.25)
    np.testing.assert_allclose(grad(grad(powers))(0.5), 54.0 * 0.5)


def test_integers_and_matrices_may_be_carried() -> None:
    def step(state: Any, x: Any) -> Any:
        count, matrix = state
        return (count + 1, matrix @ matrix * x), count

    (count, matrix), counts = scan(step, (0, 0.5 * np.eye(2)), np.array([1.0, 2.0]))
    assert count == 2
    assert counts.tolist() == [0, 1]
    np.testing.assert_allclose(matrix, 0.125 * np.eye(2))

    def loss(m: Any) -> Any:
        return np.sum(scan(step, (0, m), np.array([1.0, 2.0]))[0][1])

    np.testing.assert_allclose(grad(loss)(0.5 * np.eye(2)), np.full((2, 2), 1.0), rtol=1e-12)


def test_single_precision_goes_through() -> None:
    xs = XS.astype(np.float32)
    final, _ = scan(lambda s, x: (s * 0.5 + x, s), np.float32(0.0), xs)
    assert final.dtype == np.float32
    assert grad(lambda t: scan(lambda s, x: (s * 0.5 + x, s), 0.0, t)[0])(xs).dtype == np.float32


def test_a_masked_step_shields_what_it_does_not_take() -> None:
    def total(xs: Any) -> Any:
        return scan(lambda s, x: (s + np.where(x > 0.0, np.sqrt(x), 0.0), s), 0.0, xs)[0]

    np.testing.assert_array_equal(grad(total)(np.array([0.0, 4.0])), [0.0, 0.25])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: scan(lambda s, x: s + x, 0.0, XS), "two values"),
        (lambda: scan(lambda s, x: (s + x, s, x), 0.0, XS), "two values"),
        (lambda: scan(lambda s, x: ((s, s), s), 0.0, XS), "carry of 2 values"),
        (lambda: scan(lambda s, x: (s + np.ones(2), s), 0.0, XS), "becomes"),
        (lambda: scan(lambda s, x: (s, x), 0.0, (XS, XS[1:])), "sequences of shapes"),
        (lambda: scan(lambda s, x: (s, x), 0.0, 1.0), "sequences of shapes"),
        (lambda: cond(XS > 0, np.sin, np.cos, 1.0), "the condition is"),
        (lambda: cond(1.0, np.sin, np.cos, 1.0), "the condition is"),
        (lambda: cond(True, lambda x: x, lambda x: x > 0, 1.0), "the other"),
    ],
)
def test_a_wrong_loop_or_choice_is_explained(wrong: Any, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        wrong()


def test_a_step_may_not_look_at_its_values() -> None:
    with pytest.raises(TraceError, match="__bool__"):
        scan(lambda s, x: (s + x if x > 0 else s, s), 0.0, XS)


def test_a_choice_takes_the_derivative_of_the_chosen_side() -> None:
    def chosen(x: Any, y: Any) -> Any:
        return cond(x > 1.0, lambda t: np.sin(t) * y, lambda t: t**2 * x, x)

    assert chosen(0.5, 3.0) == 0.125
    np.testing.assert_allclose(chosen(2.0, 3.0), 3.0 * np.sin(2.0))
    for point, expected in (
        ((0.5, 3.0), (0.75, 0.0)),
        ((2.0, 3.0), (3.0 * np.cos(2.0), np.sin(2.0))),
    ):
        np.testing.assert_allclose(grad(chosen, argnums=(0, 1))(*point), expected)
        graph = graph_of(chosen, *map(np.float64, point))
        found = interpret(verify(value_and_gradient_graph(graph, [0, 1])), *point)
        np.testing.assert_allclose(found[1:], expected)
        _, pushed = jvp(chosen, point, [1.0, 1.0])
        np.testing.assert_allclose(pushed, sum(expected))
    np.testing.assert_allclose(grad(grad(chosen))(0.5, 3.0), 3.0)


def test_a_choice_of_several_results() -> None:
    out = cond(False, lambda x: (x, x), lambda x: (2.0 * x, x + 1.0), XS)
    np.testing.assert_allclose(out[0], 2.0 * XS)
    np.testing.assert_allclose(out[1], XS + 1.0)
    _, pullback = vjp(lambda x: cond(False, lambda t: (t, t), lambda t: (2.0 * t, t**2), x), XS)
    np.testing.assert_allclose(pullback((np.ones(4), np.ones(4)))[0], 2.0 + 2.0 * XS)
