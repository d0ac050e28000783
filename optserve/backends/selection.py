"""Which backend a job uses, and why; ``auto`` decides from the graph and its sizes alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from optserve.backends.base import Backend, Compiled
from optserve.backends.numpy import numpy_backend
from optserve.backends.threads import available_cores
from optserve.errors import ConfigError
from optserve.graph.graph import Graph

__all__ = ["builtin_backends", "choose"]


def builtin_backends() -> tuple[Backend, ...]:
    """The backends that ship with optserve."""
    cores = available_cores()
    return numpy_backend(cores), _native_backend(cores)


def _native_backend(threads: int) -> Backend:
    """Native code through llvmlite: each pass over rows becomes one loop on all processors."""

    def compile_graph(graph: Graph) -> Compiled:
        from optserve.backends.llvm import llvm_backend  # most jobs do without the code generator

        return llvm_backend(threads).compile(graph)

    return Backend(
        "llvm",
        compile_graph,
        doc=_native_backend.__doc__ or "",
        threads=threads,
        on_threads=_native_backend,
    )


NATIVE_WORK = 5_000_000
"""Entries times equations of one evaluation from which on native code repays its compilation."""


def choose(
    name: str,
    more: Mapping[str, Backend] | None = None,
    *,
    work: int = 0,
    threads: int | None = None,
) -> Backend:
    """The backend called ``name``, of the built-in ones and ``more``; ``auto`` chooses.

    ``work`` is what one evaluation takes, in entries of data times equations: native code is chosen
    where there is much of it, and where the code generator is installed. ``threads`` is the number
    that rows are shared among, by default as many as this process may use.

    >>> choose("auto", threads=2).threads
    2
    """
    backend = _named(name, more or {}, work)
    if threads is None or backend.on_threads is None:
        return backend
    return backend.on_threads(threads)


def _named(name: str, more: Mapping[str, Backend], work: int) -> Backend:
    backends = {**{backend.name: backend for backend in builtin_backends()}, **more}
    if name == "auto":
        native = work >= NATIVE_WORK and find_spec("llvmlite") is not None
        return backends["llvm" if native else "numpy"]
    if name not in backends:
        raise ConfigError(
            f"no backend '{name}'",
            expected=", ".join(["auto", *sorted(backends)]),
            remedy="install the plugin that provides it, or choose one of these",
        )
    return backends[name]
