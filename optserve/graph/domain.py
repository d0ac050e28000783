"""Where a primitive's operands may lie: used to sample test points and to explain failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optserve.graph.aval import Array, DType

__all__ = [
    "Domain",
    "Example",
    "Structure",
    "boolean",
    "integer",
    "nonnegative",
    "positive",
    "real",
    "unit",
]


def _straight(x: Array, direction: Array, step: float) -> Array:
    return x + step * direction


@dataclass(frozen=True)
class Structure:
    """A set of arrays whose entries along the last ``axes`` axes belong together.

    ``draw(rng, shape)`` gives one of them, ``direction(x, rng)`` one that leads on inside of the
    set, ``moved(x, direction, step)`` what lies there.
    """

    axes: int
    draw: Callable[[np.random.Generator, tuple[int, ...]], Array]
    direction: Callable[[Array, np.random.Generator], Array]
    moved: Callable[[Array, Array, float], Array] = _straight


@dataclass(frozen=True)
class Domain:
    """An interval of reals, of integers, the two truth values, or arrays of a ``structure``.

    ``low`` and ``high`` bound where the primitive is defined and smooth; ``sample`` draws from the
    part of it within ``typical`` of the origin, where finite differences are accurate.
    """

    text: str
    low: float = -np.inf
    high: float = np.inf
    kind: str = "f"
    typical: float = 2.0
    structure: Structure | None = None

    def direction(self, x: Array, rng: np.random.Generator) -> Array:
        """A random direction in proportion to the entries, so that a step stays in the domain."""
        if self.structure is not None:
            return self.structure.direction(x, rng)
        typical = float(np.sqrt(np.mean(np.square(x)))) if x.size else 1.0
        signs = np.where(rng.random(x.shape) < 0.5, -1.0, 1.0)
        return signs * rng.uniform(0.5, 1.0, x.shape) * (np.abs(x) + 1e-3 * (typical or 1.0))

    def moved(self, x: Array, direction: Array, step: float) -> Array:
        """``x`` moved along ``direction``; on a curve where a line would leave the structure."""
        moved = _straight if self.structure is None else self.structure.moved
        return moved(x, direction, step)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: DType) -> Array:
        """Values of this domain, away from its ends."""
        if self.structure is not None:
            return self.structure.draw(rng, shape).astype(dtype)
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


@dataclass(frozen=True)
class Example:
    """Operand shapes and attributes at which a primitive can be tried.

    ``domains`` overrides the primitive's own, one an operand, where an example needs it (labels
    below the number of classes).
    """

    shapes: tuple[tuple[int, ...], ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    domains: tuple[Domain, ...] | None = None
