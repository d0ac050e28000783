"""Factoring: a scalar that only multiplies rows is taken out of the sum over them.

The cotangent of ``sqrt(mean(...))`` is a scalar that is known only after a pass over the rows; by
linearity it may multiply the finished sums instead, and a second pass is saved. The value is the
same to rounding where it is finite; an infinite or undefined scalar makes the sums undefined too,
except those over no rows, which are 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optserve.graph.aval import is_float
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.primitives.arithmetic import multiply
from optserve.primitives.comparisons import equal, where
from optserve.primitives.constants import size
from optserve.primitives.sums import broadcast_to
from optserve.transforms.marking import mark

__all__ = ["factor_scalars"]


def factor_scalars(graph: Graph, rows: Dim) -> Graph:
    """``graph`` with scalars that wait for a pass over ``rows`` multiplied after the sums."""
    return _Factoring(graph, rows).graph()


class _Factoring:
    """``scaled`` says of a row value v that it is s * u; with u ``None``, s in every entry."""

    def __init__(self, graph: Graph, rows: Dim) -> None:
        self.original = graph
        self.rows = rows
        self.counted: dict[Atom, Var] = {}
        self.marking = mark(graph, rows)
        self.scaled: dict[Var, tuple[Atom, Var | None]] = {}
        self.equations: list[Equation] = []
        self.made: set[Var] = set()

    def graph(self) -> Graph:
        for equation, kind in zip(self.original.equations, self.marking.kinds, strict=True):
            if kind == "fixed" or kind == "whole" or not self._factor(equation, kind):
                self._keep(equation)
        for atom in self.original.outputs:
            self._make(atom)
        return replace(self.original, equations=tuple(self.equations))

    def _factor(self, equation: Equation, kind: str) -> bool:
        """Whether the result could be written as a scalar times something simpler."""
        primitive = equation.primitive
        if primitive is broadcast_to:
            [atom] = equation.operands
            if self._waits(atom):
                self.scaled[equation.results[0]] = (atom, None)
                return True
            return False
        if primitive is multiply and kind == "row":
            return self._multiply(equation)
        parts = [self._parts(atom) for atom in equation.operands]
        scaled = [number for number, part in enumerate(parts) if part is not None]
        scalars = [part[0] for part in parts if part is not None]
        if not scalars or any(part is not None and part[1] is None for part in parts):
            return False
        alike = all(one is scalars[0] for one in scalars)
        alike = alike and scalars[0].aval.dtype == equation.results[0].aval.dtype
        if not alike or frozenset(scaled) not in primitive.linear_groups(len(parts)):
            return False
        operands = tuple(
            atom if part is None else part[1]
            for atom, part in zip(equation.operands, parts, strict=True)
        )
        simpler = self._emit(replace(equation, operands=tuple(a for a in operands if a)))
        if kind == "row":
            self.scaled[equation.results[0]] = (scalars[0], simpler)
        else:
            self._product(self._where_rows(scalars[0]), simpler, equation)
        return True

    def _multiply(self, equation: Equation) -> bool:
        """A row value times a scalar that waits, or times a value that is scaled already."""
        result = equation.results[0]
        for position, atom in enumerate(equation.operands):
            other = equation.operands[1 - position]
            part = (atom, None) if self._waits(atom) else self._parts(atom)
            if part is None or not isinstance(other, Var) or self._parts(other) is not None:
                continue
            if self.marking.of(other).axis is None:
                continue
            scalar, base = part
            if base is None and other.aval == result.aval:
                self.scaled[result] = (scalar, other)
                return True
            if base is not None:
                simpler = self._emit(replace(equation, operands=(base, other)))
                self.scaled[result] = (scalar, simpler)
                return True
        return False

    def _waits(self, atom: Atom) -> bool:
        """Whether it is a fixed scalar that is known only after a pass; a sum of integers may
        overflow where that of their multiples does not."""
        mark_ = self.marking.of(atom)
        scalar = atom.aval.shape == () and is_float(atom.aval.dtype)
        return scalar and mark_.axis is None and mark_.level > 0

    def _parts(self, atom: Atom) -> tuple[Atom, Var | None] | None:
        return self.scaled.get(atom) if isinstance(atom, Var) else None

    def _emit(self, equation: Equation) -> Var:
        """The equation with a result of its own."""
        variable = Var(equation.results[0].aval)
        self._keep(replace(equation, results=(variable,)))
        return variable

    def _where_rows(self, scalar: Atom) -> Var:
        """The scalar, but 0 where there are no rows: infinity times the sum of nothing is 0."""
        if scalar not in self.counted:
            aval = scalar.aval
            count, none = Var(aval), Var(replace(aval, dtype=np.dtype(bool)))
            zero = Literal(np.zeros((), aval.dtype))
            self.counted[scalar] = guarded = Var(aval)
            self.equations += [
                Equation(size, (), {"size": self.rows, "dtype": aval.dtype}, (count,)),
                Equation(equal, (count, zero), {}, (none,)),
                Equation(where, (none, zero, scalar), {}, (guarded,)),
            ]
        return self.counted[scalar]

    def _product(self, scalar: Atom, value: Var, equation: Equation) -> None:
        self.equations.append(
            Equation(multiply, (scalar, value), {}, equation.results, equation.place)
        )

    def _keep(self, equation: Equation) -> None:
        for atom in equation.operands:
            self._make(atom)
        self.equations.append(equation)

    def _make(self, atom: Atom) -> None:
        """Compute a scaled value after all, for a reader that needs the value itself."""
        if not isinstance(atom, Var) or atom not in self.scaled or atom in self.made:
            return
        self.made.add(atom)
        scalar, base = self.scaled[atom]
        maker = next(e for e in self.original.equations if atom in e.results)
        if base is None:
            self.equations.append(maker)
        else:
            self._product(scalar, base, maker)
