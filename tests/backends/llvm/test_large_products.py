"""Products for BLAS: both precisions, rows around a block, NaN, threads, and a NumPy without."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from optserve.backends import llvm
from optserve.backends.blas import gemm
from optserve.backends.llvm.ir import engine
from optserve.backends.llvm.rows import blocks, native_pass
from optserve.backends.llvm.rows.blocks import LARGE_BLOCK as BLOCK
from optserve.graph.interpret import interpret
from tests.backends.llvm.closeness import assert_close
from tests.backends.losses import Loss

INNER, COLUMNS = 257, 263

LOSS = Loss(
    "layers",
    lambda w, v, x: np.mean(np.tanh(0.05 * (x @ w)) @ v),
    [(INNER, COLUMNS), (COLUMNS, COLUMNS)],
    [(INNER,)],
)
every_precision = pytest.mark.parametrize("dtype", ["float64", "float32"])


@pytest.fixture(autouse=True)
def texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> list[str]:
    """The code that is made; a pass without native code fails."""
    made: list[str] = []
    original = engine.Engine.object_code

    def listen(self: engine.Engine, text: str) -> bytes:
        made.append(text)
        return original(self, text)

    def refuse(_work: object) -> None:
        raise AssertionError("a pass without native code")

    monkeypatch.setattr(engine.Engine, "object_code", listen)
    monkeypatch.setattr(native_pass, "tiled", refuse)
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))
    return made


@every_precision
def test_every_number_of_rows(dtype: str, texts: list[str]) -> None:
    graph = LOSS.graph(dtype)
    call = llvm.compile_graph(graph)
    for rows in (1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7):
        arguments = LOSS.arguments(rows, dtype)
        assert_close(call(*arguments), interpret(graph, *arguments), dtype, least=0.0)
    rows_read = [text for text in texts if "i64 %first, i64 %last" in text]
    assert rows_read
    assert all(("@optserve.gemm" in text) is (gemm() is not None) for text in rows_read)


@every_precision
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_sums_over_no_rows_are_zero(dtype: str) -> None:
    graph = Loss("sum", lambda w, x: np.sum((x @ w) ** 2), LOSS.parameters[:1], [(INNER,)]).graph(
        dtype
    )
    for result in llvm.compile_graph(graph)(*LOSS.arguments(0, dtype)[::2]):
        assert not np.any(result)


@every_precision
def test_a_number_that_is_none_reaches_what_depends_on_it(dtype: str) -> None:
    graph = LOSS.graph(dtype)
    arguments = LOSS.arguments(BLOCK + 3, dtype)
    arguments[-1][-1, 5] = math.nan
    assert_close(
        llvm.compile_graph(graph)(*arguments), interpret(graph, *arguments), dtype, least=0.0
    )


@every_precision
def test_the_same_bits_on_any_number_of_threads(dtype: str) -> None:
    graph = LOSS.graph(dtype)
    arguments = LOSS.arguments(5 * BLOCK + 3, dtype)
    one, *others = [llvm.compile_graph(graph, threads)(*arguments) for threads in (1, 2, 8)]
    for other in others:
        for expected, found in zip(one, other, strict=True):
            assert expected.tobytes() == found.tobytes()


def test_without_a_library_of_a_known_name(
    texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "gemm", lambda: None)
    graph = LOSS.graph()
    arguments = LOSS.arguments(20)
    assert_close(
        llvm.compile_graph(graph)(*arguments), interpret(graph, *arguments), "float64", least=0.0
    )
    assert texts
    assert all("@optserve.gemm" not in text for text in texts)
