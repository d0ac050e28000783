"""Where a primitive's operands may lie: used to sample test points and to explain failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optserve.frozen import factory, frozen
from optserve.graph.aval import Array, DType

__all__ = ["Domain", "Example", "boolean", "integer", "nonnegative", "positive", "real", "unit"]


@frozen
class Domain:
    """An interval of reals, of integers, or the two truth values.

    ``low`` and ``high`` bound where the primitive is defined and smooth; ``sample`` draws from the
    part of it within ``typical`` of the origin, where finite differences are accurate.
    """

    text: str
    low: float = -np.inf
    high: float = np.inf
    kind: str = "f"
    typical: float = 2.0

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: DType) -> Array:
        """Values of this domain, away from its ends."""
        if self.kind == "b":
            return np.asarray(rng.random(shape) < 0.5)
        if self.kind == "i":
            return rng.integers(int(self.low), int(self.high), shape, endpoint=True)
        low = max(self.low, -self.typical)
        high = min(self.high, max(self.typical, low + 1.0))
        margin = 0.1 * (high - low)
        return rng.uniform(low + margin, high - margin, shape).astype(dtype)


real = Domain("real")
positive = Domain("positive", low=0.0)
nonnegative = Domain("nonnegative", low=0.0)
unit = Domain("in (0, 1)", low=0.0, high=1.0)
boolean = Domain("boolean", kind="b")


def integer(low: int, high: int) -> Domain:
    """Integers from ``low`` to ``high``, both included."""
    return Domain(f"integer in [{low}, {high}]", low=low, high=high, kind="i")


@frozen
class Example:
    """Operand shapes and attributes at which a primitive can be tried.

    ``domains`` overrides the primitive's own, one an operand, where an example needs it (labels
    below the number of classes).
    """

    shapes: tuple[tuple[int, ...], ...]
    attributes: Mapping[str, Any] = factory(default_factory=dict)
    domains: tuple[Domain, ...] | None = None
