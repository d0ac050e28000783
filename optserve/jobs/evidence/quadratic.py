"""A quadratic model of the loss around a point, in coordinates that know no units.

Coordinates are scaled so that the Hessian has 1 on its diagonal, and turned to its axes. There the
model is a sum over axes, each with a curvature and a slope, and says by how much a Newton step
would lower the loss, and along which axes rounding hides what the loss does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import sqrt
from typing import NamedTuple

import numpy as np

from optserve.graph.aval import Array
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

    ``scale`` (q,) makes coordinates free of units. Along the columns of ``axes`` (q, q), in these,
    the loss has the curvatures ``values`` (q,) and the slopes ``slopes`` (q,). ``roots`` (q,) are
    the roots of what the steps along the axes would lower the loss by; 0 for an axis whose
    curvature is within ``noise`` of 0. ``rest`` is the norm of what is left of the residual after
    the step, for least squares. A ``partial`` model has fewer axes than coordinates, (q, k). Where
    second derivatives are not finite they are taken for 0, and the model is not ``known``.
    """

    free: Array
    scale: Array
    axes: Array
    values: Array
    slopes: Array
    roots: Array
    noise: float
    rest: float | None = None
    partial: bool = False
    known: bool = True

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
        """The least curvature, of which the diagonal of the Hessian is 1."""
        return float(self.values.min(initial=np.inf))

    @cached_property
    def step(self) -> Array:
        """The Newton step (p,) along the axes whose curvature is told; downhill along each."""
        return self.turned(-self.roots * np.sqrt(2.0 / np.where(self.sure, abs(self.values), 1.0)))

    @property
    def spread_scale(self) -> Array:
        """``scale`` for all p coordinates, 0 for those that are not free."""
        found = np.zeros(self.free.size)
        found[self.free] = self.scale
        return found

    def turned(self, along: Array) -> Array:
        """In the p coordinates what is ``along`` (q,) the axes."""
        found = np.zeros(self.free.size)
        found[self.free] = (self.axes @ along) / self.scale
        return found

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
        found = _along(self.free, self.scale, self.axes, self.values, gradient, self.noise)
        return found if self.known else replace(found, known=False)


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
    values, axes = np.linalg.eigh(within / scale / scale[:, None])
    noise = NOISE * epsilon * float(np.abs(values).max(initial=0.0))
    found = _along(free, scale, axes, values, gradient, noise)
    return found if known else replace(found, known=False)


def _along(
    free: Array, scale: Array, axes: Array, values: Array, gradient: Array, noise: float
) -> Quadratic:
    slopes = axes.T @ (gradient[free] / scale)
    sure = np.abs(values) > noise
    roots = np.where(sure, slopes / np.sqrt(2.0 * np.where(sure, np.abs(values), 1.0)), 0.0)
    return Quadratic(free, scale, axes, values, slopes, roots, noise)


def of_jacobian(jacobian: Array, residual: Array, free: Array, epsilon: float) -> Quadratic:
    """Gauss and Newton's model of a sum of squares, from its residual (n,) and Jacobian (n, p).

    By the singular values of the Jacobian with columns of length 1, so that nothing is squared.

    >>> found = of_jacobian(np.array([[1e9], [1e9]]), np.array([3.0, 1.0]), np.ones(1, bool), 1e-16)
    >>> round(found.decrement, 12) == round(8.0**0.5, 12), round(found.rest, 12)
    (True, 1.414213562373)
    """
    columns = jacobian if free.all() else jacobian[:, free]
    parts = _parts(columns, residual[:, None], epsilon)
    target, [known] = parts.targets[:, 0], np.nonzero(parts.singular > parts.noise)
    roots = np.zeros(parts.singular.size)
    roots[known] = target[known]
    target[known] = 0.0
    return Quadratic(
        free,
        sqrt(2.0) * parts.scale,
        parts.axes,
        np.square(parts.singular),
        sqrt(2.0) * parts.singular * roots,
        roots,
        parts.noise**2,
        norm(target),
    )


def projected(jacobian: Array, vectors: Array, free: Array, epsilon: float) -> list[float]:
    """How long each column of ``vectors`` (n, k) is in the space of the columns of a Jacobian."""
    parts = _parts(jacobian if free.all() else jacobian[:, free], vectors, epsilon)
    known = np.flatnonzero(parts.singular > parts.noise)
    return [norm(target) for target in parts.targets[known].T]


class _Parts(NamedTuple):
    """The singular values (q,) of a Jacobian with columns of length 1, and vectors along these.

    ``scale`` (q,) are the lengths, ``axes`` (q, q) the right singular vectors; ``targets`` is
    (n, k), its first rows along the left ones.
    """

    scale: Array
    singular: Array
    axes: Array
    targets: Array
    noise: float


def _parts(columns: Array, vectors: Array, epsilon: float) -> _Parts:
    """A Jacobian (n, q) taken apart, beside ``vectors`` (n, k)."""
    count = columns.shape[1]
    triangular = triangle(columns, vectors)
    found = lengths(triangular[:, :count])
    scale = np.where(found > 0.0, found, 1.0)
    left, singular, right = np.linalg.svd(triangular[:, :count] / scale)
    if singular.size < count:
        singular = np.concatenate([singular, np.zeros(count - singular.size)])
    noise = NOISE * epsilon * float(np.maximum.reduce(singular, initial=0.0))
    return _Parts(scale, singular, right.T, left.T @ triangular[:, count:], noise)
