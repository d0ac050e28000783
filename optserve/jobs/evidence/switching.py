"""Whether all that a gradient compares is far from where it jumps."""

from __future__ import annotations

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.surface import Surface, signs

__all__ = ["is_off_kinks"]

NEAR, FEW, UNTOUCHED = 4e-3, 2, 0.1
"""Steps of coordinates that are longer than those that are taken off a kink, how many of them, and
by what share of itself what is compared changes along them where it is far from where it jumps."""


@np.errstate(all="ignore")  # an infinite margin is one
def is_off_kinks(surface: Surface, place: Ground) -> bool:
    """Whether no short step from ``place`` leads to where the gradient jumps: what it compares
    hardly changes as coordinates do, in a few patterns of signs.

    Of data that are streamed, or where something does not say what it compares, it is not known.
    """
    evaluator = surface.evaluator
    switches = evaluator.graphs.switches
    if switches is None or evaluator.problem.objective.streamed:
        return False
    steps = NEAR * np.where(surface.ignored, 0.0, surface.far(place)) * signs(surface.size)[:FEW]
    points = [place.point, *(place.point + step for step in steps)]
    surface.budget.spend(len(points))
    here, *others = (
        switches.margins(
            *evaluator.packing.pieces(point.astype(evaluator.packing.dtype)),
            *evaluator.graphs.arguments,
        )
        for point in points
    )
    pairs = [pair for other in others for pair in zip(here, other, strict=True)]
    return all(bool(_is_untouched(margin, moved).all()) for margin, moved in pairs)


def _is_untouched(margin: Array, moved: Array) -> Array:
    """Whether margins (...) are far from 0 beside what has ``moved`` them, or infinite."""
    little = np.abs(moved - margin) < UNTOUCHED * np.abs(margin)
    return np.asarray(np.where(np.isinf(margin), moved == margin, little))
