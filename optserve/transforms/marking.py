"""Marking: which values of a graph are one a row of a table, and which are not.

Each variable is marked with the axis that carries the rows (none: it is fixed) and with a level:
how many passes over the rows must be over before it can be known. A reduction of a row value of
level k is fixed, of level k + 1; a row value computed from that starts another pass. What does not
separate is computed from whole arrays, with the reason kept for ``explain``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from optserve.graph.axes import AxisAnswer, Mixed, Reduced
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Var

__all__ = ["Mark", "Marking", "mark"]


@dataclass(frozen=True)
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
        if primitive.facts.makes_rows:
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
    if not _separates(equation, carried, answers, rows):
        return [], "the number of rows takes part along more than one axis"
    return [answer for answer in answers if not isinstance(answer, Mixed)], ""


def _separates(
    equation: Equation, carried: Sequence[int | None], answers: Sequence[AxisAnswer], rows: Dim
) -> bool:
    """Whether a block of rows can stand for all of them: their number occurs on the axes that are
    cut to the block, and nowhere else."""
    cut = [(atom.aval, axis) for atom, axis in zip(equation.operands, carried, strict=True)]
    cut += [
        (variable.aval, answer if isinstance(answer, int) else None)
        for variable, answer in zip(equation.results, answers, strict=True)
    ]
    for aval, row_axis in cut:
        others = (size for axis, size in enumerate(aval.shape) if axis != row_axis)
        if any(_counts(size, rows) for size in others):
            return False
    return not any(_counts(value, rows) for value in equation.attributes.values() if value != rows)


def _counts(value: object, rows: Dim) -> bool:
    """Whether an attribute or a size is computed from the number of rows."""
    if isinstance(value, tuple):
        return any(_counts(entry, rows) for entry in value if entry != rows)
    return isinstance(value, Dim) and rows.name in value.names


def _axis_of(variable: Var, rows: Dim) -> int | None:
    """The axis of a variable that is the rows, where no other axis is computed from them."""
    axes = [axis for axis, size in enumerate(variable.aval.shape) if _counts(size, rows)]
    return axes[0] if len(axes) == 1 and variable.aval.shape[axes[0]] == rows else None
