"""Plugins while a job runs: whatever they do wrong ends it as their failure, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

from optserve.backends.backend import Backend, Compiled
from optserve.errors import PluginFailure
from optserve.graph.graph import Graph
from optserve.jobs.evidence.blame import Blame
from optserve.jobs.problem import Problem
from optserve.jobs.reasons import Reason
from optserve.transforms.foreign import Faults, guarded

__all__ = ["of_plugin", "watching"]


def watching(backend: Backend, faults: Faults) -> Backend:
    """``backend``, which looks at what primitives of plugins do and notes what is wrong."""

    def compiled(graph: Graph) -> Compiled:
        return backend.compile(guarded(graph, faults))

    def looped(graph: Graph) -> Compiled | None:
        return backend.loop(guarded(graph, faults))

    watched = replace(backend, compile=compiled)
    return replace(watched, loop=looped) if backend.has_loops else watched


def of_plugin(failure: PluginFailure, problem: Problem) -> Blame:
    """Blame for what a plugin did, with the plugin that did it.

    A primitive that only the rules of others use is that of one of the plugins of the loss.
    """
    provided = problem.third_party
    own = [one for one in provided if one.primitive is failure.primitive] or provided
    provider = " or ".join(
        dict.fromkeys(f"{one.distribution} {one.version}".strip() for one in own)
    )
    return Blame(
        f"{failure.message} ({provider})" if provider else failure.message,
        primitive=str(failure.primitive),
        place=failure.place,
        remedy=failure.remedy,
        provider=provider,
        what=Reason.plugin.value,
    )
