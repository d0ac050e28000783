"""Graphs print as readable text; a person reads the golden files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.errors import Place
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph, Var, to_text, variable_names
from optserve.primitives.loops import scan
from optserve.primitives.tracing import new_trace, trace
from optserve.transforms.reverse import value_and_gradient_graph

DOUBLE = np.dtype(np.float64)
DATA = Aval((Dim.rows("data"),), DOUBLE)
SCALAR = Aval((), DOUBLE)


def misra(b1: Any, b2: Any, x: Any, y: Any) -> Any:
    return np.mean((b1 * (1 - np.exp(-b2 * x)) - y) ** 2)


def test_a_loss_and_its_gradient(golden: Callable[[str, str], None]) -> None:
    operands = (SCALAR, SCALAR, DATA, DATA)
    names = ["b1", "b2", "x", "y"]
    graph = trace(misra, *operands, names=names).graph
    gradient = value_and_gradient_graph(graph, [0, 1])
    golden("misra.txt", f"{graph}\n\n{gradient}\n")


def test_a_loop_prints_its_body(golden: Callable[[str, str], None]) -> None:
    def decay(rate: Any, xs: Any) -> Any:
        final, path = scan(lambda state, x: (state * rate + x, state), 1.0, xs)
        return final, path

    xs = Aval((5,), DOUBLE)
    graph = trace(decay, SCALAR, xs, names=["rate", "xs"]).graph
    golden("loop.txt", f"{graph}\n")


def test_places_stand_beside_the_equations(golden: Callable[[str, str], None]) -> None:
    recorder = new_trace()
    x = recorder.input(DATA, name="x")
    with recorder.at(Place("fit.yaml", 4, 11)):
        y = np.exp(-x)
    with recorder.at(Place("fit.yaml", 5, 3)):
        loss = np.sum(y * np.array([1.0, 2.0])[0])
    golden("places.txt", to_text(recorder.graph([loss]), places=True) + "\n")


def test_every_variable_has_a_name_of_its_own() -> None:
    variables = [Var(SCALAR, name) for name in ("a", "", "a", "b", *("" for _ in range(30)))]
    names = variable_names(Graph(tuple(variables), (), ()))
    assert len(set(names.values())) == len(variables)
    assert [names[variable] for variable in variables[:5]] == ["a", "c", "d", "b", "e"]
    assert "ab" in names.values()
