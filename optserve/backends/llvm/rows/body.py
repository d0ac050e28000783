"""The body of a ``map_reduce`` as groups of loops over a block of rows.

Every value of a body belongs to a row and has, within the row, a static shape: its space. What only
looks at memory differently (reshape, slice, broadcast) becomes an access; everything else becomes a
node. Nodes of one space that read each other entry by entry are fused into one group, and a value
that another group reads is kept in a buffer for the block. Which of these an equation becomes is
said by the ``rows`` form of its primitive's lowering.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from optserve.backends.llvm.ir.builder import IRValue
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.view import View
from optserve.backends.llvm.lowerings.lookup import Lowerings
from optserve.backends.llvm.rows.computations import (
    Access,
    Computation,
    Lowered,
    Space,
    row_major,
    static,
)
from optserve.backends.llvm.rows.fusion import buffers_of, schedule
from optserve.backends.llvm.rows.row_lanes import pays, turned
from optserve.backends.lowering import Lowering
from optserve.graph.aval import Aval, Shape
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.primitives.arithmetic import add, multiply

__all__ = ["Body", "lower"]


def lower(
    body: Graph,
    rows: Dim,
    axes: Sequence[int | None],
    reductions: Sequence[str],
    lowerings: Lowerings,
) -> Lowered:
    """The groups of ``body``, whose first input is the number of the first row."""
    lowering = Body(body, rows, axes, lowerings)
    for equation in body.equations:
        try:
            lowering.equation(equation)
        except Unsupported as error:
            raise error.of(equation) from None
    for position, (atom, kind) in enumerate(zip(body.outputs, reductions, strict=True)):
        lowering.output(position, atom, kind)
    sources = set(lowering.sources)
    row_lanes = pays(lowering.nodes)
    nodes = turned(lowering.nodes, sources) if row_lanes else lowering.nodes
    groups = schedule(nodes, sources, row_lanes)
    return Lowered(groups, buffers_of(groups, sources), row_lanes)


_NOWHERE = IRValue("null", "ptr")
"""The address of a view that is only looked at."""


class Body:
    """Accesses and nodes by the variables of a body, while its equations are gone through."""

    def __init__(
        self, body: Graph, rows: Dim, axes: Sequence[int | None], lowerings: Lowerings
    ) -> None:
        self.rows = rows
        self.lowerings = lowerings
        self.accesses: dict[Var, Access] = {}
        self.nodes: list[Computation] = []
        self.reduced: dict[Var, Computation] = {}
        self.sources = list(body.inputs)
        first_row, *operands = body.inputs
        self.first_row = first_row
        for variable, axis in zip(operands, axes, strict=True):
            if axis not in (None, 0):
                raise Unsupported(f"the rows of an operand run along axis {axis}")
            self._contiguous(variable, has_rows=axis == 0)

    def equation(self, equation: Equation) -> None:
        """Add what an equation becomes."""
        lowering = self.lowerings.of(equation.primitive)
        if self.first_row in equation.operands:
            self._count_from_first_row(equation)
        elif (own := self._within(equation, lowering)) is not None:
            inputs = tuple(map(self.access, equation.operands))
            space = self.space(equation.results[0])
            self.define("each", equation, space, inputs, detail=(lowering.loops, own))
        elif lowering.rows is not None:
            lowering.rows(self, equation)
        elif self.lowerings.computes_entries(equation):
            self.elementwise(equation)
        elif lowering.view is not None:
            self.move(equation, lowering.view)
        elif lowering.within is not None:
            raise Unsupported(f"{equation.primitive} across rows")
        else:
            raise Unsupported(f"{equation.primitive} has no native form")

    def output(self, position: int, atom: Atom, kind: str) -> None:
        """Say which output a value is, and how it is reduced."""
        if isinstance(atom, Literal):
            raise Unsupported("an output that is a literal")
        if kind == "rows":
            if self.row_axis(atom) != 0:
                raise Unsupported("stored rows that do not come first")
            access = self.access(atom)
            blank = Equation.__new__(Equation)
            self.nodes.append(Computation("store", access.space, (access,), blank, output=position))
        elif atom in self.reduced and self.reduced[atom].output is None:
            self.reduced[atom].output = position
        else:
            raise Unsupported(f"a {kind} over rows that is read in another way")

    def _within(self, equation: Equation, lowering: Lowering) -> Mapping[str, Any] | None:
        """The attributes within a row, where the loops of a value in memory do for each row: a pass
        is a program with one axis more."""
        if lowering.loops is None or lowering.within is None:
            return None
        carried = tuple(map(self.row_axis, equation.operands))
        found: Mapping[str, Any] | None = lowering.within(equation.attributes, carried)
        return found

    def _count_from_first_row(self, equation: Equation) -> None:
        """A range over rows plus the number of the first: native code counts rows from there."""
        others = [atom for atom in equation.operands if atom is not self.first_row]
        if equation.primitive is not add or len(others) != 1:
            raise Unsupported("the number of the first row in anything but a range over rows")
        self.accesses[equation.results[0]] = self.access(others[0])

    # What the forms of lowerings use.

    def elementwise(self, equation: Equation) -> None:
        """A node that computes each entry from the same entry of the operands."""
        inputs = tuple(
            atom if isinstance(atom, Literal) else self.access(atom) for atom in equation.operands
        )
        self.define("elementwise", equation, self.space(equation.results[0]), inputs)

    def define(
        self,
        kind: str,
        equation: Equation,
        space: Space,
        inputs: Sequence[Access | Literal],
        detail: Any = None,
    ) -> None:
        """A node whose result has rows."""
        result = equation.results[0]
        if self.row_axis(result) != 0:
            raise Unsupported("rows that do not run along the first axis")
        self.nodes.append(Computation(kind, space, tuple(inputs), equation, result, detail=detail))
        self._contiguous(result, has_rows=True)

    def reduce(
        self,
        kind: str,
        equation: Equation,
        space: Space,
        inputs: Sequence[Access | Literal],
        detail: Any = None,
    ) -> None:
        """A node whose result has no rows any more; only an output may be that."""
        node = Computation(kind, space, tuple(inputs), equation, detail=detail)
        self.nodes.append(node)
        self.reduced[equation.results[0]] = node

    def reduced_within(self, equation: Equation, access: Access, detail: Any) -> Access:
        """What is left of each row where it is reduced along axes of its own: a value that no
        equation has, as it is reduced over rows next."""
        _, axes = detail
        kept = tuple(size for i, size in enumerate(access.space) if i not in axes)
        result = Var(Aval((self.rows, *kept), equation.results[0].aval.dtype))
        attributes = {**equation.attributes, "axis": axes, "keepdims": False}
        own = replace(equation, attributes=attributes, results=(result,))
        self.define("reduce", own, access.space, (access,), detail)
        return self.access(result)

    def product(self, equation: Equation, inputs: Sequence[Access]) -> Access:
        """The products of rows entry by entry, a value that no equation has either."""
        space = max((access.space for access in inputs), key=len)
        dtype = equation.results[0].aval.dtype
        first, *others = inputs
        for other in others:
            result = Var(Aval((self.rows, *space), dtype))
            own = Equation(multiply, equation.operands, {}, (result,), equation.place)
            self.define("elementwise", own, space, (first, other))
            first = self.access(result)
        return first

    def move(
        self, equation: Equation, move: Callable[[View, Mapping[str, Any], Shape], View | None]
    ) -> None:
        """A result that is there already, as another view of the memory of the operand."""
        [atom], [result] = equation.operands, equation.results
        access, rows = self.access(atom), self.row_axis(atom)
        strides = list(access.strides)
        if rows is not None:
            strides.insert(rows, access.row)
        dtype, shape = atom.aval.dtype, result.aval.shape
        before = View(_NOWHERE, dtype, atom.aval.shape, tuple(strides), access.offset)
        view = move(before, equation.attributes, shape)
        if view is None:
            raise Unsupported(f"{equation.primitive} of entries that are not next to each other")
        axis, [offset, *steps] = self.row_axis(result), map(static, (view.offset, *view.strides))
        row = 0 if axis is None else steps.pop(axis)
        self.accesses[result] = Access(access.root, row, tuple(steps), offset, self.space(result))

    def access(self, atom: Atom) -> Access:
        """Where the entries of a value are."""
        if isinstance(atom, Literal):
            raise Unsupported("a literal where an array is needed")
        if atom not in self.accesses:
            raise Unsupported(f"a value over rows of {atom.aval} that is read again")
        return self.accesses[atom]

    def row_axis(self, atom: Atom) -> int | None:
        """The axis along which a value has rows."""
        axes = [axis for axis, size in enumerate(atom.aval.shape) if size == self.rows]
        return axes[0] if axes else None

    def space(self, atom: Atom) -> Space:
        """The shape of a value within a row."""
        return tuple(static(size) for size in atom.aval.shape if size != self.rows)

    def _contiguous(self, variable: Var, *, has_rows: bool) -> None:
        space = self.space(variable)
        row = math.prod(space) if has_rows else 0
        self.accesses[variable] = Access(variable, row, row_major(space), 0, space)
