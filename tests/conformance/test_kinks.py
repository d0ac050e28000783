"""What is selected over rows is what was compared: gradients at kinks on every backend.

A value that is computed again, in another pass or by other code, may differ in the last bit; then
nothing equals the largest any more, and a gradient is 0 or NaN without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends import llvm, numpy
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.ordering import argmax, median, sort
from optserve.primitives.reductions import norm
from optserve.primitives.special import digamma
from optserve.transforms.functions import grad
from tests.backends.losses import Loss

BACKENDS: dict[str, Callable[[Graph, int], Callable[..., tuple[Any, ...]]]] = {
    "numpy": numpy.compile_graph,
    "llvm": llvm.compile_graph,
}


def _of_rows(v: Any, w: Any, x: Any) -> Any:
    """One number a row; the derivative has no native form, so that a pass with it is NumPy's."""
    return digamma(9.0 + np.tanh(x @ w) @ v)


def _of_entries(v: Any, w: Any, x: Any) -> Any:
    return digamma(9.0 + x @ w) * v


# Each loss has parameters (7,) and (3, 7) and a column of three entries a row.
LOSSES: dict[str, Callable[..., Any]] = {
    "largest residual": lambda v, w, x: np.max(np.abs(x[:, 0] - _of_rows(v, w, x))),
    "smallest": lambda v, w, x: np.min(np.exp(_of_rows(v, w, x))),
    "range": lambda v, w, x: np.max(_of_rows(v, w, x)) - np.min(x @ w @ v),
    "of both axes": lambda v, w, x: np.max(_of_entries(v, w, x)),
    "of each column": lambda v, w, x: np.max(_of_entries(v, w, x), axis=0) @ v,
    "largest of largest": lambda v, w, x: np.max(np.max(_of_entries(v, w, x), axis=1)),
    "smallest of largest": lambda v, w, x: np.min(np.max(_of_entries(v, w, x), axis=1)),
    "largest length": lambda v, w, x: np.max(norm(_of_entries(v, w, x), axis=1)),
    "largest of medians": lambda v, w, x: np.max(median(_of_entries(v, w, x), axis=1)),
    "median": lambda v, w, x: median(_of_rows(v, w, x)),
    "median of largest": lambda v, w, x: median(np.max(_of_entries(v, w, x), axis=1)),
    "sorted": lambda v, w, x: np.sum(sort(_of_rows(v, w, x))[:2] * v[:2]),
    "where it is the largest": lambda v, w, x: np.sum(
        np.where(
            _of_rows(v, w, x) == np.max(_of_rows(v, w, x)),
            np.exp(_of_rows(v, w, x)),
            0.0,
        )
    ),
    "distance from the largest": lambda v, w, x: np.sum(
        np.abs(np.max(_of_rows(v, w, x)) - _of_rows(v, w, x)) * x[:, 0]
    ),
    "at the largest": lambda v, w, x: (x @ w @ v)[argmax(_of_rows(v, w, x), axis=0)],
}


def _loss(name: str) -> Loss:
    return Loss(name, LOSSES[name], [(7,), (3, 7)], [(3,)])


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_gradient_is_that_of_what_was_selected(
    backend: str, name: str, small_tiles: None
) -> None:
    graph = _loss(name).graph()
    compiled = BACKENDS[backend](graph, 1)
    for seed, rows in enumerate((2, 3, 5, 40, 333)):
        arguments = _loss(name).arguments(rows, seed=seed)
        expected = interpret(graph, *arguments)
        assert any(map(np.any, expected[1:]))
        for found, wanted in zip(compiled(*arguments), expected, strict=True):
            scale = np.max(np.abs(wanted), initial=1.0)
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-11 * scale)


@pytest.mark.parametrize("backend", BACKENDS)
def test_ties_over_rows_split_evenly(backend: str) -> None:
    loss = _loss("largest residual")
    graph = loss.graph()
    v, w, x = loss.arguments(20, seed=3)
    _, once, _ = BACKENDS[backend](graph, 1)(v, w, x)
    _, twice, _ = BACKENDS[backend](graph, 1)(v, w, np.concatenate([x, x]))
    np.testing.assert_allclose(twice, once, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_bits_on_any_number_of_threads(backend: str, small_tiles: None) -> None:
    for name in ("largest residual", "smallest of largest", "where it is the largest"):
        graph = _loss(name).graph()
        arguments = _loss(name).arguments(999)
        one, *others = (BACKENDS[backend](graph, n)(*arguments) for n in (1, 2, 8))
        for other in others:
            assert [np.asarray(a).tobytes() for a in one] == [
                np.asarray(a).tobytes() for a in other
            ]


@pytest.mark.parametrize("name", LOSSES)
def test_the_eager_engine_selects_the_same(name: str) -> None:
    arguments = _loss(name).arguments(40)
    eager = grad(LOSSES[name], argnums=(0, 1))(*arguments)
    for found, wanted in zip(eager, interpret(_loss(name).graph(), *arguments)[1:], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
