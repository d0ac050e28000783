"""Lowerings of plugins: opaque primitives as native code, whatever they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.backends.llvm import llvm_backend
from optserve.backends.llvm.lowerings.all_lowerings import lowerings_with
from optserve.backends.llvm.programs.whole_graph import WholeGraph
from optserve.backends.lowering import Lowering
from optserve.errors import PluginError
from optserve.graph.aval import Aval
from optserve.graph.axes import aligned
from optserve.graph.dim import Dim
from optserve.graph.graph import Graph
from optserve.graph.interpret import interpret
from optserve.graph.primitive import Primitive
from optserve.primitives.constructors import elementwise, opaque
from optserve.primitives.tracing import trace
from optserve.testing import check_backend
from tests.conformance.native import only_native

DOUBLE = np.dtype(np.float64)
ROWS = Dim.rows("data")
SHAPES = [(3,), (100, 7), (ROWS,), (ROWS, 5)]
"""Values in registers, in memory, of rows, and of several entries a row."""

NAMES = ["space", "access", "reduction", "output", "equation", "define"]
"""Words of the code generator."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))


def bump(name: str, calls: list[str] | None = None) -> Primitive:
    """1 / (1 + x**2), and its derivative, which call Python."""

    def value(x: Any) -> Any:
        if calls is not None:
            calls.append(name)
        return 1.0 / (1.0 + x * x)

    return opaque(
        name,
        value,
        shape=lambda x: x,
        axes=aligned,
        pullback=lambda ct, out, x: (-2.0 * x * out * out * ct,),
    )


def formula(x: Any) -> Any:
    return 1.0 / (1.0 + x * x)


def times(factor: float) -> Callable[[Any], Any]:
    return lambda x: factor * x


def graph_of(function: Callable[[Any], Any], shape: Any, dtype: Any = DOUBLE) -> Graph:
    return trace(
        lambda x: np.sum(np.exp(function(x)) * x),
        Aval(shape, np.dtype(dtype)),
    ).graph


def arguments(shape: Any, dtype: Any = DOUBLE) -> Any:
    sizes = [37 if size is ROWS else size for size in shape]
    return np.random.default_rng(0).normal(size=sizes).astype(dtype)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_without_one_it_is_called(name: str, shape: Any) -> None:
    graph, x = graph_of(bump(name), shape), arguments(shape)
    found = llvm_backend(1).compile(graph)(x)
    np.testing.assert_allclose(found, interpret(graph, x), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_with_one_it_is_native(shape: Any, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    only_native(monkeypatch)
    calls: list[str] = []
    primitive = bump("space", calls)
    graph, x = graph_of(primitive, shape, dtype), arguments(shape, dtype)
    expected = interpret(graph, x)
    calls.clear()
    whole = WholeGraph(graph, 1, lowerings_with([Lowering(primitive, formula)]))
    assert whole.program is not None
    np.testing.assert_allclose(whole(x), expected, rtol=1e-4 if dtype == "float32" else 1e-12)
    assert not calls


def test_it_passes_the_conformance_suite() -> None:
    primitive = bump("bump")
    check_backend(llvm_backend(1, [Lowering(primitive, formula)]), [primitive])


def test_a_formula_is_not_asked_for_anything_but_its_entries() -> None:
    total = opaque("total", lambda x: np.sum(x, axis=0), shape=lambda x: Aval((), x.dtype))
    graph = trace(total, np.ones(3)).graph
    backend = llvm_backend(1, [Lowering(total, lambda x: x * 0)])
    np.testing.assert_array_equal(backend.compile(graph)(np.ones(3)), [3.0])


def test_a_formula_of_another_type_is_refused() -> None:
    primitive = bump("bump")
    graph = graph_of(primitive, (3,))
    with pytest.raises(PluginError, match="the lowering of bump gives i1"):
        llvm_backend(1, [Lowering(primitive, lambda x: x < 1.0)]).compile(graph)(np.ones(3))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_code_of_a_plugin_is_not_remembered_when_it_changes(shape: Any) -> None:
    """Neither a formula nor a body, under the same name."""
    x = arguments(shape)
    for factor in (2.0, 3.0):
        primitive = opaque("mine", times(factor), shape=lambda x: x, axes=aligned)
        graph = graph_of(primitive, shape)
        native = llvm_backend(1, [Lowering(primitive, times(factor))])
        np.testing.assert_allclose(native.compile(graph)(x), interpret(graph, x), rtol=1e-12)
    for factor in (2.0, 3.0):
        graph = graph_of(elementwise("of_mine", times(factor)), shape)
        found = llvm_backend(1).compile(graph)(x)
        np.testing.assert_allclose(found, interpret(graph, x), rtol=1e-12)
