"""Which columns of a sparse Hessian are found by one difference of gradients.

Columns that meet no row in common may be moved at once. A few columns that meet nearly all rows,
such as what all observations share, are moved alone: as the Hessian is symmetric, their rows in
all other columns are known then, and need not be kept apart (Coleman & Moré, Estimation of sparse
Hessian matrices and graph coloring problems, Math. Programming 28 (1984); Powell & Toint, SIAM J.
Numer. Anal. 16 (1979)).
"""

from __future__ import annotations

import numpy as np

from optserve.graph.aval import Array

__all__ = ["columns_together"]


def columns_together(pattern: Array) -> list[Array]:
    """The groups of columns, each as their numbers, from where entries (p, p) may be other than 0.

    >>> arrow = np.eye(5, dtype=bool)
    >>> arrow[2] = arrow[:, 2] = True
    >>> [group.tolist() for group in columns_together(arrow)]
    [[2], [0, 1, 3, 4]]
    """
    order = np.argsort(-pattern.sum(axis=0), kind="stable")
    alone = _alone(pattern[np.ix_(order, order)])
    groups = [order[number : number + 1] for number in range(alone)]
    rest = order[alone:]
    within = pattern[np.ix_(rest, rest)]
    met = np.zeros((0, len(rest)), bool)  # the rows that each group meets
    members = list[list[int]]()
    for number, column in enumerate(within.T):
        free = np.flatnonzero(~(met & column).any(axis=1))
        if free.size:
            members[free[0]].append(number)
            met[free[0]] |= column
        else:
            members.append([number])
            met = np.vstack([met, column])
    return groups + [rest[np.array(one)] for one in members]


def _alone(pattern: Array) -> int:
    """How many of the first columns it is best to move alone, the longest being first.

    As many groups as the longest row of what is left has entries are needed at least.
    """
    later = np.cumsum(pattern[:, ::-1], axis=1)[:, ::-1]  # entries of a row from a column on
    longest = np.maximum.accumulate(later[::-1], axis=0)[::-1].diagonal()
    return int(np.argmin(np.arange(len(longest) + 1) + np.append(longest, 0)))
