"""Whether an axis is hidden by how the data are written: told from one that nothing observes.

The columns of a polynomial in calendar years depend on each other but for rounding, and so do those
of classes of which only differences count. The first do not once the years are centred and scaled,
the second do in any data: so such data are put in place of those that were given, at the same
point, and the axes without curvature are counted again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from math import inf

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.naming import listed
from optserve.jobs.evidence.quadratic import Quadratic
from optserve.jobs.evidence.surface import Place, Surface

__all__ = ["remedy", "sharper", "unsure"]

TRUSTED = 50.0
"""How many times more than to be seen a curvature by a Jacobian must be to tell of an axis to a
thousandth of a standard error."""

SHIFTED = 10.0
"""A column whose mean is so many times its spread is far from its origin."""

DILATED = 1e2
"""By how much farther than its origin a column is spread about its mean."""

MOST = 6
"""Columns that are looked at by themselves, those farthest from their origin first."""

Columns = dict[str, Array]


def unsure(model: Quadratic) -> Array:
    """Along which axes (q,) rounding of the data alone may have made the curvature."""
    least = model.noise if model.rest is None else model.noise * TRUSTED**2
    found: Array = model.values <= least
    return found


def sharper(surface: Surface, place: Place, model: Quadratic) -> tuple[Surface, Place, Quadratic]:
    """The same by the Jacobian, where there is one: it has twice the digits of a Hessian."""
    formed = surface.kind == "least_squares" and surface.evaluator.forms_jacobian
    if not formed or model.rest is not None:
        return surface, place, model
    surface = copy.copy(surface)
    surface.by_jacobian = True
    place = surface.at(place.point)
    return surface, place, surface.quadratic(place)


def remedy(surface: Surface, place: Place, model: Quadratic) -> str:
    """What to do about axes that other data would determine; nothing where these do not either.

    What is known at ``place`` is ``sharper``, and some of its axes are ``unsure``.
    Columns are centred and scaled, to values from -1 to 1, or from 1 to 2 where a logarithm wants
    them positive. A dependence of columns upon each other may be lost in that, so it counts only
    if it does not outlive that all columns are spread about their means, by one factor.
    """
    columns, hidden = _columns(surface), int(unsure(model).sum())
    if not columns:
        return ""

    def fewer(changed: Callable[[Array], Array], *names: str) -> bool | None:
        """Whether fewer axes are hidden where columns are ``changed``, all unless ``names`` tells.

        ``None`` where the loss is not known there.
        """
        chosen = {name: columns[name] for name in names} or columns
        other = _with(surface, {name: changed(one) for name, one in chosen.items()})
        found = other.at(place.point)
        if not found.finite:
            return None
        curved = other.quadratic(found)
        if not np.array_equal(curved.free, model.free) or not np.isfinite(curved.values).all():
            return None
        return int(unsure(curved).sum()) < hidden

    spread = next((one for one in (_between(-1.0, 1.0), _between(1.0, 2.0)) if fewer(one)), None)
    factor = DILATED * max(1.0, *map(_offset, columns.values()))
    if spread is None or fewer(lambda one: np.mean(one) + factor * (one - np.mean(one))) is False:
        return ""
    away = sorted(columns, key=lambda name: -_offset(columns[name]))[:MOST]
    away = [name for name in away if _offset(columns[name]) >= SHIFTED]
    return _told({name: columns[name] for name in away if fewer(spread, name)})


def _told(columns: Columns) -> str:
    if not columns:
        return "centre and scale the columns"
    name, column = next(iter(columns.items()))
    width = 0.5 * float(np.ptp(column))
    middle = float(np.min(column)) + width
    example = f"({name} - {middle:.10g}) / {width:.3g}".replace("- -", "+ ")
    return f"centre and scale {listed(tuple(columns))}, as in `{example}`"


def _offset(column: Array) -> float:
    """How far from 0 a column is, in units of its spread."""
    return float(abs(np.mean(column)) / np.std(column))


def _between(low: float, high: float) -> Callable[[Array], Array]:
    def changed(column: Array) -> Array:
        least = np.min(column)
        found: Array = low + (high - low) * ((column - least) / np.ptp(column))
        return found

    return changed


def _columns(surface: Surface) -> Columns:
    """The columns of numbers with more than two values, by name."""
    objective = surface.evaluator.problem.objective
    if objective.streamed:
        return {}
    return {
        name: np.asarray(one, np.float64)
        for name, one in objective.data.items()
        if _is_measured(np.asarray(one))
    }


def _is_measured(column: Array) -> bool:
    if column.dtype.kind != "f" or column.ndim == 0 or not np.isfinite(column).all():
        return False
    least, largest = column.min(initial=inf), column.max(initial=-inf)
    between = (column != least) & (column != largest)
    return bool(between.any()) and bool(np.std(column.astype(np.float64)) > 0.0)


def _with(surface: Surface, columns: Columns) -> Surface:
    """The surface of the same loss over other data."""
    evaluator = copy.copy(surface.evaluator)
    objective = evaluator.problem.objective
    data = {
        name: columns[name].astype(np.asarray(one).dtype) if name in columns else one
        for name, one in objective.data.items()
    }
    evaluator.graphs = copy.copy(evaluator.graphs)
    constants = evaluator.packing.constants
    evaluator.graphs.arguments = (*constants, *replace(objective, data=data).arrays)
    other = copy.copy(surface)
    other.evaluator = evaluator
    return other
