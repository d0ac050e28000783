"""Which backend a job uses, and why; ``auto`` decides from the graph and its sizes alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from optserve.backends.base import Backend, Compiled
from optserve.backends.numpy import numpy_backend
from optserve.errors import ConfigError
from optserve.graph.graph import Graph

__all__ = ["builtin_backends", "choose"]


def builtin_backends() -> tuple[Backend, ...]:
    """The backends that ship with optserve."""
    return (
        numpy_backend(),
        Backend("llvm", _compile_natively, doc=_compile_natively.__doc__ or ""),
    )


def _compile_natively(graph: Graph) -> Compiled:
    """Native code through llvmlite: each pass over rows becomes one loop on all processors."""
    from optserve.backends.llvm import llvm_backend  # most jobs do without the code generator

    return llvm_backend().compile(graph)


NATIVE_WORK = 5_000_000
"""Entries times equations of one evaluation from which on native code repays its compilation."""


def choose(name: str, more: Mapping[str, Backend] | None = None, *, work: int = 0) -> Backend:
    """The backend called ``name``, of the built-in ones and ``more``; ``auto`` chooses.

    ``work`` is what one evaluation takes, in entries of data times equations: native code is chosen
    where there is much of it, and where the code generator is installed.

    >>> choose("auto").name
    'numpy'
    """
    backends = {**{backend.name: backend for backend in builtin_backends()}, **(more or {})}
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
