"""Problems over other data of one layout: a loop over data sets pays once for all but the data."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from optserve.config.declared import Declared
from optserve.config.schema.table import Table
from optserve.graph.aval import Array
from optserve.jobs.problem import Problem

__all__ = ["keep", "made_before"]


def made_before(declared: Declared, data: Any, seed: int) -> Problem | None:
    """The problem over ``data``, where one was kept over data of the same layout."""
    layout = _layout(declared, data)
    kept = None if layout is None else declared.traced.known((layout, seed))
    return kept if kept is None else _over(kept, {name: data[name] for name in kept.objective.data})


def keep(declared: Declared, data: Any, seed: int, problem: Problem) -> None:
    """Keep a ``problem`` over ``data`` of which nothing but the data would be another over others
    of their layout; the data themselves are not kept."""
    layout = _layout(declared, data)
    if layout is not None and _depends_on_layout_alone(declared, problem, data):
        blank = _over(problem, dict.fromkeys(problem.objective.data, np.zeros(0)))
        declared.traced.of((layout, seed), lambda: blank)


def _over(problem: Problem, data: Mapping[str, Array]) -> Problem:
    """The problem with the columns of its loss in place of those that it has."""
    return replace(problem, objective=replace(problem.objective, data=data))


def _layout(declared: Declared, data: Any) -> Hashable | None:
    """The names and the number of rows of columns of float64 that are given in memory, to a config
    that says nothing of them; ``None`` for other data, and where a number is not finite."""
    table = declared.written.config.data
    if not isinstance(data, Mapping) or not isinstance(table, Table) or table.model_fields_set:
        return None
    shapes = set()
    for column in data.values():
        if type(column) is not np.ndarray or column.dtype != np.float64 or column.ndim != 1:
            return None
        if not np.isfinite(column).all():
            return None
        shapes.add(column.shape)
    return ("problem", *data, *shapes) if len(shapes) == 1 and (0,) not in shapes else None


def _depends_on_layout_alone(declared: Declared, problem: Problem, data: Mapping[str, Any]) -> bool:
    """Whether no value of ``data`` is part of a problem but as the data of its loss."""
    loss = problem.objective
    others = (
        problem.held_out,
        problem.metrics,
        problem.outputs,
        problem.drawn,
        problem.levels,
        loss.deviation,
        loss.weighting,
        declared.written.config.baseline,
        declared.declarations.starts,
        declared.asked,
        [one for one in problem.errors.methods if one.groups is not None],
    )
    if any(others) or problem.precision != "float64":
        return False
    return all(name in data and _is_same(one, data[name]) for name, one in loss.data.items())


def _is_same(one: Any, other: Array) -> bool:
    """Whether an array is another, in the same memory."""
    return (
        isinstance(one, np.ndarray)
        and one.dtype == other.dtype
        and one.shape == other.shape
        and one.strides == other.strides
        and np.may_share_memory(one, other)
    )
