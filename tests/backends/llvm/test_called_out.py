"""What has no native form: called from between native code, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends.backend import CalledOut
from optserve.backends.llvm import llvm_backend
from optserve.graph.aval import Aval
from optserve.graph.axes import aligned
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.primitives.constructors import opaque
from optserve.primitives.densities.counts import negative_binomial_logpmf, poisson_logpmf
from optserve.primitives.densities.gamma import gamma_logpdf
from optserve.primitives.densities.heavy_tails import student_t_logpdf
from optserve.primitives.densities.normal import normal_logpdf
from optserve.primitives.loops import scan
from optserve.primitives.ordering import argsort
from optserve.primitives.special import polygamma
from optserve.primitives.tracing import trace
from optserve.transforms.reverse import value_and_gradient_graph

DOUBLE = np.dtype(np.float64)
ROWS = Dim.rows("data")
LONG = 300  # More entries than a native sort takes.

simulate = opaque("simulate", lambda x: np.tanh(x), shape=lambda x: x, axes=aligned)
lend = opaque("lend", lambda x: x, shape=lambda x: x)


def told(graph: Graph, rows: int = 20) -> tuple[list[str], int]:
    backend = llvm_backend(2)
    assert backend.called_out is not None
    found: CalledOut = backend.called_out(backend.compile(graph), {"data": rows})
    return [str(equation.primitive) for equation in found.equations], found.of


def traced(function: Callable[..., Any], *shapes: Any) -> Graph:
    return trace(function, *(Aval(shape, DOUBLE) for shape in shapes)).graph


def in_the_middle(x: Any, w: Any) -> Any:
    order = argsort(np.exp(x @ w))
    return np.sum(np.sin(x[order])) + np.sum(w), order


def in_a_loop(x: Any, w: Any) -> Any:
    total, kept = scan(lambda carry, row: (carry + simulate(row @ w), carry), np.sum(w), x)
    return np.cos(total) + np.sum(np.exp(kept))


def in_a_pass(x: Any, w: Any) -> Any:
    return np.sum(simulate(x @ w) * np.sum(x, axis=1)) + np.sum(w**2)


def nowhere(x: Any, w: Any) -> Any:
    return np.sum(np.exp(x @ w))


@pytest.mark.parametrize(
    ("function", "shape", "names"),
    [
        (in_the_middle, (LONG, 3), ["argsort"]),
        (in_the_middle, (6, 3), []),
        (in_a_loop, (6, 3), ["simulate"]),
        (nowhere, (6, 3), []),
        (nowhere, (ROWS, 3), []),
    ],
)
def test_only_what_has_no_native_form_is_called(
    function: Callable[..., Any], shape: Any, names: list[str]
) -> None:
    graph = traced(function, shape, (3,))
    sizes = [20 if size is ROWS else size for size in shape]
    arguments = [np.random.default_rng(0).normal(size=size) for size in (sizes, 3)]
    found = llvm_backend(2).compile(graph)(*arguments)
    for one, wanted in zip(found, interpret(graph, *arguments), strict=True):
        np.testing.assert_allclose(one, wanted, rtol=1e-12)
    called, of = told(graph)
    assert called == names
    assert of > len(names)


@pytest.mark.parametrize(("entries", "names"), [(1, []), (7, []), (256, []), (257, ["argsort"])])
def test_short_lines_are_sorted_in_native_code(entries: int, names: list[str]) -> None:
    graph = traced(lambda x: argsort(x, axis=1), (5, entries))
    x = np.random.default_rng(0).integers(-4, 5, (5, entries)).astype(float)
    x[1], x[2, ::3], x[3, 0], x[4, ::2] = 0.0, np.nan, np.inf, -0.0
    [found] = llvm_backend(1).compile(graph)(x)
    np.testing.assert_array_equal(found, np.argsort(x, axis=1, kind="stable"))
    assert told(graph)[0] == names


@pytest.mark.parametrize(("entries", "names"), [(1, []), (6, []), (255, []), (257, ["median"])])
def test_medians_of_short_lines_are_native(entries: int, names: list[str]) -> None:
    graph = traced(lambda x: np.median(x, axis=1), (4, entries))
    x = np.random.default_rng(0).normal(size=(4, entries))
    x[1, 0], x[2, : entries // 2 + 1], x[3] = np.nan, np.inf, -0.5
    [found] = llvm_backend(1).compile(graph)(x)
    np.testing.assert_array_equal(found, np.median(x, axis=1))
    assert told(graph)[0] == names


@pytest.mark.parametrize(("order", "names"), [*((n, []) for n in range(17)), (17, ["polygamma"])])
def test_derivatives_of_digamma_are_native(order: int, names: list[str]) -> None:
    graph = traced(lambda x: polygamma(x, n=order), (51,))
    x = np.concatenate([np.geomspace(1e-3, 1e5, 47), [0.0, np.inf, np.nan, 2.0]])
    [found] = llvm_backend(1).compile(graph)(x)
    np.testing.assert_allclose(found, interpret(graph, x)[0], rtol=1e-12, atol=1e-15)
    assert told(graph)[0] == names


@pytest.mark.parametrize("rows", [20, 200_000])
def test_a_pass_without_a_native_form_is_told_whole(rows: int) -> None:
    called, of = told(traced(in_a_pass, (ROWS, 3), (3,)), rows)
    assert "simulate" in called
    assert 2 <= len(called) < of


@pytest.mark.parametrize(
    ("density", "count"),
    [
        (normal_logpdf, 2),
        (gamma_logpdf, 2),
        (student_t_logpdf, 3),
        (poisson_logpmf, 1),
        (negative_binomial_logpmf, 2),
    ],
)
def test_what_a_density_makes_of_parameters_alone_is_no_part_of_a_pass(
    density: Primitive, count: int
) -> None:
    scalar = Aval((), DOUBLE)
    given = [Aval((ROWS,), DOUBLE), *[scalar] * count]
    likelihood = trace(lambda *operands: np.sum(density(*operands)), *given).graph
    graph = value_and_gradient_graph(likelihood, range(1, count + 1))
    rows = 1.0 + np.random.default_rng(0).poisson(3.0, 50_000)
    arguments = [rows, *(np.array(1.5 + 0.5 * number) for number in range(count))]
    found = llvm_backend(1).compile(graph)(*arguments)
    for one, wanted in zip(found, interpret(graph, *arguments), strict=True):
        np.testing.assert_allclose(one, wanted, rtol=1e-11)
    for one, two in zip(found, llvm_backend(2).compile(graph)(*arguments), strict=True):
        np.testing.assert_array_equal(one, two)
    assert told(graph, 50_000)[0] == []


def test_results_are_nobody_elses_memory() -> None:
    graph = traced(lambda x: (lend(x), np.sum(np.exp(x))), (100,))
    x = np.ones(100)
    lent, _ = llvm_backend(1).compile(graph)(x)
    assert not np.shares_memory(lent, x)


def test_many_calls_are_left_to_numpy_alone() -> None:
    def many(x: Any) -> Any:
        for _ in range(20):
            x = simulate(np.exp(-x))
        return np.sum(x)

    graph = traced(many, (100,))
    x = np.linspace(0.0, 1.0, 100)
    np.testing.assert_allclose(llvm_backend(1).compile(graph)(x), interpret(graph, x), rtol=1e-12)
    called, of = told(graph)
    assert len(called) == of
