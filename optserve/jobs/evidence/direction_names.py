"""The names of what takes part in a direction, strongest first."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.evidence import Direction, DirectionKind

__all__ = ["MOST_NAMED", "TAKES_PART", "directed", "listed", "plainest"]

TAKES_PART = 1e-3
"""The share of the strongest that a coordinate must have to take part in a direction."""

MOST_NAMED = 6


def directed(kind: DirectionKind, vector: Array, scale: Array, labels: Sequence[str]) -> Direction:
    """The direction ``vector`` (p,), whose coordinates are compared in the units of ``scale``.

    A flat one of several coordinates is a trade-off.
    """
    sizes = np.nan_to_num(np.abs(vector) * scale, nan=inf, posinf=inf)
    order = np.argsort(-sizes, kind="stable")
    part = order[sizes[order] >= TAKES_PART * sizes[order[0]]].tolist()
    if len(part) > 1 and kind == "flat":
        kind = "trade-off"
    return Direction(kind, tuple(labels[one] for one in part), vector)


def listed(names: Sequence[str]) -> str:
    """The names as a phrase; of many, the first few.

    >>> listed(()), listed(("a",)), listed(("a", "b", "c")), listed(tuple("abcdefgh"))
    ('', 'a', 'a, b and c', 'a, b, c, d, e and 3 more')
    """
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[: MOST_NAMED - 1])} and {len(names) - MOST_NAMED + 1} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def plainest(vectors: Array) -> Array:
    """Other vectors (q, k) of the same span, each with 0 where another is 1.

    By elimination with complete pivoting.

    >>> plainest(np.array([[1.0, 1.0], [1.0, -1.0], [0.0, 0.0]])).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    found = vectors.copy()
    rows = np.ones(len(found), bool)
    for column in range(found.shape[1]):
        part = np.abs(found[:, column:]) * rows[:, None]
        row, offset = divmod(int(part.argmax()), part.shape[1])
        other = column + offset
        if not part.any():
            break
        found[:, [column, other]] = found[:, [other, column]]
        found[:, column] /= found[row, column]
        rest = np.delete(np.arange(found.shape[1]), column)
        found[:, rest] -= np.outer(found[:, column], found[row, rest])
        rows[row] = False
    found[np.abs(found) < 1e-9] = 0.0
    return found
