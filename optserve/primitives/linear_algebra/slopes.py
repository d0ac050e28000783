"""How fast entries change with the eigenvalues that they are computed from, as far as it is known.

Where eigenvalues are repeated, the derivative of a function of a matrix, V g(W) V.T, needs the
derivative of g: the values of g alone do not tell it. A traced value tells how it was made.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from optserve.graph.graph import Atom
from optserve.graph.primitive import Steep, Value
from optserve.graph.trace import Tracer
from optserve.primitives.matching import made
from optserve.primitives.sums import broadcast_to

__all__ = ["slope_of"]


def slope_of(y: Value, w: Value) -> Value:
    """The derivative of each entry of ``y`` by the entry of ``w`` in its place.

    It is 0 where ``y`` does not depend on ``w``, and NaN where ``y`` is not known to be computed
    entry by entry, or is an array that keeps no record.
    """
    nothing = y * 0.0
    if not isinstance(w, Tracer):
        return nothing + np.nan
    if not isinstance(y, Tracer) or y.trace.serial < w.trace.serial:
        return nothing  # it was there before
    if y.trace is not w.trace:
        return nothing / nothing
    dependent: set[Atom] = {w.atom}
    for equation in w.trace.equations:
        if not dependent.isdisjoint(equation.operands):
            dependent.update(equation.results)
    slope = _slope(y, dependent, {w.atom: 1.0})
    # Not a number by computing: one that is written would be blamed for what comes of it.
    return nothing / nothing if slope is None else nothing + slope


def _slope(y: Tracer, dependent: Set[Atom], known: dict[Atom, Value | None]) -> Value | None:
    """The slope of one value, ``None`` where it is not known; 0.0 of what does not depend."""
    if y.atom not in dependent:
        return 0.0
    if y.atom not in known:
        known[y.atom] = _by_parts(y, dependent, known)
    return known[y.atom]


def _by_parts(y: Tracer, dependent: Set[Atom], known: dict[Atom, Value | None]) -> Value | None:
    how = made(y)
    if how is None:
        return None
    primitive, operands = how.primitive, how.operands
    if primitive is broadcast_to and operands[0].shape == y.shape:
        return _slope(operands[0], dependent, known)
    partials = primitive.derivative.partials
    if primitive.kind != "elementwise" or partials is None:
        return None
    total: Value = 0.0
    rates = partials(y, *operands, **how.attributes)
    for operand, partial in zip(operands, rates, strict=True):
        inner = _slope(operand, dependent, known)
        if inner is None or (operand.atom in dependent and operand.shape != y.shape):
            return None
        if partial is not None and operand.atom in dependent:
            rate = partial.value if isinstance(partial, Steep) else partial
            total = total + rate * inner
    return total
