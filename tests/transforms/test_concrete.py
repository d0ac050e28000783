"""The walk back over what was just computed gives the bits that the graph gives, or asks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from optserve import custom_vjp
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import everyday_primitives
from optserve.testing.cases import Case, cases
from optserve.transforms.concrete import pulled_back
from optserve.transforms.functions import grad, value_and_grad, vjp
from optserve.transforms.reverse import vjp as graph_vjp
from optserve.transforms.traced import guard_of, traced_at
from tests.transforms.programs import PROGRAMS, SMOOTH, WILD, Program

Function = Callable[..., Any]


def both_ways(
    function: Function, arguments: Sequence[Any], cotangents: Sequence[Any]
) -> tuple[Any, Any]:
    """The cotangents of the arguments: by the walk, and by the graph."""
    with np.errstate(all="ignore"):
        traced = traced_at(function, arguments)
        walked = pulled_back(traced.trace, traced.outputs, cotangents)
        everything = [*arguments, *traced.captured]
        guard = guard_of(traced, arguments)
        wrt = range(len(arguments))
        _, pull = graph_vjp(traced.graph, everything, wrt, known=traced.values, guard=guard)
        return walked, pull(cotangents, False)


def check_alike(function: Function, arguments: Sequence[Any], cotangents: Sequence[Any]) -> bool:
    """Whether the walk gave anything; it is then what the graph gives, to the bit."""
    walked, asked = both_ways(function, arguments, cotangents)
    if walked is None:
        return False
    for one, other in zip(walked, asked, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            left, right = np.asarray(one), np.asarray(other)
            assert (left.shape, left.dtype) == (right.shape, right.dtype)
            if left.dtype == np.float64:
                assert left.tobytes() == right.tobytes()
            else:  # a rule that is recorded keeps to single precision, on arrays NumPy may not
                scale = 1e-5 * float(np.max(np.abs(right), initial=0.0))
                np.testing.assert_allclose(left, right, rtol=1e-5, atol=scale)
    return True


def applied(case: Case) -> tuple[Function, list[Any]]:
    """A primitive as a function of its floating operands, and these."""

    def function(*floating: Any) -> Any:
        operands = list(case.operands)
        for i, value in zip(case.floating, floating, strict=True):
            operands[i] = value
        return case.primitive.bind(*operands, **case.attributes)

    return function, [np.asarray(case.operands[i])[()] for i in case.floating]


def cotangents_of(results: Sequence[Any]) -> list[Any]:
    rng = np.random.default_rng(3)
    made = [rng.normal(size=np.shape(one)).astype(np.asarray(one).dtype) for one in results]
    return [one[()] if one.dtype.kind == "f" else None for one in made]


def chosen(function: Function) -> Function:
    """The same, half of it chosen: cotangents are then masked."""

    def half(*arguments: Any) -> Any:
        out = function(*arguments)
        outs = out if isinstance(out, tuple) else (out,)
        return tuple(
            np.where(np.arange(np.size(one)).reshape(np.shape(one)) % 2, one, 0.0)
            if one.dtype.kind == "f"
            else one
            for one in outs
        )

    return half


def differentiable() -> list[Primitive]:
    listed = [one for one in everyday_primitives() if one.differentiable and cases(one)]
    return [one for one in listed if one.kind != "control"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("primitive", differentiable(), ids=repr)
def test_every_primitive_gives_the_bits_of_the_graph(primitive: Primitive, dtype: Any) -> None:
    for case in cases(primitive)[:6]:
        function, arguments = applied(case.cast(dtype))
        if not arguments:
            continue
        try:
            seeds = cotangents_of(case.cast(dtype).evaluate())
        except TypeError:  # LAPACK knows no such numbers
            continue
        for _ in range(3):  # the rule itself, then what is written out
            check_alike(function, arguments, seeds)
            check_alike(chosen(function), arguments, seeds)


@settings(max_examples=60)
@given(PROGRAMS, SMOOTH)
def test_random_programs_give_the_bits_of_the_graph(program: Program, arguments: Any) -> None:
    check_alike(program.scalar, arguments, [np.float64(0.75)])


@settings(max_examples=60)
@given(PROGRAMS, WILD)
def test_wild_numbers_too(program: Program, arguments: Any) -> None:
    check_alike(program.scalar, arguments, [np.float64(0.75)])


def test_one_of_several_results_may_be_used_alone() -> None:
    matrix = np.array([[2.0, 1.0], [1.0, 3.0]])
    for part in (0, 1):
        assert check_alike(
            lambda a, part=part: np.sum(np.linalg.eigh(a)[part] ** 2), [matrix], [np.float64(1.0)]
        )


LEVELLED: list[Function] = [
    lambda x: 1.0 / (2.0 + np.exp(x)),
    lambda x: np.tanh(x**3),
    lambda x: np.exp(-np.square(x) * np.exp(x)),
]


@pytest.mark.parametrize("function", LEVELLED)
def test_what_has_overflowed_is_left_to_the_graph(function: Function) -> None:
    walked, _ = both_ways(function, [np.float64(1e200)], [np.float64(1.0)])
    assert walked is None
    assert grad(function)(1e200) == 0.0
    assert check_alike(function, [np.float64(0.5)], [np.float64(1.0)])


def test_a_pole_keeps_its_infinity() -> None:
    assert grad(np.sqrt)(0.0) == np.inf
    assert grad(lambda x: np.sum(np.log(x)))(np.array([1.0, 0.0])).tolist() == [1.0, np.inf]


@pytest.mark.parametrize(
    "power",
    [
        (lambda x: x**2.0, 12.0),
        (lambda x: x**3, 108.0),
        (lambda x: 2.0**x, 64.0 * np.log(2.0)),
        (lambda x: 3.0**x, 729.0 * np.log(3.0)),
        (lambda x: x**1, 1.0),
        (lambda x: x**0, 0.0),
    ],
)
def test_a_number_in_a_power_is_not_taken_for_another(power: tuple[Function, float]) -> None:
    function, slope = power
    for _ in range(2):
        assert grad(function)(6.0) == pytest.approx(slope, rel=1e-14)


def test_rules_of_others_are_left_to_the_graph() -> None:
    clipped = custom_vjp(lambda x: x * 1.0)
    clipped.defvjp(lambda x: (x * 1.0, None), lambda _, ct: (np.clip(ct, -1.0, 1.0),))
    walked, asked = both_ways(lambda x: 5.0 * clipped(x), [np.float64(2.0)], [np.float64(1.0)])
    assert walked is None
    assert asked == (1.0,)


def test_results_are_arrays_of_their_own() -> None:
    x = np.array([1.0, 2.0])
    _, gradient = value_and_grad(lambda x: np.sum(x))(x)
    gradient += 1.0
    out, pullback = vjp(lambda x: x, x)
    [ct] = pullback(np.ones(2))
    ct += 1.0
    out += 1.0
    assert x.tolist() == [1.0, 2.0]
    assert pullback(np.ones(2))[0].tolist() == [1.0, 1.0]


def test_an_argument_that_changes_its_shape_is_differentiated_anew() -> None:
    slope = grad(lambda x: np.mean(x * x))
    for count in (3, 3, 3, 1, 4, 4):
        x = np.arange(1.0, count + 1.0)
        np.testing.assert_allclose(slope(x), 2.0 * x / count, rtol=1e-15)
