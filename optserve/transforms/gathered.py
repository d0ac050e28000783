"""Where rows take part of what is fitted: entries that each row picks from tables of parameters.

A residual of many rows often depends on a few entries of large tables: the camera and the point of
an observation, the two players of a game. What the rows make of what they have picked does not know
of the tables, and its derivatives by that are as many as a row has picked, whatever their size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optserve.graph.aval import is_float
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Var
from optserve.transforms.simplify import prune

__all__ = ["Gathered", "gathered"]


@dataclass(frozen=True)
class Gathered:
    """``rest`` is a graph whose last inputs are what rows ``pick``, one for each equation; before
    these stand all inputs that the graph had. ``direct`` are those of the inputs that were asked
    for which rows use otherwise too."""

    rest: Graph
    picks: tuple[Equation, ...]
    direct: tuple[int, ...]

    @property
    def tables(self) -> tuple[Atom, ...]:
        """What is picked from."""
        return tuple(one.operands[0] for one in self.picks)

    @property
    def positions(self) -> tuple[Atom, ...]:
        """Which entries are picked, by the number of each."""
        return tuple(one.operands[1] for one in self.picks)


def gathered(graph: Graph, wrt: Sequence[int]) -> Gathered | None:
    """``graph`` cut where rows pick entries of tables that depend on the inputs ``wrt``; ``None``
    where none do.

    >>> import numpy as np
    >>> from optserve.graph.aval import Aval
    >>> from optserve.primitives.tracing import trace
    >>> index = Aval((Dim.rows("data"),), np.dtype(np.int64))
    >>> traced = trace(lambda w, b, i: np.exp(w)[i] + b, np.ones(3), 1.0, index)
    >>> found = gathered(traced.graph, [0, 1])
    >>> len(found.picks), found.direct, [str(one.aval) for one in found.rest.inputs[3:]]
    (1, (1,), ['float64[data]'])
    """
    wanted = [graph.inputs[index] for index in wrt]
    reached: set[Atom] = {variable for variable in wanted if is_float(variable.aval.dtype)}
    inside: set[Atom] = set()  # what depends on what was picked
    picks: list[Equation] = []
    for equation in graph.equations:
        if not inside.isdisjoint(equation.operands):
            inside.update(equation.results)
        elif _picks_rows(equation) and [one in reached for one in equation.operands] == [
            True,
            False,
        ]:
            picks.append(equation)
            inside.update(equation.results)
        if not reached.isdisjoint(equation.operands):
            reached.update(v for v in equation.results if is_float(v.aval.dtype))
    if not picks:
        return None
    cut = {one.results[0] for one in picks}
    equations = tuple(one for one in graph.equations if one.results[0] not in cut)
    inputs = (*graph.inputs, *(one.results[0] for one in picks))
    rest = prune(Graph(inputs, equations, graph.outputs))
    read = {atom for one in rest.equations for atom in one.operands} | set(rest.outputs)
    direct = tuple(i for i, one in zip(wrt, wanted, strict=True) if one in read)
    return Gathered(rest, tuple(picks), direct)


def _picks_rows(equation: Equation) -> bool:
    """Whether an equation gives each row the entries of a table at one position."""
    if not equation.primitive.facts.picks or len(equation.operands) != 2:
        return False
    table, positions = equation.operands
    if equation.attributes.get("axis") != 0 or not isinstance(equation.results[0], Var):
        return False
    [rows, *more] = positions.aval.shape or [0]
    return (
        not more
        and isinstance(rows, Dim)
        and rows.is_rows
        and table.aval.ndim > 0
        and all(isinstance(size, int) for size in table.aval.shape)
        and equation.results[0].aval.shape == (rows, *table.aval.shape[1:])
    )
