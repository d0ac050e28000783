"""The ``llvm`` backend: each pass over rows as one native function, the rest on NumPy; small graphs
as native code from end to end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from optserve.backends.backend import Backend, Compiled
from optserve.backends.llvm.lowerings.all_lowerings import lowerings_with
from optserve.backends.llvm.lowerings.lookup import Lowerings
from optserve.backends.llvm.programs.whole_graph import WholeGraph, called_out
from optserve.backends.lowering import Lowering
from optserve.backends.threads import available_cores
from optserve.graph.graph import Graph

__all__ = ["compile_graph", "llvm_backend", "loop_of"]


def llvm_backend(threads: int | None = None, lowerings: Sequence[Lowering] = ()) -> Backend:
    """Native code through llvmlite: a pass over rows becomes one loop, on ``threads`` threads.

    By default on as many as this process may use. The bits of a result do not depend on the number.
    ``lowerings`` are those of plugins, beside our own.
    """
    count = available_cores() if threads is None else threads
    table = lowerings_with(lowerings)
    return Backend(
        "llvm",
        partial(compile_graph, threads=count, lowerings=table),
        doc=llvm_backend.__doc__ or "",
        loop=partial(loop_of, threads=count, lowerings=table),
        threads=count,
        on_threads=partial(llvm_backend, lowerings=lowerings),
        with_lowerings=partial(llvm_backend, count),
        called_out=called_out,
    )


def compile_graph(graph: Graph, threads: int = 1, lowerings: Lowerings | None = None) -> Compiled:
    """A callable that evaluates ``graph``; a pass that has no native form runs on NumPy."""
    return WholeGraph(graph, threads, lowerings)


def loop_of(graph: Graph, threads: int = 1, lowerings: Lowerings | None = None) -> Compiled | None:
    """The same where all of ``graph`` has a native form, else ``None``."""
    whole = WholeGraph(graph, threads, lowerings)
    return None if whole.program is None else whole
