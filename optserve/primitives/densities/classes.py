"""Distributions of classes: by logits, and by cut points on one scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.domain import Domain, Example, integer, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Primitive, Value
from optserve.graph.structured import sorted_
from optserve.primitives.constants import positions
from optserve.primitives.constructors import composite
from optserve.primitives.densities.density import certain
from optserve.primitives.elementary import log1mexp, softplus
from optserve.primitives.reductions import logsumexp

__all__ = [
    "categorical_logit_logcdf",
    "categorical_logit_logpmf",
    "categorical_logit_logsf",
    "ordered_logistic_logcdf",
    "ordered_logistic_logpmf",
    "ordered_logistic_logsf",
]

_THREE = integer(0, 2)


def _is_class(k: Value, classes: int) -> Value:
    return (k >= 0) & (k < classes) & (np.floor(k) == k)


def _categorical_logit_logpmf(k: Value, logits: Value) -> Value:
    own = np.asarray(k)[..., None] if isinstance(k, int | float) else k[..., None]
    score = np.sum(np.where(own == positions(logits, -1), logits, 0.0), axis=-1)
    known = _is_class(k, np.shape(logits)[-1])
    return np.where(known, score - logsumexp(logits, axis=-1), -np.inf)


def _classes_arguments(k: Value, logits: Value) -> Any:
    if not np.ndim(logits):
        raise ShapeError("logits are one number", expected="one logit a class, along the last axis")
    return (k, logits), {}


def _categorical(
    name: str, body: Callable[..., Value], cost: float, doc: str, last: int
) -> Primitive:
    """``last`` is the last of three classes that it is tried with."""
    return composite(
        name,
        body,
        arguments=_classes_arguments,
        domain=(integer(0, last), real),
        examples=(Example(((4,), (4, 3))), Example(((4,), (3,))), Example(((), (3,)))),
        keeps=(0,),
        facts=Facts(remedy="a logit is not finite", cost=cost, large_code=True),
        doc=doc,
    )


categorical_logit_logpmf = _categorical(
    "categorical_logit_logpmf",
    _categorical_logit_logpmf,
    10.0,
    """
    Log probability of class k, counted from 0, under softmax of the last axis of logits: minus
    their cross entropy. Of what is no class it is -inf.
    """,
    last=2,
)


def _share_up_to(k: Value, logits: Value) -> tuple[Value, Value]:
    """Log chances of a class up to k, and of one above."""
    own = np.asarray(k)[..., None] if isinstance(k, int | float) else k[..., None]
    last = np.shape(logits)[-1] - 1
    up_to, within = positions(logits, -1) <= own, (own >= 0) & (own < last)
    below = logsumexp(np.where(within & ~up_to, -np.inf, logits), axis=-1)
    above = logsumexp(np.where(within & up_to, -np.inf, logits), axis=-1)
    none, all_ = k < 0, k >= last
    sure = certain(below)
    return (
        np.where(none, -np.inf, np.where(all_, sure, -softplus(above - below))),
        np.where(none, sure, np.where(all_, -np.inf, -softplus(below - above))),
    )


categorical_logit_logcdf = _categorical(
    "categorical_logit_logcdf",
    lambda k, logits: _share_up_to(k, logits)[0],
    20.0,
    """
    Log chance of a class up to k, counted from 0, under softmax of the last axis of logits. Below
    0 it is -inf, from the last class on 0.
    """,
    last=2,
)

categorical_logit_logsf = _categorical(
    "categorical_logit_logsf",
    lambda k, logits: _share_up_to(k, logits)[1],
    20.0,
    """
    Log chance of a class above k, counted from 0, under softmax of the last axis of logits. Below
    0 it is 0, from the last class on -inf.
    """,
    last=1,  # of the last class it is -inf, which has no derivative
)


def _above_cut(k: Value, eta: Value, cuts: Value) -> Value:
    """How far eta lies above the cut between the classes k and k + 1, or above 0 without one."""
    own = np.asarray(k)[..., None] if isinstance(k, int | float) else k[..., None]
    return eta - np.sum(np.where(positions(cuts, -1) == own, cuts, 0.0), axis=-1)


def _ordered_logistic_logpmf(k: Value, eta: Value, cuts: Value) -> Value:
    count = np.shape(cuts)[-1]
    lower, upper = _above_cut(k - 1, eta, cuts), _above_cut(k, eta, cuts)
    first, last = k == 0, k == count
    above = np.where(first, 0.0, -softplus(-lower))  # above the cut below
    below = np.where(last, 0.0, -softplus(upper))
    gap = np.where(first | last | ~_is_class(k, count + 1), np.inf, lower - upper)
    return np.where(_is_class(k, count + 1), above + below + log1mexp(gap), -np.inf)


def _ordered_arguments(k: Value, eta: Value, cuts: Value) -> Any:
    if not np.ndim(cuts):
        raise ShapeError("cuts are one number", expected="the cut points, along the last axis")
    return (k, eta, cuts), {}


def _ordered(
    name: str, body: Callable[..., Value], cost: float, doc: str, classes: Domain = _THREE
) -> Primitive:
    return composite(
        name,
        body,
        arguments=_ordered_arguments,
        domain=(classes, real, sorted_),
        examples=(
            Example(((4,), (4,), (2,))),
            Example(((4,), (), (4, 2))),
            Example(((), (), (2,))),
        ),
        keeps=(0,),
        facts=Facts(
            remedy="the cuts must ascend: declare differences that are positive, and cumsum them",
            cost=cost,
            large_code=True,
        ),
        doc=doc,
    )


ordered_logistic_logpmf = _ordered(
    "ordered_logistic_logpmf",
    _ordered_logistic_logpmf,
    40.0,
    """
    Log probability of class k, counted from 0, of classes in an order: a logistic number of the
    location eta lies between the cuts k - 1 and k, which ascend along the last axis. Of what is no
    class it is -inf.
    """,
)


def _part(k: Value, eta: Value, cuts: Value, *, up_to: bool) -> Value:
    above = _above_cut(np.floor(k), eta, cuts)
    inside = -softplus(above if up_to else -above)
    none, every = k < 0, k >= np.shape(cuts)[-1]
    if not up_to:
        none, every = every, none
    return np.where(none, -np.inf, np.where(every, 0.0 * inside, inside))


ordered_logistic_logcdf = _ordered(
    "ordered_logistic_logcdf",
    lambda k, eta, cuts: _part(k, eta, cuts, up_to=True),
    15.0,
    """
    Log chance of a class up to k, counted from 0, of classes in an order: a logistic number of the
    location eta lies below the cut k. Below 0 it is -inf, from the last class on 0.
    """,
)

ordered_logistic_logsf = _ordered(
    "ordered_logistic_logsf",
    lambda k, eta, cuts: _part(k, eta, cuts, up_to=False),
    15.0,
    """
    Log chance of a class above k, counted from 0, of classes in an order: a logistic number of the
    location eta lies above the cut k. Below 0 it is 0, from the last class on -inf.
    """,
    classes=integer(0, 1),  # of the last class it is -inf, which has no derivative
)
