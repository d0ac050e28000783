"""Whole programs against the interpreter, and against the same graphs evaluated pass by pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm.programs.whole_graph import WholeGraph
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.primitives.tracing import verify
from tests.backends.llvm.programs.graphs import PROGRAMS, Program

every_program = pytest.mark.parametrize("program", PROGRAMS, ids=str)


def evaluated(
    graph: Graph, arguments: Sequence[Any], whole: WholeGraph | None = None
) -> Sequence[Any]:
    """The outputs of the program for ``graph``, which has one."""
    whole = whole or WholeGraph(graph, 1)
    assert whole.program is not None
    found = whole(*arguments)
    return found


def agree(graph: Graph, arguments: Sequence[Any], found: Sequence[Any], rtol: float) -> None:
    with np.errstate(all="ignore"):
        expected = interpret(graph, *arguments)
    for one, wanted in zip(found, expected, strict=True):
        assert one.dtype == np.asarray(wanted).dtype
        assert one.shape == np.shape(wanted)
        scale = np.max(np.abs(wanted), initial=1.0, where=np.isfinite(wanted))
        np.testing.assert_allclose(one, wanted, rtol=rtol, atol=rtol * scale)


@every_program
@pytest.mark.parametrize(("precision", "rtol"), [("float64", 1e-11), ("float32", 2e-4)])
def test_values(program: Program, precision: str, rtol: float) -> None:
    if precision == "float32" and program.name == "a descent":
        pytest.skip("its method computes in double")
    graph = verify(program.graph(precision))
    whole = WholeGraph(graph, 1)
    for seed in (0, 1):
        for steps, rows in ((7, 19), (1, 1), (3, 8)):
            arguments = [*program.arguments(precision, seed, steps=steps, data=rows)]
            agree(graph, arguments, evaluated(graph, arguments, whole), rtol)
