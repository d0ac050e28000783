"""Losses between predictions and observations, one value a row."""

from __future__ import annotations

from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.domain import Example, integer, real
from optserve.graph.facts import Facts
from optserve.graph.primitive import Value
from optserve.primitives.constants import positions
from optserve.primitives.constructors import composite
from optserve.primitives.reductions import logsumexp

__all__ = ["cross_entropy"]


def _cross_entropy(logits: Value, labels: Value) -> Value:
    classes = np.shape(logits)[-1]
    own = labels[..., None] == positions(logits, -1)
    score = np.sum(np.where(own, logits, 0.0), axis=-1)
    known = (labels >= 0) & (labels < classes)
    return np.where(known, logsumexp(logits, axis=-1) - score, np.nan)


def _cross_entropy_arguments(logits: Value, labels: Value) -> Any:
    if np.shape(logits)[:-1] != np.shape(labels) or not np.ndim(logits):
        raise ShapeError(
            f"logits {np.shape(logits)} and labels {np.shape(labels)} do not match",
            expected="logits with one more axis than the labels, the classes last",
        )
    kind = (labels if hasattr(labels, "dtype") else np.asarray(labels)).dtype.kind
    if kind not in "iu":
        raise ShapeError(
            "labels are not integers", remedy="declare the column `as: integer` or `as: category`"
        )
    return (logits, labels), {}


cross_entropy = composite(
    "cross_entropy",
    _cross_entropy,
    arguments=_cross_entropy_arguments,
    domain=(real, integer(0, 2)),
    examples=(
        Example(((4, 3), (4,))),
        Example(((3,), ())),
        Example(((2, 2, 3), (2, 2))),
    ),
    keeps=(1,),
    facts=Facts(remedy="a label is no class, or a logit is not finite", cost=10.0, large_code=True),
    doc="""
    Negative log likelihood of integer labels under softmax of the last axis of logits, one value a
    row: logsumexp(logits) - logits[label]. A label that is no class gives NaN.
    """,
)
