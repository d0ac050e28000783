"""The curvature of a quadratic model, by its axes or, where it is positive for sure, by a triangle.

Axes take a decomposition, some ten times the work of a triangle, and most of what is asked of a
model does without: its step, by how much that lowers the loss, and that no curvature is hidden. So
of a model of many coordinates axes are only found where they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np

from optserve.graph.aval import Array
from optserve.optimizers.lengths import norm
from optserve.optimizers.linearization import inverse_of_triangle
from optserve.optimizers.tall import MANY

__all__ = ["ByAxes", "ByTriangle", "along_axes", "independent", "of_matrix"]

CLEARLY = 1e-8
"""The least curvature, over a bound of the largest, from which on axes need not be looked at."""


@dataclass(frozen=True, eq=False)
class ByAxes:
    """Axes (q, k), the curvatures (k,) and slopes (k,) along them, and the ``roots`` (k,) of what
    the steps along them lower the loss by; curvatures within ``noise`` of 0 are told from it by
    nothing."""

    axes: Array
    values: Array
    slopes: Array
    roots: Array
    noise: float

    @cached_property
    def decrement(self) -> float:
        """The root of what the Newton step would lower the loss by."""
        return norm(self.roots)

    @cached_property
    def sure(self) -> Array:
        """Which axes have a curvature that is told from 0."""
        return np.abs(self.values) > self.noise

    @cached_property
    def least(self) -> float:
        return float(self.values.min(initial=np.inf))

    @property
    def floor(self) -> float:
        """What all curvatures are above, as far as is known without looking at them."""
        return -np.inf

    @property
    def variances(self) -> Array | None:
        """The diagonal (q,) of the inverse of the Hessian, where it has one for sure."""
        return None

    @cached_property
    def step(self) -> Array:
        """The Newton step (q,) along the axes whose curvature is told; downhill along each."""
        along = -self.roots * np.sqrt(2.0 / np.where(self.sure, abs(self.values), 1.0))
        found: Array = self.axes @ along
        return found

    def with_slope(self, gradient: Array) -> ByAxes:
        """The same curvatures with another ``gradient`` (q,)."""
        return along_axes(self.axes, self.values, gradient, self.noise)


@dataclass(frozen=True, eq=False)
class ByTriangle:
    """A Hessian ``root.T @ root`` (q, q), the ``inverse`` of its root, and the gradient (q,) over
    the root of 2 as ``root.T @ target``. ``floor`` is less than all curvatures; these are
    ``known`` where they were found by themselves."""

    root: Array
    inverse: Array
    target: Array
    noise: float
    floor: float
    known: Array | None = None

    @cached_property
    def axes(self) -> Array:
        found: Array = np.linalg.eigh(self.root.T @ self.root)[1]
        return found

    @cached_property
    def values(self) -> Array:
        if self.known is not None:
            return self.known
        found: Array = np.linalg.eigvalsh(self.root.T @ self.root)
        return found

    @cached_property
    def slopes(self) -> Array:
        found: Array = self.axes.T @ (sqrt(2.0) * (self.root.T @ self.target))
        return found

    @property
    def roots(self) -> Array:
        found: Array = self.slopes / np.sqrt(2.0 * self.values)
        return found

    @property
    def decrement(self) -> float:
        return norm(self.target)

    @property
    def sure(self) -> Array:
        return np.ones(len(self.target), bool)

    @property
    def least(self) -> float:
        return float(self.values[0])

    @cached_property
    def variances(self) -> Array:
        found: Array = np.einsum("ij,ij->i", self.inverse, self.inverse)
        return found

    @property
    def step(self) -> Array:
        found: Array = -sqrt(2.0) * (self.inverse @ self.target)
        return found

    def with_slope(self, gradient: Array) -> ByTriangle:
        target = (self.inverse.T @ gradient) / sqrt(2.0)
        return ByTriangle(self.root, self.inverse, target, self.noise, self.floor, self.known)


def along_axes(axes: Array, values: Array, gradient: Array, noise: float) -> ByAxes:
    """What is known along axes (q, k) with curvatures (k,), where the gradient (q,) is this."""
    slopes = axes.T @ gradient
    sure = np.abs(values) > noise
    roots = np.where(sure, slopes / np.sqrt(2.0 * np.where(sure, np.abs(values), 1.0)), 0.0)
    return ByAxes(axes, values, slopes, roots, noise)


def independent(root: Array) -> tuple[Array, float] | None:
    """The inverse (q, q) of a triangle (m, q) of many columns of length 1, and what the squares of
    its singular values are above; ``None`` of few columns, or where they are not clearly above 0.

    The Frobenius norm of the inverse is at least 1 / the smallest singular value.
    """
    size = root.shape[1]
    if not MANY <= size <= len(root):
        return None
    try:
        inverse = inverse_of_triangle(root[:size])
    except np.linalg.LinAlgError:
        return None
    squares = float(np.einsum("ij,ij->", inverse, inverse))
    lowest = 1.0 / squares if squares > 0.0 else 0.0  # NaN is not
    return (inverse, lowest) if lowest > CLEARLY * size else None


def of_matrix(hessian: Array, gradient: Array, share: float) -> ByAxes | ByTriangle:
    """That of a Hessian (q, q), free of units, with this ``gradient`` (q,); curvatures within
    ``share`` of the largest are noise."""
    if len(hessian) >= MANY:
        values = np.linalg.eigvalsh(hessian)
        largest = float(values[-1])
        if values[0] > max(share, CLEARLY) * largest:
            root = np.linalg.cholesky(hessian, upper=True)
            inverse = inverse_of_triangle(root)
            target = (inverse.T @ gradient) / sqrt(2.0)
            floor = (1.0 - CLEARLY) * float(values[0])
            return ByTriangle(root, inverse, target, share * largest, floor, values)
    values, axes = np.linalg.eigh(hessian)
    return along_axes(axes, values, gradient, share * float(np.abs(values).max(initial=0.0)))
