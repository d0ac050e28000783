"""Entries of parameters by name, in the sentences of a result."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["listed"]

MOST_NAMES = 6
"""Names that a sentence holds; an array may have thousands of entries."""


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    >>> listed([f"w[{i}]" for i in range(100)])
    'w[0], w[1], w[2], w[3], w[4], w[5] and 94 more'
    """
    if len(names) > MOST_NAMES:
        names = [*names[:MOST_NAMES], f"{len(names) - MOST_NAMES} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
