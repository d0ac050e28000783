"""What is recorded in place of what was written: once, where it is exact, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special

from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.arithmetic import add, reciprocal
from optserve.primitives.composition import compose, pipe
from optserve.primitives.elementary import exp, log, log1p, sigmoid, softplus, sqrt
from optserve.primitives.loops import scan
from optserve.primitives.normal_tails import ndtr
from optserve.primitives.reductions import norm, std
from optserve.primitives.rewritings import REWRITINGS
from optserve.primitives.special import erf, erfc
from optserve.primitives.sums import sum_
from optserve.primitives.tracing import trace, verify
from optserve.transforms.functions import grad, value_and_grad
from optserve.transforms.jacobians import hvp

Function = Callable[..., Any]
X = np.array([0.3, 1.7, 2.5])


def graph_of(function: Function, *operands: Any) -> Graph:
    return verify(trace(function, *operands).graph)


def names(graph: Graph) -> list[str]:
    return [equation.primitive.name for equation in graph.equations]


REWRITTEN: list[tuple[Function, str]] = [
    (lambda x: np.exp(x) - 1.0, "expm1"),
    (lambda x: 1.0 - sigmoid(x), "negative sigmoid"),
    (lambda x: 1.0 / (1.0 + np.exp(-x)), "sigmoid"),
    (lambda x: 1.0 / (np.exp(x) + 1.0), "negative sigmoid"),
    (lambda x: 3.0 / (1.0 + np.exp(-2.0 * x)), "multiply negative sigmoid multiply"),
    (lambda x: reciprocal(1.0 + np.exp(-x)), "sigmoid"),
    (lambda x: (1.0 + np.exp(-x)) ** -1, "sigmoid"),
    (lambda x: x * np.exp(x) / (1.0 + np.exp(x)), "negative exp add divide"),
    (lambda x: x / (np.exp(x) - 1.0), "occupation multiply"),
    (lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(-x) + np.exp(x)), "tanh"),
    (lambda x: (1.0 - np.exp(-x)) / (1.0 + np.exp(-x)), "multiply tanh"),
    (lambda x: (np.exp(x) - 1.0) / (np.exp(x) + 1.0), "multiply tanh"),
    (lambda x: np.sinh(x) / np.cosh(x), "tanh"),
    (lambda x: np.log(sigmoid(x)), "negative softplus negative"),
    (lambda x: np.log(1.0 / (1.0 + np.exp(-x))), "negative softplus negative"),
    (lambda x: np.log(1.0 + np.exp(x)), "softplus"),
    (lambda x: np.log1p(np.exp(x)), "softplus"),
    (lambda x: np.log(np.exp(x) - 1.0), "log1mexp add"),
    (lambda x: np.log(1.0 - np.exp(-x)), "log1mexp"),
    (lambda x: np.log1p(-np.exp(-x)), "log1mexp"),
    (lambda x: np.log(np.exp(x) + np.exp(-x)), "negative logaddexp"),
    (lambda x: np.log(np.sum(np.exp(x))), "logsumexp"),
    (lambda x: np.log(np.sum(np.exp(x), axis=0, keepdims=True)), "logsumexp"),
    (lambda x: np.log(np.cosh(x)), "negative logaddexp subtract"),
    (lambda x: np.log(1.0 + x), "log1p"),
    (lambda x: np.log(x + 1.0), "log1p"),
    (lambda x: np.log(1.0 - x / 3.0), "divide negative log1p"),
    (lambda x: np.sqrt(np.sum(x**2)), "euclidean_norm"),
    (lambda x: np.sqrt(np.sum(x * x, axis=0, keepdims=True)), "euclidean_norm"),
    (lambda x: np.sqrt(np.mean(np.square(x))), "euclidean_norm divide"),
    (lambda x: np.linalg.norm(x) ** 2, "multiply sum"),
    (lambda x: np.square(np.sqrt(np.sum(x**2))), "multiply sum"),
    (lambda x: np.abs(x) ** 2, "multiply"),
    (lambda x: np.square(np.hypot(x, 2.0 * x)), "multiply multiply multiply add"),
    (lambda x: std(x) ** 2, "var"),
    (lambda x: np.exp(x) * np.exp(-2.0 * x), "multiply add exp"),
    (lambda x: 1.0 + erf(x), "negative erfc"),
    (lambda x: 1.0 - erf(x), "erfc"),
    (lambda x: 1.0 - erfc(x), "erf"),
    (lambda x: 1.0 - ndtr(x), "negative ndtr"),
    (lambda x: 1.0 - 0.5 * (1.0 + erf(x)), "erfc multiply"),
    (lambda x: np.log(erfc(x)), "log_erfc"),
    (lambda x: np.log(0.5 * erfc(-x)), "negative log_erfc"),
    (lambda x: np.log(0.5 * (1.0 + erf(x))), "negative log_erfc"),
    (lambda x: np.log((1.0 - erf(x)) / 2.0), "log_erfc"),
    (lambda x: np.log(1.0 - 0.5 * (1.0 + erf(x))), "log_erfc"),
    (lambda x: np.log(3.0 * erfc(x)), "log_erfc add"),
    (lambda x: np.log(ndtr(x)), "multiply log_erfc"),
    (lambda x: np.log(1.0 - ndtr(x)), "negative multiply log_erfc"),
]
KEPT: list[Function] = [
    lambda x: 2.0 + erf(x),
    lambda x: np.log(x * erfc(x)),
    lambda x: np.log(np.exp(x)),
    lambda x: np.log(3.0 * np.exp(x)),
    lambda x: np.exp(np.log(x)),
    lambda x: np.sqrt(x) ** 2,
    lambda x: np.sqrt(np.sum(2.0 * x**2)),
    lambda x: np.sqrt(np.sum(x**3)),
    lambda x: np.log(2.0 + x),
    lambda x: np.log(3.0 + x**2),
    lambda x: 1.0 - np.exp(-x),
    lambda x: 2.0 / (3.0 + np.exp(x)),
    lambda x: x / np.exp(x),
    lambda x: norm(x) ** 3,
]


@pytest.mark.parametrize(("written", "recorded"), REWRITTEN)
def test_what_is_recorded(written: Function, recorded: str) -> None:
    graph = graph_of(written, X)
    kept = [name for name in names(graph) if name != "constant"]
    assert sorted(kept) == sorted(recorded.split())
    assert any(equation.rewriting for equation in graph.equations)
    np.testing.assert_allclose(interpret(graph, X)[0], written(X), rtol=1e-12)


@pytest.mark.parametrize("written", KEPT)
def test_what_stays_as_it_is_written(written: Function) -> None:
    graph = graph_of(written, X)
    assert not any(equation.rewriting for equation in graph.equations)
    np.testing.assert_array_equal(interpret(graph, X)[0], written(X))


@pytest.mark.parametrize(
    "composed",
    [
        compose(reciprocal, lambda u: add(u, 1.0), exp, np.negative),
        pipe(exp, lambda u: add(1.0, u), log),
        compose(log, sigmoid),
        compose(log1p, exp),
        compose(sqrt, sum_, np.square),
        compose(np.square, norm),
    ],
)
def test_what_is_composed_stays_as_it_is_composed(composed: Function) -> None:
    assert not any(equation.rewriting for equation in graph_of(composed, X).equations)
    assert np.isfinite(grad(lambda x: np.sum(composed(x)))(X)).all()


def test_a_step_of_a_composition_is_written_like_anything() -> None:
    step = compose(np.sum, lambda x: np.log(1.0 + np.exp(x)))
    assert names(graph_of(step, X)) == ["softplus", "sum"]


def test_a_compositions_result_is_not_looked_into() -> None:
    assert "log1p" in names(graph_of(lambda x: np.log(1.0 + compose(exp)(x)), X))


def test_a_probit_likelihood_is_right_in_both_tails() -> None:
    def log_chance(x: Any) -> Any:
        return np.sum(np.log(0.5 * (1.0 + erf(x / np.sqrt(2.0)))))

    x = np.array([-1e5, -40.0, -3.0, 0.0, 3.0, 40.0])
    value, slope = value_and_grad(log_chance)(x[:1])
    np.testing.assert_allclose(value, -5e9 - 12.43186399, rtol=1e-15)
    np.testing.assert_allclose(slope, 1e5 + 1e-5, rtol=1e-15)
    density = np.exp(-0.5 * x[2:] ** 2) / np.sqrt(2.0 * np.pi)
    expected = [40.0249688472072, *density / (0.5 * scipy.special.erfc(-x[2:] / np.sqrt(2.0)))]
    np.testing.assert_allclose(grad(log_chance)(x[1:]), expected, rtol=1e-13)
    curvature = hvp(log_chance)(x, np.ones(6))
    assert (curvature <= 0.0).all()
    np.testing.assert_allclose(
        curvature[:2], [-1.0 + 1e-10, -40.0249688472072 * 0.0249688472072], rtol=1e-11
    )


def test_the_parts_stay_where_they_are_read_otherwise() -> None:
    def both(x: Any) -> Any:
        u = np.exp(x)
        return u, np.log(1.0 + u)

    assert names(graph_of(both, X)) == ["exp", "softplus"]


def test_derivatives_are_recorded_as_their_rules_are_written() -> None:
    traced = graph_of(grad(lambda x: np.sum(np.tanh(x) / (1.0 + x))), X)
    assert not any(equation.rewriting for equation in traced.equations)


def test_steps_of_a_loop_are_rewritten_too() -> None:
    def looped(x: Any) -> Any:
        return scan(lambda c, v: (c + np.log(1.0 + np.exp(v)), c), 0.0 * x[0], x)[0]

    [loop] = [e for e in graph_of(looped, X).equations if e.primitive.name == "scan"]
    assert "softplus" in names(loop.attributes["body"])
    assert value_and_grad(looped)(np.array([1e3, 0.0]))[1].tolist() == [1.0, 0.5]


def test_long_sums_are_looked_into_only_so_far() -> None:
    def long(x: Any) -> Any:
        total = np.exp(x)
        for count in range(300):
            total = total + np.exp(x + count / 300)
        return np.log(total)

    assert np.isfinite(interpret(graph_of(long, X), X)[0]).all()


def test_what_is_used_again_and_again_does_not_multiply() -> None:
    def written(x: Any) -> Any:
        re, im = np.exp(x), np.exp(-x)
        for _ in range(12):
            re, im = re * x - im * 0.5, im * x + re * 0.5
        return re / (1.0 + np.exp(x))

    assert len(trace(written, X).graph.equations) < 200


def test_infinities_stay_what_they_are() -> None:
    ends = np.array([np.inf, -np.inf, np.nan, 0.0])
    spellings: list[Function] = [
        lambda z: np.log(1.0 + 2.0 * np.exp(z)),
        lambda z: np.log(np.exp(z) + np.exp(z / 2.0) + 1.0),
        lambda z: 1.0 / (1.0 + np.exp(z)),
        lambda z: np.log(1.0 - np.exp(-z)),
        lambda z: np.log(1.0 + z),
    ]
    for written in spellings:
        with np.errstate(all="ignore"):
            expected = written(ends)
            [found] = interpret(graph_of(written, ends), ends)
        np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_float32_stays_float32() -> None:
    single = X.astype(np.float32)
    for written, _ in REWRITTEN:
        traced = trace(written, single, precision=np.dtype(np.float32))
        assert traced.graph.outputs[0].aval.dtype == np.float32


def test_the_page_lists_all_of_them() -> None:
    page = (Path(__file__).parents[2] / "docs" / "derivatives.md").read_text()
    shown = page.split("| written | computed |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    listed = [one for entries in REWRITINGS.values() for one in entries]
    rows = dict.fromkeys(f"| {one.written} | {one.computed} |" for one in listed)
    assert shown == list(rows)


def test_softplus_of_a_negative_is_what_minus_log_sigmoid_is() -> None:
    def loss(x: Any) -> Any:
        return np.sum(-np.log(1.0 / (1.0 + np.exp(-x))))

    value, slope = value_and_grad(loss)(np.array([-1e3, 0.0, 1e3]))
    assert value == 1e3 + np.log(2.0)
    assert slope.tolist() == [-1.0, -0.5, 0.0]
    assert float(softplus(0.0)) == np.log(2.0)


def test_each_product_is_looked_at_once() -> None:
    def squared_forty_times(x: Any) -> Any:
        for _ in range(40):
            x = x * x
        return x

    assert grad(squared_forty_times)(1.0) == 2.0**40
