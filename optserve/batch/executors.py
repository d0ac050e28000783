"""``executor_of``: what ``--on NAME`` stands for, found before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optserve.batch.executor import Executor
from optserve.errors import ConfigError, OptserveError, PluginError
from optserve.registry import check_files, load

__all__ = ["LOCAL", "executor_of"]

LOCAL = "local"
"""Processes of this machine, forked from this one."""


def executor_of(
    name: str, address: str | None, workers: int, plugin_files: Sequence[Path] = ()
) -> Executor | None:
    """The executor of that name; ``None`` for processes forked from this one.

    Raises ``ConfigError`` where nobody provides it, or what it needs is missing.

    >>> executor_of("local", None, 2)
    >>> executor_of("dusk", None, 2)
    Traceback (most recent call last):
    optserve.errors.ConfigError: no executor is called 'dusk'
      expected: one of dask
      remedy: did you mean 'dask'?
    """
    if name == LOCAL:
        if address is not None:
            raise ConfigError(
                "--scheduler needs --on: jobs run in processes of this machine",
                remedy="--on dask",
                code="usage",
            )
        return None
    registry = load({name}, plugin_files)
    check_files(registry, plugin_files)
    entry = registry.find("executors", name)
    try:
        executor: Executor = entry.value(address=address or "", workers=workers)
    except OptserveError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise PluginError(f"the executor {name} of {entry.distribution} failed: {told}") from error
    return executor
