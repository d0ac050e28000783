"""Many tables: each is worked on within its own region, and all regions are found in one walk."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy import compile_graph
from optserve.graph.aval import Array, Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.map_reduce import map_reduce
from optserve.primitives.tracing import trace, verify
from optserve.transforms import finite_sum as finite_sum_
from optserve.transforms import marking, regions
from optserve.transforms.expand import expand
from optserve.transforms.finite_sum import finite_sum, row_counts
from optserve.transforms.pass_costs import whole
from optserve.transforms.reverse import value_and_gradient_graph
from optserve.transforms.simplify import simplify

SCALAR = Aval((), np.dtype(np.float64))
ROWS = (3, 5, 4, 7, 2, 6)


def column(table: int) -> Aval:
    return Aval((Dim.rows(f"t{table}"),), np.dtype(np.float64))


def graph_of(loss: Callable[..., Any], tables: int) -> Graph:
    """(a, b, columns) -> loss, gradient by a and b."""
    columns = [column(table) for table in range(tables)]
    return value_and_gradient_graph(trace(loss, SCALAR, SCALAR, *columns).graph, (0, 1))


def arguments(tables: int) -> list[Array]:
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=ROWS[table % len(ROWS)]) for table in range(tables)]
    return [np.array(0.7), np.array(-0.4), *columns]


def sums(a: Any, b: Any, *columns: Any) -> Any:
    return sum(np.sum((x * a - b) ** 2) for x in columns)


def root(a: Any, b: Any, *columns: Any) -> Any:
    """A scalar of all tables that goes back to the rows of each."""
    return np.sqrt(1.0 + sums(a, b, *columns))


def pairs(a: Any, b: Any, *columns: Any) -> Any:
    """The rows of every table beside those of the next."""
    both = itertools.pairwise(columns)
    return sum(np.sum(np.tanh(a * x[:, None] - b * y[None, :])) for x, y in both)


def crossed(a: Any, b: Any, *columns: Any) -> Any:
    """Sums of two tables, each of which waits for one of the other."""
    x, y, *rest = columns
    to_y = np.sum(np.exp(a * x))
    to_x = np.sum(np.exp(b * y))
    return np.sum(np.sin(to_x * x)) + np.sum(np.sin(to_y * y)) + sums(a, b, *rest)


def joined(a: Any, b: Any, *columns: Any) -> Any:
    return np.sum(np.square(np.concatenate([x * a - b for x in columns])))


def chained(a: Any, b: Any, *columns: Any) -> Any:
    """The mean of a table scales the rows of the next."""
    total, scale = 0.0 * a, a
    for x in columns:
        values = scale * x - b
        scale = np.mean(values)
        total = total + np.sum(values**2)
    return total + np.max(columns[0] * a)


LOSSES = [sums, root, pairs, crossed, joined, chained]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("tables", [2, 3, 6])
def test_the_values_are_those_of_the_graph(loss: Callable[..., Any], tables: int) -> None:
    graph = graph_of(loss, tables)
    verify(graph)
    rewritten = finite_sum(graph)
    verify(rewritten)
    given = arguments(tables)
    expected = interpret(graph, *given)
    for found in (interpret(rewritten, *given), compile_graph(graph)(*given)):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loss", [sums, root, crossed, chained], ids=lambda one: one.__name__)
def test_each_table_has_the_passes_that_it_has_alone(loss: Callable[..., Any]) -> None:
    """As many as the tables one after another, over the whole graph, have."""
    graph = graph_of(loss, 4)
    found = finite_sum(graph)
    in_turn = simplify(expand(graph))
    for rows in row_counts(in_turn):
        in_turn = finite_sum_._summed(in_turn, rows)
    assert passes_of(found) == passes_of(in_turn)


def passes_of(graph: Graph) -> dict[str, int]:
    tables = [e.attributes["rows"].name for e in graph.equations if e.primitive is map_reduce]
    return {name: tables.count(name) for name in tables}


@pytest.mark.parametrize("loss", [sums, joined], ids=lambda one: one.__name__)
def test_an_equation_is_marked_as_often_among_many_tables_as_among_few(
    loss: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def marked(tables: int) -> float:
        seen: list[int] = []

        def counting(graph: Graph, rows: Dim) -> marking.Marking:
            seen.append(len(graph.equations))
            return marking.mark(graph, rows)

        monkeypatch.setattr("optserve.transforms.factor.mark", counting)
        monkeypatch.setattr("optserve.transforms.finite_sum.mark", counting)
        graph = graph_of(loss, tables)
        finite_sum(graph)
        return sum(seen) / len(graph.equations)

    assert marked(60) <= 1.1 * marked(6)


def test_tables_that_wait_for_each_other_are_taken_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[Sequence[Dim]] = []
    before = regions._side_by_side

    def noting(graph: Graph, alone: Sequence[Dim], *rest: Any) -> Graph | None:
        taken.append(alone)
        return before(graph, alone, *rest)

    monkeypatch.setattr(regions, "_side_by_side", noting)
    finite_sum(graph_of(crossed, 5))
    finite_sum(graph_of(pairs, 3))
    names = [[table.name for table in alone] for alone in taken]
    assert names == [["t2", "t3", "t4"], []]


def test_what_is_whole_is_told_of_each_table() -> None:
    found = whole(graph_of(joined, 3))
    told = [one for one in found if one.primitive == "concatenate"]
    assert [one.reason for one in told] == ["it joins rows end to end"] * 3
