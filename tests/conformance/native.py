"""Which pieces are native code in every pass, found without making any."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import pytest

from optserve.backends import llvm
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.rows import native_pass
from optserve.backends.numpy.control_flow import tiled
from optserve.backends.shared_chunks import MapReduce
from optserve.primitives.vocabulary import density_primitives, everyday_primitives
from optserve.testing.together import Piece
from tests.conformance.composed import is_composed

__all__ = ["ALL", "EACH_SHARE", "only_native", "parted"]

ALL = (
    *everyday_primitives(),
    *(one for one in density_primitives() if one.kind == "elementwise"),
)
"""All built-in primitives but the densities, which are made of these."""

EACH_SHARE = pytest.mark.parametrize(
    "primitives",
    [
        pytest.param(tuple(one for one in ALL if not is_composed(one)), id="parts"),
        pytest.param(ALL, id="all", marks=pytest.mark.nightly),
    ],
)
"""All built-in primitives but those that are made of others; nightly all but the densities."""


def only_native(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on a pass without native code is an error."""

    def refuse(_work: MapReduce) -> Callable[..., Any]:
        raise AssertionError("there is no native code for all of it")

    monkeypatch.setattr(native_pass, "tiled", refuse)


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


def parted(
    parts: Iterable[Piece], rows: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Piece], list[Piece]]:
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
            llvm.compile_graph(part.graph)(*part.arguments(np.random.default_rng(0), rows))
            (native if 0 < engine.loaded == fell[0] else rest).append(part)
    return native, rest
