"""From a graph to a program: emitted, compiled or remembered, and bound to shapes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from optserve.backends.llvm.ir import object_cache
from optserve.backends.llvm.ir.engine import engine
from optserve.backends.llvm.ir.exceptions import Unsupported
from optserve.backends.llvm.ir.view import View, contiguous_strides
from optserve.backends.llvm.lowerings.lookup import Lowerings
from optserve.backends.llvm.programs.call import SIGNATURE, BoundProgram, Native
from optserve.backends.llvm.programs.program_frame import ProgramFrame, deliver
from optserve.backends.llvm.programs.size import SizePlan
from optserve.backends.llvm.programs.writer import FUNCTION, Writer
from optserve.backends.shared_chunks import MapReduce
from optserve.graph.graph import Equation, Graph, row_names
from optserve.primitives.map_reduce import map_reduce

__all__ = ["Program", "emit", "has_one_chunk", "passes"]


REFUSED = b"no native form: "
"""How what is remembered of a graph without a program begins, as no object code does."""


class Program:
    """One native function for all of a graph, whose finite sums are ``map_reduce`` equations.

    ``shown`` are the row counts that are known when it is called. Raises ``Unsupported`` where a
    part of the graph has no native form. What is written here becomes machine code when shapes
    are bound: of a graph whose passes turn out to be large, that is never. Code that depends on a
    plugin is remembered under its text, as the plugin may change.
    """

    def __init__(
        self, graph: Graph, plan: SizePlan, shown: Collection[str], lowerings: Lowerings
    ) -> None:
        self.graph = graph
        names = row_names(graph)
        self.tables = tuple(name for name in names if name in shown)
        text = emit(graph, plan, self.tables, lowerings) if not lowerings.are_ours(graph) else ""
        known = [name in shown for name in names]
        layout = ("program", plan.registers, plan.outlined, *known, text)
        self._name = object_cache.key(graph, layout, engine())
        self._code = object_cache.read(self._name)
        if (refused := _refused(self._code, graph)) is not None:
            raise refused
        if self._code is None and not text:
            try:
                text = emit(graph, plan, self.tables, lowerings)
            except Unsupported as error:
                if (record := _record_of(error, graph)) is not None:
                    object_cache.write(self._name, record)
                raise
        self._text = text

    def bind(self, rows: Mapping[str, int]) -> Calls:
        """The program for these row counts; ``Unsupported`` where its code cannot be loaded."""
        function = self._function
        return Calls(lambda: BoundProgram(function, self.graph, self.tables, rows))

    @cached_property
    def _function(self) -> Native:
        machine = engine()
        if self._code is None:
            self._code = machine.object_code(self._text)
            object_cache.write(self._name, self._code)
        return SIGNATURE(machine.load(self._code, FUNCTION))


class Calls:
    """Calls of a program, from any number of threads; each has memory of its own."""

    def __init__(self, make: Callable[[], BoundProgram]) -> None:
        self._make = make
        self._free: list[BoundProgram] = []

    def __call__(self, arguments: Sequence[Any]) -> tuple[Any, ...]:
        try:
            bound = self._free.pop()
        except IndexError:  # the first call, or one beside another
            bound = self._make()
        try:
            return bound(arguments)
        finally:
            self._free.append(bound)


def _record_of(error: Unsupported, graph: Graph) -> bytes | None:
    """Why there is no program of ``graph``, as it is remembered in place of one.

    It takes as long to find out as to write the program: up to the equation without a native form.
    """
    for number, equation in enumerate(graph.equations):
        if error.within is not None and error.within.results[0] in equation.results:
            return REFUSED + f"{number} {error}".encode()
    return None


def _refused(record: bytes | None, graph: Graph) -> Unsupported | None:
    """The error that is remembered in place of a program."""
    if record is None or not record.startswith(REFUSED):
        return None
    number, _, why = record.removeprefix(REFUSED).decode().partition(" ")
    error = Unsupported(why)
    error.within = graph.equations[int(number)]
    return error


def emit(graph: Graph, plan: SizePlan, tables: Sequence[str], lowerings: Lowerings) -> str:
    """The text of the program."""
    w = Writer(len(graph.inputs), len(graph.outputs), tables, plan, lowerings)
    frame = ProgramFrame(w, graph)
    avals = [variable.aval for variable in graph.inputs]
    inputs = [
        View(address, aval.dtype, aval.shape, contiguous_strides(aval.shape))
        for address, aval in zip(w.inputs, avals, strict=True)
    ]
    outputs = [
        View(address, atom.aval.dtype, atom.aval.shape, contiguous_strides(atom.aval.shape))
        for address, atom in zip(w.outputs, graph.outputs, strict=True)
    ]
    for atom, target in zip(frame.write(inputs, outputs), outputs, strict=True):
        deliver(frame, atom, target)
    return w.text()


def has_one_chunk(graph: Graph, rows: Mapping[str, int]) -> bool:
    """Whether no pass over rows has so many that they are cut into chunks, for threads."""
    return all(len(MapReduce(one, rows, 1).bounds) == 1 for one in passes(graph))


def passes(graph: Graph) -> Iterator[Equation]:
    """All ``map_reduce`` equations, in bodies too."""
    for equation in graph.equations:
        if equation.primitive is map_reduce:
            yield equation
        else:
            for value in equation.attributes.values():
                if isinstance(value, Graph):
                    yield from passes(value)
