"""Cox's partial likelihood of survival times."""

from __future__ import annotations

from typing import Literal

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.operands import as_operand
from optserve.graph.primitive import Value
from optserve.primitives.indexing import scatter_add, take
from optserve.primitives.interpolation import searchsorted
from optserve.primitives.ordering import argsort
from optserve.primitives.reductions import cumsum

__all__ = ["cox_log_likelihood"]


def cox_log_likelihood(
    eta: Value, time: Value, event: Value, ties: Literal["efron", "breslow"] = "efron"
) -> Value:
    """The logarithm of Cox's partial likelihood, one number.

    ``eta`` is the linear predictor of each row, ``time`` when it was last seen, ``event`` whether
    (or 1 where) it died then, rather than was censored (0; with any other code there is none). Of
    equal times ``ties`` says which
    approximation is taken: Efron's (1977) or Breslow's (1974). It takes a sort and sums: time that
    grows as n log(n).

    >>> float(cox_log_likelihood([0.0, 0.0], [1.0, 2.0], [1, 0]).round(6))
    -0.693147
    """
    eta, time, event = map(as_operand, (eta, time, event))
    if not np.shape(eta) == np.shape(time) == np.shape(event) or np.ndim(eta) != 1:
        raise ShapeError(
            f"predictors {np.shape(eta)}, times {np.shape(time)} and events {np.shape(event)}",
            expected="three vectors as long",
        )
    if ties not in ("efron", "breslow"):
        raise ShapeError(f"ties={ties!r}", expected="'efron' or 'breslow'")
    eta = eta if eta.dtype.kind == "f" else eta * 1.0
    order = argsort(-time)
    eta, late = take(eta, order), take(-time, order)
    died = take(event * 1.0, order).astype(eta.dtype)
    died = np.where((died == 0.0) | (died == 1.0), died, np.nan)
    # Rows from the latest to the earliest: those at risk at a time are all up to its last row.
    first = searchsorted(late, late, side="left")
    last = searchsorted(late, late, side="right") - 1
    largest = np.max(eta)
    weight = np.exp(eta - largest)
    at_risk = take(cumsum(weight, axis=0), last)
    if ties == "efron":
        size = np.shape(eta)[0]
        dying = take(scatter_add(weight * died, first, axis=0, size=size), first)
        deaths = take(scatter_add(died, first, axis=0, size=size), first)
        before = cumsum(died, axis=0) - died
        number = before - take(before, first)
        at_risk = at_risk - number / np.maximum(deaths, 1.0) * dying
    return np.sum(died * (eta - largest - np.log(np.where(died > 0.0, at_risk, 1.0))))
