"""Laws that hold for every graph, tried on random programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optserve.backends.numpy import numpy_backend
from optserve.graph.graph import Graph, to_text
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import verify
from optserve.transforms.derivative_check import agreement, pullback_graph, pushforward_graph
from optserve.transforms.expand import expand
from optserve.transforms.functions import grad, jvp, vjp
from optserve.transforms.reverse import value_and_gradient_graph
from optserve.transforms.simplify import simplify
from tests.transforms.programs import PROGRAMS, SMOOTH, WILD, Program

INPUTS = range(3)

few = settings(max_examples=20)


def evaluate(graph: Any, arguments: Any) -> list[Any]:
    with np.errstate(all="ignore"):
        return [np.asarray(value) for value in interpret(graph, *arguments)]


def same_bits(one: list[Any], other: list[Any]) -> None:
    for left, right in zip(one, other, strict=True):
        assert (left.shape, left.dtype) == (right.shape, right.dtype)
        nan = np.isnan(left)
        np.testing.assert_array_equal(nan, np.isnan(right))
        assert np.where(nan, 0.0, left).tobytes() == np.where(nan, 0.0, right).tobytes()


@few
@given(PROGRAMS, WILD)
def test_a_graph_computes_what_the_function_computes(program: Program, arguments: Any) -> None:
    with np.errstate(all="ignore"):
        expected = np.asarray(program.scalar(*arguments))
    [found] = evaluate(verify(program.graph), arguments)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@few
@given(PROGRAMS, WILD)
def test_simplifying_keeps_every_bit(program: Program, arguments: Any) -> None:
    gradient = value_and_gradient_graph(program.graph, INPUTS)
    for graph in (program.graph, pullback_graph(program.graph), gradient):
        given_arguments = [*arguments, np.float64(0.75)][: len(graph.inputs)]
        simplified = verify(simplify(graph))
        same_bits(evaluate(simplified, given_arguments), evaluate(graph, given_arguments))


@few
@given(PROGRAMS)
def test_simplifying_twice_changes_nothing_more(program: Program) -> None:
    for graph in (program.graph, value_and_gradient_graph(program.graph, INPUTS)):
        once = simplify(graph)
        assert to_text(simplify(_as_if_new(once))) == to_text(once)


def _as_if_new(graph: Graph) -> Graph:
    """The same graph, of which nobody has said that there is nothing to simplify in it."""
    equations = []
    for equation in graph.equations:
        bodies = {
            key: _as_if_new(one) if isinstance(one, Graph) else one
            for key, one in equation.attributes.items()
        }
        equations.append(replace(equation, attributes=bodies))
    return replace(graph, equations=tuple(equations))


@few
@given(PROGRAMS, WILD)
def test_expanding_keeps_values(program: Program, arguments: Any) -> None:
    expanded = verify(expand(program.graph))
    assert all(equation.primitive.axes is not None for equation in expanded.equations)
    [found], [expected] = evaluate(expanded, arguments), evaluate(program.graph, arguments)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@few
@given(PROGRAMS, SMOOTH)
def test_derivatives_agree_with_differences(program: Program, arguments: Any) -> None:
    for index in INPUTS:
        found = agreement(program.graph, arguments, wrt=index)
        assert found.conclusive < 1.0 or found.worst < 1e-5


@few
@given(PROGRAMS, SMOOTH)
def test_the_graph_of_a_gradient_is_the_gradient(program: Program, arguments: Any) -> None:
    graph = verify(value_and_gradient_graph(program.graph, INPUTS))
    eager = grad(program.scalar, argnums=INPUTS)(*arguments)
    for recorded, computed in zip(evaluate(graph, arguments)[1:], eager, strict=True):
        np.testing.assert_allclose(recorded, computed, rtol=1e-11, atol=1e-12)


@few
@given(PROGRAMS, SMOOTH, st.floats(-2.0, 2.0), st.floats(-2.0, 2.0))
def test_a_pullback_is_linear(program: Program, arguments: Any, a: float, b: float) -> None:
    _, pullback = vjp(program, *arguments)
    rng = np.random.default_rng(0)
    shape = np.shape(program(*arguments))
    x, y = rng.standard_normal(shape), rng.standard_normal(shape)
    parts = zip(pullback(a * x + b * y), pullback(x), pullback(y), strict=True)
    for whole, of_x, of_y in parts:
        np.testing.assert_allclose(whole, a * of_x + b * of_y, rtol=1e-9, atol=1e-9)


@few
@given(PROGRAMS, SMOOTH)
def test_forward_and_reverse_mode_are_transposes(program: Program, arguments: Any) -> None:
    rng = np.random.default_rng(1)
    tangents = [rng.standard_normal(np.shape(argument)) for argument in arguments]
    out, pushed = jvp(program, arguments, tangents)
    ct = rng.standard_normal(np.shape(out))
    pulled = vjp(program, *arguments)[1](ct)
    ahead = np.sum(ct * pushed)
    back = sum(np.sum(p * t) for p, t in zip(pulled, tangents, strict=True))
    np.testing.assert_allclose(ahead, back, rtol=1e-9, atol=1e-9)
    verify(pushforward_graph(program.graph))


@few
@given(PROGRAMS, SMOOTH)
def test_second_derivatives_are_symmetric(program: Program, arguments: Any) -> None:
    rng = np.random.default_rng(2)
    u, v = ([rng.standard_normal(np.shape(x)) for x in arguments] for _ in range(2))

    def gradient(*point: Any) -> Any:
        return grad(program.scalar, argnums=INPUTS)(*point)

    _, along_u = jvp(gradient, arguments, u)
    _, along_v = jvp(gradient, arguments, v)
    left = sum(np.sum(x * y) for x, y in zip(along_u, v, strict=True))
    right = sum(np.sum(x * y) for x, y in zip(along_v, u, strict=True))
    np.testing.assert_allclose(left, right, rtol=1e-8, atol=1e-8)


@few
@given(PROGRAMS, WILD)
def test_the_default_backend_computes_what_the_oracle_does(
    program: Program, arguments: Any
) -> None:
    graph = value_and_gradient_graph(program.graph, INPUTS)
    found = numpy_backend().compile(graph)(*arguments)
    for have, want in zip(found, evaluate(graph, arguments), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-300)
