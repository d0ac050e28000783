"""A quadratic model of the loss around a point, in coordinates that know no units.

Coordinates are scaled so that the Hessian has 1 on its diagonal, and turned to its axes. There the
model is a sum over axes, each with a curvature and a slope, and says by how much a Newton step
would lower the loss, and along which axes rounding hides what the loss does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.curvature import ByAxes, ByTriangle, independent, of_matrix
from optserve.optimizers.lengths import lengths, norm
from optserve.optimizers.tall import triangle

__all__ = ["NOISE", "WEAK", "Quadratic", "of_hessian", "of_jacobian", "projected"]

NOISE = 100.0
"""Curvatures below so many rounding errors of the largest have no sign that could be told."""

WEAK = 1e-6
"""A curvature below this is next to nothing: the loss may be no parabola as far as a step leads."""


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The model over the q coordinates that are ``free`` (p,), around a point.

    ``scale`` (q,) makes coordinates free of units. In these the ``curvature`` is known along axes,
    or by a triangle where it is clearly positive. ``rest`` is the norm of what is left of the
    residual after the step, for least squares. A ``partial`` model has fewer axes than coordinates,
    (q, k). Where second derivatives are not finite they are taken for 0, and the model is not
    ``known``.
    """

    free: Array
    scale: Array
    curvature: ByAxes | ByTriangle
    rest: float | None = None
    partial: bool = False
    known: bool = True

    @property
    def axes(self) -> Array:
        """Axes (q, q) of the curvature, a column each."""
        return self.curvature.axes

    @property
    def values(self) -> Array:
        """The curvatures (q,) along them."""
        return self.curvature.values

    @property
    def noise(self) -> float:
        """What curvatures are told from 0 by."""
        return self.curvature.noise

    @property
    def decrement(self) -> float:
        """The root of what the Newton step would lower the loss by."""
        return self.curvature.decrement

    @property
    def sure(self) -> Array:
        """Which axes have a curvature that is told from 0."""
        return self.curvature.sure

    @property
    def least(self) -> float:
        """The least curvature, of which the diagonal of the Hessian is 1."""
        return self.curvature.least

    @property
    def floor(self) -> float:
        """What all curvatures are above, as far as is known without looking at them."""
        return self.curvature.floor

    @property
    def variances(self) -> Array | None:
        """The diagonal (q,) of the inverse of the Hessian, where it has one for sure."""
        return self.curvature.variances

    @cached_property
    def step(self) -> Array:
        """The Newton step (p,) along the axes whose curvature is told; downhill along each."""
        return self._spread(self.curvature.step)

    @property
    def spread_scale(self) -> Array:
        """``scale`` for all p coordinates, 0 for those that are not free."""
        found = np.zeros(self.free.size)
        found[self.free] = self.scale
        return found

    def _spread(self, scaled: Array) -> Array:
        found = np.zeros(self.free.size)
        found[self.free] = scaled / self.scale
        return found

    def turned(self, along: Array) -> Array:
        """In the p coordinates what is ``along`` (q,) the axes."""
        return self._spread(self.axes @ along)

    def axis(self, number: int) -> Array:
        """An axis in the p coordinates."""
        along = np.zeros(self.values.size)
        along[number] = 1.0
        return self.turned(along)

    def length(self, step: Array) -> float:
        """The length of ``step`` (p,), free of units."""
        return norm(step[self.free] * self.scale)

    def largest_change(self, point: Array) -> float:
        """The largest change of a coordinate of ``point`` (p,) by the step, of itself above 1."""
        return float(np.max(np.abs(self.step) / np.maximum(np.abs(point), 1.0), initial=0.0))

    def at(self, gradient: Array) -> Quadratic:
        """The same curvatures with the ``gradient`` (p,) of a point close by."""
        curvature = self.curvature.with_slope(gradient[self.free] / self.scale)
        return Quadratic(self.free, self.scale, curvature, known=self.known)


def of_hessian(hessian: Array, gradient: Array, free: Array, epsilon: float) -> Quadratic:
    """The model from a Hessian (p, p) whose entries are good to ``epsilon``, and a gradient (p,).

    >>> found = of_hessian(np.diag([2.0, 8e6]), np.array([2.0, 0.0]), np.ones(2, bool), 1e-16)
    >>> round(found.decrement, 12), found.step.round(12).tolist(), round(found.least, 12)
    (1.0, [-1.0, 0.0], 1.0)
    """
    within = 0.5 * (hessian + hessian.T)
    if not free.all():
        within = within[np.ix_(free, free)]
    known = bool(np.isfinite(within).all())
    if not known:
        within = np.where(np.isfinite(within), within, 0.0)
    diagonal = np.abs(np.diagonal(within))
    scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    found = of_matrix(within / scale / scale[:, None], gradient[free] / scale, NOISE * epsilon)
    return Quadratic(free, scale, found, known=known)


def of_jacobian(jacobian: Array, residual: Array, free: Array, epsilon: float) -> Quadratic:
    """Gauss and Newton's model of a sum of squares, from its residual (n,) and Jacobian (n, p).

    By the singular values of the Jacobian with columns of length 1, so that nothing is squared; of
    many columns that are clearly independent, by their triangle.

    >>> found = of_jacobian(np.array([[1e9], [1e9]]), np.array([3.0, 1.0]), np.ones(1, bool), 1e-16)
    >>> round(found.decrement, 12) == round(8.0**0.5, 12), round(found.rest, 12)
    (True, 1.414213562373)
    """
    columns = jacobian if free.all() else jacobian[:, free]
    scale, root, targets = _triangle(columns, residual[:, None])
    target = targets[:, 0]
    if (known := independent(root)) is not None:
        square, count = (NOISE * epsilon) ** 2, len(scale)  # no curvature is larger than their sum
        found = ByTriangle(root[:count], known[0], target[:count], square * count, known[1])
        return Quadratic(free, sqrt(2.0) * scale, found, norm(target[count:]))
    parts = _parts(root, targets, epsilon)
    target, [sure] = parts.targets[:, 0], np.nonzero(parts.singular > parts.noise)
    roots = np.zeros(parts.singular.size)
    roots[sure] = target[sure]
    target[sure] = 0.0
    values, slopes = np.square(parts.singular), sqrt(2.0) * parts.singular * roots
    axes = ByAxes(parts.axes, values, slopes, roots, parts.noise**2)
    return Quadratic(free, sqrt(2.0) * scale, axes, norm(target))


def projected(jacobian: Array, vectors: Array, free: Array, epsilon: float) -> list[float]:
    """How long each column of ``vectors`` (n, k) is in the space of the columns of a Jacobian."""
    scale, root, targets = _triangle(jacobian if free.all() else jacobian[:, free], vectors)
    if independent(root) is not None:
        return [norm(target) for target in targets[: len(scale)].T]
    parts = _parts(root, targets, epsilon)
    known = np.flatnonzero(parts.singular > parts.noise)
    return [norm(target) for target in parts.targets[known].T]


def _triangle(columns: Array, vectors: Array) -> tuple[Array, Array, Array]:
    """The lengths (q,) of the columns of a Jacobian (n, q), their triangle (m, q) where they have
    length 1, and ``vectors`` (n, k) beside it (m, k), where m is q or more.
    """
    count = columns.shape[1]
    triangular = triangle(columns, vectors)
    found = lengths(triangular[:, :count])
    scale = np.where(found > 0.0, found, 1.0)
    return scale, triangular[:, :count] / scale, triangular[:, count:]


class _Parts(NamedTuple):
    """The singular values (q,) of a Jacobian with columns of length 1, and vectors along these.

    ``axes`` (q, q) are the right singular vectors; ``targets`` is (m, k), its first rows along the
    left ones.
    """

    singular: Array
    axes: Array
    targets: Array
    noise: float


def _parts(triangular: Array, targets: Array, epsilon: float) -> _Parts:
    """A triangle (m, q) taken apart, beside ``targets`` (m, k)."""
    count = triangular.shape[1]
    left, singular, right = np.linalg.svd(triangular)
    if singular.size < count:
        singular = np.concatenate([singular, np.zeros(count - singular.size)])
    noise = NOISE * epsilon * float(np.maximum.reduce(singular, initial=0.0))
    return _Parts(singular, right.T, left.T @ targets, noise)
