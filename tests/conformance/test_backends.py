"""Every backend agrees with ``interpret`` on every primitive and its pullback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from optserve import testing
from optserve.backends.backend import Backend
from optserve.backends.backend_choice import builtin_backends
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import builtin_primitives
from tests.conformance.composed import is_composed
from tests.conformance.native import ALL


def each_pair() -> Iterator[Any]:
    """Nightly what ``test_row_counts`` and ``test_fixed_shapes`` compile together for native code.
    On NumPy nightly what is put together of others.

    Of densities, which are made of all that, native code of every third is made in every run.
    """
    for number, primitive in enumerate(builtin_primitives()):
        for backend in builtin_backends():
            spared = is_composed(primitive) and (backend.name == "numpy" or number % 3)
            spared |= primitive in ALL and backend.name == "llvm"
            marks = [pytest.mark.nightly] if spared else []
            yield pytest.param(primitive, backend, marks=marks, id=f"{primitive}-{backend.name}")


@pytest.mark.parametrize(("primitive", "backend"), [*each_pair()])
def test_backend_agrees(primitive: Primitive, backend: Backend) -> None:
    testing.check_backend(backend, [primitive])
