"""Whether an axis is hidden by how the data are written: told from one that nothing observes.

The columns of a polynomial in calendar years depend on each other but for rounding, and so do those
of classes of which only differences count. The first do not once the years are centred and scaled,
the second do in any data: so such data are put in place of those that were given, at the same
point, and the axes without curvature are counted again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from functools import partial
from math import inf, sqrt

import numpy as np

from optserve.graph.aval import Array
from optserve.graph.graph import Graph
from optserve.graph.streamed import held
from optserve.jobs.evidence.direction_names import listed
from optserve.jobs.evidence.ground import Ground
from optserve.jobs.evidence.quadratic import Quadratic
from optserve.jobs.evidence.surface import Surface

__all__ = ["APART", "remedy", "sharper", "unsure"]

TRUSTED = 50.0
"""How many times more than to be seen a curvature by a Jacobian must be to tell of an axis to a
thousandth of a standard error."""

SHIFTED = 10.0
"""A column whose mean is so many times its spread is far from its origin."""

DILATED = 1e2
"""By how much farther than its origin a column is spread about its mean."""

MOST = 6
"""Columns that are looked at by themselves, those farthest from their origin first."""

FARTHEST = 1e6
"""How many times farther still, to see whether a dependence of columns ceases little by little."""

RUNG, GRADUAL = 2.0, 1e6
"""By how much longer the next spread of columns is, and how many times larger than to be seen a
curvature may be there that comes out of rounding."""

LEAST_SHARE = 1e-9
"""The share of the way to other columns from which it is looked at how an axis comes out."""

STRIDE, STRIDES = 100.0, 10
"""By how much farther columns are spread from one look to the next, and how many looks are taken,
where rows vanish as they are."""

APART = "fix one of them, or give a prior or a penalty"

Columns = dict[str, Array]
Changed = Callable[[Array], Array]


def unsure(model: Quadratic) -> Array:
    """Along which axes (q,) rounding of the data alone may have made the curvature."""
    if model.floor > _least_sure(model):
        return np.zeros(model.scale.size, bool)
    found: Array = model.values <= _least_sure(model)
    return found


def _least_sure(model: Quadratic) -> float:
    return model.noise if model.rest is None else model.noise * TRUSTED**2


def sharper(surface: Surface, place: Ground, model: Quadratic) -> tuple[Surface, Ground, Quadratic]:
    """The same by the Jacobian, where there is one: it has twice the digits of a Hessian."""
    if not surface.evaluator.linearizes or model.rest is not None:
        return surface, place, model
    surface = copy.copy(surface)
    surface.by_jacobian = True
    place = surface.at(place.point)
    return surface, place, surface.quadratic(place)


def remedy(surface: Surface, place: Ground, model: Quadratic, *, shown: bool) -> str:
    """What to do about axes that other data would determine; nothing where these do not either.

    What is known at ``place`` is ``sharper``, and some of its axes are ``unsure``; ``shown`` tells
    that the loss itself has shown them, far off.
    Columns are centred and scaled, to values from -1 to 1, or from 1 to 2 where a logarithm wants
    them positive. A dependence of columns upon each other may be lost in that, so it counts only
    if it does not outlive that all columns are spread about their means, by one factor.
    """
    columns = _columns(surface)
    if not columns:
        return ""
    factor = DILATED * max(1.0, *map(_offset, columns.values()))
    other = _Other(surface, place, model, columns)
    ways = (_between(-1.0, 1.0), _between(1.0, 2.0))
    models = ((one, other.model_of(one)) for one in ways)
    clearer = ((one, found) for one, found in models if found and other.is_clearer(found))
    spread, found = next(clearer, (None, None))
    if spread is None or found is None:
        return APART if not shown and _emerges(other, FARTHEST * factor) else ""
    if other.shows(_dilated(factor)) is False:
        return ""
    if surface.evaluator.graphs.has_kinks:
        # A row that comes to the other side of a kink shows an axis at once.
        on_the_way = partial(_mixed, spread)
        if not _is_gradual(other, on_the_way, LEAST_SHARE, 1.0, found):
            return ""
    away = sorted(columns, key=lambda name: -_offset(columns[name]))[:MOST]
    away = [name for name in away if _offset(columns[name]) >= SHIFTED]
    return _told({name: columns[name] for name in away if other.shows(spread, name)})


class _Other:
    """The same loss at the same point, over other ``columns`` in place of those given."""

    def __init__(self, surface: Surface, place: Ground, model: Quadratic, columns: Columns) -> None:
        self.surface, self.place, self.model = surface, place, model
        self.columns = columns
        self.hidden = int(unsure(model).sum())
        self.by_rows = False

    def model_of(self, changed: Changed, *names: str) -> Quadratic | None:
        """The model where columns are ``changed``, all of them unless ``names`` tells.

        ``None`` where the loss is not known there.
        """
        chosen = {name: self.columns[name] for name in names} or self.columns
        other = _with(self.surface, {name: changed(one) for name, one in chosen.items()})
        found = other.at(self.place.point)
        if not found.finite:
            return None
        curved = other.quadratic(_by_rows(found) if self.by_rows else found)
        same = np.array_equal(curved.free, self.model.free)
        return curved if same and np.isfinite(curved.values).all() else None

    def shows(self, changed: Changed, *names: str) -> bool | None:
        """Whether fewer axes are hidden there; ``None`` where that is not known."""
        return self.is_clearer(self.model_of(changed, *names))

    def is_clearer(self, model: Quadratic | None) -> bool | None:
        """Whether fewer axes are hidden in a model of it; ``None`` where there is none."""
        return None if model is None else self.count(model) < self.hidden

    def count(self, model: Quadratic) -> int:
        """How many axes are hidden in a model of it."""
        return int((model.values <= self.least(model)).sum())

    def least(self, model: Quadratic) -> float:
        """The largest curvature of a hidden axis."""
        return model.noise if self.by_rows else _least_sure(model)

    def by_row(self) -> _Other:
        """The same with all rows of one size, as far as there is a Jacobian."""
        found = copy.copy(self)
        found.by_rows = True
        if (model := found.model_of(lambda column: column)) is not None:
            found.hidden = self.count(model)
        return found


def _emerges(other: _Other, farthest: float) -> bool:
    """Whether an axis comes out of rounding, little by little, as columns are spread out.

    What no data determine never does. What holds for the data at hand, such as that a column is the
    square of another or that no row is beyond a kink, ceases at once. Where rows vanish beside
    others as columns are spread, as those of an exponential do, or the loss is not known any more,
    it is looked for before.
    """
    model = other.model_of(_dilated(farthest))
    if model is not None and other.is_clearer(model):
        return _is_gradual(other, _dilated, 1.0, farthest, model)
    if model is not None and other.count(model) == other.hidden:
        return False
    rows = other.by_row()
    near = 1.0
    for _ in range(STRIDES):
        far = min(STRIDE * near, farthest)
        model = rows.model_of(_dilated(far))
        while model is None and far > RUNG * near:
            farthest = far = sqrt(near * far)
            model = rows.model_of(_dilated(far))
        if model is None:
            return False
        if rows.is_clearer(model):
            return _is_gradual(rows, _dilated, near, far, model)
        near = far
    return False


def _is_gradual(
    other: _Other, way: Callable[[float], Changed], near: float, far: float, model: Quadratic
) -> bool:
    """Whether the axis that the ``model`` shows, where columns are changed as far as ``far`` on
    their ``way``, and none does ``near``, is but just seen where it is seen first."""
    while far > RUNG * near:
        middle = sqrt(near * far)
        there = other.model_of(way(middle))
        if there is None or not other.is_clearer(there):
            near = middle
        else:
            far, model = middle, there
    first = np.sort(model.values)[other.hidden - 1]
    return bool(first <= GRADUAL * other.least(model))


def _by_rows(place: Ground) -> Ground:
    """The same with a Jacobian of rows of one size: no dependence of columns changes by that."""
    if place.jacobian is None:
        return place
    columns = np.abs(place.jacobian).max(axis=0, initial=0.0)
    relative = np.abs(place.jacobian) / np.where(columns > 0.0, columns, 1.0)
    rows = relative.max(axis=1, initial=0.0)
    return place._replace(jacobian=place.jacobian / np.where(rows > 0.0, rows, 1.0)[:, None])


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


def _dilated(factor: float) -> Changed:
    def changed(column: Array) -> Array:
        mean = np.mean(column)
        found: Array = mean + factor * (column - mean)
        return found

    return changed


def _mixed(changed: Changed, share: float) -> Changed:
    return lambda column: column + share * (changed(column) - column)


def _between(low: float, high: float) -> Changed:
    def changed(column: Array) -> Array:
        least = np.min(column)
        found: Array = low + (high - low) * ((column - least) / np.ptp(column))
        return found

    return changed


def _columns(surface: Surface) -> Columns:
    """The columns of numbers with more than two values, by name; not those that serve as codes."""
    objective = surface.evaluator.problem.objective
    if objective.streamed and not surface.evaluator.linearizes:
        return {}
    columns = zip(objective.data, map(np.asarray, held(objective.data.values())), strict=True)
    found = {name: one.astype(np.float64) for name, one in columns if _is_measured(one)}
    for name in _codes(objective.graph, objective.data) if found else ():
        found.pop(name, None)
    return found


def _codes(graph: Graph, names: Collection[str]) -> set[str]:
    """Which of the data, the last inputs of ``graph``, nothing is computed of but whole numbers
    and truth values: the number of a group is no amount."""
    columns = dict(zip(graph.inputs[len(graph.inputs) - len(names) :], names, strict=True))
    amounts = {
        atom
        for equation in graph.equations
        if any(result.aval.dtype.kind == "f" for result in equation.results)
        for atom in equation.operands
    }
    return {name for variable, name in columns.items() if variable not in amounts}


def _is_measured(column: Array) -> bool:
    if column.dtype.kind != "f" or column.ndim == 0 or not np.isfinite(column).all():
        return False
    least, largest = column.min(initial=inf), column.max(initial=-inf)
    between = (column != least) & (column != largest)
    return bool(between.any()) and bool(np.std(column.astype(np.float64)) > 0.0)


def _with(surface: Surface, columns: Columns) -> Surface:
    """The surface of the same loss over other data."""
    data = {
        name: columns[name].astype(one.dtype) if name in columns else one
        for name, one in surface.evaluator.problem.objective.data.items()
    }
    other = copy.copy(surface)
    other.evaluator = surface.evaluator.over(data)
    return other
