"""Graphs over rows taken apart into statistics and what is done row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.config.data.rowwise import RowWise
from optserve.errors import ConfigError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import new_trace

ROWS = Dim.rows("data")
RNG = np.random.default_rng(1)
TRAIN, OTHER = RNG.normal(size=(9, 3)), RNG.normal(size=(4, 3))

Function = Callable[[Any], Any]


def row_wise(function: Function) -> RowWise:
    trace = new_trace()
    x = trace.input(Aval((ROWS, 3), np.dtype(float)), "x")
    return RowWise(trace.graph([function(x)]), ROWS)


@pytest.mark.parametrize(
    ("function", "by_hand"),
    [
        (lambda x: x * 2, lambda x, _: x * 2),
        (lambda x: x - np.mean(x, axis=0), lambda x, t: x - t.mean(axis=0)),
        (lambda x: x / np.std(x), lambda x, t: x / t.std()),
        (lambda x: x[:, 0] - np.max(x[:, 1]), lambda x, t: x[:, 0] - t[:, 1].max()),
        (lambda x: x @ (x.T @ x), lambda x, t: x @ (t.T @ t)),
        (lambda x: np.sum(x, axis=1), lambda x, _: x.sum(axis=1)),
        (lambda x: x - np.median(x[:, 0]), lambda x, t: x - np.median(t[:, 0])),
        (
            lambda x: np.square(x - np.mean(x)) / np.mean(np.square(x - np.mean(x))),
            lambda x, t: (x - t.mean()) ** 2 / t.var(),
        ),
        (lambda x: np.where(x > np.mean(x), x, 0.0), lambda x, t: np.where(x > t.mean(), x, 0)),
        (lambda x: x + np.zeros_like(x) + 3.0, lambda x, _: x + 3),
        (lambda x: np.sum(x), lambda _, t: t.sum()),
        (lambda x: x, lambda x, _: x),
    ],
)
def test_statistics_are_of_the_rows_that_they_are_taken_of(
    function: Function, by_hand: Callable[[Any, Any], Any]
) -> None:
    parts = row_wise(function)
    statistics = parts.statistics([TRAIN])
    for rows in (TRAIN, OTHER, OTHER[:1], OTHER[:0]):
        [found] = parts.rows([rows], statistics)
        np.testing.assert_allclose(found, by_hand(rows, TRAIN), rtol=1e-12, atol=1e-12)


def test_of_the_same_rows_it_is_the_graph() -> None:
    trace = new_trace()
    x = trace.input(Aval((ROWS, 3), np.dtype(float)), "x")
    graph = trace.graph([(x - np.mean(x, axis=0)) / np.std(x, axis=0)])
    parts = RowWise(graph, ROWS)
    [found] = parts.rows([TRAIN], parts.statistics([TRAIN]))
    assert (found == interpret(graph, TRAIN)[0]).all()


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: np.sort(x[:, 0]), "sort"),
        (lambda x: np.cumsum(x, axis=0), "cumsum"),
        (lambda x: x - x[::-1], "slice"),
        (lambda x: x @ (x @ x.T)[:3], "matmul"),
    ],
)
def test_what_looks_at_neighbours_is_refused(function: Function, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} looks at other rows than its own"):
        row_wise(function)


def test_it_tells_where_more_than_one_row_is_looked_at() -> None:
    assert row_wise(lambda x: x * 2 > 1).looks_around is None
    assert row_wise(lambda x: x > np.mean(x)).looks_around is not None
