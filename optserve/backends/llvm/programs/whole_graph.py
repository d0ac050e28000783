"""A graph as a callable: one native function where its work is small, else split by its passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

import numpy as np

from optserve.backends.backend import CalledOut, Compiled
from optserve.backends.llvm.ir.exceptions import Failed, Unsupported
from optserve.backends.llvm.lowerings.all_lowerings import lowerings_with
from optserve.backends.llvm.lowerings.lookup import Lowerings
from optserve.backends.llvm.programs.compiled_program import Program, has_one_chunk, passes
from optserve.backends.llvm.programs.size import SizePlan, plan_of
from optserve.backends.llvm.programs.split_program import SplitProgram
from optserve.backends.llvm.rows.native_pass import has_native_form, native
from optserve.backends.numpy.control_flow import compile_passes, tiled
from optserve.backends.shared_chunks import MapReduce
from optserve.graph.dim import Dim
from optserve.graph.graph import Equation, Graph
from optserve.graph.interpret import bind_rows
from optserve.graph.streamed import Streamed
from optserve.primitives.map_reduce import map_reduce
from optserve.transforms.finite_sum import finite_sum, row_counts
from optserve.transforms.sink import sink

__all__ = ["WholeGraph", "called_out"]

SHAPES = 16
"""Sets of shapes that are remembered, such as the numbers of steps that loops are asked for."""

Shapes = tuple[tuple[int, ...], ...]
ProgramCall = Callable[[Sequence[Any]], tuple[Any, ...]]


class WholeGraph:
    """Evaluates one graph; what is compiled is compiled at the first call that needs it.

    What has no native form at all runs on NumPy but for its passes.
    """

    def __init__(self, graph: Graph, threads: int, lowerings: Lowerings | None = None) -> None:
        self.graph = sink(graph)
        self.threads = threads
        self.lowerings = lowerings or lowerings_with(())
        self._columns = [
            position
            for position, variable in enumerate(graph.inputs)
            if any(isinstance(size, Dim) for size in variable.aval.shape)
        ]
        self._whole: dict[Shapes, ProgramCall] = {}
        self._streamed: dict[Shapes, ProgramCall] = {}

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        calls = self._whole
        for position in self._columns:
            if isinstance(arguments[position], Streamed):
                calls = self._streamed
        shapes = tuple([argument.shape for argument in arguments])
        try:
            call = calls[shapes]
        except KeyError:
            call = self._bind(arguments, whole=calls is self._whole)
            if len(calls) >= SHAPES:
                calls.clear()
            calls[shapes] = call
        try:
            return call(arguments)
        except Failed:  # NumPy says where, and of what
            return self._on_numpy(*arguments)

    @cached_property
    def program(self) -> Program | None:
        """All of the graph as one function, or ``None`` where a part of it has no native form."""
        try:
            return Program(self._summed, self._plan, self._shown, self.lowerings)
        except Unsupported:
            return None

    def called_out(self, rows: Mapping[str, int]) -> CalledOut:
        """The equations that NumPy evaluates, for these row counts; nothing is compiled."""
        found: list[Equation] = []
        if not has_one_chunk(self._summed, rows) or self.program is None:
            found += self._leaves(self._summed) if self._split is None else self._split.called_out
            for equation in passes(self._summed):
                if self._split is not None and self._split.has_compiled(equation):
                    continue
                if not has_native_form(MapReduce(equation, rows, 1), self.lowerings):
                    found += self._leaves(equation.attributes["body"])
        return CalledOut(tuple(found), len(self._leaves(self._summed, all_of_them=True)))

    def _leaves(self, graph: Graph, all_of_them: bool = False) -> list[Equation]:
        """Equations without bodies, those inside of loops too, and perhaps those of passes."""
        found: list[Equation] = []
        for equation in self.lowerings.expanded(graph).equations:
            bodies = [body for _, body in Graph((), (equation,), ()).subgraphs()]
            if equation.primitive is map_reduce and not all_of_them:
                continue
            found += [equation] if not bodies else []
            for body in bodies:
                found += self._leaves(body, all_of_them)
        return found

    def _bind(self, arguments: Sequence[Any], whole: bool) -> ProgramCall:
        """What evaluates arguments of these shapes."""
        rows = bind_rows(self.graph.inputs, arguments)
        if whole and has_one_chunk(self._summed, rows) and self.program is not None:
            with suppress(Unsupported):
                return self.program.bind(rows)
        if self._split is not None:
            with suppress(Unsupported):
                return _silent(_owned(self._split.bind(rows), self._summed))
        passes = self._passes
        return lambda given: passes(*given)

    @cached_property
    def _split(self) -> SplitProgram | None:
        try:
            return SplitProgram(self._summed, self._plan, self.threads, self._shown, self.lowerings)
        except Unsupported:
            return None

    @cached_property
    def _passes(self) -> Compiled:
        compiled = partial(native, lowerings=self.lowerings)
        return compile_passes(self._written, self.threads, compiled)

    @cached_property
    def _on_numpy(self) -> Compiled:
        return compile_passes(self.graph, self.threads, tiled)

    @cached_property
    def _written(self) -> Graph:
        """The graph over primitives that have lowerings.

        They are written out before work on rows is gathered into passes: what depends on no row,
        such as the normalization of a density by a parameter, has no place in a pass.
        """
        return self.lowerings.expanded(self.graph)

    @cached_property
    def _summed(self) -> Graph:
        return finite_sum(self._written)

    @cached_property
    def _plan(self) -> SizePlan:
        return plan_of(self._summed, self.lowerings)

    @cached_property
    def _shown(self) -> tuple[str, ...]:
        return tuple(rows.name for rows in row_counts(self.graph))


def called_out(compiled: Compiled, rows: Mapping[str, int]) -> CalledOut:
    """What a callable that this backend made hands to NumPy, for these row counts."""
    assert isinstance(compiled, WholeGraph)
    return compiled.called_out(rows)


def _silent(call: ProgramCall) -> ProgramCall:
    """``call``, in which what is called of NumPy warns of nothing: infinities are results."""

    def silent(given: Sequence[Any]) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            return call(given)

    return silent


def _owned(call: ProgramCall, graph: Graph) -> ProgramCall:
    """``call``, whose results share no memory with its arguments or with each other."""
    outputs = graph.outputs
    shared = [atom in graph.inputs or atom in outputs[:i] for i, atom in enumerate(outputs)]
    if not any(shared):
        return call

    def copied(given: Sequence[Any]) -> tuple[Any, ...]:
        found = zip(call(given), shared, strict=True)
        return tuple([np.array(one)[()] if copy else one for one, copy in found])

    return copied
