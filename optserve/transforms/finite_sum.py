"""Finite sums: a graph over the rows of a table, rewritten as passes of ``map_reduce``.

Almost every loss that people fit is a sum over rows, and so is its gradient. Marking says which
values belong to rows; here all reductions of one level become one ``map_reduce`` equation, whose
body computes, for a block of rows, everything they need. The data is read once a pass, and memory
is in proportion to a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optserve.graph.aval import Aval
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Var
from optserve.primitives.arithmetic import add
from optserve.primitives.constants import arange
from optserve.primitives.map_reduce import map_reduce
from optserve.transforms.expand import expand
from optserve.transforms.factor import factor_scalars
from optserve.transforms.marking import Marking, mark
from optserve.transforms.regions import by_table
from optserve.transforms.simplify import prune, simplify

__all__ = ["finite_sum", "row_counts"]


def row_counts(graph: Graph) -> list[Dim]:
    """The row counts of the tables that the inputs of ``graph`` come from, in order."""
    found = [
        size
        for variable in graph.inputs
        for size in variable.aval.shape
        if isinstance(size, Dim) and size.is_rows
    ]
    return list(dict.fromkeys(found))


def finite_sum(graph: Graph) -> Graph:
    """``graph`` with the work on each table's rows gathered into passes of ``map_reduce``.

    The bodies of loops and choices are rewritten too: a loop over steps of a descent holds passes.
    """
    graph = simplify(expand(graph))
    graph = by_table(graph, row_counts(graph), _summed)
    equations = tuple(map(_with_passes_inside, graph.equations))
    return graph if equations == graph.equations else replace(graph, equations=equations)


def _summed(graph: Graph, rows: Dim) -> Graph:
    """``graph`` with the work on the rows of one table in passes."""
    return _Passes(prune(factor_scalars(graph, rows)), rows).graph()


def _with_passes_inside(equation: Equation) -> Equation:
    if equation.primitive is map_reduce:
        return equation
    bodies = {key: one for key, one in equation.attributes.items() if isinstance(one, Graph)}
    summed = {key: finite_sum(body) for key, body in bodies.items()}
    if all(summed[key] is body for key, body in bodies.items()):
        return equation
    return replace(equation, attributes={**equation.attributes, **summed})


class _Passes:
    """One table's passes in the making."""

    def __init__(self, graph: Graph, rows: Dim) -> None:
        self.original = graph
        self.rows = rows
        self.marking: Marking = mark(graph, rows)
        self.maker = {v: i for i, e in enumerate(graph.equations) for v in e.results}
        self.levels = 1 + max((entry.level for entry in self.marking.marks.values()), default=0)
        self.kept = self._kept_rows()
        self.materialized: set[Var] = set(graph.inputs)
        self.replaced: dict[Var, Var] = {}
        self.equations: list[Equation] = []

    def graph(self) -> Graph:
        wanted = self._wanted_rows()
        for level in range(self.levels):
            self._emit_between(level)
            self._emit_pass(level, wanted)
        outputs = tuple(self._outer(atom) for atom in self.original.outputs)
        return Graph(self.original.inputs, tuple(self.equations), outputs)

    def _kept_rows(self) -> set[Var]:
        """Row values that later passes read as they are, and do not compute again.

        They are what something was selected from: what the largest was taken of, what was sorted.
        Computed a second time, in other code, they could differ from it in the last bit, and none
        of them would be the largest.
        """
        sources: set[Var] = set()
        stack: list[Atom] = []
        for equation, kind in self._by_kind():
            over_rows = kind not in ("fixed", "row") and equation.primitive.derivative.selects
            stack += equation.operands if over_rows or kind == "whole" else ()
        while stack:
            atom = stack.pop()
            if not isinstance(atom, Var) or not self._is_row_result(atom) or atom in sources:
                continue
            sources.add(atom)
            maker = self.original.equations[self.maker[atom]]
            if maker.primitive.derivative.selects and maker.primitive.kind != "elementwise":
                stack += maker.operands  # itself selected, from entries of its row
        return self._read_later(sources)

    def _read_later(self, sources: set[Var]) -> set[Var]:
        """Those of ``sources`` that a later pass than the one that makes them leads back to."""
        found: set[Var] = set()
        seen: set[Var] = set()
        stack = [
            atom
            for equation, kind in self._by_kind()
            if kind not in ("fixed", "whole")
            for atom in self._row_operands(equation)
            if self.marking.of(atom).level < max(map(self._level, equation.operands))
        ]
        while stack:
            variable = stack.pop()
            if variable in seen:
                continue
            seen.add(variable)
            if variable in sources:
                found.add(variable)
            else:
                stack += self._row_operands(self.original.equations[self.maker[variable]])
        return found

    def _by_kind(self) -> Iterator[tuple[Equation, str]]:
        return zip(self.original.equations, self.marking.kinds, strict=True)

    def _level(self, atom: Atom) -> int:
        return self.marking.of(atom).level

    def _row_operands(self, equation: Equation) -> list[Var]:
        return [a for a in equation.operands if isinstance(a, Var) and self._is_row_result(a)]

    def _wanted_rows(self) -> list[Var]:
        """Row values that must be stored in full: outputs, operands of whole equations, and what
        later passes read."""
        wanted = [atom for atom in self.original.outputs if isinstance(atom, Var)]
        for equation, kind in self._by_kind():
            if kind == "whole":
                wanted += [atom for atom in equation.operands if isinstance(atom, Var)]
            wanted += [variable for variable in equation.results if variable in self.kept]
        return list(dict.fromkeys(v for v in wanted if self._is_row_result(v)))

    def _is_row_result(self, variable: Var) -> bool:
        """Whether a pass computes this variable row by row."""
        index = self.maker.get(variable)
        return index is not None and self.marking.kinds[index] == "row"

    def _emit_between(self, level: int) -> None:
        """Equations outside the passes that can be evaluated once ``level`` passes are over."""
        for equation, kind in self._by_kind():
            mine = self.marking.marks[equation.results[0]].level == level
            if mine and kind in ("fixed", "whole"):
                operands = tuple(self._outer(atom) for atom in equation.operands)
                self.equations.append(equation.of(operands))
                self.materialized.update(equation.results)

    def _emit_pass(self, level: int, wanted: list[Var]) -> None:
        """One ``map_reduce`` for all reductions, and stored rows, of row values of this level."""
        reductions: list[tuple[Var, str]] = []
        for equation, kind in self._by_kind():
            result = equation.results[0]
            reduces = kind not in ("fixed", "whole", "row")
            if reduces and self.marking.marks[result].level == level + 1:
                reductions.append((result, kind))
        reductions += [(v, "rows") for v in wanted if self.marking.marks[v].level == level]
        if not reductions:
            return
        body, operands = self._body([variable for variable, _ in reductions])
        results = tuple(Var(variable.aval, variable.name) for variable, _ in reductions)
        axes = tuple(self.marking.of(variable).axis for variable in operands)
        attributes = {
            "body": body,
            "rows": self.rows,
            "axes": axes,
            "reductions": tuple(kind for _, kind in reductions),
            "row_axes": tuple(self.marking.marks[variable].axis for variable, _ in reductions),
        }
        outer = tuple(self._outer(variable) for variable in operands)
        place = self.original.equations[self.maker[reductions[0][0]]].place
        self.equations.append(Equation(map_reduce, outer, attributes, results, place))
        for (variable, _), result in zip(reductions, results, strict=True):
            self.replaced[variable] = result
            self.materialized.add(variable)

    def _body(self, outputs: list[Var]) -> tuple[Graph, list[Var]]:
        """The equations that ``outputs`` need for a block of rows, and the values to start from."""
        needed: set[int] = set()
        starts: dict[Var, None] = {}
        stack = list(reversed(outputs))
        targets = set(outputs)
        while stack:
            variable = stack.pop()
            again = self._is_row_result(variable) and variable not in self.kept
            if variable in self.materialized and variable not in targets and not again:
                starts[variable] = None
                continue
            index = self.maker[variable]
            if index not in needed:
                needed.add(index)
                operands = self.original.equations[index].operands
                stack += [atom for atom in operands if isinstance(atom, Var)]
        first_row = Var(Aval((), np.dtype(np.int64)), "first_row")
        inputs = {variable: Var(variable.aval, variable.name) for variable in starts}
        equations: list[Equation] = []
        known: dict[Var, Atom] = dict(inputs)
        for index in sorted(needed):
            equations += self._inside(self.original.equations[index], known, first_row)
        results = tuple(known[variable] for variable in outputs)
        graph = Graph((first_row, *inputs.values()), tuple(equations), results)
        return graph, list(starts)

    def _inside(self, equation: Equation, known: dict[Var, Atom], first_row: Var) -> list[Equation]:
        """``equation`` on a body's variables; a range over the rows begins at the first row."""
        operands = tuple(known[a] if isinstance(a, Var) else a for a in equation.operands)
        results = tuple(Var(variable.aval, variable.name) for variable in equation.results)
        known.update(zip(equation.results, results, strict=True))
        inside = equation.of(operands, results)
        if equation.primitive is not arange or self.rows not in equation.attributes.values():
            return [inside]
        local = Var(results[0].aval)
        shifted = Equation(add, (local, first_row), {}, results, equation.place)
        return [replace(inside, results=(local,)), shifted]

    def _outer(self, atom: Atom) -> Atom:
        return self.replaced.get(atom, atom) if isinstance(atom, Var) else atom
