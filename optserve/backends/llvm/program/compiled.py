"""From a graph to a program: emitted, compiled or remembered, and bound to shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from optserve.backends.llvm import object_cache
from optserve.backends.llvm.engine import engine
from optserve.backends.llvm.program.call import SIGNATURE, Bound
from optserve.backends.llvm.program.control import deliver
from optserve.backends.llvm.program.frame import Frame
from optserve.backends.llvm.program.size import plan_of
from optserve.backends.llvm.program.values import View, contiguous_strides
from optserve.backends.llvm.program.writer import FUNCTION, Writer
from optserve.backends.map_reduce import MapReduce
from optserve.graph.dim import Dim
from optserve.graph.graph import Equation, Graph
from optserve.graph.interpret import bind_rows

__all__ = ["Program", "emit", "has_one_chunk"]


class Program:
    """One native function for all of a graph, whose finite sums are ``map_reduce`` equations.

    Raises ``Unsupported`` where a part of the graph has no native form.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.tables = _tables(graph)
        machine = engine()
        name = object_cache.key(graph, ("program",), machine)
        code = object_cache.read(name)
        if code is None:
            code = machine.object_code(emit(graph, self.tables))
            object_cache.write(name, code)
        self._function = SIGNATURE(machine.load(code, FUNCTION))
        self._free: dict[tuple[tuple[int, ...], ...], list[Bound]] = {}

    def bind(self, arguments: Any) -> Bound:
        """The program for the shapes of these arguments."""
        rows = bind_rows(self.graph.inputs, arguments)
        return Bound(self._function, self.graph, self.tables, rows)


def emit(graph: Graph, tables: tuple[str, ...]) -> str:
    """The text of the program."""
    plan = plan_of(graph)
    w = Writer(len(graph.inputs), len(graph.outputs), tables, plan)
    frame = Frame(w, graph)
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


def has_one_chunk(graph: Graph, arguments: Any) -> bool:
    """Whether no pass over rows has so many that they are cut into chunks, for threads."""
    rows = bind_rows(graph.inputs, arguments)
    for equation in passes(graph):
        table: Dim = equation.attributes["rows"]
        if len(MapReduce(equation, table.value(rows), 1).bounds) > 1:
            return False
    return True


def passes(graph: Graph) -> Iterator[Equation]:
    """All ``map_reduce`` equations, in bodies too."""
    for equation in graph.equations:
        if equation.primitive.name == "map_reduce":
            yield equation
        else:
            for value in equation.attributes.values():
                if isinstance(value, Graph):
                    yield from passes(value)


def _tables(graph: Graph) -> tuple[str, ...]:
    """The names of the row counts that arguments show, in order of appearance."""
    sizes = [size for variable in graph.inputs for size in variable.aval.shape]
    names = [size.name for size in sizes if isinstance(size, Dim) and size.is_rows]
    return tuple(dict.fromkeys(names))
