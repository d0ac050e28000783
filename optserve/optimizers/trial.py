"""The point that a method of least squares has tried, and what it is beside the bounds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optserve.graph.aval import DType
from optserve.optimizers.base import Evaluation, Value
from optserve.optimizers.block_angular import AngularTriangle, BlockLayout
from optserve.optimizers.linearization import Model, linearize

__all__ = ["Trial", "trial_of"]


class Trial(NamedTuple):
    """The point just evaluated, in float64; ``model`` is ``None`` where it is not finite.

    ``lower`` and ``upper`` are ``None`` where nothing is bounded; ``dtype`` is that of the
    parameters, whose ``precision`` is the relative spacing of its numbers. ``layout`` is that of
    factors which are not whole, and ``sums`` (k,) are those of the squares of each block, if blocks
    are independent.
    """

    point: Value
    model: Model | None
    lower: Value | None
    upper: Value | None
    dtype: DType
    precision: float
    layout: BlockLayout | None
    sums: Value

    def held(self, point: Value, model: Model) -> Value | None:
        """Which parameters a bound holds at ``point`` (p,), against the descent."""
        if self.lower is None or self.upper is None:
            return None
        slope = model.cosines
        held: Value = ((point <= self.lower) & (slope > 0)) | ((point >= self.upper) & (slope < 0))
        return held


def trial_of(evaluation: Evaluation, params: Value) -> Trial:
    """What is known at ``params`` (p,)."""
    point = np.asarray(params, dtype=np.float64)
    precision = float(np.finfo(params.dtype).eps)
    residual = np.asarray(evaluation.residual).reshape(-1)
    jacobian, layout, sums = evaluation.jacobian, None, np.zeros(0)
    if isinstance(jacobian, AngularTriangle):
        layout, sums = jacobian.layout, jacobian.sums
    else:
        jacobian = np.asarray(jacobian).reshape(-1, point.size)
    model = linearize(jacobian, residual, precision)
    lower, upper = evaluation.lower, evaluation.upper
    if lower is not None or upper is not None:
        unbounded = np.full_like(point, np.inf)
        lower = -unbounded if lower is None else np.asarray(lower, dtype=np.float64)
        upper = unbounded if upper is None else np.asarray(upper, dtype=np.float64)
    return Trial(point, model, lower, upper, params.dtype, precision, layout, sums)
