"""What the looks at one rule share: the backend, what was measured, how long they took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from optserve.backends.backend import Backend
from optserve.graph.aval import Array
from optserve.transforms.derivative_check import Agreement

__all__ = ["Fault", "Found", "Looked"]

SECONDS = 1.0
"""How long the looks at one primitive may take before what is left is left out."""


@dataclass(frozen=True)
class Fault:
    """What is wrong, and the operands at which it is."""

    what: str
    operands: Sequence[Array]


class Looked:
    """What one primitive was looked at with, and what was measured.

    ``backend`` is what the job runs on, ``second`` whether it takes second derivatives.
    """

    def __init__(self, backend: Backend | None, *, second: bool) -> None:
        self.backend = backend
        self.second = second
        self.agreements: list[Agreement] = []
        self.began = perf_counter()
        self.left_out = False

    @property
    def spent(self) -> bool:
        """Whether it has taken long enough; then something is left out."""
        late = perf_counter() - self.began > SECONDS
        self.left_out = self.left_out or late
        return late


Found = Fault | str | None
"""What a look finds: a fault, one at the operands of the use in words, or none."""
