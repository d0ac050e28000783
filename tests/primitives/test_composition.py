"""The laws of composition: identity is its unit, it is associative, derivatives multiply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optserve.primitives.arithmetic import negative, reciprocal, square
from optserve.primitives.composition import ComposedFunction, compose, identity, pipe, probe
from optserve.primitives.elementary import exp, sigmoid, sin, softplus, tanh
from optserve.primitives.tracing import trace
from optserve.transforms.functions import grad, jvp, vjp

Function = Callable[[Any], Any]

STEPS = st.sampled_from([exp, sigmoid, sin, softplus, tanh, square, negative, identity])
FUNCTIONS = st.lists(STEPS, max_size=3).map(lambda steps: compose(*steps))
POINTS = st.floats(-1.5, 1.5)


def agree(one: Function, other: Function, x: float) -> None:
    """Values, pullbacks and tangents are equal, to the bit."""
    np.testing.assert_array_equal(one(x), other(x))
    np.testing.assert_array_equal(vjp(one, x)[1](2.0)[0], vjp(other, x)[1](2.0)[0])
    np.testing.assert_array_equal(jvp(one, [x], [2.0])[1], jvp(other, [x], [2.0])[1])


@given(FUNCTIONS, FUNCTIONS, FUNCTIONS, POINTS)
def test_composition_is_associative(f: Function, g: Function, h: Function, x: float) -> None:
    left, right = compose(compose(f, g), h), compose(f, compose(g, h))
    assert left == right
    agree(left, right, x)


@given(FUNCTIONS, POINTS)
def test_identity_is_the_unit(f: ComposedFunction, x: float) -> None:
    assert compose(f, identity) == compose(identity, f) == f
    assert compose(identity) == compose() == ComposedFunction()
    agree(compose(f, identity), f, x)
    agree(lambda value: identity(f(identity(value))), f, x)


@given(FUNCTIONS, FUNCTIONS, POINTS)
def test_the_derivative_of_a_composition_is_the_product(
    f: ComposedFunction, g: ComposedFunction, x: float
) -> None:
    inner, pull_inner = vjp(g, x)
    _, pull_outer = vjp(f, inner)
    [composed] = vjp(compose(f, g), x)[1](1.0)
    np.testing.assert_allclose(composed, pull_inner(pull_outer(1.0)[0])[0], rtol=1e-13)
    inner, pushed = jvp(g, [x], [1.0])
    np.testing.assert_allclose(
        jvp(compose(f, g), [x], [1.0])[1], jvp(f, [inner], [pushed])[1], rtol=1e-13
    )


@given(st.lists(STEPS, max_size=4), POINTS)
def test_a_pipe_is_a_composition_read_the_other_way(steps: list[Function], x: float) -> None:
    assert pipe(*steps) == compose(*reversed(steps))
    agree(pipe(*steps), compose(*reversed(steps)), x)


def test_the_sigmoid_of_its_parts() -> None:
    """The composition of multiply, exp, add and reciprocal of the first example."""
    parts = pipe(lambda x: -1.0 * x, exp, lambda x: 1.0 + x, reciprocal)
    assert parts(0.0) == 0.5
    assert grad(parts)(0.0) == 0.25
    np.testing.assert_allclose(parts(1.3), sigmoid(1.3), rtol=1e-15)


def test_a_probe_is_an_identity_that_keeps_its_label() -> None:
    graph = trace(lambda x: probe(x, "z") * 2.0, np.ones(2)).graph
    assert graph.equations[0].attributes["label"] == "z"
    agree(lambda x: probe(x, "z"), identity, 0.7)
