"""Comparisons, truth values, and the choices made by them."""

from __future__ import annotations

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.domain import boolean, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.primitives.constructors import elementwise

__all__ = [
    "clip",
    "equal",
    "greater",
    "greater_equal",
    "isfinite",
    "isnan",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "maximum",
    "minimum",
    "not_equal",
    "relu",
    "where",
]


def _ties(x: Array, y: Array) -> tuple[Array, ...]:
    """What is 0 where numbers are equal; truth values vary with nothing."""
    return () if np.result_type(x, y).kind == "b" else (np.asarray(x - y),)


def _comparison(name: str, ufunc: np.ufunc, doc: str) -> Primitive:
    return elementwise(
        name,
        ufunc=ufunc,
        partials=lambda out, x, y: (None, None),
        floating=False,
        facts=Facts(jumps_at=_ties),
        doc=f"Whether {doc}, entry by entry.",
    )


less = _comparison("less", np.less, "x < y")
less_equal = _comparison("less_equal", np.less_equal, "x <= y")
greater = _comparison("greater", np.greater, "x > y")
greater_equal = _comparison("greater_equal", np.greater_equal, "x >= y")
equal = _comparison("equal", np.equal, "x == y")
not_equal = _comparison("not_equal", np.not_equal, "x != y")

logical_and = elementwise(
    "logical_and",
    ufunc=np.logical_and,
    partials=lambda out, x, y: (None, None),
    floating=False,
    domain=boolean,
    facts=Facts(jumps_at="nowhere"),
    doc="Whether both are true: x & y.",
)

logical_or = elementwise(
    "logical_or",
    ufunc=np.logical_or,
    partials=lambda out, x, y: (None, None),
    floating=False,
    domain=boolean,
    facts=Facts(jumps_at="nowhere"),
    doc="Whether either is true: x | y.",
)

logical_not = elementwise(
    "logical_not",
    ufunc=np.logical_not,
    partials=lambda out, x: (None,),
    floating=False,
    domain=boolean,
    facts=Facts(jumps_at="nowhere"),
    doc="Whether it is false: ~x.",
)

isfinite = elementwise(
    "isfinite",
    ufunc=np.isfinite,
    partials=lambda out, x: (None,),
    floating=False,
    facts=Facts(jumps_at="nowhere"),
    doc="Whether a number is neither infinite nor NaN.",
)

isnan = elementwise(
    "isnan",
    ufunc=np.isnan,
    partials=lambda out, x: (None,),
    floating=False,
    facts=Facts(jumps_at="nowhere"),
    doc="Whether a number is NaN.",
)

where = elementwise(
    "where",
    lambda condition, x, y: np.where(condition, x, y),
    partials=lambda out, condition, x, y: (
        None,
        np.where(condition, 1.0, 0.0),
        np.where(condition, 0.0, 1.0),
    ),
    domain=(boolean, real, real),
    selects=True,
    floating=False,
    keeps=(0,),
    facts=Facts(linear=(frozenset({1, 2}),), fresh=True, cost=6.0),
    doc="""
    x where the condition holds, else y. The branch that is not taken contributes exactly 0 to the
    gradient, even where its own derivative is infinite or not a number.
    """,
)


def _share(x: Value, y: Value, chosen: Value) -> Value:
    """1 where x was chosen over y, one half at a tie, NaN where either is NaN."""
    unordered = np.isnan(x) | np.isnan(y)
    share: Value = np.where(chosen, 1.0, np.where(x == y, 0.5, 0.0))
    return np.where(unordered, np.nan, share)


maximum = elementwise(
    "maximum",
    ufunc=np.maximum,
    partials=lambda out, x, y: (_share(x, y, x > y), _share(y, x, y > x)),
    selects=True,
    facts=Facts(cost=6.0, counts=True),
    doc="The larger of two numbers; at a tie the derivative is split evenly.",
)

minimum = elementwise(
    "minimum",
    ufunc=np.minimum,
    partials=lambda out, x, y: (_share(x, y, x < y), _share(y, x, y < x)),
    selects=True,
    facts=Facts(cost=6.0, counts=True),
    doc="The smaller of two numbers; at a tie the derivative is split evenly.",
)

relu = elementwise(
    "relu",
    lambda x: np.where(x > 0, x, np.where(np.isnan(x), x, 0.0)),
    partials=lambda out, x: (np.where(np.isnan(x), np.nan, np.where(x > 0, 1.0, 0.0)),),
    selects=True,
    doc="The positive part of a number; its derivative at 0 is 0.",
)

clip = elementwise(
    "clip",
    lambda x, low, high: np.minimum(np.maximum(x, low), high),
    selects=True,
    floating=False,
    facts=Facts(counts=True),
    doc="x held between low and high; at a bound the derivative is one half.",
)
