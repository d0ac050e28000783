"""Jacobians of random programs over rows: in reverse mode those of forward mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optserve.graph.aval import is_float
from optserve.graph.graph import Graph, Var
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import trace, verify
from optserve.transforms.forward import jacobian_graph
from optserve.transforms.row_jacobian import row_jacobian_graph
from tests.fuzz.programs import INPUTS, Program, arguments, program

BATCH, PROGRAMS, MANY = 20, 60, 2_000
WRT = [number for number, one in enumerate(INPUTS) if one.kind == "f" and "data" not in one.shape]
WRT = [number for number in WRT if "other" not in INPUTS[number].shape]
COUNTS = ({"data": 6, "other": 4}, {"data": 1, "other": 3})

pytestmark = pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")


def steps_of(one: Program) -> list[Graph]:
    """A graph for each floating value that the program makes."""
    dtype = np.dtype(one.precision)

    def values(*inputs: Any) -> list[Any]:
        return [v for v in one.values(*inputs)[len(INPUTS) :] if hasattr(v, "aval")]

    graph = trace(values, *(given.aval(one.precision) for given in INPUTS), precision=dtype).graph
    return [
        Graph(graph.inputs, graph.equations, (output,))
        for output in graph.outputs
        if isinstance(output, Var) and is_float(output.aval.dtype)
    ]


def check(seed: int) -> int:
    """How many values of a program have a Jacobian in reverse mode; all of them are right."""
    one = program(seed)
    tolerance = 1e-9 if one.precision == "float64" else 2e-3
    found = 0
    for number, graph in enumerate(steps_of(one)):
        made = row_jacobian_graph(graph, [0], WRT)
        if made is None:
            continue
        found += 1
        expected = jacobian_graph(graph, [0], WRT)
        for rows in COUNTS:
            given = arguments(rows, one.precision, seed)
            with np.errstate(all="ignore"):
                [_, have], [_, want] = interpret(verify(made), *given), interpret(expected, *given)
            assert (have.shape, have.dtype) == (want.shape, want.dtype), f"program({seed})"
            size = np.max(np.abs(want[np.isfinite(want)]), initial=1.0)
            np.testing.assert_allclose(
                have, want, rtol=tolerance, atol=tolerance * size, err_msg=f"{seed}, {number}"
            )
    return found


@pytest.mark.parametrize("first", range(0, PROGRAMS, BATCH))
def test_jacobians(first: int) -> None:
    assert sum(map(check, range(first, first + BATCH))) > BATCH


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(PROGRAMS, PROGRAMS + MANY, BATCH))
def test_many_more(first: int) -> None:
    for seed in range(first, first + BATCH):
        check(seed)
