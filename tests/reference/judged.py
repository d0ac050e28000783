"""What an answer is worth: judged by published values, or by arithmetic of fifty digits.

No derivative or verdict of optserve is used for that. An end that no list knows is descended
further by Newton's method with the exact Hessian; it is a minimum where that moves nothing, and the
curvature is positive.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.record.result import Result
from optserve.jobs.run import run
from tests.reference.published import Published

__all__ = [
    "CRASH",
    "FAILED",
    "HONEST",
    "OTHER",
    "RIGHT",
    "WRONG",
    "above",
    "attempt",
    "digits",
    "judge",
    "minimum",
]

RIGHT = "right"
OTHER = "other minimum"
HONEST = "not converged, and said so"
FAILED = "failed, and said so"
WRONG = "WRONG"
CRASH = "crash"

MANY = 12
"""So many parameters are judged with fifty digits; more of them, with sixteen."""

STEPS = 40
SHORTER, LEAST = 4, 1e-14
"""So often a step is shortened, so that it changes the loss by a share of that, or of this."""

DIGITS = 4
"""The rule of NIST, and of Moré, Garbow and Hillstrom's list."""


def digits(found: Any, certified: Any) -> float:
    """How many digits all of the numbers share with what is certified."""
    certified = np.asarray(certified, float)
    wrong = np.abs(np.asarray(found, float) - certified) / np.abs(certified)
    return float(-np.log10(np.max(wrong) + 1e-16))


def above(
    result: Result, least: float, near: float, rounding: float = 0.0, loss: float | None = None
) -> str:
    """What is wrong with an end that is no failure: called converged above the ``least`` loss.

    It may be above by the share ``near`` of it, and by ``rounding``. ``loss`` is what it is there,
    where that of the result is rounded.
    """
    if result.exit_code not in (0, 3):
        return f"exit code {result.exit_code}: {result.termination.message}"
    assert result.loss is not None
    loss = result.loss if loss is None else loss
    if result.exit_code == 0 and loss > least * (1 + near) + rounding:
        more = f"{loss / least - 1:.2g} above the minimum"
        return f"{more}: {result.termination.message}; {result.evidence.sentence}"
    return ""


def attempt(published: Published, way: str, start: Array, **fields: Any) -> tuple[str, str]:
    """(what the end of the job that ``way`` declares is worth, why)."""
    try:
        result = run(published.job(way, start, **fields))
    except Exception as error:
        return CRASH, f"{type(error).__name__}: {error} ({traceback.format_exc(limit=-2)})"
    return judge(published, result)


def judge(published: Published, result: Result) -> tuple[str, str]:
    """(what the end of a job is worth, why)."""
    message = f"{result.termination.reason} at {result.loss!r}: {result.termination.message}"
    if result.exit_code != 0:
        return (HONEST if result.exit_code == 3 else FAILED), message
    assert result.loss is not None
    point = published.found(result.parameters)
    if published.certified:
        shared = digits(point, published.certified["certified"])
        if shared >= DIGITS or published.matches(result.loss):  # terms may change their places
            return RIGHT, f"{shared:.1f} digits"
        return WRONG, f"{message}; shares {shared:.1f} digits with what is certified: {point}"
    if published.matches(result.loss):
        return RIGHT, message
    why = minimum(published.residual, point)
    told = all("not determined" in one for one in result.unavailable.values())
    if "do not shrink" in why and result.unavailable and told:
        why = (
            ""  # it goes on along a valley whose floor is flat, and says that nothing is determined
        )
    return (WRONG, f"{message}; {why}") if why else (OTHER, message)


def minimum(residual: Callable[[Array, Any], Any], point: Array) -> str:
    """Why ``point`` is no minimum of the sum of squares, or nothing where it is one."""
    with mpmath.workdps(50), np.errstate(all="ignore"):
        exact = point.size <= MANY
        place = np.array([mpmath.mpf(one) for one in point]) if exact else point
        loss_of = _loss(residual, exact)
        first = loss = loss_of(place)
        if loss == 0:
            return ""  # no sum of squares is less
        lengths: list[float] = []
        for _ in range(STEPS):
            gradient, hessian = _derivatives(loss_of, place, exact)
            bends = np.abs(np.diag(hessian).astype(float))
            without = bends * np.maximum(np.abs(point), 1.0) ** 2 <= 1e-14 * float(abs(first))
            if without.any():
                return f"the loss does not depend on x{np.flatnonzero(without)} there: {point}"
            scale = np.maximum(np.sqrt(bends), 1e-150)
            curvature, axes = _eigen(hessian / np.outer(scale, scale), exact)
            slope = axes.T @ (gradient / scale)
            floor = curvature[-1] * (1e-30 if exact else 1e-12)
            step = -axes @ (slope / np.array([max(abs(one), floor) for one in curvature])) / scale
            lengths.append(float(max(abs(step * scale))))
            loss, place, moved = _search(loss_of, loss, place, step)
            if float(first - loss) > max(10.0**-DIGITS * float(first), 1e-12):
                return f"the loss falls on to {float(loss):.6g}"
            if loss <= 1e-40:
                return ""
            if not moved:
                break
        if float(curvature[0]) < -1e-6 * float(curvature[-1]):
            return f"the curvature {float(curvature[0]):.2g} is negative there"
        if moved and lengths[-1] > max(1e-3 * lengths[0], 1e-6 * float(abs(loss)) ** 0.5):
            return f"Newton's steps do not shrink ({lengths[0]:.1g}, ..., {lengths[-1]:.1g})"
        return ""


def _search(loss_of: Any, loss: Any, place: Any, step: Any) -> tuple[Any, Any, bool]:
    """The first of the step's halves that lowers the loss."""
    for halvings in range(30):
        trial = place + step / 2**halvings
        found = loss_of(trial)
        if found < loss:
            return found, trial, True
    return loss, place, False


def _loss(residual: Callable[[Array, Any], Any], exact: bool) -> Callable[[Any], Any]:
    def loss(place: Any) -> Any:
        found = residual(place, ManyDigits() if exact else np)
        return np.sum(np.square(found))

    return loss


def _derivatives(loss_of: Any, place: Any, exact: bool) -> tuple[Any, Any]:
    """Gradient and Hessian by central differences; of sixteen digits, they keep six."""
    size = place.size
    width = mpmath.mpf(10) ** -12 if exact else 1e-4
    steps = np.array([width * max(abs(one), width * 1e4 if exact else 1e-2) for one in place])
    center, around = loss_of(place), np.empty((size, 2), dtype=object)
    for i in range(size):
        steps[i], around[i] = _around(loss_of, center, place, i, steps[i], width, exact)
    moves = np.diag(steps)
    gradient = (around[:, 0] - around[:, 1]) / (2 * steps)
    hessian = np.empty((size, size), dtype=object)
    for i in range(size):
        hessian[i, i] = (around[i].sum() - 2 * center) / steps[i] ** 2
        for j in range(i):
            both = loss_of(place + moves[i] + moves[j]) + loss_of(place - moves[i] - moves[j])
            mixed = (both - around[i].sum() - around[j].sum() + 2 * center) / 2
            hessian[i, j] = hessian[j, i] = mixed / (steps[i] * steps[j])
    return (gradient, hessian) if exact else (gradient.astype(float), hessian.astype(float))


def _around(
    loss_of: Any, center: Any, place: Any, i: int, step: Any, width: Any, exact: bool
) -> tuple[Any, tuple[Any, Any]]:
    """A step of one coordinate, and the losses beside; shorter where the loss has changed by more
    than itself before the coordinate has, as by the factor of ``1e30``."""
    for _ in range(SHORTER if exact else 1):
        move = np.zeros(place.size, dtype=object if exact else float)
        move[i] = step
        beside = loss_of(place + move), loss_of(place - move)
        bend = abs(sum(beside) - 2 * center) / step**2
        shorter = width * mpmath.sqrt(max(abs(center), LEAST) / bend) if bend else step
        if not exact or shorter >= step:
            break
        step = shorter
    return step, beside


def _eigen(matrix: Any, exact: bool) -> tuple[Any, Any]:
    if not exact:
        return np.linalg.eigh(matrix)
    values, vectors = mpmath.eigsy(mpmath.matrix(matrix.tolist()))
    return np.array(list(values)), np.array(vectors.tolist()).reshape(matrix.shape)


class ManyDigits:
    """The functions of NumPy that published residuals call, on arrays of mpmath's numbers."""

    def __getattr__(self, name: str) -> Any:
        plain = getattr(np, name)
        if name not in _ELEMENTARY:
            return plain
        each: Any = np.frompyfunc(getattr(mpmath, _ELEMENTARY[name]), 1, 1)

        def function(x: Any) -> Any:
            return each(x) if np.asarray(x).dtype == object else plain(x)

        return function


_ELEMENTARY = {
    **{name: name for name in ("exp", "log", "sin", "cos", "sqrt")},
    "arctan": "atan",
    "abs": "fabs",
}
"""The functions by NumPy's names, as mpmath calls them."""
