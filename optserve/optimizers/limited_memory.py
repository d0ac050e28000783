"""The limited-memory BFGS matrix of the last few steps, and what a descent needs of it.

``steps`` and ``changes`` (m, p) hold the last ``m`` differences of points and of gradients, newest
last, and ``scale`` (p,) is the diagonal that the matrix has without them: the curvature along each
parameter, so that nothing here depends on the parameters' units. Formulas and names are those of
Byrd, Lu, Nocedal & Zhu (SIAM J. Sci. Comput. 16 (1995) 1190-1208), in coordinates in which the
diagonal is 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optserve.optimizers.base import Value

__all__ = ["Memory", "bounded_direction", "direction"]


class Memory(NamedTuple):
    """Pairs of steps and changes of gradient, as two arrays (m, p), and the diagonal (p,)."""

    steps: Value
    changes: Value
    scale: Value


def direction(memory: Memory, gradient: Value) -> Value:
    """The quasi-Newton direction ``-H g`` (p,) by two loops (Nocedal 1980).

    >>> memory = Memory(np.array([[1.0, 0.0]]), np.array([[4.0, 0.0]]), np.full(2, 4.0))
    >>> direction(memory, np.array([8.0, 4.0]))
    array([-2., -1.])
    """
    rest = gradient.copy()
    steps, changes, scale = memory
    products = np.einsum("ij,ij->i", steps, changes).tolist()
    pairs = list(zip(steps, changes, products, strict=True))
    weights = []
    for step, change, product in reversed(pairs):
        weight = (step @ rest) / product
        rest -= weight * change
        weights.append(weight)
    rest /= scale
    for (step, change, product), weight in zip(pairs, reversed(weights), strict=True):
        rest += (weight - (change @ rest) / product) * step
    return -rest


def bounded_direction(
    memory: Memory, gradient: Value, room_below: Value, room_above: Value
) -> Value:
    """The step (p,) to the minimizer of the quadratic model in the box, nearly.

    First the generalized Cauchy point, along the projected gradient, says which bounds are met;
    then the model is minimized over the other components, and the result is projected (Morales
    & Nocedal 2011). ``room_below <= 0 <= room_above`` (p,) are the distances to the bounds. Raises
    ``numpy.linalg.LinAlgError`` where rounding has made the matrix useless.

    >>> memory = Memory(np.zeros((0, 2)), np.zeros((0, 2)), np.ones(2))
    >>> bounded_direction(memory, np.array([1.0, -3.0]), np.full(2, -9.0), np.full(2, 2.0))
    array([-1.,  2.])
    """
    unit = np.sqrt(memory.scale)
    compact = _compact(memory.steps * unit, memory.changes / unit)
    below, above = room_below * unit, room_above * unit
    found = _bounded(compact, gradient / unit, below, above)
    inside: Value = np.clip(found / unit, room_below, room_above)
    return np.where(found >= above, room_above, np.where(found <= below, room_below, inside))


def _bounded(compact: _Compact, gradient: Value, room_below: Value, room_above: Value) -> Value:
    """``bounded_direction`` where the diagonal is 1."""
    cauchy, coordinates = _cauchy_point(compact, gradient, room_below, room_above)
    free = (cauchy > room_below) & (cauchy < room_above)
    if not free.any():
        return cauchy
    slope = gradient + cauchy - compact.basis @ (compact.middle @ coordinates)
    newton = _subspace_step(compact, slope, free)
    projected = np.clip(cauchy + newton, room_below, room_above)
    if gradient @ projected < 0:
        return projected
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(newton > 0, room_above - cauchy, room_below - cauchy) / newton
    shortest = np.min(reach[free & (newton != 0)], initial=1.0)
    return np.clip(cauchy + shortest * newton, room_below, room_above)


class _Compact(NamedTuple):
    """The matrix as ``I - W M W'`` with ``basis`` W (p, 2m) and ``middle`` M (2m, 2m)."""

    basis: Value
    middle: Value


def _compact(steps: Value, changes: Value) -> _Compact:
    """The compact form (eqs. 3.2 to 3.4)."""
    products = steps @ changes.T
    lower = np.tril(products, -1)
    inverse = np.block([[-np.diag(np.diag(products)), lower.T], [lower, steps @ steps.T]])
    return _Compact(np.vstack([changes, steps]).T, np.linalg.inv(inverse))


def _cauchy_point(
    compact: _Compact, gradient: Value, room_below: Value, room_above: Value
) -> tuple[Value, Value]:
    """The first minimizer along the projected gradient, and ``W'`` of it (algorithm CP)."""
    basis, middle = compact
    room: Value = np.where(gradient < 0, room_above, room_below)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.where(gradient == 0, np.inf, -room / gradient)
    move = np.where(times > 0, -gradient, 0.0)
    cauchy = np.zeros_like(gradient)
    coordinates = np.zeros(basis.shape[1])
    moved = basis.T @ move
    slope = -float(move @ move)
    curvature = -slope - float(moved @ middle @ moved)
    least = max(np.finfo(float).eps * curvature, np.finfo(float).tiny)
    curvature = max(curvature, least)
    now = 0.0
    for index in np.argsort(times, kind="stable"):
        if times[index] <= 0:
            continue
        wait = -slope / curvature if slope < 0 else 0.0
        if now + wait < times[index]:
            break
        passed = times[index] - now
        now = times[index]
        cauchy[index] = room[index]
        coordinates += passed * moved
        row, pull = basis[index], gradient[index]
        slope += passed * curvature + pull * (pull + room[index] - row @ middle @ coordinates)
        curvature -= pull * (pull + row @ middle @ (2 * moved + pull * row))
        curvature = max(curvature, least)
        moved += pull * row
        move[index] = 0.0
    else:
        wait = 0.0
    remaining = max(wait, 0.0)
    return cauchy + (now + remaining) * move, coordinates + remaining * moved


def _subspace_step(compact: _Compact, slope: Value, free: Value) -> Value:
    """The model's minimizer over the free components, from where its gradient is ``slope``."""
    basis, middle = compact
    rows = basis[free]
    inner = np.eye(len(middle)) - middle @ (rows.T @ rows)
    pulled = np.linalg.solve(inner, middle @ (rows.T @ slope[free]))
    step = np.zeros_like(slope)
    step[free] = -(slope[free] + rows @ pulled)
    return step
