"""Measured derivatives are right where they say so, and say so where they cannot be measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.errors import DerivativeError
from optserve.graph.domain import boolean, positive, real, unit
from optserve.graph.primitive import Primitive
from optserve.primitives.arithmetic import absolute, multiply
from optserve.primitives.comparisons import relu
from optserve.primitives.constructors import elementwise, opaque
from optserve.primitives.elementary import exp, log, sqrt
from optserve.primitives.ordering import argmax
from optserve.primitives.reductions import logsumexp
from optserve.transforms.derivative_check import (
    agreement,
    equation_graph,
    pullback_graph,
    pushforward_graph,
)
from optserve.transforms.differences import differences, taylor_order
from optserve.transforms.probe_points import nearby
from optserve.transforms.promises import linearity, mutated

FUNCTIONS: list[tuple[Callable[[Any], Any], Callable[[Any], Any]]] = [
    (np.exp, np.exp),
    (np.sin, np.cos),
    (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    (np.log, lambda x: 1.0 / x),
    (lambda x: x**7, lambda x: 7 * x**6),
    (lambda x: 1e6 + x, lambda x: np.ones_like(x)),
    (lambda x: 0.0 * x, lambda x: 0.0 * x),
]


@pytest.mark.parametrize(("function", "slope"), FUNCTIONS)
@given(x=st.floats(0.01, 30.0))
def test_what_is_conclusive_is_right_within_its_uncertainty(
    function: Any, slope: Any, x: float
) -> None:
    found = differences(lambda h: np.array([function(x + h * x)]))
    assert found.conclusive.all()
    error = np.abs(found.slope - slope(x) * x)
    assert (error <= 8.0 * found.uncertainty + 1e-13 * np.abs(slope(x) * x)).all()


@pytest.mark.parametrize(
    "rough",
    [
        np.abs,
        lambda h: np.maximum(h, 3.0 * h),
        lambda h: np.where(h > 0, 1.0, 0.0),
        lambda h: np.sqrt(h),
        lambda h: np.log(h),
        lambda h: np.cbrt(h),
        lambda h: h * np.nan,
        lambda h: 1.0 / np.abs(h),
    ],
)
def test_kinks_jumps_and_ends_are_inconclusive(rough: Any) -> None:
    with np.errstate(all="ignore"):
        assert not differences(lambda h: np.array([rough(np.float64(h))])).conclusive.any()


def test_entries_are_judged_for_themselves() -> None:
    points = np.array([0.0, 1.0, -1.0, 1e-3])
    found = differences(lambda h: np.abs(points + h))
    assert found.conclusive.tolist() == [False, True, True, True]
    np.testing.assert_allclose(found.slope[1:], [1.0, -1.0, 1.0])


def test_a_rough_function_is_measured_at_a_finer_scale() -> None:
    found = differences(lambda h: np.array([np.sin(1e4 * (1.0 + h))]))
    assert found.conclusive.all()
    np.testing.assert_allclose(found.slope, [1e4 * np.cos(1e4)], rtol=1e-4)


def test_the_taylor_order_tells_right_from_wrong() -> None:
    assert taylor_order(np.exp, 1.0) == pytest.approx(2.0, abs=0.01)
    assert taylor_order(np.exp, 1.01) < 1.5
    assert taylor_order(lambda h: 3.0 * h, 3.0) == np.inf


def agrees(primitive: Primitive, *operands: Any, wrt: int = 0) -> Any:
    return agreement(equation_graph(primitive, operands), operands, wrt=wrt)


def test_right_rules_agree() -> None:
    x = np.random.default_rng(0).uniform(0.5, 2.0, (4, 3))
    for found in (agrees(exp, x), agrees(multiply, x, x[0], wrt=1), agrees(relu, x - 1.0)):
        assert found.worst < 1e-9
        assert found.conclusive == 1.0
        assert found.order > 1.9


def test_a_wrong_rule_is_off_by_what_it_is_off_by() -> None:
    wrong = elementwise("wrong", ufunc=np.exp, partials=lambda out, x: (1.001 * out,), doc="Wrong.")
    found = agrees(wrong, np.array([0.5, 1.0]))
    assert found.forward == pytest.approx(1e-3, rel=0.01)
    assert found.reverse > 1e-4
    assert found.adjoint < 1e-14
    assert found.order < 1.5


def test_the_entry_that_is_furthest_off_is_named() -> None:
    def partials(out: Any, x: Any) -> tuple[Any]:
        return (np.where(x > 2.0, 0.0, np.cos(x)),)

    wrong = elementwise("wrong", ufunc=np.sin, partials=partials, doc="Wrong beyond 2.")
    x = np.array([[0.1, 0.2], [0.3, 2.5]])
    assert agrees(wrong, x).place == (0, (1, 1))


def test_entries_at_kinks_take_no_part() -> None:
    found = agrees(absolute, np.array([0.0, 1.0, -2.0, 0.0]))
    assert found.conclusive == 0.5
    assert found.worst < 1e-9
    end = agrees(sqrt, np.array([0.0, 4.0]))
    assert end.conclusive == 0.5


def test_integer_results_and_empty_arrays_have_nothing_to_disagree() -> None:
    x = np.array([1.0, 3.0, 2.0])
    graph = equation_graph(argmax, [x], {"axis": 0})
    assert agreement(graph, [x], wrt=0).worst == 0.0
    assert agrees(exp, np.zeros((0, 3))).conclusive == 1.0


def test_a_missing_rule_raises() -> None:
    bare = opaque("bare", lambda x: 2.0 * x, shape=lambda x: x, doc="No rule.")
    with pytest.raises(DerivativeError, match="bare has no derivative rule"):
        agrees(bare, np.ones(3))


def test_linearity_measures_the_departure() -> None:
    x = np.array([0.5, 1.5])
    assert linearity(equation_graph(exp, [x]), [x]) == 0.0
    affine = opaque(
        "affine",
        lambda x: 2.0 * x,
        shape=lambda x: x,
        pullback=lambda ct, out, x: (2.0 * ct + 0.1,),
        doc="An offset in the rule.",
    )
    assert linearity(equation_graph(affine, [x]), [x]) > 0.01


def test_mutation_is_named() -> None:
    def greedy(x: Any) -> Any:
        x *= 2.0
        return x + 0.0

    primitive = opaque(
        "greedy", greedy, shape=lambda x: x, pullback=lambda ct, out, x: (ct,), doc="Changes x."
    )
    x = np.ones(3)
    assert mutated(equation_graph(primitive, [x]), [x]) == ["operand 0 by the value"]
    assert x.tolist() == [1.0, 1.0, 1.0]
    assert mutated(equation_graph(log, [x]), [x]) == []


@given(st.integers(0, 10_000))
def test_nearby_points_stay_in_their_domains(seed: int) -> None:
    rng = np.random.default_rng(seed)
    given_arrays = [
        np.array([0.0, 1e-9, 2.0]),
        np.array([0.0, 1.0, 0.5, 1e-12]),
        rng.standard_normal(3),
        np.array([True, False]),
    ]
    moved = nearby(given_arrays, [positive, unit, real, boolean], seed=seed, spread=0.1)
    assert (moved[0] > 0.0).all()
    assert ((moved[1] > 0.0) & (moved[1] < 1.0)).all()
    assert (np.abs(moved[2] - given_arrays[2]) <= 0.11 * (np.abs(given_arrays[2]) + 1.0)).all()
    assert moved[3].dtype == bool


def test_graphs_of_derivatives_take_cotangents_and_tangents() -> None:
    x = np.array([1.0, 2.0])
    graph = equation_graph(logsumexp, [x], {"axis": (0,), "keepdims": False})
    assert len(pullback_graph(graph).inputs) == 2
    assert len(pullback_graph(graph, values=True).outputs) == 2
    assert [atom.aval.shape for atom in pushforward_graph(graph).outputs] == [()]
