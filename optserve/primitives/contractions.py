"""Products summed over chosen axes: ``tensordot``."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from optserve.errors import ShapeError
from optserve.graph.primitive import Value
from optserve.primitives import products
from optserve.primitives.shaping import normal_axes

__all__ = ["contracted", "tensordot"]


def contracted(a: Value, b: Value, left: Sequence[int], right: Sequence[int]) -> Value:
    """The sum of products over axes ``left`` of ``a`` and ``right`` of ``b``, pair by pair; the
    other axes of ``a``, then those of ``b``, are left.

    >>> contracted(np.eye(2), np.ones((2, 3)), [1], [0]).shape
    (2, 3)
    """
    letters = iter(string.ascii_letters)
    ours = [next(letters) for _ in range(np.ndim(a))]
    theirs = [next(letters) for _ in range(np.ndim(b))]
    for i, j in zip(left, right, strict=True):
        theirs[j] = ours[i]
    kept = [ours[i] for i in range(len(ours)) if i not in left]
    kept += [theirs[j] for j in range(len(theirs)) if j not in right]
    return products.einsum(f"{''.join(ours)},{''.join(theirs)}->{''.join(kept)}", a, b)


def tensordot(a: Value, b: Value, axes: Any = 2) -> Value:
    """Products summed over ``axes``: the last of a and the first of b, or two lists of them.

    >>> tensordot(np.ones((2, 3)), np.ones((3, 4)), 1).shape
    (2, 4)
    """
    if isinstance(axes, int):
        left: Any = list(range(np.ndim(a) - axes, np.ndim(a)))
        right: Any = list(range(axes))
        if axes > min(np.ndim(a), np.ndim(b)):
            raise ShapeError(f"tensordot over {axes} axes of {np.shape(a)} and {np.shape(b)}")
    else:
        left, right = (
            [normal_axes(axis, np.ndim(x))[0] for axis in (one if np.ndim(one) else [one])]
            for one, x in zip(axes, (a, b), strict=True)
        )
    if len(left) != len(right) or len(set(left)) < len(left) or len(set(right)) < len(right):
        raise ShapeError(f"tensordot over axes {axes}", expected="as many axes of a as of b")
    return contracted(a, b, left, right)
