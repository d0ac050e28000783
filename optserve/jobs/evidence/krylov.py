"""The quadratic model of many coordinates, from products of the Hessian with a few vectors."""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.curvature import ByAxes
from optserve.jobs.evidence.quadratic import NOISE, Quadratic
from optserve.optimizers.lengths import norm

__all__ = ["krylov"]

LARGEST, OPERATIONS = 10_000_000, 4e9
"""Entries of all the vectors that are kept, and multiplications that make them orthogonal."""

SETTLED = 1e-3
"""Relative change of the predicted decrease, over a few products, at which it is known."""

FEW, GROWTH = 4, 1.25
"""How many products are made between two looks at it, at least, and by how many times more."""


def krylov(
    product: Callable[[Array], Array],
    gradient: Array,
    free: Array,
    scale: Array,
    products: int,
    epsilon: float,
) -> Quadratic:
    """The model over the space that Lanczos' iteration spans from the ``gradient`` (p,).

    ``free`` (p,) tells which coordinates may vary. ``product`` multiplies the Hessian by a vector
    (p,), some ``products`` times at most; ``epsilon`` is the relative rounding of the loss. The
    iteration runs in coordinates times their ``scale`` (p,), the root of a curvature, so that units
    do not matter.

    The model is that of Newton's method by conjugate gradients: its step and decrement are theirs,
    and the least curvature is at most the one found here (Golub & Van Loan 2013, sections 10.1 and
    11.3). Each vector is made orthogonal to all before. From a gradient of 0 the iteration starts
    at random, for the curvatures.
    """
    gradient = np.where(free, gradient / scale, 0.0)
    size = float(norm(gradient))
    first = (
        gradient
        if size > 0.0
        else np.where(free, np.random.default_rng(0).normal(size=free.size), 0.0)
    )
    length = norm(first)
    entries = max(1, free.size)
    most = min(LARGEST // entries, isqrt(int(OPERATIONS / (2 * entries))), products)
    most = min(int(free.sum()), max(FEW, most))
    vectors = np.empty((most, free.size))
    vectors[:1] = first / length if length > 0.0 else first
    diagonal: list[float] = []
    beside: list[float] = []
    model, due = None, FEW
    for count in range(1, most + 1):
        basis = vectors[:count]
        turned = np.where(free, product(basis[-1] / scale) / scale, 0.0)
        diagonal.append(float(basis[-1] @ turned))
        for _ in range(2):
            turned = turned - basis.T @ (basis @ turned)
        beside.append(float(norm(turned)))
        ended = beside[-1] <= NOISE * epsilon * max(map(abs, diagonal))
        if ended or count in (due, most):
            before = np.inf if model is None else model.decrement**2
            model = _model(basis, diagonal, beside, size, free, scale, epsilon)
            decrease = model.decrement**2
            if ended or abs(decrease - before) <= SETTLED * decrease:
                break
            due = max(count + FEW, int(GROWTH * count))
        if count < most:
            vectors[count] = turned / beside[-1]
    assert model is not None
    return model


def _model(
    basis: Array,
    diagonal: list[float],
    beside: list[float],
    size: float,
    free: Array,
    scale: Array,
    epsilon: float,
) -> Quadratic:
    rest = beside[: len(diagonal) - 1]
    tridiagonal = np.diag(diagonal) + np.diag(rest, 1) + np.diag(rest, -1)
    values, turns = np.linalg.eigh(tridiagonal)
    noise = NOISE * epsilon * float(np.abs(values).max(initial=0.0))
    slopes = size * turns[0]
    sure = np.abs(values) > noise
    roots = np.where(sure, slopes / np.sqrt(2.0 * np.where(sure, np.abs(values), 1.0)), 0.0)
    axes = ByAxes(basis.T[free] @ turns, values, slopes, roots, noise)
    return Quadratic(free, scale[free], axes, partial=True)
