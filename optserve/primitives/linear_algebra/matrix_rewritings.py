"""Rewritings of linear algebra: see ``optserve.primitives.rewritings``."""

from __future__ import annotations

from optserve.graph.primitive import Value
from optserve.graph.trace import Tracer
from optserve.primitives.arithmetic import multiply
from optserve.primitives.linear_algebra.diagonals import on_diagonal
from optserve.primitives.linear_algebra.eigen import eigh, spectral
from optserve.primitives.linear_algebra.slopes import slope_of
from optserve.primitives.matching import both_ways, made, operands, rewriting
from optserve.primitives.products import matmul
from optserve.primitives.shaping import reshape, transpose

__all__ = ["function_of_matrix"]


@rewriting(
    "(v * y) @ v.T with w, v = eigh(a)",
    "the same, with its derivative where w repeats",
    of=[transpose],
)
def function_of_matrix(left: Tracer, right: Tracer) -> Value | None:
    """A function of a symmetric matrix, also as v @ diag(y) @ v.T."""
    v = _turned_back(right)
    how = made(v)
    if v is None or how is None or how.primitive is not eigh or how.result != 1:
        return None
    y = _scaling(left, v)
    if y is None or y.shape != v.shape[:-1]:
        return None
    [a] = how.operands
    made_both = next(one for one in reversed(v.trace.equations) if v.atom in one.results)
    w = Tracer(v.trace, made_both.results[0], None)
    return spectral.bind(a, y, slope_of(y, w))


def _turned_back(x: Tracer) -> Tracer | None:
    """v of its transpose."""
    how = made(x)
    order = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    if how is None or how.primitive is not transpose or how.attributes["axes"] != order:
        return None
    return how.operands[0]


def _scaling(left: Tracer, v: Tracer) -> Tracer | None:
    """y of v * y, its columns scaled."""
    for one, other in both_ways(operands(left, multiply)):
        if one.atom is v.atom:
            if other.ndim == 1:
                return other
            how = made(other)
            if how is None or how.primitive is not reshape or other.shape[-2] != 1:
                return None
            [y] = how.operands
            return y if (*y.shape[:-1], 1, *y.shape[-1:]) == other.shape else None
    factors = operands(left, matmul)
    how = made(factors[1]) if factors and factors[0].atom is v.atom else None
    if how is None or how.primitive is not on_diagonal or how.attributes["k"]:
        return None
    return how.operands[0]
