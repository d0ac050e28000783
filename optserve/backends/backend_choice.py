"""Which backend a job uses, and why; ``auto`` predicts from the graph and its sizes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec

from optserve.backends.backend import Backend, CalledOut, Compiled
from optserve.backends.cost import Demand, Estimate, duration, native_estimate
from optserve.backends.lowering import Lowering
from optserve.backends.numpy import numpy_backend
from optserve.backends.threads import available_cores
from optserve.errors import ConfigError

__all__ = ["Choice", "builtin_backends", "choose"]

SETUP = 0.5
"""The share of the time that a job may take that may go by until its first evaluation."""


def builtin_backends() -> tuple[Backend, ...]:
    """The backends that ship with optserve; the first is the default."""
    cores = available_cores()
    return numpy_backend(cores), _native_backend(cores)


def _native_backend(threads: int, lowerings: Sequence[Lowering] = ()) -> Backend:
    """Native code through llvmlite: each pass over rows becomes one loop on all processors; small
    graphs, and loops of cheap steps, are native code from end to end."""

    def backend() -> Backend:
        from optserve.backends.llvm import llvm_backend  # most jobs do without the code generator

        return llvm_backend(threads, lowerings)

    def called_out(compiled: Compiled, rows: Mapping[str, int]) -> CalledOut:
        from optserve.backends.llvm.programs.whole_graph import called_out

        return called_out(compiled, rows)

    def check() -> None:
        from optserve.backends.llvm.ir.engine import engine

        engine()

    return Backend(
        "llvm",
        lambda graph: backend().compile(graph),
        doc=_native_backend.__doc__ or "",
        loop=lambda graph: backend().loop(graph),
        threads=threads,
        on_threads=partial(_native_backend, lowerings=lowerings),
        with_lowerings=partial(_native_backend, threads),
        predict=partial(native_estimate, loops=True),
        needs=("llvmlite",),
        check=check,
        called_out=called_out,
    )


@dataclass(frozen=True)
class Choice:
    """A backend and why it is this one; ``estimates`` are what ``auto`` compared.

    ``setup`` is how many seconds it is predicted to take until the first evaluation.

    ``warning`` says what a person should know of the choice, if anything.
    """

    backend: Backend
    reason: str
    estimates: tuple[Estimate, ...] = ()
    warning: str = ""
    setup: float = 0.0


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
    choice = _if_it_is_whole(choice, found)
    if demand is not None:
        choice = _in_time(choice, demand, found)
    if threads is None or choice.backend.on_threads is None:
        return choice
    return replace(choice, backend=choice.backend.on_threads(threads))


def _quickest(backends: Mapping[str, Backend], demand: Demand | None) -> Choice:
    """The backend that predicts the shortest time, of those whose modules are installed."""
    default = next(iter(backends.values()))
    if demand is None:
        return Choice(default, "it is the default")
    needs = {need for backend in backends.values() for need in backend.needs}
    missing = {need for need in needs if find_spec(need) is None}
    estimates = tuple(
        replace(backend.predict(demand), backend=name)
        for name, backend in backends.items()
        if backend.predict is not None and missing.isdisjoint(backend.needs)
    )
    # What would be compiled for as long as the job may take is no choice, however quick then.
    best = min(estimates, key=lambda one: (one.setup > SETUP * demand.limit, one.seconds))
    chosen = backends[best.backend]
    if len(estimates) == 1 and missing:
        reason = f"{' and '.join(sorted(missing))} is not installed"
        warning = f"{reason}: everything runs on {best.backend}, large jobs several times slower"
        return Choice(chosen, reason, estimates, warning)
    times = "once" if demand.evaluations == 1 else f"about {demand.evaluations:,} times"
    predicted = ", ".join(f"{duration(one.seconds)} on {one.backend}" for one in estimates)
    reason = f"to evaluate the loss and its gradient {times} is predicted to take {predicted}"
    if best.seconds > min(one.seconds for one in estimates):
        reason += f", and stop.seconds is {demand.limit:g}"
    return Choice(chosen, reason, estimates)


def _if_it_is_whole(choice: Choice, backends: Mapping[str, Backend]) -> Choice:
    """The choice, or the default where what it needs is missing or broken."""
    chosen = choice.backend
    try:
        chosen.check()
    except (ImportError, OSError) as error:  # OSError: a library that it needs is missing
        default = next(iter(backends.values()))
        reason = f"{' and '.join(chosen.needs)} cannot be imported ({error})"
        warning = f"backend {default.name} computes in place of {chosen.name}: {reason}"
        return replace(choice, backend=default, reason=reason, warning=warning)
    return choice


def _in_time(choice: Choice, demand: Demand, backends: Mapping[str, Backend]) -> Choice:
    """The choice, or the default where all of the job's time would go into compiling."""
    chosen, default = choice.backend, next(iter(backends.values()))
    setup = 0.0 if chosen.predict is None else chosen.predict(demand).setup
    if setup <= demand.limit or default.predict is None or chosen is default:
        return replace(choice, setup=setup)
    warning = (
        f"backend {default.name} computes in place of {chosen.name}, which is predicted to compile "
        f"for {duration(setup)}: stop.seconds is {demand.limit:g}"
    )
    setup = default.predict(demand).setup
    return replace(choice, backend=default, reason=warning, warning=warning, setup=setup)


def _named(name: str, backends: Mapping[str, Backend]) -> Choice:
    if name not in backends:
        raise ConfigError(
            f"no backend is called {name!r}",
            expected=", ".join(["auto", *sorted(backends)]),
            remedy="install the plugin that provides it, or choose one of these",
            code="not-installed",
        )
    return Choice(backends[name], "it was asked for")
