"""The ``llvm`` backend: each pass over rows as one native function, the rest on NumPy; small graphs
as native code from end to end."""

from __future__ import annotations

from functools import partial

from optserve.backends.base import Backend, Compiled
from optserve.backends.llvm.program.whole import Whole
from optserve.backends.threads import available_cores
from optserve.graph.graph import Graph

__all__ = ["compile_graph", "llvm_backend", "loop_of"]


def llvm_backend(threads: int | None = None) -> Backend:
    """Native code through llvmlite: a pass over rows becomes one loop, on ``threads`` threads.

    By default on as many as this process may use. The bits of a result do not depend on the number.
    """
    count = available_cores() if threads is None else threads
    return Backend(
        "llvm",
        partial(compile_graph, threads=count),
        doc=llvm_backend.__doc__ or "",
        loop=partial(loop_of, threads=count),
        threads=count,
        on_threads=llvm_backend,
    )


def compile_graph(graph: Graph, threads: int = 1) -> Compiled:
    """A callable that evaluates ``graph``; a pass that has no native form runs on NumPy."""
    return Whole(graph, threads)


def loop_of(graph: Graph, threads: int = 1) -> Compiled | None:
    """The same where all of ``graph`` has a native form, else ``None``."""
    whole = Whole(graph, threads)
    return None if whole.program is None else whole
