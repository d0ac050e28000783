"""Whether Newton steps shrink, where the loss no longer shows them and its gradient still does.

A minimum is reached by such steps at once, or by ever shorter ones. In a valley that leads to
infinity they go on, though the loss falls by less than its rounding.
"""

from __future__ import annotations

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.profiles import Profile
from optserve.jobs.evidence.quadratic import Quadratic, of_hessian
from optserve.jobs.evidence.surface import Noise, Place, Surface

__all__ = ["drifting"]

STEPS = 12
SEEN = 10.0
"""How many times its rounding a decrement must be to lead anywhere."""

SHRUNK = 0.3
"""The share of the first step that the last is at a minimum. The steps towards one that is flat to
the fourth order shrink to 2/3 each, to the eighth order to 6/7."""

RISES = 10.0
HALVINGS = 4


def drifting(
    surface: Surface, place: Place, model: Quadratic, asked: float, noise: Noise
) -> list[Profile]:
    """The way along which steps lead off ``place`` and do not shrink, if they do not.

    No decrement matters within what is ``asked`` for, unless a curvature is negative there; and
    none says anything that is rounding. A step may not raise the loss by more than a few times the
    ``noise`` of that.
    """
    cost = STEPS * (surface.prices.hessian + surface.prices.jacobian)
    few = surface.dense and not model.partial and cost <= surface.budget.left
    settled = model.least >= -model.noise
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
        hessian = None if there is None else surface.hessian(there)
        if there is None or hessian is None or not np.isfinite(hessian).all():
            break
        here, now = there, of_hessian(hessian, there.gradient, model.free, surface.epsilon)
        shorter = model.length(now.step) <= SHRUNK * model.length(model.step)
        if now.decrement <= rounding or (shorter and now.decrement <= SHRUNK * model.decrement):
            return []
    return [Profile("tail", model.step if here is place else here.point - place.point)]


def _beside(surface: Surface, place: Place, step: Array, most: float) -> Place | None:
    """The first of the halves of ``step`` (p,) where the loss is ``most`` or less."""
    for halving in range(HALVINGS):
        found = surface.at(place.point + step / 2**halving)
        if found.finite and found.loss <= most:
            return found
    return None
