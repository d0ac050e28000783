"""The verifier finds every broken rule, and names the equation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optserve.errors import GraphError, Place
from optserve.graph.aval import Aval
from optserve.graph.graph import Equation, Graph, Literal, Var
from optserve.primitives.arithmetic import add, negative
from optserve.primitives.loops import scan_primitive
from optserve.primitives.sums import sum_
from optserve.primitives.tracing import verify

VECTOR = Aval((3,), np.dtype(np.float64))
PLACE = Place("fit.yaml", 4, 2)


def graph(*equations: Equation, inputs: tuple[Var, ...], outputs: tuple[Any, ...]) -> Graph:
    return Graph(inputs, equations, outputs)


X, Y = Var(VECTOR, "x"), Var(VECTOR, "y")
NEGATED = Equation(negative, (X,), {}, (Y,), PLACE)


def test_a_right_graph_is_itself() -> None:
    right = graph(NEGATED, inputs=(X,), outputs=(Y, X, Literal(1.0)))
    assert verify(right) is right


def literal_array() -> Literal:
    literal = Literal(1.0)
    literal.value = np.ones(3)
    return literal


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (graph(NEGATED, inputs=(X, X), outputs=(Y,)), "a second time"),
        (graph(NEGATED, NEGATED, inputs=(X,), outputs=(Y,)), "negative assigns .* a second time"),
        (graph(NEGATED, inputs=(X, Y), outputs=(Y,)), "a second time"),
        (graph(NEGATED, inputs=(), outputs=(Y,)), "nothing before it provides"),
        (graph(inputs=(X,), outputs=(Y,)), "an output reads"),
        (graph(inputs=(X,), outputs=(literal_array(),)), "not a scalar"),
        (
            graph(
                replace(NEGATED, results=(Var(Aval((4,), VECTOR.dtype)),)), inputs=(X,), outputs=()
            ),
            r"negative gives .*float64\[4\]",
        ),
        (
            graph(replace(NEGATED, attributes={"axis": [0]}), inputs=(X,), outputs=()),
            "negative has the attribute axis",
        ),
        (
            graph(
                Equation(add, (X, Var(Aval((4,), VECTOR.dtype))), {}, (Y,), PLACE),
                inputs=(X,),
                outputs=(),
            ),
            "nothing before it provides",
        ),
        (
            graph(
                Equation(sum_, (X,), {"axis": (0,), "keepdims": True}, (Y,)),
                inputs=(X,),
                outputs=(),
            ),
            "sum gives",
        ),
    ],
)
def test_a_broken_rule_is_found(wrong: Graph, rule: str) -> None:
    with pytest.raises(GraphError, match=rule):
        verify(wrong)


def test_the_place_is_named() -> None:
    wrong = replace(NEGATED, results=(Var(Aval((), VECTOR.dtype)),))
    with pytest.raises(GraphError, match=r"fit\.yaml:4:2"):
        verify(graph(wrong, inputs=(X,), outputs=()))


def test_graphs_in_attributes_obey_the_same_rules() -> None:
    scalar = Aval((), VECTOR.dtype)
    carry, entry, lost = (Var(scalar) for _ in range(3))
    body = Graph((carry, entry), (), (lost, entry))
    attributes = {"body": body, "carries": 1, "scanned": 1, "length": 3, "backward": False}
    initial = Literal(0.0)
    results = (Var(scalar), Var(VECTOR))
    loop = Equation(scan_primitive, (initial, X), attributes, results)
    with pytest.raises(GraphError, match="an output reads"):
        verify(graph(loop, inputs=(X,), outputs=results))
