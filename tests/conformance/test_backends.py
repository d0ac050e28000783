"""Every backend agrees with ``interpret`` on every primitive and its pullback."""

from __future__ import annotations

import pytest

from optserve import testing
from optserve.backends.base import Backend
from optserve.backends.selection import builtin_backends
from optserve.graph.primitive import Primitive
from optserve.primitives.vocabulary import builtin_primitives


@pytest.mark.parametrize("backend", builtin_backends(), ids=lambda backend: backend.name)
@pytest.mark.parametrize("primitive", builtin_primitives(), ids=str)
def test_backend_agrees(backend: Backend, primitive: Primitive) -> None:
    testing.check_backend(backend, [primitive])
