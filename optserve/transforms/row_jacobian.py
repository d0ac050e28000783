"""The Jacobian of values by rows, in reverse mode: one row of it is the gradient of one row.

Where each row of a residual depends on the same row of the data and on the parameters, the rows
need not be pulled back one after the other. One walk back takes the cotangents of all rows along:
of a value with rows they are laid out like the value. Where they reach a value without rows, which
all rows share, that of each row is kept apart, along an axis in front, instead of being summed. So
the graph is that of a gradient, however many parameters there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from optserve.graph.aval import Aval, aval_of, is_float, precision_of, shape_size
from optserve.graph.dim import Dim, Size
from optserve.graph.graph import Atom, Equation, Graph, Literal, Var
from optserve.graph.interpret import resolved
from optserve.graph.primitive import Value
from optserve.primitives.constants import arange
from optserve.primitives.products import einsum
from optserve.primitives.shaping import cast, reshape
from optserve.primitives.sums import broadcast_to
from optserve.primitives.tracing import trace
from optserve.transforms.expand import expand
from optserve.transforms.marking import mark
from optserve.transforms.overflow import Guard, guards
from optserve.transforms.reverse import Environment, value_and_pull
from optserve.transforms.rules import Cotangents, fitted, recorded, recorded_at
from optserve.transforms.simplify import prune, simplify
from optserve.transforms.vmap import in_front, vmap

__all__ = ["row_jacobian_graph"]


def row_jacobian_graph(graph: Graph, outputs: Sequence[int], wrt: Sequence[int]) -> Graph | None:
    """All outputs of ``graph``, then for each output of ``outputs`` its Jacobian, in reverse mode.

    They are those of ``forward.jacobian_graph``: of an output of shape (n, ...) the Jacobian has
    the shape (n, ..., p). ``None`` where rows of an output depend on other rows than their own; an
    output without rows may depend on all of them. An input that has rows itself, along its first
    axis, counts as many columns as it has entries a row.
    """
    graph = simplify(graph)
    precision = precision_of(atom.aval for atom in graph.outputs)
    parts = [_part(graph, graph.outputs[index], wrt) for index in outputs]
    if any(part is None for part in parts):
        return None

    def walk(*arguments: Value) -> list[Value]:
        environment = Environment(graph, arguments)
        for equation in graph.equations:
            operands = [environment.read(atom) for atom in equation.operands]
            with recorded_at(operands, equation.place):
                results = environment.bind(equation, operands)
            environment.values.update(zip(equation.results, results, strict=True))
        jacobians = [part.jacobian(environment) for part in parts if part is not None]
        return [*(environment.read(atom) for atom in graph.outputs), *jacobians]

    return recorded(walk, graph.inputs, precision)


def _part(graph: Graph, output: Atom, wrt: Sequence[int]) -> _Part | None:
    """How the Jacobian of one output is computed, if it can be."""
    needed = prune(replace(graph, outputs=(output,)))
    wanted = [graph.inputs[index] for index in wrt]
    active = _reached(needed, wanted)
    counts = [size for size in output.aval.shape if isinstance(size, Dim)]
    if not counts:
        return _Part(needed, wanted, active, None)
    rows = output.aval.shape[0]
    if len(counts) > 1 or not isinstance(rows, Dim) or not rows.is_rows:
        return None
    return _Part(needed, wanted, active, rows) if _keeps_rows(needed, active, rows) else None


def _reached(graph: Graph, wanted: Iterable[Var]) -> set[Atom]:
    """The floating values that depend on those ``wanted``, and these."""
    reached: set[Atom] = {variable for variable in wanted if is_float(variable.aval.dtype)}
    for equation in graph.equations:
        if not reached.isdisjoint(equation.operands):
            reached.update(v for v in equation.results if is_float(v.aval.dtype))
    return reached


def _keeps_rows(graph: Graph, active: set[Atom], rows: Dim) -> bool:
    """Whether each row of what depends on the parameters depends on the same row of all else."""
    equations = tuple(one for one in graph.equations if not active.isdisjoint(one.results))
    made = {variable for equation in equations for variable in equation.results}
    read = [atom for one in equations for atom in one.operands if isinstance(atom, Var)]
    inputs = tuple(dict.fromkeys(atom for atom in read if atom not in made))
    marking = mark(expand(Graph(inputs, equations, graph.outputs)), rows)
    if any(kind not in ("fixed", "row") for kind in marking.kinds):
        return False
    return all(
        _count_in(variable.aval, rows) == (0 if entry.axis is None else 1)
        for variable, entry in marking.marks.items()
    )


def _count_in(aval: Aval, rows: Dim) -> int:
    """Along how many axes the number of rows takes part in a shape."""
    return sum(isinstance(size, Dim) and rows.name in size.names for size in aval.shape)


@dataclass(frozen=True)
class _Part:
    """One output of a graph, by the inputs ``wanted``; ``active`` are the values that depend on
    them. ``rows`` are those of the output, if it has any."""

    graph: Graph
    wanted: Sequence[Var]
    active: set[Atom]
    rows: Dim | None

    def jacobian(self, environment: Environment) -> Value:
        """The Jacobian (n, ..., p), where the environment holds all values."""
        [output] = self.graph.outputs
        aval = output.aval
        count = shape_size(aval.shape if self.rows is None else aval.shape[1:])
        assert isinstance(count, int)
        recorder = environment.trace
        assert recorder is not None
        one = recorder.lift(aval.dtype.type(1.0))

        def pulled(seed: Value) -> list[Value]:
            """The cotangents of all inputs, (n, p) or (p,), for one of the output."""
            cts = _Walk(self, environment).back(seed)
            front = () if self.rows is None else (self.rows,)
            return list(_flat(zip(cts, self.wanted, strict=True), front, one))

        if count == 1:
            columns = pulled(broadcast_to(one, aval.shape))
        else:
            columns = self._each(pulled, count, environment)
        joined = columns[0] if len(columns) == 1 else np.concatenate(columns, axis=-1)
        return reshape(joined, (*aval.shape, joined.shape[-1]))

    def _each(
        self, pulled: Callable[[Value], list[Value]], count: int, environment: Environment
    ) -> list[Value]:
        """Of several entries of a row the cotangents, (n, entries, p), by one walk for all."""
        [output] = self.graph.outputs
        recorder = environment.trace
        assert recorder is not None
        aval = output.aval
        traced = trace(pulled, aval, precision=recorder.precision, rewrites=False)
        position = recorder.bind(arange, (), {"size": count, "dtype": np.dtype(np.int64)})
        unit = cast(position[:, None] == position, dtype=aval.dtype)
        inner = aval.shape if self.rows is None else aval.shape[1:]
        seeds = reshape(unit, (count, *inner))
        if self.rows is not None:
            seeds = reshape(seeds, (count, 1, *inner))
        seeds = broadcast_to(seeds, (count, *aval.shape))
        given = [seeds, *traced.captured]
        flags = [True, *(False for _ in traced.captured)]
        found, carried = vmap(traced.graph, given, flags, count)
        columns = []
        for value, flag in zip(found, carried, strict=True):
            spread = value if flag else broadcast_to(value, (count, *aval_of(value).shape))
            columns.append(spread if self.rows is None else np.transpose(spread, (1, 0, 2)))
        return columns


def _flat(
    cts: Iterable[tuple[Value | None, Var]], front: tuple[Size, ...], one: Value
) -> Iterator[Value]:
    """The cotangents of inputs, flattened, within a row where an input has rows itself; one array
    of zeros for all inputs side by side that have none."""
    for is_zero, side_by_side in groupby(cts, lambda pair: pair[0] is None):
        shapes = [(ct, variable.aval.shape) for ct, variable in side_by_side]
        pairs = [(ct, shape_size(x[1:] if front == x[:1] else x)) for ct, x in shapes]
        if is_zero:
            yield broadcast_to(one * 0.0, (*front, sum(size for _, size in pairs)))
        else:
            yield from (reshape(ct, (*front, size)) for ct, size in pairs)


class _Walk:
    """One walk back. Cotangents of values without rows have the rows of the output in front."""

    def __init__(self, part: _Part, environment: Environment) -> None:
        self.part = part
        self.environment = environment
        self.cts: dict[Atom, Value] = {}
        self.masked: set[Atom] = set()

    def back(self, seed: Value) -> Cotangents:
        """The cotangents of the inputs that are wanted, for one of the output."""
        part = self.part
        [output] = part.graph.outputs
        if output in part.active:
            self.cts[output] = seed
        guarded = guards(part.graph)
        for equation, guard in zip(reversed(part.graph.equations), reversed(guarded), strict=True):
            if any(variable in self.cts for variable in equation.results):
                self._through(equation, guard)
        return tuple(self.cts.get(variable) for variable in part.wanted)

    def _through(self, equation: Equation, guard: Guard) -> None:
        part, own = self.part, [self.cts.pop(v, None) for v in equation.results]
        masked = any(variable in self.masked for variable in equation.results)
        selects = masked or equation.primitive.derivative.selects
        operands = [self.environment.read(atom) for atom in equation.operands]
        pull = _Pull(equation, operands, self.environment, guard, masked)
        wanted = [atom in part.active for atom in equation.operands]
        with recorded_at([*operands, *own], equation.place):
            if part.rows is None or not self._has_rows(equation.results[0]):
                found = pull.alike(own, wanted) if part.rows is None else pull.apart(own, wanted)
            else:
                rows = [self._has_rows(atom) for atom in equation.operands]
                alike = [want and row for want, row in zip(wanted, rows, strict=True)]
                apart = [want and not row for want, row in zip(wanted, rows, strict=True)]
                found = pull.alike(own, alike) if any(alike) else [None for _ in rows]
                if any(apart):
                    kept = pull.of_rows(own, apart, part.rows)
                    found = [k if a else f for k, f, a in zip(kept, found, apart, strict=True)]
            for atom, ct in zip(equation.operands, found, strict=True):
                if ct is not None and atom in part.active:
                    before = self.cts.get(atom)
                    self.cts[atom] = ct if before is None else before + ct
                    if selects:
                        self.masked.add(atom)

    def _has_rows(self, atom: Atom) -> bool:
        return self.part.rows is not None and self.part.rows in atom.aval.shape


@dataclass(frozen=True)
class _Pull:
    """The pullback of one equation."""

    equation: Equation
    operands: Sequence[Value]
    environment: Environment
    guard: Guard
    masked: bool

    def alike(self, cts: Sequence[Value | None], wanted: Sequence[bool]) -> list[Value | None]:
        """Cotangents of operands, laid out as these are."""
        results = [self.environment.values[variable] for variable in self.equation.results]
        _, pull = value_and_pull(
            self.equation.primitive,
            self.operands,
            self.equation.attributes,
            wanted=wanted,
            known=results,
            guard=self.guard,
        )
        back = pull(tuple(cts), self.masked)
        return [
            fitted(ct, aval_of(x)) if want and ct is not None else None
            for ct, x, want in zip(back, self.operands, wanted, strict=True)
        ]

    def of_rows(
        self, cts: Sequence[Value | None], wanted: Sequence[bool], rows: Dim
    ) -> list[Value | None]:
        """Cotangents of operands without rows, from results with rows: those of all rows in front.

        What is elementwise leaves them where they are in the result; of a sum of products they are
        one that keeps the letter of the rows. Of anything else they are those of each row.
        """
        primitive = self.equation.primitive
        if primitive.kind == "elementwise":
            return self._elementwise(cts, wanted, rows)
        if primitive.facts.contraction is not None:
            return self._products(cts, wanted, rows)
        return self.apart(cts, wanted, rows)

    def _elementwise(
        self, cts: Sequence[Value | None], wanted: Sequence[bool], rows: Dim
    ) -> list[Value | None]:
        [result] = self.equation.results
        axis, ndim = result.aval.shape.index(rows), result.aval.ndim
        _, pull = value_and_pull(
            self.equation.primitive,
            self.operands,
            self.equation.attributes,
            wanted=wanted,
            known=[self.environment.values[result]],
            guard=self.guard,
        )
        found: list[Value | None] = []
        back = pull(tuple(cts), self.masked)
        for atom, ct, want in zip(self.equation.operands, back, wanted, strict=True):
            if ct is None or not want:
                found.append(None)
                continue
            own = atom.aval
            shape = [*(1 for _ in range(ndim - own.ndim)), *own.shape]
            shape[axis] = rows
            laid_out = in_front(fitted(ct, Aval(tuple(shape), own.dtype)), axis)
            found.append(reshape(laid_out, (rows, *own.shape)))
        return found

    def _products(
        self, cts: Sequence[Value | None], wanted: Sequence[bool], rows: Dim
    ) -> list[Value | None]:
        [result], [ct] = self.equation.results, cts
        labels, output = self.equation.labels
        letter = output[result.aval.shape.index(rows)]
        factors = self.guard.factors(self.equation.primitive, self.operands)
        found: list[Value | None] = []
        for index, want in enumerate(wanted):
            if not want:
                found.append(None)
                continue
            others = [i for i in range(len(labels)) if i != index]
            known = set(output).union(*(labels[i] for i in others))
            own, aval = labels[index], self.equation.operands[index].aval
            kept = "".join(one for one in own if one in known)
            spec = ",".join([output, *(labels[i] for i in others)]) + f"->{letter}{kept}"
            made = einsum.bind(ct, *(factors[i] for i in others), spec=spec)
            # Axes that only this operand has were summed: its cotangent is the same along them.
            sizes = [n if one in known else 1 for one, n in zip(own, aval.shape, strict=True)]
            made = reshape(made, (rows, *sizes)) if kept != own else made
            found.append(fitted(made, Aval((rows, *aval.shape), aval.dtype)))
        return found

    def apart(
        self, cts: Sequence[Value | None], wanted: Sequence[bool], rows: Dim | None = None
    ) -> list[Value | None]:
        """Cotangents of operands without rows, each with those of all rows in front.

        Without ``rows`` the cotangents of the results have them in front. Else operands, results
        and their cotangents have rows, and the pullback is that of a table of one row, for each.
        """
        atoms = [*self.equation.operands, *self.equation.results]
        values = [*self.operands, *(self.environment.values[v] for v in self.equation.results)]
        known = [(atom, x) for atom, x in zip(atoms, values, strict=True) if isinstance(atom, Var)]
        own = [(v, ct) for v, ct in zip(self.equation.results, cts, strict=True) if ct is not None]
        pairs = [*known, *own]
        avals = [_one_row(atom.aval, rows) for atom, _ in pairs]
        attributes = self.equation.attributes
        if rows is not None:
            attributes = resolved(attributes, {rows.name: 1})
        asked = [index for index, want in enumerate(wanted) if want]

        def pulled(*given: Value) -> list[Value]:
            inside = dict(zip((atom for atom, _ in known), given, strict=False))
            incoming = dict(zip((v for v, _ in own), given[len(known) :], strict=True))
            operands = [
                atom.value if isinstance(atom, Literal) else inside[atom]
                for atom in self.equation.operands
            ]
            _, pull = value_and_pull(
                self.equation.primitive,
                operands,
                attributes,
                wanted=wanted,
                known=[inside[v] for v in self.equation.results],
                guard=self.guard,
            )
            back = pull(tuple(incoming.get(v) for v in self.equation.results), self.masked)
            return [
                np.zeros_like(operands[i])
                if back[i] is None
                else fitted(back[i], aval_of(operands[i]))
                for i in asked
            ]

        recorder = self.environment.trace
        assert recorder is not None
        traced = trace(pulled, *avals, precision=recorder.precision, rewrites=False)
        if rows is None:
            size = aval_of(own[0][1]).shape[0]
            flags = [False for _ in known] + [True for _ in own]
            given = [value for _, value in pairs]
        else:
            size = rows
            flags = [rows in atom.aval.shape for atom, _ in pairs]
            given = [
                _row_by_row(value, atom.aval, rows) if flag else value
                for (atom, value), flag in zip(pairs, flags, strict=True)
            ]
        given += traced.captured
        flags += [False for _ in traced.captured]
        outputs, carried = vmap(traced.graph, given, flags, size)
        found: list[Value | None] = [None for _ in wanted]
        for index, value, flag in zip(asked, outputs, carried, strict=True):
            shape = (size, *aval_of(value).shape)
            found[index] = value if flag else broadcast_to(value, shape)
        return found


def _one_row(aval: Aval, rows: Dim | None) -> Aval:
    """The aval of a table of one row."""
    if rows is None:
        return aval
    return Aval(tuple(1 if size == rows else size for size in aval.shape), aval.dtype)


def _row_by_row(value: Value, aval: Aval, rows: Dim) -> Value:
    """A value with rows as many of one row each."""
    return reshape(in_front(value, aval.shape.index(rows)), (rows, *_one_row(aval, rows).shape))
