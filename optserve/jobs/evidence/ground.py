"""What is known at a point: ``Ground``, and what rounding does around it: ``Noise``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.quadratic import Quadratic

__all__ = ["Ground", "Noise"]


class Ground(NamedTuple):
    """What is known at a point (p,): residual (n,) and Jacobian (n, p) where they are formed."""

    point: Array
    loss: float
    gradient: Array
    residual: Array | None = None
    jacobian: Array | None = None

    @property
    def finite(self) -> bool:
        """Whether the loss and its gradient are; one product tells nearly always."""
        gradient = self.gradient
        if not isfinite(self.loss):
            return False
        return isfinite(gradient @ gradient) or bool(np.isfinite(gradient).all())


@dataclass(frozen=True)
class Noise:
    """What rounding does to the ``loss``, and to the decrement of a model: that is ``seen()`` only
    where it is asked for. ``turns`` is what the loss would change by, to first order, as
    coordinates change by themselves, with the gradients that rounding leads to: much at a kink."""

    loss: float
    seen: Callable[[], float]
    turns: float = 0.0

    @cached_property
    def decrement(self) -> float:
        """What rounding does to the decrement."""
        return self.seen()

    def root(self, model: Quadratic) -> float:
        """The root of a decrease of ``model`` that is nothing but rounding."""
        return sqrt(self.loss) if model.rest is None else self.decrement
