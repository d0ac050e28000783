"""The hooks through which everything nameable comes, optserve's own contributions included.

A hook takes no arguments and returns a list. Primitives, backends and lowerings are values with a
``name``; everything else is a function that is called by its name in a config. The options of a
function are its annotated keyword parameters, and become schema: ``def adam(learning_rate: float =
1e-3, ...)`` is configured as ``adam: {learning_rate: 0.01}``. How to write a plugin is told in
docs/plugins.md.

>>> from optserve.plugin import elementwise, hookimpl
>>> cube = elementwise("cube", lambda x: x * x * x)
>>> @hookimpl
... def optserve_primitives():
...     return [cube]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import pluggy

if TYPE_CHECKING:
    from optserve.backends.backend import Backend
    from optserve.backends.lowering import Lowering
    from optserve.graph.primitive import Primitive
    from optserve.jobs.parameters import ParameterTransform
    from optserve.optimizers.base import Optimizer
    from optserve.optimizers.modifiers import Modifier
    from optserve.optimizers.schedules import Schedule

__all__ = [
    "API",
    "KINDS",
    "PROJECT",
    "Kind",
    "hookimpl",
    "new_manager",
    "optserve_backends",
    "optserve_executors",
    "optserve_initializers",
    "optserve_lowerings",
    "optserve_optimizers",
    "optserve_primitives",
    "optserve_readers",
    "optserve_reports",
    "optserve_schedules",
    "optserve_transforms",
    "singular",
]

API = 1
"""The version of ``optserve.plugin``: a plugin that needs another says ``OPTSERVE_API = 2``."""

PROJECT = "optserve"
"""The name that pluggy knows us by, the entry-point group, and the distribution of built-ins."""

Kind = Literal[
    "primitives",
    "optimizers",
    "schedules",
    "initializers",
    "transforms",
    "readers",
    "backends",
    "lowerings",
    "reports",
    "executors",
]
"""What a contribution is; the hook that gives it is called ``optserve_`` and the kind."""

KINDS: tuple[Kind, ...] = get_args(Kind)

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as one of the hooks below."""

_hookspec = pluggy.HookspecMarker(PROJECT)


@_hookspec
def optserve_primitives() -> Sequence[Primitive]:
    """Functions with derivative rules, callable by name in every expression of a config."""
    raise NotImplementedError


@_hookspec
def optserve_optimizers() -> Sequence[Callable[..., Optimizer | Modifier]]:
    """Methods of descent, and modifiers of methods: functions from options to an ``Optimizer`` or
    a ``Modifier``."""
    raise NotImplementedError


@_hookspec
def optserve_schedules() -> Sequence[Callable[..., Schedule]]:
    """Rates that change with the steps: functions from options to a ``Schedule``."""
    raise NotImplementedError


@_hookspec
def optserve_initializers() -> Sequence[Callable[..., Callable[..., Any]]]:
    """Initial values: functions from options to a function ``(rng, shape) -> array``.

    ``rng`` is a ``numpy.random.Generator`` seeded by the config's ``seed``, ``shape`` a tuple of
    integers.
    """
    raise NotImplementedError


@_hookspec
def optserve_transforms() -> Sequence[Callable[..., ParameterTransform]]:
    """Transforms of parameters: functions from options to a ``ParameterTransform``."""
    raise NotImplementedError


@_hookspec
def optserve_readers() -> Sequence[Callable[..., Any]]:
    """Readers of data files: functions from options to a reader; the name is the file's suffix."""
    raise NotImplementedError


@_hookspec
def optserve_backends() -> Sequence[Backend]:
    """Ways to turn a graph into a callable on arrays."""
    raise NotImplementedError


@_hookspec
def optserve_lowerings() -> Sequence[Lowering]:
    """Native code for primitives, each found by the primitive that it is for."""
    raise NotImplementedError


@_hookspec
def optserve_reports() -> Sequence[Callable[..., Callable[..., str | bytes]]]:
    """Kinds of ``--report KIND=FILE``: functions that make a function from a list of jobs, each an
    ``EndedJob``, to the content of a file."""
    raise NotImplementedError


@_hookspec
def optserve_executors() -> Sequence[Callable[..., Callable[..., Any]]]:
    """Where jobs of a batch run, by ``--on NAME``: functions from the ``address`` of a scheduler,
    a text that may be empty, and a number of ``workers`` to an ``Executor``."""
    raise NotImplementedError


def new_manager() -> pluggy.PluginManager:
    """A manager that knows these hooks, and no plugin yet."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(sys.modules[__name__])
    return manager


def singular(kind: Kind) -> str:
    """One of a kind, as an error message names it.

    >>> singular("transforms")
    'parameter transform'
    """
    return "parameter transform" if kind == "transforms" else kind.removesuffix("s")
