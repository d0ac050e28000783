"""Digests are stable, free of names, places and row counts, and tell everything else apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.errors import Place
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph, row_names
from optserve.primitives.loops import scan
from optserve.primitives.tracing import new_trace, trace

DIGEST = "2f5a7ca7126a9ebad0a78c4feafdd38e90f62c9cfd23306a8dbbc05f804bd886"

DOUBLE = np.dtype(np.float64)


def graph_of(function: Any, *shapes: Any, **options: Any) -> Graph:
    avals = [Aval(shape, DOUBLE) for shape in shapes]
    return trace(function, *avals, **options).graph


def loss(w: Any, x: Any) -> Any:
    return np.sum(np.exp(x @ w) * 0.5)


def test_a_digest_is_written_down() -> None:
    """A change of this number makes everything that is cached by digest stale: say so."""
    graph = graph_of(loss, (2,), (Dim.rows("data"), 2))
    assert graph.digest == DIGEST


def test_names_places_and_tables_do_not_count() -> None:
    plain = graph_of(loss, (2,), (Dim.rows("data"), 2))
    named = graph_of(loss, (2,), (Dim.rows("zebra"), 2), names=["w", "x"])
    recorder = new_trace()
    w, x = (recorder.input(variable.aval) for variable in plain.inputs)
    with recorder.at(Place("fit.yaml", 3, 7)):
        placed = recorder.graph([loss(w, x)])
    assert plain.digest == named.digest == placed.digest
    assert plain == placed
    assert hash(plain) == hash(placed)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("b", "a")])
def test_computed_row_counts_do_not_depend_on_the_order_of_names(one: str, other: str) -> None:
    n, m = Dim.rows(one), Dim.rows(other)
    graph = graph_of(lambda x: x[1:], (2 * n + m,))
    reference = graph_of(lambda x: x[1:], (2 * Dim.rows("p") + Dim.rows("q"),))
    assert graph.digest == reference.digest
    both = graph_of(lambda x, y: np.concatenate([x, y, x]), (n,), (m,))
    reference = graph_of(lambda x, y: np.concatenate([x, y, x]), (Dim.rows("p"),), (Dim.rows("q"),))
    assert both.digest == reference.digest


DIFFERENT = {
    "plain": graph_of(lambda x: x * 0.0, (3,)),
    "negative zero": graph_of(lambda x: x * -0.0, (3,)),
    "another literal": graph_of(lambda x: x * np.nextafter(0.0, 1.0), (3,)),
    "another primitive": graph_of(lambda x: x / 0.0, (3,)),
    "another shape": graph_of(lambda x: x * 0.0, (4,)),
    "rows": graph_of(lambda x: x * 0.0, (Dim.rows("data"),)),
    "the other order": graph_of(lambda x: 0.0 * x, (3,)),
    "an unused input": graph_of(lambda x, y: x * 0.0, (3,), (3,)),
    "another output": graph_of(lambda x: (x * 0.0, x), (3,)),
    "an attribute": graph_of(lambda x: np.sum(x, axis=0), (3,)),
    "another attribute": graph_of(lambda x: np.sum(x, axis=0, keepdims=True), (3,)),
    "a body": graph_of(lambda x: scan(lambda c, e: (c + e, c), 0.0, x)[0], (3,)),
    "another body": graph_of(lambda x: scan(lambda c, e: (c - e, c), 0.0, x)[0], (3,)),
    "constant": graph_of(lambda x: x * np.array([1.0, 2.0, 3.0]), (3,)),
    "another constant": graph_of(lambda x: x * np.array([1.0, 2.0, 4.0]), (3,)),
}


def test_everything_else_counts() -> None:
    digests = {name: graph.digest for name, graph in DIFFERENT.items()}
    assert len(set(digests.values())) == len(digests)


def test_nan_payloads_differ() -> None:
    payload = np.array([0x7FF8000000000001], np.uint64).view(np.float64)[0]
    one = graph_of(lambda x: x * np.nan, (3,))
    other = graph_of(lambda x: x * payload, (3,))
    assert one.digest != other.digest


def test_row_names_tell_tables_apart_where_the_digest_does_not() -> None:
    n, m = Dim.rows("n"), Dim.rows("m")
    one = graph_of(lambda x, y: np.sum(x) / y.shape[0], (n,), (m,))
    other = graph_of(lambda x, y: np.sum(x) / y.shape[0], (m,), (n,))
    assert one.digest == other.digest
    assert row_names(one) == ("n", "m")
    assert row_names(other) == ("m", "n")
