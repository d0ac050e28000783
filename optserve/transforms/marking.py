"""Marking: which values of a graph are one a row of a table, and which are not.

Each variable is marked with the axis that carries the rows (none: it is fixed) and with a level:
how many passes over the rows must be over before it can be known. A reduction of a row value of
level k is fixed, of level k + 1; a row value computed from that starts another pass. What does not
separate is computed from whole arrays, with the reason kept for ``explain``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from optserve.frozen import frozen
from optserve.graph.axes import AxisAnswer, Mixed, Reduced
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Var

__all__ = ["Mark", "Marking", "mark"]


@frozen
class Mark:
    """``axis`` carries the rows (``None``: fixed); known once ``level`` passes are over."""

    axis: int | None
    level: int


FIXED = Mark(None, 0)


@dataclass
class Marking:
    """The marks of all variables, and what each equation does to the rows.

    ``kinds`` says of each equation whether it is ``fixed`` (no rows take part), ``row`` (row by
    row), a reduction (its name), or ``whole`` (it needs all rows at once).
    """

    marks: dict[Var, Mark] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    mixed: list[tuple[Equation, str]] = field(default_factory=list)

    def of(self, atom: Atom) -> Mark:
        return self.marks[atom] if isinstance(atom, Var) else FIXED


def mark(graph: Graph, rows: Dim) -> Marking:
    """The marking of ``graph`` for the table whose row count is ``rows``."""
    marking = Marking()
    for variable in graph.inputs:
        marking.marks[variable] = Mark(_axis_of(variable, rows), 0)
    for equation in graph.equations:
        operands = [marking.of(atom) for atom in equation.operands]
        level = max((entry.level for entry in operands), default=0)
        answers, reason = _answers(equation, operands, rows)
        if reason:
            marking.kinds.append("whole")
            marking.mixed.append((equation, reason))
            for variable in equation.results:
                marking.marks[variable] = Mark(_axis_of(variable, rows), level + 1)
            continue
        reductions: set[str] = {answer.kind for answer in answers if isinstance(answer, Reduced)}
        marking.kinds.append(_kind(answers, reductions))
        for variable, answer in zip(equation.results, answers, strict=True):
            if isinstance(answer, Reduced):
                marking.marks[variable] = Mark(None, level + 1)
            else:
                marking.marks[variable] = Mark(answer, level)
    return marking


def _kind(answers: Sequence[int | Reduced | None], reductions: set[str]) -> str:
    if reductions:
        return reductions.pop()
    return "fixed" if all(answer is None for answer in answers) else "row"


def _answers(
    equation: Equation, operands: Sequence[Mark], rows: Dim
) -> tuple[list[int | Reduced | None], str]:
    """For each result where the rows go (``None``: it has none), or the reason why they mix."""
    primitive = equation.primitive
    carried = [entry.axis for entry in operands]
    own = [_axis_of(variable, rows) for variable in equation.results]
    if all(axis is None for axis in carried):
        if all(axis is None for axis in own):
            return [None for _ in own], ""
        if primitive.name in ("broadcast_to", "arange"):  # made for the rows, out of nothing
            return list(own), ""
        return [], "it makes rows from values without rows"
    if primitive.kind == "control" or primitive.axes is None:
        return [], f"{primitive.name} over rows is evaluated as a whole"
    avals = [atom.aval for atom in equation.operands]
    answered = primitive.axes(carried, *avals, **equation.attributes)
    answers: tuple[AxisAnswer, ...] = answered if isinstance(answered, tuple) else (answered,)
    for answer in answers:
        if isinstance(answer, Mixed):
            return [], answer.reason
    return [answer for answer in answers if not isinstance(answer, Mixed)], ""


def _axis_of(variable: Var, rows: Dim) -> int | None:
    """The one axis of a variable whose size is the row count itself."""
    axes = [axis for axis, size in enumerate(variable.aval.shape) if size == rows]
    return axes[0] if len(axes) == 1 else None
