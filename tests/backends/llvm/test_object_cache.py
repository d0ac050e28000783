"""Under which name object code is remembered, and that there can be none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.backends.llvm.ir import object_cache
from optserve.backends.llvm.ir.engine import engine
from optserve.backends.llvm.programs import compiled_program
from optserve.backends.llvm.programs.whole_graph import called_out
from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.primitives.ordering import argsort
from optserve.primitives.tracing import trace


def test_code_of_another_generator_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = trace(lambda x: x * x, Aval((), np.dtype("float64"))).graph
    names = {object_cache.key(graph, (), engine()) for _ in range(2)}
    monkeypatch.setattr(object_cache, "_generator", lambda: "sources that were edited")
    names.add(object_cache.key(graph, (), engine()))
    assert len(names) == 2


def test_that_there_is_no_program_is_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))
    written = []
    emit = compiled_program.emit

    def counted(graph: Graph, *given: Any) -> str:
        written.append(graph)
        return emit(graph, *given)

    monkeypatch.setattr(compiled_program, "emit", counted)
    x = np.random.default_rng(0).normal(size=300)  # more than a native sort takes

    def function(x: Any) -> Any:
        return np.sum(np.sin(x[argsort(np.exp(x))]))

    found = []
    for _ in range(2):
        graph = trace(function, Aval(x.shape, x.dtype)).graph
        compiled = llvm_backend(1).compile(graph)
        [value] = compiled(x)
        found.append((value, str(called_out(compiled, {}).equations), len(written)))
    assert found[0][0] == found[1][0]
    assert "argsort" in found[0][1]
    assert "argsort" in found[1][1]
    assert found[0][2] == found[1][2] > 0  # nothing more was written


def test_what_is_called_out_is_told_without_another_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = trace(lambda x: np.sum(np.exp(x)), Aval((Dim.rows("data"),), np.dtype(float))).graph
    compiled = llvm_backend(1).compile(graph)
    compiled(np.ones(100_000))
    monkeypatch.setattr(compiled_program, "emit", lambda *given: pytest.fail("written again"))
    assert called_out(compiled, {"data": 100_000}).equations == ()
