"""Numbers at hand or traced values, alike: what is judged a step is written once for both.

A descent that goes step by step decides on Python's numbers, at a fraction of what NumPy takes for
a scalar; a descent that is one loop records the same decisions in its graph.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optserve.graph.primitive import Value
from optserve.graph.trace import Tracer
from optserve.primitives.loops import cond

__all__ = ["choose", "larger", "wide"]


def choose(condition: Value, yes: Callable[[], Value], no: Callable[[], Value]) -> Value:
    """``yes()`` where ``condition`` holds, else ``no()``: values, or tuples of them.

    Only the one that is chosen is computed, and nothing waits for the condition where its outcome
    is what it was the times before: processors guess branches.

    >>> choose(2.0 > 1.0, lambda: "yes", lambda: 1 / 0)
    'yes'
    """
    if isinstance(condition, Tracer):
        return cond(condition, yes, no)
    return yes() if condition else no()


def larger(one: Value, other: Value) -> Value:
    """The larger of two scalars, neither of which is NaN.

    >>> larger(2.0, 1.0)
    2.0
    """
    if isinstance(one, Tracer) or isinstance(other, Tracer):
        return np.maximum(one, other)
    return max(one, other)


def wide(scalar: Value) -> Value:
    """A scalar in double precision.

    >>> wide(np.float32(0.5))
    0.5
    """
    return scalar.astype(np.float64) if isinstance(scalar, Tracer) else float(scalar)
