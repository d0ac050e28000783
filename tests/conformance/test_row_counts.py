"""Every primitive on every backend at row counts around the size of a block, compiled together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optserve.backends import chunks, llvm
from optserve.backends.llvm import native_pass
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.map_reduce import MapReduce
from optserve.backends.numpy import numpy_backend
from optserve.backends.numpy.control import tiled
from optserve.primitives.vocabulary import builtin_primitives
from optserve.testing.together import Piece, check_row_counts, pieces

TILE = 16
COUNTS = (0, 1, TILE - 1, TILE, TILE + 1, 5 * TILE + 3)

every_precision = pytest.mark.parametrize("dtype", ["float64", "float32"])


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tiles so small that several make a chunk and several chunks a pass; nothing remembered."""
    monkeypatch.setattr(chunks, "MAX_TILE_ROWS", TILE)
    monkeypatch.setattr(chunks, "MAX_CHUNKS", 3)
    monkeypatch.setenv("OPTSERVE_CACHE_DIR", str(tmp_path))


@every_precision
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_numpy(dtype: str) -> None:
    parts = list(pieces(builtin_primitives(), dtype))
    assert check_row_counts(numpy_backend(2), parts, counts=COUNTS) == len(parts)


@every_precision
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_native_code(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    native, rest = _parted(list(pieces(builtin_primitives(), dtype)), monkeypatch)
    check_row_counts(llvm.llvm_backend(2), rest, counts=COUNTS)

    def refuse(_work: MapReduce) -> Callable[..., Any]:
        raise AssertionError("there is no native code for all of it")

    monkeypatch.setattr(native_pass, "tiled", refuse)
    assert check_row_counts(llvm.llvm_backend(2), native, counts=COUNTS) == len(native)
    assert len(native) > 250


class _Counting:
    """An engine that only counts what reaches it."""

    identity = ("counting",)

    def __init__(self) -> None:
        self.loaded = 0

    def object_code(self, _text: str) -> bytes:
        return b"code"

    def load(self, _code: bytes, _name: str) -> int:
        self.loaded += 1
        raise Unsupported("it only counts")


def _same(engine: _Counting) -> _Counting:
    return engine


def _parted(parts: list[Piece], monkeypatch: pytest.MonkeyPatch) -> tuple[list[Piece], list[Piece]]:
    """Those that are native code in every pass, and the others, which run on NumPy in part."""
    native: list[Piece] = []
    rest: list[Piece] = []
    with monkeypatch.context() as patched:
        for part in parts:
            engine, fell = _Counting(), [0]

            def on_numpy(work: MapReduce, fell: list[int] = fell) -> Callable[..., Any]:
                fell[0] += 1
                return tiled(work)

            patched.setattr(native_pass, "engine", partial(_same, engine))
            patched.setattr(native_pass, "tiled", on_numpy)
            llvm.compile_graph(part.graph)(*part.arguments(np.random.default_rng(0), COUNTS[-1]))
            (native if 0 < engine.loaded == fell[0] else rest).append(part)
    return native, rest
