"""The ``numpy`` backend: finite sums in tiles, everything else one call an equation."""

from __future__ import annotations

from functools import partial

from optserve.backends.backend import Backend, Compiled
from optserve.backends.cost import numpy_estimate
from optserve.backends.numpy.control_flow import compile_passes, tiled
from optserve.backends.threads import available_cores
from optserve.graph.graph import Graph

__all__ = ["compile_graph", "numpy_backend"]


def numpy_backend(threads: int | None = None) -> Backend:
    """Tiled NumPy: every pass over rows in cache-sized blocks, on ``threads`` threads.

    By default on as many as this process may use. The bits of a result do not depend on the number.
    """
    count = available_cores() if threads is None else threads
    return Backend(
        "numpy",
        partial(compile_graph, threads=count),
        doc=numpy_backend.__doc__ or "",
        threads=count,
        on_threads=numpy_backend,
        predict=numpy_estimate,
    )


def compile_graph(graph: Graph, threads: int = 1) -> Compiled:
    """A callable that evaluates ``graph``; floating-point warnings are silenced inside."""
    return compile_passes(graph, threads, tiled)
