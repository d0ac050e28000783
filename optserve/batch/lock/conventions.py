"""Numerical conventions: each is asked for, where mathematics leaves a derivative a choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from optserve.graph.primitive import Value
from optserve.primitives.comparisons import relu
from optserve.primitives.elementary import softplus, xlogy
from optserve.primitives.indexing import take
from optserve.primitives.ordering import median
from optserve.primitives.reductions import logsumexp, norm, std
from optserve.transforms.functions import grad
from optserve.transforms.jacobians import hessian

__all__ = ["conventions"]

INF, NAN = np.inf, np.nan


class _Asked(NamedTuple):
    """What is asked of a ``function`` at a ``point``: by default its gradient."""

    of: str
    function: Callable[..., Value]
    point: Sequence[Any]
    derivative: Callable[..., Callable[..., Value]] | None = grad


def _pair(function: Callable[..., Value]) -> Callable[[Value], Value]:
    return lambda x: function(x[0], x[1])


_ASKED: tuple[_Asked, ...] = (
    _Asked("abs at 0", np.abs, [-1.0, 0.0]),
    _Asked("relu at 0", relu, [0.0, 1.0]),
    _Asked("maximum at a tie", _pair(np.maximum), [3.0, 3.0]),
    _Asked("minimum at a tie", _pair(np.minimum), [3.0, 3.0]),
    _Asked("maximum of NaN and 1", _pair(np.maximum), [NAN, 1.0]),
    _Asked("max over an axis at a tie", np.max, [1.0, 3.0, 3.0]),
    _Asked("sort at a tie", lambda x: np.sort(x) * np.array([1.0, 2.0, 3.0]), [7.0, 7.0, 1.0]),
    _Asked("median of 1, 2, 3, 4", median, [1.0, 2.0, 3.0, 4.0]),
    _Asked("clip to [0, 1]", lambda x: np.clip(x, 0.0, 1.0), [-1.0, 0.0, 0.5, 1.0]),
    _Asked("norm at 0", norm, [0.0, 0.0]),
    _Asked("sum of abs at 0", lambda x: np.sum(np.abs(x)), [0.0, -2.0]),
    _Asked("sqrt at 0", np.sqrt, [0.0]),
    _Asked("log at 0", np.log, [0.0]),
    _Asked("hypot at (0, 0)", _pair(np.hypot), [0.0, 0.0]),
    _Asked("arctan2 at (0, 0)", _pair(np.arctan2), [0.0, 0.0]),
    _Asked("x**0 by x at 0", lambda x: x**0.0, [0.0]),
    _Asked("0**y by y at 2, 0, -1", lambda y: 0.0**y, [2.0, 0.0, -1.0]),
    _Asked("(-2)**2.0 by both", _pair(np.power), [-2.0, 2.0]),
    _Asked("xlogy at (0, 0)", _pair(xlogy), [0.0, 0.0]),
    _Asked("prod with one zero", np.prod, [2.0, 0.0, 3.0]),
    _Asked("prod with two zeros", np.prod, [2.0, 0.0, 0.0]),
    _Asked("std of a constant", std, [2.0, 2.0]),
    _Asked("softplus far out", softplus, [1000.0, -1000.0]),
    _Asked("logsumexp of -infinity", logsumexp, [-INF, -INF]),
    _Asked("where, sqrt not taken at 0", lambda x: np.where(x > 0.0, np.sqrt(x), 0.0), [0.0]),
    _Asked("where, log not taken at 0", lambda x: np.where(x > 0.0, np.log(x), x), [0.0]),
    _Asked("round", lambda x: np.round(x) + 0.0 * x, [0.4]),
    _Asked("sign", lambda x: np.sign(x) + 0.0 * x, [0.4]),
    _Asked("root of a mean of squares at 0", lambda r: np.sqrt(np.mean(r**2)), [0.0, 0.0]),
    _Asked("multiplied by a mask of 0", lambda x: np.array([0.0, 1.0]) * np.log(x), [0.0, 1.0]),
    _Asked("overflow under a saturating function", lambda x: 1.0 / (1.0 + np.exp(x)), [1000.0]),
    _Asked("entries not gathered", lambda x: np.sqrt(x)[1:], [0.0, 4.0]),
    _Asked(
        "an index out of range, the value",
        lambda x: take(x, np.array([0, 2])),
        [1.0, 2.0],
        None,
    ),
    _Asked("square of a norm at 0, second", lambda x: norm(x) ** 2, [0.0, 0.0], hessian),
    _Asked(
        "where, root not taken at 0, second",
        lambda x: np.where(x > 0.0, np.sqrt(x), 0.0),
        [0.0],
        hessian,
    ),
)


def conventions() -> Mapping[str, str]:
    """What is found in each case, as a text of at most twelve digits.

    >>> conventions()["maximum at a tie"]
    '0.5 0.5'
    """
    return {one.of: _found(one) for one in _ASKED}


def _found(asked: _Asked) -> str:
    point = np.array(asked.point)
    with np.errstate(all="ignore"):
        if asked.derivative is None:
            found = asked.function(point)
        else:
            found = asked.derivative(lambda x: np.sum(asked.function(x)))(point)
    return " ".join(f"{float(one) + 0.0:.12g}" for one in np.ravel(found))
