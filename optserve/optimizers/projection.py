"""Bounds on the parameters: projection onto the box, and the gradient that still counts there."""

from __future__ import annotations

import numpy as np

from optserve.optimizers.base import Value

__all__ = ["project", "projected_gradient"]


def project(point: Value, lower: Value | None, upper: Value | None) -> Value:
    """The nearest point of the box to ``point`` (p,); runs on arrays and tracers alike.

    A job applies it to ``params + updates``: a sum in floating point may pass a bound by a last
    bit, and a first-order method knows nothing of bounds at all.

    >>> project(np.array([-1.0, 0.5]), np.zeros(2), None)
    array([0. , 0.5])
    """
    if lower is not None:
        point = np.maximum(point, lower)
    return point if upper is None else np.minimum(point, upper)


def projected_gradient(
    point: Value, gradient: Value, lower: Value | None, upper: Value | None
) -> Value:
    """``gradient`` (p,) with 0 where ``point`` is at a bound and descent would leave the box.

    It is 0 exactly where the first-order conditions hold, so convergence is judged on it. Runs on
    arrays and tracers alike.

    >>> projected_gradient(np.zeros(2), np.array([3.0, -3.0]), np.zeros(2), None)
    array([ 0., -3.])
    """
    if lower is not None:
        gradient = np.where((point <= lower) & (gradient > 0), 0.0, gradient)
    if upper is not None:
        gradient = np.where((point >= upper) & (gradient < 0), 0.0, gradient)
    return gradient
