"""Gathering work on rows into passes keeps values and gradients, whatever the program."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optserve.backends.numpy import numpy_backend
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.graph.verifier import verify
from optserve.transforms.finite_sum import finite_sum
from optserve.transforms.reverse import value_and_gradient_graph
from tests.transforms.row_programs import ROW_PROGRAMS, RowProgram, arguments

WRT = [0, 1, 3, 4]

few = settings(max_examples=25)


def evaluate(graph: Graph, given_arguments: Any) -> list[Any]:
    with np.errstate(all="ignore"):
        return list(interpret(graph, *given_arguments))


def close(found: Any, expected: Any) -> None:
    for have, want in zip(found, expected, strict=True):
        size = np.max(np.abs(want), initial=0.0)
        np.testing.assert_allclose(have, want, rtol=1e-9, atol=1e-9 * max(1.0, float(size)))


@few
@given(ROW_PROGRAMS, st.integers(1, 6), st.integers(0, 99))
def test_passes_keep_values_and_gradients(program: RowProgram, rows: int, seed: int) -> None:
    graph = verify(value_and_gradient_graph(program.graph, WRT))
    given_arguments = arguments(rows, seed)
    found = evaluate(verify(finite_sum(graph)), given_arguments)
    close(found, evaluate(graph, given_arguments))


@few
@given(ROW_PROGRAMS, st.integers(0, 99))
def test_tiles_and_threads_keep_them_too(program: RowProgram, seed: int) -> None:
    graph = value_and_gradient_graph(program.graph, WRT)
    given_arguments = arguments(20_011, seed)
    one, two = (numpy_backend(threads).compile(graph)(*given_arguments) for threads in (1, 2))
    for left, right in zip(one, two, strict=True):
        assert left.tobytes() == right.tobytes()
    for have, want in zip(one, evaluate(graph, given_arguments), strict=True):
        size = float(np.max(np.abs(want), initial=0.0))
        np.testing.assert_allclose(have, want, rtol=1e-7, atol=1e-9 * size + 1e-12)


@few
@given(ROW_PROGRAMS, st.integers(1, 5), st.integers(0, 99))
def test_the_function_of_arrays_agrees(program: RowProgram, rows: int, seed: int) -> None:
    given_arguments = arguments(rows, seed)
    with np.errstate(all="ignore"):
        expected = program(*given_arguments)
    close(evaluate(program.graph, given_arguments), [expected])
