"""What derivatives are where mathematics leaves a choice: each test is a row of the conventions.

A convention binds a named primitive at its own kink, and the chain rule does the rest. Each row is
checked twice: computed on arrays, and from the graph of the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from optserve.errors import OptserveError, ShapeError, TraceError
from optserve.graph.interpret import interpret
from optserve.primitives import comparisons, elementary
from optserve.primitives.indexing import take
from optserve.primitives.ordering import median, sort
from optserve.primitives.reductions import logsumexp, norm, prod, std
from optserve.primitives.tracing import trace, verify
from optserve.transforms.functions import grad, vjp
from optserve.transforms.jacobians import hessian, hvp
from optserve.transforms.reverse import value_and_gradient_graph

INF, NAN = np.inf, np.nan
Function = Callable[..., Any]


def slopes(function: Function, *points: Any) -> list[Any]:
    """The gradient of the sum of ``function`` by every operand, computed in two ways."""
    points = tuple(np.asarray(point, float) for point in points)

    def total(*operands: Any) -> Any:
        return np.sum(function(*operands))

    with np.errstate(all="ignore"):
        eager = grad(total, argnums=range(len(points)))(*points)
        traced = trace(total, *points)
        graph = verify(value_and_gradient_graph(traced.graph, range(len(points))))
        recorded = interpret(graph, *points)[1:]
    for one, other in zip(eager, recorded, strict=True):
        np.testing.assert_array_equal(one, other)
    return [np.asarray(slope).tolist() for slope in eager]


def slope(function: Function, *points: Any) -> Any:
    """The gradient by the first operand."""
    return slopes(function, *points)[0]


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=4e-16)


def test_abs_at_zero() -> None:
    same(slope(np.abs, [-2.0, 0.0, 2.0]), [-1.0, 0.0, 1.0])


def test_relu_at_zero() -> None:
    same(slope(comparisons.relu, [-1.0, 0.0, 1.0, NAN]), [0.0, 0.0, 1.0, NAN])


@pytest.mark.parametrize("function", [np.maximum, np.minimum])
def test_a_tie_of_maximum_and_minimum_splits(function: Function) -> None:
    same(slopes(function, 3.0, 3.0), [0.5, 0.5])


def test_maximum_at_zero_splits_and_a_spelling_gives_what_its_parts_give() -> None:
    same(slope(lambda x: np.maximum(x, 0.0), 0.0), 0.5)
    same(slope(lambda x: (x + np.abs(x)) / 2.0, 0.0), 0.5)


@pytest.mark.parametrize("function", [np.maximum, np.minimum])
def test_maximum_of_nan_has_nan_cotangents(function: Function) -> None:
    assert np.isnan(slopes(function, NAN, 1.0)).all()


def test_ties_of_max_over_an_axis_split() -> None:
    same(slope(np.max, [1.0, 3.0, 3.0, 2.0]), [0.0, 0.5, 0.5, 0.0])
    same(slope(lambda x: np.min(x, axis=1), [[1.0, 1.0, 1.0], [2.0, 1.0, 3.0]]),
         [[1 / 3, 1 / 3, 1 / 3], [0.0, 1.0, 0.0]])  # fmt: skip


def test_ties_of_sort_are_stable() -> None:
    same(
        slope(lambda x: np.sort(x)[1:3] @ np.array([10.0, 1.0]), [2.0, 5.0, 2.0]), [0.0, 1.0, 10.0]
    )
    same(slope(lambda x: sort(x) @ np.array([1.0, 2.0, 3.0]), [7.0, 7.0, 7.0]), [1.0, 2.0, 3.0])


def test_median_of_an_even_number_and_of_ties() -> None:
    same(slope(median, [1.0, 2.0, 3.0, 4.0]), [0.0, 0.5, 0.5, 0.0])
    same(slope(median, [3.0, 1.0, 2.0]), [0.0, 0.0, 1.0])
    same(slope(median, [2.0, 2.0, 5.0]), [0.5, 0.5, 0.0])
    same(slope(median, [2.0, 1.0, 2.0, 2.0, 9.0]), [1 / 3, 0.0, 1 / 3, 1 / 3, 0.0])
    same(slope(median, [1.0, 3.0, 3.0, 8.0, 1.0, 9.0]), [0.0, 0.5, 0.5, 0.0, 0.0, 0.0])


def test_clip_at_a_bound_is_what_its_composition_gives() -> None:
    same(slope(lambda x: np.clip(x, 0.0, 1.0), [-1.0, 0.0, 0.5, 1.0, 2.0]), [0, 0.5, 1, 0.5, 0])
    same(slopes(comparisons.clip, 1.0, 0.0, 1.0), [0.5, 0.0, 0.5])


def test_the_two_norm_at_zero() -> None:
    same(slope(np.linalg.norm, [0.0, 0.0]), [0.0, 0.0])
    same(slope(norm, [3.0, 4.0]), [0.6, 0.8])


def test_the_one_norm_at_zero() -> None:
    same(slope(lambda x: np.sum(np.abs(x)), [0.0, 0.0, -1.0]), [0.0, 0.0, -1.0])


def test_sqrt_and_log_at_zero() -> None:
    same(slope(np.sqrt, 0.0), INF)
    same(slope(np.log, 0.0), INF)


def test_hypot_and_arctan2_at_the_origin() -> None:
    same(slopes(np.hypot, 0.0, 0.0), [0.0, 0.0])
    same(slopes(np.arctan2, 0.0, 0.0), [0.0, 0.0])
    same(slopes(np.hypot, 3e200, 4e200), [0.6, 0.8])


def test_hypot_of_an_infinite_operand() -> None:
    np.testing.assert_allclose(slopes(np.hypot, INF, 3.0), [1.0, 0.0], atol=1e-307)
    np.testing.assert_allclose(slopes(np.hypot, -2.0, -INF), [0.0, -1.0], atol=1e-307)
    same(slopes(np.hypot, INF, -INF), [np.sqrt(0.5), -np.sqrt(0.5)])


@pytest.mark.parametrize("exponent", [0, 0.0])
def test_x_to_the_zero_at_zero(exponent: float) -> None:
    same(slope(lambda x: x**exponent, [0.0, 2.0, -3.0]), [0.0, 0.0, 0.0])
    same(slopes(np.power, [0.0, 2.0, -3.0], 0.0)[0], [0.0, 0.0, 0.0])


def test_zero_to_the_y_by_y() -> None:
    same(slopes(np.power, [0.0, 0.0, 0.0], [2.0, 0.0, -1.0])[1], [0.0, 0.0, -INF])
    same(slope(lambda y: 0.0**y, [2.0, 0.0, -1.0]), [0.0, 0.0, -INF])


def test_a_negative_base_is_nan_only_where_the_exponent_is_differentiated() -> None:
    same(slope(lambda x: x**2.0, -2.0), -4.0)
    same(slope(lambda x: x**3, -2.0), 12.0)
    by_base, by_exponent = slopes(np.power, -2.0, 2.0)
    same(by_base, -4.0)
    assert np.isnan(by_exponent)


def test_xlogy_at_zero() -> None:
    same(elementary.xlogy(np.array([0.0, 0.0]), np.array([0.0, 2.0])), [0.0, 0.0])
    same(slopes(elementary.xlogy, 0.0, 0.0), [0.0, 0.0])
    same(slopes(elementary.xlogy, 0.0, 1.0), [0.0, 0.0])
    for x, y, mixed in ((0.0, 2.0, 0.5), (0.0, 0.0, 0.0)):
        curved = hessian(lambda v: elementary.xlogy(v[0], v[1]))(np.array([x, y]))
        same(curved, [[0.0, mixed], [mixed, 0.0]])
    assert np.isnan(elementary.xlogy(0.0, NAN))


def test_prod_with_zeros_is_exact() -> None:
    same(slope(prod, [2.0, 0.0, 3.0]), [0.0, 6.0, 0.0])
    same(slope(np.prod, [2.0, 0.0, 0.0, 5.0]), [0.0, 0.0, 0.0, 0.0])
    same(slope(lambda x: np.prod(x, axis=0), [[0.0, 1.0], [4.0, 2.0]]), [[4.0, 2.0], [0.0, 1.0]])
    second = grad(lambda x: grad(np.prod)(x)[1])(np.array([0.0, 0.0, 5.0]))
    same(second, [5.0, 0.0, 0.0])


def test_std_of_a_constant() -> None:
    same(slope(std, [2.0, 2.0, 2.0]), [0.0, 0.0, 0.0])
    same(slope(lambda x: np.std(x, axis=1), [[2.0, 2.0], [1.0, 3.0]]), [[0.0, 0.0], [-0.5, 0.5]])


def test_softplus_far_out() -> None:
    same(elementary.softplus(np.array([1000.0, -1000.0])), [1000.0, 0.0])
    same(slope(elementary.softplus, [1000.0, -1000.0]), [1.0, 0.0])


def test_logsumexp_of_nothing_but_minus_infinity() -> None:
    same(slope(logsumexp, [-INF, -INF]), [0.0, 0.0])
    assert logsumexp(np.array([-INF, -INF])) == -INF
    same(slope(lambda x: logsumexp(x, axis=1), [[-INF, -INF], [-INF, 0.0]]), [[0, 0], [0, 1]])


def test_logaddexp_at_infinity_is_logsumexp_of_two() -> None:
    assert np.logaddexp(-INF, -INF) == -INF
    same(slopes(np.logaddexp, [-INF, -INF, 0.0, INF], [-INF, 0.0, -INF, 0.0]),
         [[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]])  # fmt: skip
    same(hessian(lambda x: np.logaddexp(x[0], x[1]))(np.array([-INF, -INF])), np.zeros((2, 2)))
    assert np.isnan(slopes(np.logaddexp, INF, INF)).all()
    assert np.isnan(slope(logsumexp, [INF, INF])).all()


@pytest.mark.parametrize(
    ("taken", "at", "expected"),
    [
        (lambda x: np.where(x > 0.0, np.sqrt(x), 0.0), 0.0, 0.0),
        (lambda x: np.where(x > 0.0, np.log(x), x), 0.0, 1.0),
        (lambda x: np.where(x != 0.0, np.sin(x) / x, 1.0), 0.0, 0.0),
        (lambda x: np.where(x < 1e3, np.exp(x), 0.0), 1e4, 0.0),
        (lambda x: np.where(x > 0.0, x**0.5, -x), 0.0, -1.0),
        (lambda x: np.where(x > 0.0, np.sqrt(x**2 + x) * np.log(x), 0.0), 0.0, 0.0),
        (lambda x: np.where(x > 0.0, np.sum(np.sqrt(x) * np.ones(3)), 0.0), 0.0, 0.0),
        (lambda x: np.where(x > 0.0, 1.0 / x, 0.0), 0.0, 0.0),
    ],
)
def test_the_branch_not_taken_never_contributes(
    taken: Function, at: float, expected: float
) -> None:
    same(slope(taken, at), expected)


def test_the_branch_not_taken_contributes_nothing_to_second_derivatives() -> None:
    def root(x: Any) -> Any:
        return np.where(x > 0.0, np.sqrt(x), 0.0)

    same(grad(grad(root))(0.0), 0.0)
    same(grad(grad(root))(4.0), -1.0 / 32.0)

    def entropy(x: Any) -> Any:
        return np.where(x > 0.0, x * np.log(x), 0.0)

    same(grad(grad(entropy))(0.0), 0.0)
    same(grad(grad(grad(entropy)))(0.0), 0.0)
    same(grad(grad(grad(entropy)))(2.0), -0.25)
    same(grad(grad(lambda x: np.where(x > 0.0, x * np.sqrt(x * np.log(x)), 0.0)))(0.0), 0.0)
    same(hvp(lambda x: np.sum(entropy(x)))(np.array([0.0, 2.0]), np.ones(2)), [0.0, 0.5])
    same(grad(grad(lambda x: np.where(x > 0.0, x**3, 0.0)))(2.0), 12.0)


def test_max_and_gather_also_shield_what_they_do_not_take() -> None:
    same(slope(lambda x: np.maximum(np.sqrt(x), 1.0), 0.0), 0.0)
    same(slope(lambda x: np.max(np.stack([np.sqrt(x), x + 1.0])), 0.0), 1.0)
    same(slope(lambda x: np.sqrt(x)[1:], [0.0, 4.0]), [0.0, 0.25])
    same(slope(lambda x: take(np.sqrt(x), np.array([1, 1])), [0.0, 4.0]), [0.0, 0.5])


@pytest.mark.parametrize("function", [np.round, np.floor, np.ceil, np.sign])
def test_roundings_have_the_derivative_zero(function: Function) -> None:
    same(slope(lambda x: function(x) + 0.0 * x, [0.0, 0.5, -1.3]), [0.0, 0.0, 0.0])


def test_an_integer_argument_is_refused() -> None:
    with pytest.raises(ShapeError, match="dtype int64"):
        grad(np.sum)(np.arange(3))


def test_a_value_that_is_not_a_scalar_is_refused_with_its_shape() -> None:
    with pytest.raises(ShapeError, match=r"shape \(3,\)"):
        grad(np.sin)(np.ones(3))


def test_an_unused_argument_has_the_gradient_zero() -> None:
    found = slopes(lambda x, y: x * 2.0, 1.0, [1.0, 2.0])
    same(found[0], 2.0)
    same(found[1], [0.0, 0.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_preserved(dtype: type) -> None:
    x: Any = np.array([0.3, 0.7]).astype(dtype)
    weights: Any = np.array([1.0, 2.0]).astype(dtype)

    def loss(x: Any) -> Any:
        return np.mean(0.5 * np.exp(-x) * weights + x**2) + np.std(x) * np.arange(2)[1]

    assert grad(loss)(x).dtype == dtype
    assert grad(lambda x: np.sum(np.log1p(x) / 3))(x).dtype == dtype


def test_running_backward_twice_gives_the_same() -> None:
    x: Sequence[float] = [0.5, 2.0]
    _, pullback = vjp(lambda x: np.sin(x) * x, np.array(x))
    same(pullback(np.ones(2))[0], pullback(np.ones(2))[0])


@pytest.mark.parametrize("total", [np.sum, np.mean])
def test_the_root_of_a_sum_of_squares_at_zero_is_a_norm(total: Function) -> None:
    same(slope(lambda r: np.sqrt(total(r**2)), [0.0, 0.0]), [0.0, 0.0])
    same(slope(lambda r: total(r * r) ** 0.5, [0.0, 0.0]), [0.0, 0.0])
    same(slope(lambda r: np.sqrt(total(np.square(r), axis=0)), [[0.0], [0.0]]), [[0.0], [0.0]])
    weighted = slope(lambda r: np.sqrt(total(np.array([1.0, 2.0]) * r**2)), [0.0, 0.0])
    assert np.isnan(weighted).all()
    same(slope(lambda r: norm(np.sqrt([1.0, 2.0]) * r), [0.0, 0.0]), [0.0, 0.0])


@pytest.mark.parametrize(
    ("square", "expected"),
    [
        (lambda x: np.linalg.norm(x) ** 2, [2.0, 0.0]),
        (lambda x: norm(x) * norm(x), [2.0, 0.0]),
        (lambda x: np.square(norm(x)), [2.0, 0.0]),
        (lambda x: np.sqrt(np.sum(x**2)) ** 2, [2.0, 0.0]),
        (lambda x: np.sum(np.linalg.norm(x[None], axis=1, keepdims=True) ** 2), [2.0, 0.0]),
        (lambda x: np.sum(abs(x) ** 2), [2.0, 0.0]),
        (lambda x: np.sum(abs(x) * abs(x)), [2.0, 0.0]),
        (lambda x: np.square(np.hypot(x[0], x[1])), [2.0, 0.0]),
        (lambda x: std(x) ** 2, [0.5, -0.5]),
        (lambda x: np.std(x, ddof=1) ** 2, [1.0, -1.0]),
    ],
)
def test_the_square_of_a_norm_is_smooth_at_zero(square: Function, expected: list[float]) -> None:
    same(hessian(square)(np.zeros(2)), [expected, expected[::-1]])


@pytest.mark.parametrize("choose", [np.maximum, np.minimum, lambda x, y: np.clip(x, y, 9.0)])
def test_a_choice_of_nan_that_is_not_taken_has_no_derivative(choose: Function) -> None:
    def loss(x: Any, y: Any) -> Any:
        return np.sum(np.where(np.isnan(y), x, choose(x, y)))

    x, y = np.array([0.3, 0.4]), np.array([NAN, -1.0])
    by_x, by_y = grad(loss, argnums=(0, 1))(x, y)
    assert (by_x[0], by_y[0]) == (1.0, 0.0)
    assert np.isfinite([by_x, by_y]).all()


@pytest.mark.parametrize("choose", [np.maximum, lambda x, y: np.clip(x, y, 9.0)])
def test_a_choice_in_a_branch_bends_where_its_cotangent_is_0(choose: Function) -> None:
    def loss(x: Any) -> Any:
        return np.sum(np.where(x > -5.0, choose(x, -1.0) ** 2, 3.0))

    same(hessian(loss)(np.array([0.0, 0.3])), [[2.0, 0.0], [0.0, 2.0]])


def test_a_gather_out_of_range_gives_nan() -> None:
    found = take(np.array([1.0, 2.0]), np.array([0, 2, -3, -1]))
    same(found, [1.0, NAN, NAN, 2.0])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[np.array([0, 3])],
        lambda x: np.take(x, [-4]),
        lambda x: x[np.argmax(x) + 1],
        lambda x: np.take_along_axis(x, np.argsort(x) + 1, 0),
        lambda x: x[None][:, [0, 3], None],
    ],
)
def test_a_gather_out_of_range_fails_from_python(function: Function) -> None:
    with pytest.raises(OptserveError, match=r"index (-4|3) is out of range for an axis of size 3"):
        grad(lambda x: np.sum(function(x)))(np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("function", [float, math.sin, lambda x: np.array([x, x], object)])
def test_a_number_taken_out_of_a_traced_value_is_an_error(function: Function) -> None:
    with pytest.raises(TraceError, match=r"NumPy functions|numbers or truth values"):
        grad(lambda x: np.sum(function(x) * x))(1.0)


@pytest.mark.parametrize("point", [1.0 + 2.0j, np.array([1.0 + 2.0j])])
def test_a_complex_argument_is_refused(point: Any) -> None:
    for derivative in (grad, hessian):
        with pytest.raises(TraceError, match="real and imaginary parts"):
            derivative(lambda z: np.sum(np.abs(z * z)))(point)


def test_multiplicative_masks_are_not_protected() -> None:
    assert np.isnan(slope(lambda x: np.array([0.0, 1.0]) * np.log(x), [0.0, 1.0])[0])


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_the_second_derivatives_of_a_power(exponent: float) -> None:
    x, y, log = 2.0, exponent, math.log(2.0)
    mixed = x ** (y - 1.0) * (1.0 + y * log)
    expected = [[y * (y - 1.0) * x ** (y - 2.0), mixed], [mixed, x**y * log**2]]
    found = hessian(lambda v: v[0] ** v[1])(np.array([x, y]))
    np.testing.assert_allclose(found, expected, rtol=1e-14)
