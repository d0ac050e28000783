"""Rows along the lanes: sums within rows over short axes, in every number of rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from optserve.backends import llvm
from optserve.backends.llvm.rows import native_pass
from optserve.backends.llvm.rows.body import lower
from optserve.backends.llvm.rows.computations import Lowered
from optserve.graph.interpret import interpret
from tests.backends.llvm.closeness import assert_close
from tests.backends.losses import Loss

COUNTS = (0, 1, 7, 15, 16, 17, 300)
every_precision = pytest.mark.parametrize("dtype", ["float64", "float32"])


def _turned(q: Any, m: Any, x: Any) -> Any:
    """Sums of products within a row, and their transposes: over rows, and back."""
    centred = x[:, None, :] - m
    turned = np.einsum("kij,nkj->nki", q, centred)
    return np.sum(np.log(np.sum(np.exp(-0.001 * np.sum(turned**2, axis=2)), axis=1)))


def _grid(a: Any, x: Any) -> Any:
    """Reductions over the last axis, over the first, and over both."""
    grid = x[:, :, None] * a
    top = np.max(grid, axis=2, keepdims=True)
    return np.sum((grid - top) ** 3) + np.sum(np.sin(np.sum(grid, axis=1)) * np.min(grid, axis=1))


def _three(q: Any, r: Any, x: Any) -> Any:
    """A product of three, of which one is the row twice."""
    return np.sum(np.cos(np.einsum("nj,kji,ni->nk", x, q, x))) + np.sum((x[:, None] - r) ** 2)


def _weighted(q: Any, v: Any, x: Any) -> Any:
    """Products of rows with a column of numbers, summed over rows and within them."""
    within = np.einsum("n,kji,ni->nkj", v, q, x)
    return np.sum(q * np.einsum("n,ni,nj->ij", v, x, x)) + np.sum(np.sin(within))


LOSSES = [
    *(Loss(f"turned {k} {d}", _turned, [(k, d, d), (k, d)], [(d,)]) for k, d in ((4, 3), (2, 10))),
    Loss("turned 3 17", _turned, [(3, 17, 17), (3, 17)], [(17,)]),
    Loss("grid", _grid, [(5, 9)], [(5,)]),
    Loss("weighted", _weighted, [(4, 5, 5)], [(), (5,)]),
    Loss("three", _three, [(3, 6, 6), (2, 6)], [(6,)]),
]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)


@pytest.fixture(autouse=True)
def lowered(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> list[Lowered]:
    """What passes are lowered to; a pass without native code fails."""
    seen: list[Lowered] = []

    def listen(*arguments: Any) -> Lowered:
        seen.append(lower(*arguments))
        return seen[-1]

    def refuse(_work: object) -> None:
        raise AssertionError("a pass without native code")

    monkeypatch.setattr(native_pass, "lower", listen)
    monkeypatch.setattr(native_pass, "tiled", refuse)
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))
    return seen


@every_precision
@every_loss
def test_every_number_of_rows(loss: Loss, dtype: str, lowered: list[Lowered]) -> None:
    graph = loss.graph(dtype)
    call = llvm.compile_graph(graph)
    for rows in COUNTS:
        arguments = loss.arguments(rows, dtype)
        assert_close(call(*arguments), interpret(graph, *arguments), dtype)
    assert all(body.row_lanes for body in lowered)


@every_precision
@every_loss
def test_a_number_that_is_none_reaches_what_depends_on_it(loss: Loss, dtype: str) -> None:
    graph = loss.graph(dtype)
    for bad in (math.nan, math.inf):
        arguments = loss.arguments(37, dtype)
        arguments[-1][36, 0] = bad
        with np.errstate(all="ignore"):
            wanted = interpret(graph, *arguments)
        assert_close(llvm.compile_graph(graph)(*arguments), wanted, dtype)


@every_loss
def test_the_same_bits_on_any_number_of_threads(loss: Loss) -> None:
    graph = loss.graph()
    arguments = loss.arguments(100_000)
    one, *others = [llvm.compile_graph(graph, threads)(*arguments) for threads in (1, 2, 8)]
    for other in others:
        for expected, found in zip(one, other, strict=True):
            assert expected.tobytes() == found.tobytes()


def test_long_axes_keep_the_lanes(lowered: list[Lowered]) -> None:
    loss = Loss("long", _grid, [(5, 40)], [(5,)])
    arguments = loss.arguments(20)
    assert_close(
        llvm.compile_graph(loss.graph())(*arguments),
        interpret(loss.graph(), *arguments),
        "float64",
    )
    assert not any(body.row_lanes for body in lowered)
