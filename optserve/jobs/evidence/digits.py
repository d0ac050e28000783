"""Whether rounding alone decides where the loss is least: as columns are far from their origin, or
as large terms cancel.

Where columns of a Jacobian hardly differ, a descent leads far out along what they share: to terms
that are many times as large as their sum. Their rounding errors are then as large as what is left
of the residual, and the model of the loss is one of these errors.
"""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from optserve.jobs.evidence.conditioning import APART, remedy, sharper, unsure
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.quadratic import Quadratic
from optserve.jobs.evidence.surface import Surface
from optserve.jobs.known_points import exact_fit
from optserve.optimizers.lengths import norm

__all__ = ["undecided"]

CANCEL = 1e-4
"""The sum of terms that cancel is less than this share of them."""

MATTERS, BLURS, DECIDES = 1e-3, 3e-6, 1e-9
"""The share of a residual from which its rounding matters: of an axis whose curvature is seen far
off at least, and of one that even a Jacobian hides."""


def undecided(surface: Surface, place: Ground, model: Quadratic, *, shown: bool) -> str:
    """What to do where rounding decides what a minimum is; nothing where it does not.

    An axis must be left of which rounding hides the curvature, or nearly so; ``shown`` tells that
    the loss itself has shown all of these, far off.
    """
    if model.partial or not unsure(model).any():
        return ""
    sharp = sharper(surface, place, model)
    if not unsure(sharp[-1]).any():
        return ""
    return remedy(*sharp, shown=shown) or _rounded(*sharp, shown=shown)


def _rounded(surface: Surface, place: Ground, model: Quadratic, *, shown: bool) -> str:
    """What to do where rounding hides a minimum, by itself or as terms cancel.

    Rounding moves a coordinate by a share of itself, so a term is what a change of a coordinate by
    itself changes. Nothing is hidden where rounding at the ``start`` was larger than all that is
    left of the loss; but an absurd start excuses no end at which more is left than at 0.
    """
    least = exact_fit(surface.seen(surface.start), surface.epsilon)
    if 0.0 <= place.loss - (surface.constant or 0.0) <= least < inf:
        away = norm(place.point) > sqrt(surface.epsilon) * norm(surface.start)
        if not away or surface.loss(np.zeros(surface.size)) >= place.loss:
            return ""
    if model.rest is not None and (unsure(model) & (model.values > model.noise)).any():
        return APART  # columns are rounded too: they do not tell where along the axis it is
    terms = place.point[model.free] * model.scale
    along = model.axes.T @ terms
    together = norm(np.sqrt(np.maximum(model.values, 0.0)) * along)
    if not together < CANCEL * norm(terms):
        return ""
    left = sqrt(abs(place.loss)) if model.rest is None else model.rest
    share = DECIDES
    if model.rest is None:
        share = MATTERS if shown else BLURS
    return APART if surface.noise(place, model).decrement > share * left else ""
