"""Whether Newton steps shrink, where the loss no longer shows them and its gradient still does.

A minimum is reached by such steps at once, or by ever shorter ones. In a valley that leads to
infinity they go on, though the loss falls by less than its rounding.
"""

from __future__ import annotations

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.ground import Ground, Noise
from optserve.jobs.evidence.profiles import Profile
from optserve.jobs.evidence.quadratic import WEAK, Quadratic, of_hessian
from optserve.jobs.evidence.surface import Surface

__all__ = ["drifting"]

STEPS = 12
SEEN = 10.0
"""How many times its rounding a decrement must be to lead anywhere."""

SHRUNK = 0.3
"""The share of the first step that the last is at a minimum. The steps towards one that is flat to
the fourth order shrink to 2/3 each, to the eighth order to 6/7."""

ALIKE = 0.1
"""A curvature is the same if it has changed by no more than this share of itself."""

RISES = 10.0
HALVINGS = 4


def drifting(
    surface: Surface, place: Ground, model: Quadratic, asked: float, noise: Noise
) -> list[Profile]:
    """The way along which steps lead off ``place`` and do not shrink, if they do not.

    No decrement matters within what is ``asked`` for, unless a curvature is negative there, or next
    to nothing; and none says anything that is rounding. A step may not raise the loss by more than
    a few times the ``noise`` of that.
    """
    cost = STEPS * (surface.prices.hessian + surface.prices.jacobian)
    few = surface.dense and not model.partial and cost <= surface.budget.left
    weak = model.noise < model.least < WEAK
    settled = model.least >= -model.noise and not weak
    if not few or (settled and model.decrement <= asked):
        return []
    rounding = SEEN * noise.decrement
    if settled:
        rounding = max(asked, rounding)
    if not model.decrement > rounding:
        return []
    here, now = place, model
    for _ in range(STEPS):
        there = _beside(surface, here, now.step, place.loss + RISES * noise.loss)
        stepped = there or surface.at(here.point + now.step)
        hessian = surface.hessian(stepped) if stepped.finite else None
        if hessian is None or not np.isfinite(hessian).all():
            break
        after = of_hessian(hessian, stepped.gradient, model.free, surface.epsilon)
        shorter = after.length(after.step) <= SHRUNK * model.length(model.step)
        if after.decrement <= rounding or (shorter and after.decrement <= SHRUNK * model.decrement):
            return []
        if _is_rounding(now, stepped.gradient, hessian):
            return []
        if there is None:
            break
        here, now = there, after
    return [Profile("tail", model.step if here is place else here.point - place.point)]


def _is_rounding(model: Quadratic, gradient: Array, hessian: Array) -> bool:
    """Whether the slope along a step is still there after it, though the curvature is the same.

    It would be 0 there but for rounding, which makes a staircase of it.
    """
    step, predicted = model.step, 2.0 * model.decrement**2
    bend = float(step @ hessian @ step) / predicted
    return abs(bend - 1.0) <= ALIKE and abs(float(gradient @ step)) > SHRUNK * predicted


def _beside(surface: Surface, place: Ground, step: Array, most: float) -> Ground | None:
    """The first of the halves of ``step`` (p,) where the loss is ``most`` or less."""
    for halving in range(HALVINGS):
        found = surface.at(place.point + step / 2**halving)
        if found.finite and found.loss <= most:
            return found
    return None
