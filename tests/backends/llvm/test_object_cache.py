"""Under which name object code is remembered."""

from __future__ import annotations

import numpy as np
import pytest

from optserve.backends.llvm.ir import object_cache
from optserve.backends.llvm.ir.engine import engine
from optserve.graph.aval import Aval
from optserve.primitives.tracing import trace


def test_code_of_another_generator_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = trace(lambda x: x * x, Aval((), np.dtype("float64"))).graph
    names = {object_cache.key(graph, (), engine()) for _ in range(2)}
    monkeypatch.setattr(object_cache, "_generator", lambda: "sources that were edited")
    names.add(object_cache.key(graph, (), engine()))
    assert len(names) == 2
