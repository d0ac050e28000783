"""The curvature along each of many coordinates, from a few products with the Hessian.

A Hessian of many coordinates is not formed, but units matter to whatever works with its products:
so each coordinate is scaled until all rows of the scaled Hessian are of one length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from optserve.graph.aval import Array, DType

__all__ = ["PROBES", "ROUNDS", "curvatures"]

PROBES = 2
ALIKE = 30.0
"""Coordinates are of one size where the entries of so many products are no farther apart than this
from the middle one; of many entries the least is the smaller by chance, the more there are."""

ROUNDS = 6
"""How often the scales are mended; the distance of a scale from where it belongs is halved, as a
power of ten, each time at least."""

LAST = 3
"""Of so many rounds the mean is taken: each has seen other signs."""

Products = Callable[[Sequence[Array]], Sequence[Array]]
"""Directions (p,) -> the Hessian times each of them, (p,)."""


def curvatures(products: Products, gradient: Array, *, together: int = 1) -> Array | None:
    """The curvatures (p,), as far as products with ``together`` directions a round show them.

    ``None`` where the coordinates are of one size already, which is seen first.

    For a Hessian H and scales s, products with s or -s, each sign by chance, have the lengths of
    the rows of s H s on average; scales are divided by the roots of these until all are 1 (Bradley
    & Murray, *Matrix-free approximate equilibration*, arXiv:1110.2805 (2011)). The first scales are
    1 / abs(``gradient``), so that nothing depends on the units of the coordinates. The same
    arguments give the same numbers.

    >>> diagonal = np.array([1e-12, 1.0, 1e12])
    >>> found = curvatures(lambda vectors: [diagonal * one for one in vectors], np.ones(3))
    >>> np.allclose(found, diagonal), curvatures(lambda vectors: vectors, np.ones(3))
    (True, None)
    """
    rng, dtype = np.random.default_rng(0), gradient.dtype
    probes = rng.choice((-1.0, 1.0), (max(PROBES, together), gradient.size))
    if _are_alike(_lengths(products, probes, dtype)):
        return None
    scale = _filled(1.0 / np.abs(gradient.astype(np.float64)))
    logarithms = []
    for _ in range(ROUNDS):
        signs = rng.choice((-1.0, 1.0), (together, scale.size))
        rows = scale * _lengths(products, scale * signs, dtype)
        seen = np.isfinite(rows) & (rows > 0.0)
        scale = _filled(np.where(seen, scale / np.sqrt(np.where(seen, rows, 1.0)), np.nan))
        logarithms.append(np.log(scale))
    curvature: Array = np.exp(-2.0 * np.mean(logarithms[-LAST:], axis=0))
    return curvature


def _lengths(products: Products, directions: Array, dtype: DType) -> Array:
    """The mean lengths (p,) of the entries of products with ``directions`` (k, p)."""
    found = products([one.astype(dtype) for one in directions])
    lengths: Array = np.sqrt(np.mean([np.square(one, dtype=np.float64) for one in found], axis=0))
    return lengths


def _are_alike(lengths: Array) -> bool:
    """Whether entries of products by chance have ``lengths`` (p,) of one size."""
    middle = float(np.median(lengths))
    least = middle / ALIKE * min(1.0, 10.0 / float(np.sqrt(lengths.size)))
    return least < float(lengths.min()) and float(lengths.max()) < ALIKE * middle


def _filled(scale: Array) -> Array:
    """The same, with the middle one in place of what is not known."""
    known = np.isfinite(scale) & (scale > 0.0)
    return np.where(known, scale, np.median(scale[known]) if known.any() else 1.0)
