"""Whether rounding alone decides where the loss is least: as columns are far from their origin, or
as large terms cancel.

Where columns of a Jacobian hardly differ, a descent leads far out along what they share: to terms
that are many times as large as their sum. Their rounding errors are then as large as what is left
of the residual, and the model of the loss is one of these errors.
"""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.conditioning import remedy, sharper, unsure
from optserve.jobs.evidence.quadratic import Quadratic, norm
from optserve.jobs.evidence.surface import Place, Surface

__all__ = ["undecided"]

CANCEL = 1e-4
"""The sum of terms that cancel is less than this share of them."""

MATTERS, DECIDES = 1e-3, 1e-6
"""The share of a residual from which its rounding matters: of an axis whose curvature is seen far
off at least, and of one that even a Jacobian hides."""

EXACT = 10.0
"""So many rounding errors of the residual at the start are an exact fit."""

REMEDY = "fix one of them, or give a prior or a penalty"


def undecided(surface: Surface, place: Place, start: Array, model: Quadratic) -> str:
    """What to do where rounding decides what a minimum is; nothing where it does not.

    An axis must be left of which rounding hides the curvature, or nearly so. ``start`` (p,) is
    where the descent began.
    """
    if model.partial or not unsure(model).any():
        return ""
    sharp = sharper(surface, place, model)
    if not unsure(sharp[-1]).any():
        return ""
    return remedy(*sharp) or _cancelled(*sharp, start)


def _cancelled(surface: Surface, place: Place, model: Quadratic, start: Array) -> str:
    """What to do where rounding of terms that cancel hides a minimum.

    Rounding moves a coordinate by a share of itself, so a term is what a change of a coordinate by
    itself changes. Nothing is hidden where rounding at the ``start`` was larger than all that is
    left of the loss.
    """
    if 0.0 <= place.loss <= (EXACT * surface.epsilon) ** 2 * surface.plainly_at(start).loss < inf:
        return ""
    terms = place.point[model.free] * model.scale
    along = model.axes.T @ terms
    together = norm(np.sqrt(np.maximum(model.values, 0.0)) * along)
    if not together < CANCEL * norm(terms):
        return ""
    left, share = sqrt(abs(place.loss)), MATTERS
    if model.rest is not None:
        left, share = model.rest, DECIDES if model.least <= model.noise else MATTERS
    return REMEDY if surface.noise(place, model).decrement > share * left else ""
