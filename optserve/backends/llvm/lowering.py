"""Lowering: the body of a ``map_reduce`` as groups of loops over a block of rows.

Every value of a body belongs to a row and has, within the row, a static shape: its space. Equations
that only look at memory differently (reshape, slice, broadcast) become accesses; the others become
nodes. Nodes of one space that read each other entry by entry are fused into one group, and a value
that another group reads is kept in a buffer for the block.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from optserve.backends.llvm.nodes import (
    Access,
    Contraction,
    Lowered,
    Node,
    Space,
    Unsupported,
    row_major,
)
from optserve.backends.llvm.row_lanes import pays, turned
from optserve.backends.llvm.scheduling import buffers_of, schedule
from optserve.graph.dim import Dim
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var

__all__ = ["lower"]


def lower(body: Graph, rows: Dim, axes: Sequence[int | None], reductions: Sequence[str]) -> Lowered:
    """The groups of ``body``, whose first input is the number of the first row."""
    lowering = _Lowering(body, rows, axes)
    for equation in body.equations:
        lowering.equation(equation)
    for position, (atom, kind) in enumerate(zip(body.outputs, reductions, strict=True)):
        lowering.output(position, atom, kind)
    sources = set(lowering.sources)
    row_lanes = pays(lowering.nodes)
    nodes = turned(lowering.nodes, sources) if row_lanes else lowering.nodes
    groups = schedule(nodes, sources, row_lanes)
    return Lowered(groups, buffers_of(groups, sources), row_lanes)


class _Lowering:
    def __init__(self, body: Graph, rows: Dim, axes: Sequence[int | None]) -> None:
        self.rows = rows
        self.accesses: dict[Var, Access] = {}
        self.nodes: list[Node] = []
        self.reduced: dict[Var, Node] = {}
        self.sources = list(body.inputs)
        first_row, *operands = body.inputs
        self.first_row = first_row
        for variable, axis in zip(operands, axes, strict=True):
            if axis not in (None, 0):
                raise Unsupported(f"the rows of an operand run along axis {axis}")
            self._contiguous(variable, has_rows=axis == 0)

    def equation(self, equation: Equation) -> None:
        name = equation.primitive.name
        handler = getattr(self, f"_{name}", None)
        if handler is not None:
            handler(equation)
        elif equation.primitive.kind == "elementwise":
            self._elementwise(equation)
        else:
            raise Unsupported(f"{name} has no native form")

    def output(self, position: int, atom: Atom, kind: str) -> None:
        if isinstance(atom, Literal):
            raise Unsupported("an output that is a literal")
        if kind == "rows":
            if self._row_axis(atom) != 0:
                raise Unsupported("stored rows that do not come first")
            access = self._access(atom)
            blank = Equation.__new__(Equation)
            self.nodes.append(Node("store", access.space, (access,), blank, output=position))
        elif atom in self.reduced and self.reduced[atom].output is None:
            self.reduced[atom].output = position
        else:
            raise Unsupported(f"a {kind} over rows that is read in another way")

    # The equations that are not elementwise, by the names of their primitives.

    def _arange(self, equation: Equation) -> None:
        self._define("iota", equation, (), ())

    def _add(self, equation: Equation) -> None:
        if self.first_row in equation.operands:  # a range over rows begins at the first row
            [other] = [a for a in equation.operands if a is not self.first_row]
            self.accesses[equation.results[0]] = self._access(other)
        else:
            self._elementwise(equation)

    def _broadcast_to(self, equation: Equation) -> None:
        result = equation.results[0]
        space = self._space(result)
        [atom] = equation.operands
        if isinstance(atom, Literal):
            self._define("elementwise", equation, space, (atom,))
            return
        access = self._access(atom)
        if access.row == 0 and not access.space:  # a fixed scalar, laid along the rows
            self._define("elementwise", equation, space, (access,))
            return
        strides = access.over(space)
        self.accesses[result] = Access(access.root, access.row, strides, access.offset, space)

    def _reshape(self, equation: Equation) -> None:
        result = equation.results[0]
        access = self._access(equation.operands[0])
        if self._row_axis(result) != 0 or access.strides != row_major(access.space):
            raise Unsupported("a reshape of entries that are not next to each other")
        space = self._space(result)
        self.accesses[result] = Access(
            access.root, access.row, row_major(space), access.offset, space
        )

    def _slice(self, equation: Equation) -> None:
        access = self._access(equation.operands[0])
        bounds = equation.attributes["bounds"]
        axis = self._row_axis(equation.operands[0])
        inner = [bound for i, bound in enumerate(bounds) if i != axis]
        offset = access.offset + sum(
            start * stride for (start, _, _), stride in zip(inner, access.strides, strict=True)
        )
        strides = tuple(
            stride * step for (_, _, step), stride in zip(inner, access.strides, strict=True)
        )
        result = equation.results[0]
        self.accesses[result] = Access(
            access.root, access.row, strides, offset, self._space(result)
        )

    def _transpose(self, equation: Equation) -> None:
        """Only where the result is then a factor of a product: the row axis moves, nothing else."""
        [atom] = equation.operands
        order = [axis for axis in equation.attributes["axes"] if axis != self._row_axis(atom)]
        access = self._access(atom)
        before = [axis for axis in range(len(order) + 1) if axis != self._row_axis(atom)]
        picks = [before.index(axis) for axis in order]
        result = equation.results[0]
        self.accesses[result] = Access(
            access.root,
            access.row,
            tuple(access.strides[i] for i in picks),
            access.offset,
            tuple(access.space[i] for i in picks),
        )

    def _identity(self, equation: Equation) -> None:
        self.accesses[equation.results[0]] = self._access(equation.operands[0])

    _probe = _identity

    def _cast(self, equation: Equation) -> None:
        self._elementwise(equation)

    def _sum(self, equation: Equation) -> None:
        self._reduction(equation, "sum")

    def _max(self, equation: Equation) -> None:
        self._reduction(equation, "max")

    def _min(self, equation: Equation) -> None:
        self._reduction(equation, "min")

    def _logsumexp(self, equation: Equation) -> None:
        self._reduction(equation, "logsumexp")

    def _reduction(self, equation: Equation, kind: str) -> None:
        [atom] = equation.operands
        row_axis = self._row_axis(atom)
        access = self._access(atom)
        axes = equation.attributes["axis"]
        inner = tuple(axis - (row_axis < axis) for axis in axes if axis != row_axis)
        if row_axis not in axes:
            self._define("reduce", equation, access.space, (access,), detail=(kind, inner))
            return
        if inner and len(inner) < len(access.space):
            raise Unsupported("a sum over rows and some of the other axes")
        node = Node("sum_rows", access.space, (access,), equation, detail=(kind, bool(inner)))
        self.nodes.append(node)
        self.reduced[equation.results[0]] = node

    def _matmul(self, equation: Equation) -> None:
        _check_reals(equation)
        left, right = equation.operands
        x, y = self._access(left), self._access(right)
        shapes = (left.aval.ndim, right.aval.ndim)
        rows = (self._row_axis(left), self._row_axis(right))
        result = equation.results[0]
        if rows == (0, None) and shapes in ((2, 1), (2, 2)):
            kind = "matvec" if shapes == (2, 1) else "matmul"
            self._define(kind, equation, self._space(result), (x, y), detail=x.space[0])
        elif rows in ((1, 0), (0, 0)) and shapes in ((2, 1), (2, 2), (1, 2)):
            node = Node("outer", (), (x, y), equation, detail=(x.space, y.space))
            self.nodes.append(node)
            self.reduced[result] = node
        else:
            self._einsum(equation)

    def _einsum(self, equation: Equation) -> None:
        """Sums of products over letters; one letter is the row, in the result or summed."""
        _check_reals(equation)
        labels, output = equation.labels
        row_letters = set()
        inner = []
        for label, atom in zip(labels, equation.operands, strict=True):
            axis = self._row_axis(atom)
            row_letters |= set() if axis is None else {label[axis]}
            inner.append(label if axis is None else label[:axis] + label[axis + 1 :])
        if len(row_letters) != 1:
            raise Unsupported("a product of rows with rows")
        [row] = row_letters
        if any(row in label for label in inner):
            raise Unsupported("a product of rows with something fixed of as many entries")
        kept = output.replace(row, "")
        sizes = {
            letter: size
            for label, atom in zip(inner, equation.operands, strict=True)
            for letter, size in zip(label, self._space(atom), strict=True)
        }
        summed = "".join(sorted(set("".join(inner)) - set(kept)))
        inputs = tuple(self._access(atom) for atom in equation.operands)
        space = tuple(sizes[letter] for letter in kept)
        detail = Contraction(tuple(inner), kept, summed, sizes)
        if row in output:
            if output[0] != row:
                raise Unsupported("rows that do not come first")
            self._define("contract", equation, space, inputs, detail=detail)
        else:
            node = Node("contract", space, inputs, equation, detail=detail)
            self.nodes.append(node)
            self.reduced[equation.results[0]] = node

    def _take(self, equation: Equation) -> None:
        table, indices = equation.operands
        if self._row_axis(table) is not None or equation.attributes["axis"] != 0:
            raise Unsupported("a gather from rows")
        if self._space(indices):
            raise Unsupported("a gather by more than one index a row")
        space = self._space(equation.results[0])
        inputs = (self._access(table), self._access(indices))
        self._define("take", equation, space, inputs, detail=table.aval.shape[0])

    def _scatter_add(self, equation: Equation) -> None:
        values, indices = equation.operands
        if self._row_axis(indices) != 0 or self._space(indices) or equation.attributes["axis"]:
            raise Unsupported("a scatter by more than one index a row")
        inputs = (self._access(values), self._access(indices))
        size = _static(equation.attributes["size"])
        node = Node("scatter", self._space(values), inputs, equation, detail=size)
        self.nodes.append(node)
        self.reduced[equation.results[0]] = node

    def _elementwise(self, equation: Equation) -> None:
        inputs = tuple(
            atom if isinstance(atom, Literal) else self._access(atom) for atom in equation.operands
        )
        self._define("elementwise", equation, self._space(equation.results[0]), inputs)

    def _define(
        self,
        kind: str,
        equation: Equation,
        space: Space,
        inputs: Sequence[Access | Literal],
        detail: Any = None,
    ) -> None:
        result = equation.results[0]
        if self._row_axis(result) != 0:
            raise Unsupported("rows that do not run along the first axis")
        self.nodes.append(Node(kind, space, tuple(inputs), equation, result, detail=detail))
        self._contiguous(result, has_rows=True)

    def _contiguous(self, variable: Var, *, has_rows: bool) -> None:
        space = self._space(variable)
        row = math.prod(space) if has_rows else 0
        self.accesses[variable] = Access(variable, row, row_major(space), 0, space)

    def _access(self, atom: Atom) -> Access:
        if isinstance(atom, Literal):
            raise Unsupported("a literal where an array is needed")
        if atom not in self.accesses:
            raise Unsupported(f"a value over rows of {atom.aval} that is read again")
        return self.accesses[atom]

    def _row_axis(self, atom: Atom) -> int | None:
        axes = [axis for axis, size in enumerate(atom.aval.shape) if size == self.rows]
        return axes[0] if axes else None

    def _space(self, atom: Atom) -> Space:
        sizes = [size for size in atom.aval.shape if size != self.rows]
        return tuple(_static(size) for size in sizes)


def _check_reals(equation: Equation) -> None:
    if equation.results[0].aval.dtype.kind != "f":
        raise Unsupported("a product of anything but floats")


def _static(size: int | Dim) -> int:
    if not isinstance(size, int):
        raise Unsupported(f"the size {size} within a row")
    return size
