"""The Gauss-Newton model of a sum of squares: the residual as linear around a point, ``J s + r``.

With ``[J r] = Q [R q]`` all that a step needs is ``R`` (p, p) and ``q`` (p,): they do not grow with
the data, and a rejected step is shortened without another Jacobian. Nothing forms ``J' J``, whose
condition is squared, and nothing here has a unit: columns and residual are divided by their
lengths, so that neither the units of the parameters nor those of the residual change a digit, and
no square of a small or large number under- or overflows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite, sqrt
from typing import NamedTuple

import numpy as np

from optserve.optimizers.base import Value
from optserve.optimizers.block_angular import AngularTriangle
from optserve.optimizers.least_length import of_least_length
from optserve.optimizers.lengths import lengths, norm
from optserve.optimizers.tall import MANY, triangle

__all__ = [
    "GaussNewton",
    "Model",
    "inverse_of_triangle",
    "least_squares",
    "linearize",
    "triangular",
]

DEFICIENT = 4.0
"""So many rounding errors, for each column, make a singular value none."""


class GaussNewton(NamedTuple):
    """The step to the minimum of a model, of least length where that is not unique.

    ``step`` (p,) is free of units. ``offset`` is ``|P r| / |r|``, P the projection onto the space
    that the columns of the Jacobian span; ``full`` tells whether they are independent.
    """

    step: Value
    offset: float
    full: bool


@dataclass(frozen=True, eq=False)
class Model:
    """A linearized residual without units.

    For a step ``s = units * z`` it is ``size * (Q (target + factor @ z) + rest)``, where ``rest``
    is orthogonal to all columns and as long as ``remainder``; ``factor`` (p, p), a matrix or an
    ``AngularTriangle``, has columns of length 1, or 0 for a parameter without effect, ``target`` is
    (p,), ``lengths`` (p,) are those of the columns of the Jacobian, and ``size`` is that of the
    residual. ``precision`` is the relative spacing of the numbers that all this was computed in.
    """

    factor: Value
    target: Value
    remainder: float
    lengths: Value
    size: float
    precision: float

    @cached_property
    def units(self) -> Value:
        """The step (p,) of each parameter that moves the residual by its own length."""
        return self.size / self.divisors

    @cached_property
    def divisors(self) -> Value:
        """The lengths (p,), 1 in place of 0."""
        return np.where(self.lengths > 0, self.lengths, 1.0)

    @cached_property
    def cosines(self) -> Value:
        """Those (p,) between residual and columns: half the slopes of the relative loss."""
        return self.factor.T @ self.target

    @cached_property
    def gauss_newton(self) -> GaussNewton:
        """The Gauss-Newton step from here, and what it makes of the residual."""
        return least_squares(self.factor, self.target, self.precision)

    def reduction(self, step: Value) -> float:
        """By how much of itself ``step`` (p,), free of units, lowers the sum of squares."""
        change = self.factor @ step
        return -float(2.0 * (self.target @ change) + change @ change)

    def offset(self, held: Value | None = None) -> float:
        """``|P r| / |r|``, without the columns ``held`` (p,), truth values, as at a bound."""
        if held is None or not held.any():
            return self.gauss_newton.offset
        factor, target = triangular(self.factor[:, ~held], self.target)
        return least_squares(factor, target, self.precision).offset

    def noise(self, point: Value) -> float:
        """The size of the rounding errors of the residual, over its own.

        Each parameter is rounded, and with it what it adds to the residual at ``point`` (p,).
        """
        if self.size == 0:
            return np.inf
        return self.precision * (1.0 + float(np.abs(point) @ (self.lengths / self.size)))


def linearize(
    jacobian: Value | AngularTriangle, residual: Value, precision: float | None = None
) -> Model | None:
    """The model from ``jacobian`` (n, p) and ``residual`` (n,); ``None`` where it is not finite.

    ``precision`` is that of float64 unless given. Beside an ``AngularTriangle`` the residual has
    p + 1 entries, of which the last stands in no row of it.

    >>> model = linearize(np.array([[3.0], [4.0]]), np.array([5.0, 10.0]))
    >>> model.units * model.gauss_newton.step, round(model.gauss_newton.offset, 3)
    (array([-2.2]), 0.984)
    """
    eps = float(np.finfo(float).eps) if precision is None else precision
    if isinstance(jacobian, AngularTriangle):
        return _of_blocks(jacobian, residual, eps)
    columns = jacobian.shape[1]
    square = _square(jacobian, residual)
    found = lengths(square)
    known = found.tolist()  # of a few numbers Python tells sooner than NumPy
    if not all(map(isfinite, known)):
        return None
    square /= found if 0.0 not in known else np.where(found > 0, found, 1.0)
    return Model(
        square[:columns, :columns],
        square[:columns, columns],
        abs(float(square[columns, columns])),
        found[:columns],
        known[columns],
        eps,
    )


def _of_blocks(triangular: AngularTriangle, residual: Value, precision: float) -> Model | None:
    """The model from a triangle (p, p), and the target and what is beside it (p + 1,)."""
    found, size = triangular.lengths(), norm(residual)
    if not isfinite(size) or not np.isfinite(found).all():
        return None
    scaled = residual / size if size > 0.0 else residual
    factor = triangular / np.where(found > 0.0, found, 1.0)
    return Model(factor, scaled[:-1], abs(float(scaled[-1])), found, size, precision)


def triangular(matrix: Value, vector: Value) -> tuple[Value, Value]:
    """R (p, p) and q (p,) with the same least squares as ``matrix`` (n, p) and ``vector`` (n,).

    >>> factor, target = triangular(np.array([[0.0], [2.0]]), np.array([1.0, 6.0]))
    >>> target / factor[0]
    array([3.])
    """
    columns = matrix.shape[1]
    square = _square(matrix, vector)
    return square[:columns, :columns], square[:columns, columns]


def least_squares(factor: Value | AngularTriangle, target: Value, precision: float) -> GaussNewton:
    """Minimize ``norm(factor @ z + target)`` where ``factor`` (p, p) has columns of length 1 or 0.

    Where solving with it is safe, it is solved with; where it may be deficient, its singular
    values, or those of its blocks, decide which directions count.
    """
    size = len(target)
    cutoff = DEFICIENT * size * precision
    if isinstance(factor, AngularTriangle):
        return _by_blocks(factor, target, cutoff)
    try:
        inverse, solution = _solved(factor, target)
    except np.linalg.LinAlgError:
        return GaussNewton(*of_least_length(factor, target, cutoff))
    # The Frobenius norm of the inverse is at least 1 / the smallest singular value.
    entries = inverse.ravel()
    if not sqrt(entries @ entries) * sqrt(size) * cutoff < 1.0:
        return GaussNewton(*of_least_length(factor, target, cutoff))
    return GaussNewton(-solution, norm(target), True)


def _by_blocks(factor: AngularTriangle, target: Value, cutoff: float) -> GaussNewton:
    try:
        if factor.inverse_norm() * sqrt(len(target)) * cutoff < 1.0:
            return GaussNewton(-factor.solved(target), norm(target), True)
    except np.linalg.LinAlgError:
        pass
    return GaussNewton(*factor.least_squares(target, cutoff), False)


def _solved(factor: Value, target: Value) -> tuple[Value, Value]:
    """The inverse (p, p) of a triangle, and ``z`` with ``factor @ z == target``."""
    size = len(target)
    if size >= MANY:
        inverse = inverse_of_triangle(factor)
        return inverse, inverse @ target
    right = np.zeros((size, size + 1))
    right.reshape(-1)[:: size + 2] = 1.0
    right[:, size] = target
    solved = np.linalg.solve(factor, right)
    return solved[:, :size], solved[:, size]


def inverse_of_triangle(factor: Value) -> Value:
    """That of a triangle (p, p), from those of its halves: nearly all of it is products."""
    size = len(factor)
    if size < MANY:
        return np.linalg.inv(factor)
    half = size // 2
    first = inverse_of_triangle(factor[:half, :half])
    last = inverse_of_triangle(factor[half:, half:])
    found = np.zeros((size, size))
    found[:half, :half], found[half:, half:] = first, last
    found[:half, half:] = -first @ factor[:half, half:] @ last
    return found


def _square(matrix: Value, vector: Value) -> Value:
    """R (p + 1, p + 1) of a matrix (n, p) beside a vector (n,), with rows of zeros where n <= p."""
    found = triangle(matrix, vector)
    rows, columns = found.shape
    if rows == columns:
        return found
    return np.vstack([found, np.zeros((columns - rows, columns))])
