"""Tracing: what is recorded, what is captured, how traces nest, and what a literal weighs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.errors import Place, ShapeError, TraceError
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph, Literal
from optserve.graph.interpret import interpret
from optserve.graph.promotion import common_dtype
from optserve.graph.trace import TracedFunction, Tracer
from optserve.graph.tracer import LARGEST_CONSTANT
from optserve.primitives.tracing import new_trace, trace, verify

DOUBLE, SINGLE, INTEGER = (np.dtype(name) for name in ("float64", "float32", "int64"))


def traced(function: Any, *operands: Any, **options: Any) -> TracedFunction:
    return trace(function, *operands, **options)


def names(graph: Graph) -> list[str]:
    return [equation.primitive.name for equation in graph.equations]


def test_a_graph_is_recorded_step_by_step() -> None:
    recorder = new_trace()
    x = recorder.input(Aval((Dim.rows("data"),), DOUBLE), name="x")
    place = Place("fit.yaml", 3, 7)
    with recorder.at(place):
        y = np.exp(x) * 2
    graph = verify(recorder.graph([y]))
    assert str(graph).splitlines()[1:3] == [
        "  a:float64[data] = exp x",
        "  b:float64[data] = multiply a 2.0",
    ]
    assert [equation.place for equation in graph.equations] == [place, place]


def test_equations_remember_the_python_line_where_no_place_is_set() -> None:
    graph = traced(lambda x: np.sin(x), np.ones(2)).graph
    place = graph.equations[0].place
    assert place is not None
    assert (place.file, place.line > 0) == (__file__, True)


def test_an_error_gets_the_place_it_was_made_at() -> None:
    recorder = new_trace()
    x = recorder.input(Aval((3,), DOUBLE))
    with pytest.raises(ShapeError, match=r"fit\.yaml:9"), recorder.at(Place("fit.yaml", 9)):
        _ = x + np.ones(2)


def test_several_outputs_and_none_computed() -> None:
    found = traced(lambda x: (x, x + 1.0, 2.0), np.ones(2))
    assert not found.single
    assert [type(atom).__name__ for atom in found.graph.outputs] == ["Var", "Var", "Literal"]


@pytest.mark.parametrize("precision", [SINGLE, DOUBLE])
def test_literals_take_the_dtype_they_meet(precision: np.dtype[Any]) -> None:
    graph = traced(lambda x: 2 * x + np.float64(0.1), np.ones(2, precision)).graph
    assert [e.results[0].aval.dtype for e in graph.equations] == [precision, precision]
    literals = [a for e in graph.equations for a in e.operands if isinstance(a, Literal)]
    assert {literal.aval.dtype for literal in literals} == {precision}


def test_integers_take_the_floating_dtype_they_meet_and_else_the_precision() -> None:
    def function(i: Any, x: Any) -> Any:
        return i * x, np.exp(i), i + 1, i / 2, i * 2.5

    avals = [Aval((2,), INTEGER), Aval((2,), SINGLE)]
    graph = traced(function, *avals, precision=SINGLE).graph
    assert [atom.aval.dtype for atom in graph.outputs] == [SINGLE, SINGLE, INTEGER, SINGLE, SINGLE]


def test_promotion_prefers_arrays_to_literals() -> None:
    assert common_dtype([INTEGER], [DOUBLE], SINGLE) == SINGLE
    assert common_dtype([SINGLE], [DOUBLE], DOUBLE) == SINGLE
    assert common_dtype([SINGLE, DOUBLE], [], SINGLE) == DOUBLE
    assert common_dtype([], [INTEGER], DOUBLE) == INTEGER
    assert common_dtype([np.dtype(bool)], [INTEGER], DOUBLE) == INTEGER


def test_small_arrays_are_constants_and_large_ones_are_captured() -> None:
    small, large = np.arange(3.0), np.arange(LARGEST_CONSTANT + 1.0)

    def function(x: Any) -> Any:
        return np.sum(x * small) + np.sum(small) + np.sum(x[0] * large) + np.sum(large * x[1])

    found = traced(function, np.ones(3))
    assert names(found.graph).count("constant") == 1
    assert len(found.captured) == 1
    np.testing.assert_array_equal(found.captured[0], large)
    [value] = interpret(found.graph, np.ones(3), *found.captured)
    assert value == 6.0 + 2.0 * large.sum()


def test_a_row_count_is_a_value_where_it_meets_one() -> None:
    graph = traced(lambda x: np.sum(x) / x.shape[0], Aval((Dim.rows("data"),), DOUBLE)).graph
    assert names(graph) == ["sum", "size", "divide"]
    assert interpret(graph, np.array([1.0, 2.0, 6.0])) == (3.0,)


def test_a_concrete_trace_lets_python_look_at_values() -> None:
    def collatz(x: Any) -> Any:
        steps = 0
        while x > 1.5:
            x = x / 2 if np.floor(x) % 2 == 0 else 3 * x + 1
            steps += 1
        return x * steps

    found = traced(collatz, np.float64(6.0), concrete=True)
    assert interpret(found.graph, 6.0, *found.captured) == (8.0,)


def test_the_values_of_a_concrete_trace_are_those_of_its_graph() -> None:
    seen: list[Any] = []

    def function(x: Any) -> Any:
        y = np.where(x > 0, np.sqrt(np.abs(x)), x[::-1]) @ np.ones((3, 2)) + 1
        seen.append(y.known_value)
        return y

    x = np.array([1.0, -2.0, 4.0])
    found = traced(function, x, concrete=True)
    np.testing.assert_array_equal(interpret(found.graph, x, *found.captured)[0], seen[0])


@pytest.mark.parametrize("size", [3, LARGEST_CONSTANT + 1])
@pytest.mark.parametrize("concrete", [False, True])
def test_what_is_captured_may_change_afterwards(size: int, concrete: bool) -> None:
    data = np.ones(size)

    def function(x: Any) -> Any:
        before = np.sum(x * data) + np.sum(x * data)
        data[...] = -0.0
        return before, np.sum(x * data), np.sum(1.0 / (x * data))

    found = traced(function, np.float64(2.0), concrete=concrete)
    data[...] = 7.0
    with np.errstate(divide="ignore"):
        values = interpret(found.graph, np.float64(2.0), *found.captured)
    assert values == (4.0 * size, 0.0, -np.inf)
    assert len(found.captured) == (2 if concrete or size > LARGEST_CONSTANT else 0)


def test_views_of_the_same_entries_are_captured_once() -> None:
    data = np.arange(6.0).reshape(2, 3)

    def function(x: Any) -> Any:
        return sum((np.sum(x * data[0]) for _ in range(3)), start=np.sum(x * data[0, :2]))

    found = traced(function, np.float64(2.0), concrete=True)
    assert [value.tolist() for value in found.captured] == [[0.0, 1.0], [0.0, 1.0, 2.0]]


def test_a_trace_that_fails_has_ended_too() -> None:
    kept: list[Any] = []

    def failing(z: Any) -> Any:
        kept.append(z * 2.0)
        raise KeyError

    def outer(x: Any) -> Any:
        with pytest.raises(KeyError):
            traced(failing, x, concrete=True)
        return x * kept[0]

    with pytest.raises(TraceError, match="after its trace had ended"):
        traced(outer, np.float64(1.0), concrete=True)


def test_traces_nest_and_capture_what_is_outside() -> None:
    inner: list[TracedFunction] = []

    def outer(x: Any) -> Any:
        y = x * 2.0
        inner.append(traced(lambda z: z * y + x, np.float64(1.0)))
        return y

    traced(outer, np.float64(3.0))
    [found] = inner
    assert names(found.graph) == ["multiply", "add"]
    assert [type(value) for value in found.captured] == [Tracer, Tracer]
    assert interpret(found.graph, 5.0, 6.0, 3.0) == (33.0,)


def test_an_operation_belongs_to_the_innermost_trace_that_has_an_operand() -> None:
    def outer(x: Any) -> Any:
        found = traced(lambda z: z + np.sin(x), np.float64(1.0))
        assert names(found.graph) == ["add"]
        return np.cos(x)

    assert names(traced(outer, np.float64(3.0)).graph) == ["sin", "cos"]


def test_verify_holds_for_every_attribute_of_a_recorded_graph() -> None:
    def function(x: Any) -> Any:
        return np.sum(np.reshape(x, (3, 2))[1:, ::-1].T, axis=(0, 1), keepdims=True)

    verify(traced(function, np.ones(6)).graph)
