"""Every backend agrees with ``interpret`` on every primitive and its pullback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from optserve import testing
from optserve.backends.base import Backend
from optserve.backends.selection import builtin_backends
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import builtin_primitives
from tests.conformance.composed import is_composed


def each_pair() -> Iterator[Any]:
    """Nightly on NumPy what is put together of others, which are called there one by one."""
    for primitive in builtin_primitives():
        for backend in builtin_backends():
            parts = is_composed(primitive) and backend.name == "numpy"
            marks = [pytest.mark.nightly] if parts else []
            yield pytest.param(primitive, backend, marks=marks, id=f"{primitive}-{backend.name}")


@pytest.mark.parametrize(("primitive", "backend"), [*each_pair()])
def test_backend_agrees(primitive: Primitive, backend: Backend) -> None:
    testing.check_backend(backend, [primitive])
