"""A graph as a callable: whole in native code where its work is small, else pass by pass."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from optserve.backends.base import Compiled
from optserve.backends.llvm.native_pass import native
from optserve.backends.llvm.nodes import Unsupported
from optserve.backends.llvm.program.call import Bound
from optserve.backends.llvm.program.compiled import Program, has_one_chunk
from optserve.backends.numpy.control import compile_passes
from optserve.backends.streaming import is_streamed
from optserve.graph.graph import Graph
from optserve.transforms.finite_sum import finite_sum
from optserve.transforms.sink import sink

__all__ = ["Whole"]

Shapes = tuple[tuple[int, ...], ...]


class Whole:
    """Evaluates one graph; what is compiled is compiled at the first call that needs it."""

    def __init__(self, graph: Graph, threads: int) -> None:
        self.graph = sink(graph)
        self.threads = threads
        self._known: tuple[Shapes | None, list[Bound] | None] = (None, None)

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        shapes = tuple([argument.shape for argument in arguments])
        known, free = self._known  # at once: other threads may call with other shapes
        if shapes != known:
            free = [] if self._is_whole(arguments) else None
            self._known = (shapes, free)
        if free is None:
            return self._in_passes(*arguments)
        try:
            bound = free.pop()
        except IndexError:  # the first call, or one beside another
            assert self.program is not None
            bound = self.program.bind(arguments)
        results = bound(arguments)
        free.append(bound)
        return results

    @property
    def runs_whole(self) -> bool:
        """Whether the last call ran as one native function."""
        return self._known[1] is not None

    @cached_property
    def program(self) -> Program | None:
        """The native function, or ``None`` where a part of the graph has no native form."""
        try:
            return Program(self._summed)
        except Unsupported:
            return None

    @cached_property
    def _summed(self) -> Graph:
        return finite_sum(self.graph)

    @cached_property
    def _in_passes(self) -> Compiled:
        return compile_passes(self.graph, self.threads, native)

    def _is_whole(self, arguments: Any) -> bool:
        return (
            not is_streamed(arguments)
            and has_one_chunk(self._summed, arguments)
            and self.program is not None
        )
