"""``vmap`` gives what one entry after the other gives, of functions, derivatives and graphs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from optserve import grad, hessian, jvp, vjp, vmap
from optserve.errors import ShapeError, TraceError
from optserve.graph.aval import Aval, aval_of
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.plugin import Example, Primitive, composite, opaque
from optserve.primitives.indexing import take
from optserve.primitives.loops import cond, scan
from optserve.primitives.reductions import norm
from optserve.primitives.tracing import trace, verify
from optserve.transforms.reverse import value_and_gradient_graph
from optserve.transforms.vmap import vmap as graph_vmap
from tests.transforms.programs import PROGRAMS, SHAPES, Program

RNG = np.random.default_rng(0)
MANY = RNG.standard_normal((4, 3))

Function = Callable[..., Any]


AXES: Any = "x"
"""No axes."""


def row_sums(**fields: Any) -> Primitive:
    """Sums of the rows of a matrix, by NumPy alone, that counts its calls."""
    calls: list[tuple[int, ...]] = fields.pop("calls", [])

    def impl(x: Any) -> Any:
        calls.append(x.shape)
        assert x.ndim == 2
        return np.sum(np.sort(x, axis=1), axis=1)

    return opaque(
        "row_sums",
        impl,
        shape=lambda x: Aval(x.shape[:1], x.dtype),
        pullback=lambda ct, out, x: (np.broadcast_to(ct[:, None], np.shape(x)),),
        examples=(Example(((2, 3),)),),
        doc="The sums of the rows.",
        **fields,
    )


def loop(x: Any) -> Any:
    state, path = scan(lambda s, t: (s * 0.5 + t, s * x[0]), x[1], np.stack([x, x * x]).T[:, 0])
    return state + path


def choice(x: Any) -> Any:
    return cond(x[0] > 0.0, lambda y: np.sqrt(y), lambda y: -y, x[0]) * x


FUNCTIONS: dict[str, Function] = {
    "elementwise": lambda x: np.exp(x) - x**2,
    "broadcast": lambda x: x[:, None] * x - np.ones(3),
    "reduction": lambda x: np.max(x) + np.sum(x[:, None] * x, axis=1, keepdims=True),
    "norm": lambda x: norm(x) * x,
    "products": lambda x: (x @ np.ones((3, 2))) @ np.ones((2, 2)) + x @ x,
    "gather": lambda x: x[np.array([2, 0])],
    "computed gather": lambda x: take(np.arange(5.0), np.argsort(x)) * x,
    "own gather": lambda x: np.take(x, np.argsort(x)),
    "loop": loop,
    "choice": choice,
    "same for all": lambda x: np.ones(2),
    "opaque": lambda x: row_sums()(x[:, None] * x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_the_stack_of_the_entries(name: str) -> None:
    function = FUNCTIONS[name]
    with np.errstate(all="ignore"):
        expected = np.stack([function(x) for x in MANY])
    np.testing.assert_allclose(vmap(function)(MANY), expected, rtol=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_of_the_entries(name: str) -> None:
    function = FUNCTIONS[name]

    def scalar(x: Any) -> Any:
        return np.sum(function(x) ** 2)

    expected = np.stack([grad(scalar)(x) for x in MANY])
    np.testing.assert_allclose(vmap(grad(scalar))(MANY), expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(
        grad(lambda xs: np.sum(vmap(scalar)(xs)))(MANY), expected, rtol=1e-13, atol=1e-13
    )


def test_nested_and_with_other_derivatives() -> None:
    outer = vmap(vmap(lambda x, y: x * y, in_axes=(None, 0)), in_axes=(0, None))
    np.testing.assert_array_equal(outer(MANY[0], MANY[1]), np.outer(MANY[0], MANY[1]))

    def quartic(x: Any) -> Any:
        return np.sum(x**4) * x[0]

    expected = np.stack([hessian(quartic)(x) for x in MANY])
    np.testing.assert_allclose(vmap(hessian(quartic))(MANY), expected, rtol=1e-13)
    pushed = vmap(lambda x, v: jvp(quartic, [x], [v])[1])(MANY, MANY[::-1])
    assert pushed.shape == (4,)
    columns = vmap(lambda v: jvp(np.sin, [MANY[0]], [v])[1])(np.eye(3))
    np.testing.assert_allclose(columns, np.diag(np.cos(MANY[0])))
    value, pullback = vjp(vmap(np.sum), MANY)
    np.testing.assert_array_equal(pullback(value)[0], np.broadcast_to(value[:, None], (4, 3)))


def test_axes_in_and_out() -> None:
    def both(x: Any, y: Any) -> tuple[Any, Any]:
        return x - y, 2.0 * y

    left, right = vmap(both, in_axes=(1, None), out_axes=(-1, None))(MANY, 1.0)
    np.testing.assert_array_equal(left, MANY - 1.0)
    assert right == 2.0
    assert vmap(both, in_axes=(-1, None))(MANY, 1.0)[1].tolist() == [2.0, 2.0, 2.0]
    assert vmap(lambda x, *, scale: x * scale)(np.arange(3.0), scale=2).tolist() == [0.0, 2.0, 4.0]
    assert vmap(lambda x: x)(np.zeros((0, 2))).shape == (0, 2)


def test_results_are_arrays_of_their_own() -> None:
    given_ = np.arange(3.0)
    found = vmap(lambda x: x)(given_)
    found[0] = 7.0
    assert given_[0] == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: vmap(np.sin)(1.0), "argument 0 has no axis 0"),
        (lambda: vmap(np.add)(np.ones(2), np.ones(3)), "different lengths: 2 of argument 0, 3 of"),
        (lambda: vmap(np.sin, in_axes=None)(np.ones(2)), "over nothing"),
        (lambda: vmap(np.sin, in_axes=(0, 0))(np.ones(2)), "2 axes for 1 arguments"),
        (lambda: vmap(np.sin, in_axes=AXES)(np.ones(2)), "name no axes"),
        (lambda: vmap(np.sin, out_axes=None)(np.ones(2)), "differs between entries"),
        (lambda: vmap(np.sin, out_axes=1)(np.ones(2)), "result 0 has no axis 1"),
    ],
)
def test_wrong_axes_are_told(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        call()


def test_if_cannot_look_at_the_entries() -> None:
    with pytest.raises(TraceError, match="__bool__"):
        vmap(lambda x: x if x > 0 else -x)(np.ones(2))


def test_what_keeps_rows_apart_is_called_once() -> None:
    calls: list[tuple[int, ...]] = []
    own = row_sums(axes=lambda carried, x: 0 if carried[0] == 0 else carried[0], calls=calls)
    # Of a mixed one the entries are handed over one after the other.
    apart = row_sums(axes=lambda carried, x: 0)
    entries = RNG.standard_normal((5, 2, 3))
    expected = np.sum(entries, axis=2)
    np.testing.assert_allclose(vmap(lambda x: apart(x))(entries), expected)
    assert calls == []
    np.testing.assert_allclose(vmap(lambda x: own(x))(entries), expected)
    assert calls == [(10, 3)]
    calls.clear()
    np.testing.assert_allclose(vmap(lambda x: row_sums(calls=calls)(x))(entries), expected)
    assert calls == [(2, 3)] * 5


def test_a_composite_keeps_the_derivative_that_it_states() -> None:
    stated = composite(
        "stated",
        lambda x: np.sqrt(np.sum(x * x)),
        pullback=lambda ct, out, x: (ct * np.where(x == 0, 0.5, 1.0),),
        examples=(Example(((3,),)),),
        doc="Something whose derivative is not that of its body.",
    )
    found = grad(lambda xs: np.sum(vmap(lambda x: stated(x))(xs)))(np.zeros((2, 3)))
    np.testing.assert_array_equal(found, np.full((2, 3), 0.5))


def test_what_does_not_depend_on_the_entries_is_computed_once() -> None:
    avals = [aval_of(MANY[0]), aval_of(np.ones((50, 3)))]
    graph = trace(lambda x, data: np.sum(np.exp(data) @ x), *avals).graph
    batched = trace(
        lambda x, data: graph_vmap(graph, [x, data], [True, False], 4)[0], aval_of(MANY), avals[1]
    ).graph
    assert batched.equations[0].results[0].aval == avals[1]


def test_a_choice_computes_only_the_side_that_is_taken() -> None:
    taken: list[float] = []

    def noted(x: Any) -> Any:
        taken.append(float(x))
        return x

    note = opaque(
        "note", noted, shape=lambda x: x, examples=(Example(((),)),), doc="Its operand, noted."
    )
    sides = (lambda x: note(x), lambda x: x)
    found = vmap(lambda x: cond(x > 0.0, *sides, x))(np.array([1.0, -1.0, 2.0]))
    assert found.tolist() == [1.0, -1.0, 2.0]
    assert taken == [1.0, 2.0]


ROWS = Dim.rows("data")


def test_the_new_axis_may_be_rows() -> None:
    def summed(x: Any, w: Any) -> Any:
        return np.sum(np.tanh(x @ w)) + np.sum(np.broadcast_to(x, (2, 3)))

    graph = trace(summed, Aval((3,), np.dtype(float)), Aval((3, 2), np.dtype(float))).graph
    whole = trace(
        lambda x, w: graph_vmap(graph, [x, w], [True, False], ROWS)[0],
        Aval((ROWS, 3), np.dtype(float)),
        Aval((3, 2), np.dtype(float)),
    ).graph
    w = RNG.standard_normal((3, 2))
    [found] = interpret(verify(whole), MANY, w)
    np.testing.assert_allclose(found, [summed(x, w) for x in MANY])


@settings(max_examples=30)
@given(PROGRAMS)
def test_random_programs_and_their_gradients(program: Program) -> None:
    graph = value_and_gradient_graph(program.graph, range(3))
    rng = np.random.default_rng(1)
    entries = [[rng.uniform(0.2, 1.5, shape) for shape in SHAPES] for _ in range(3)]
    for carried in list(product([False, True], repeat=3))[1:]:
        given_ = [
            [x if flag else first for x, first, flag in zip(one, entries[0], carried, strict=True)]
            for one in entries
        ]
        operands = [
            np.stack(xs) if flag else xs[0]
            for xs, flag in zip(zip(*given_, strict=True), carried, strict=True)
        ]

        def many(*xs: Any, carried: Any = carried) -> Any:
            return graph_vmap(graph, xs, carried, 3)[0]

        with np.errstate(all="ignore"):
            found = interpret(verify(trace(many, *map(aval_of, operands)).graph), *operands)
            alone = [interpret(graph, *one) for one in given_]
        for have, *want in zip(found, *alone, strict=True):
            expected = np.stack(want)
            np.testing.assert_allclose(
                np.broadcast_to(have, expected.shape), expected, rtol=1e-10, atol=1e-10
            )
