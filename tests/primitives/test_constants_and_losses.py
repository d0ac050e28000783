"""Values made from sizes, and the losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.errors import ShapeError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.primitives.constants import arange, full, linspace, ones, positions, zeros
from optserve.primitives.losses import cross_entropy
from optserve.primitives.reductions import prod
from optserve.primitives.shaping import LARGEST, reshape
from optserve.primitives.sums import broadcast_to
from optserve.primitives.tracing import result_avals, trace
from optserve.transforms.functions import grad

DOUBLE = np.dtype(np.float64)


def test_constant_arrays() -> None:
    assert arange(3).tolist() == [0, 1, 2]
    assert full((2, 1), 7.0).tolist() == [[7.0], [7.0]]
    assert zeros((2,)).tolist() == [0.0, 0.0]
    assert ones(()).tolist() == 1.0
    np.testing.assert_allclose(linspace(-1.0, 1.0, 5), np.linspace(-1.0, 1.0, 5))
    assert linspace(2.0, 3.0, 1).tolist() == [2.0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: arange(2.5), "whole number"),
        (lambda: zeros((-1,)), "negative size"),
        (lambda: zeros((LARGEST, 2)), "entries"),
        (lambda: reshape(np.ones(4), (3,)), "does not reshape"),
        (lambda: reshape(np.ones(4), (-1, -1)), "does not reshape"),
    ],
)
def test_impossible_sizes(wrong: Any, words: str) -> None:
    with pytest.raises((ShapeError, ValueError), match=words):
        wrong()


def test_positions_and_sizes_follow_the_rows() -> None:
    def function(x: Any) -> Any:
        return x * positions(x, 0) + broadcast_to(x[0], x.shape) + full(x.shape, 2.0 * x[0])

    x = Aval((Dim.rows("data"),), DOUBLE)
    graph = trace(function, x).graph
    for n in (1, 4):
        values = np.arange(1.0, n + 1.0)
        [found] = interpret(graph, values)
        np.testing.assert_array_equal(found, values * np.arange(n) + 3.0)


def test_a_product_over_rows_is_refused_with_a_remedy() -> None:
    with pytest.raises(ShapeError, match="product over rows") as caught:
        result_avals(prod, [Aval((Dim.rows("n"),), DOUBLE)], {"axis": (0,), "keepdims": False})
    assert "exp(sum(log(x)))" in caught.value.remedy


def test_cross_entropy_is_the_negative_log_likelihood() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((5, 3)), np.array([0, 2, 1, 1, 0])
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = -np.log(probabilities[np.arange(5), labels])
    np.testing.assert_allclose(cross_entropy(logits, labels), expected)
    slope = grad(lambda z: np.sum(cross_entropy(z, labels)))(logits)
    np.testing.assert_allclose(slope, probabilities - np.eye(3)[labels], atol=1e-15)


def test_cross_entropy_of_large_logits_and_unknown_labels() -> None:
    logits = np.array([[1000.0, 0.0], [-1000.0, 0.0], [1.0, 2.0], [1.0, 2.0]])
    found = cross_entropy(logits, np.array([0, 0, 2, -1]))
    np.testing.assert_array_equal(found, [0.0, 1000.0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (np.ones((4, 3)), np.zeros(3, int), "do not match"),
        (np.ones(()), np.zeros((), int), "do not match"),
        (np.ones((4, 3)), np.zeros(4), "not integers"),
    ],
)
def test_cross_entropy_explains_a_wrong_call(logits: Any, labels: Any, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        cross_entropy(logits, labels)
