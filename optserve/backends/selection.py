"""Which backend a job uses, and why; ``auto`` predicts from the graph and its sizes alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from optserve.backends.base import Backend, Compiled
from optserve.backends.cost import Demand, Estimate, duration, native_estimate, numpy_estimate
from optserve.backends.numpy import numpy_backend
from optserve.backends.threads import available_cores
from optserve.errors import ConfigError
from optserve.frozen import frozen, replace
from optserve.graph.graph import Graph

__all__ = ["Choice", "builtin_backends", "choose"]


def builtin_backends() -> tuple[Backend, ...]:
    """The backends that ship with optserve."""
    cores = available_cores()
    return numpy_backend(cores), _native_backend(cores)


def _native_backend(threads: int) -> Backend:
    """Native code through llvmlite: each pass over rows becomes one loop on all processors; small
    graphs, and loops of cheap steps, are native code from end to end."""

    def backend() -> Backend:
        from optserve.backends.llvm import llvm_backend  # most jobs do without the code generator

        return llvm_backend(threads)

    def compile_graph(graph: Graph) -> Compiled:
        return backend().compile(graph)

    def loop(graph: Graph) -> Compiled | None:
        return backend().loop(graph)

    return Backend(
        "llvm",
        compile_graph,
        doc=_native_backend.__doc__ or "",
        loop=loop,
        threads=threads,
        on_threads=_native_backend,
    )


@frozen
class Choice:
    """A backend and why it is this one; ``estimates`` are what ``auto`` compared.

    ``warning`` says what a person should know of the choice, if anything.
    """

    backend: Backend
    reason: str
    estimates: tuple[Estimate, ...] = ()
    warning: str = ""


def choose(
    name: str,
    more: Mapping[str, Backend] | None = None,
    *,
    demand: Demand | None = None,
    threads: int | None = None,
) -> Choice:
    """The backend called ``name``, of the built-in ones and ``more``; ``auto`` chooses.

    ``auto`` takes the one that is predicted to be done first with ``demand``, whatever the number
    of ``threads``, so that no bit of a result depends on that. Rows are shared among as many
    threads as this process may use where none are given.

    >>> choice = choose("auto", threads=2)
    >>> choice.backend.name, choice.backend.threads
    ('numpy', 2)
    """
    found = {**{backend.name: backend for backend in builtin_backends()}, **(more or {})}
    choice = _quickest(found, demand) if name == "auto" else _named(name, found)
    if choice.backend.name == "llvm":
        choice = _if_it_can_be_imported(choice, found["numpy"])
    if threads is None or choice.backend.on_threads is None:
        return choice
    return replace(choice, backend=choice.backend.on_threads(threads))


def _quickest(backends: Mapping[str, Backend], demand: Demand | None) -> Choice:
    plain, native = backends["numpy"], backends["llvm"]
    if demand is None:
        return Choice(plain, "it is the default")
    estimates = (numpy_estimate(demand), native_estimate(demand, loops=native.has_loops))
    if find_spec("llvmlite") is None:
        return Choice(plain, "llvmlite is not installed", estimates[:1], _MISSING)
    slow, quick = (estimate.seconds for estimate in estimates)
    times = "once" if demand.evaluations == 1 else f"about {demand.evaluations:,} times"
    reason = (
        f"to evaluate the loss and its gradient {times} is predicted to take "
        f"{duration(slow)} on numpy, {duration(quick)} on llvm"
    )
    return Choice(native if quick < slow else plain, reason, estimates)


_MISSING = "llvmlite is not installed: everything runs on numpy, large jobs several times slower"


def _if_it_can_be_imported(choice: Choice, otherwise: Backend) -> Choice:
    """Native code, or NumPy where the code generator is missing or broken."""
    try:
        from optserve.backends.llvm.engine import engine

        engine()
    except (ImportError, OSError) as error:  # OSError: a library that it needs is missing
        reason = f"llvmlite cannot be imported ({error})"
        warning = f"backend numpy computes in place of llvm: {reason}"
        return replace(choice, backend=otherwise, reason=reason, warning=warning)
    return choice


def _named(name: str, backends: Mapping[str, Backend]) -> Choice:
    if name not in backends:
        raise ConfigError(
            f"no backend '{name}'",
            expected=", ".join(["auto", *sorted(backends)]),
            remedy="install the plugin that provides it, or choose one of these",
        )
    return Choice(backends[name], "it was asked for")
