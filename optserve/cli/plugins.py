"""`optserve plugins`: who contributes what, and what did not load."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from optserve.cli.ending import ending
from optserve.cli.options import PluginFiles
from optserve.cli.streams import write_output
from optserve.errors import PluginError

if TYPE_CHECKING:
    from optserve.registry import Plugin, Registry

__all__ = ["plugins"]


def plugins(*, plugin: PluginFiles) -> None:
    """List the plugins and what they contribute.

    Says why one did not load, and then ends with code 6.
    """
    with ending():
        from optserve.registry import load

        registry = load(files=plugin)
        write_output("\n".join(_listing(registry)))
        if registry.failures:
            raise typer.Exit(PluginError.exit_code)


def _listing(registry: Registry) -> Iterator[str]:
    for plugin in registry.plugins:
        yield f"{plugin}  ({plugin.module})"
        if plugin.failure is not None:
            place = f" at {plugin.failure.place}" if plugin.failure.place else ""
            yield f"  did not load{place}: {plugin.failure.message}"
        else:
            yield from _contributions(plugin)
        yield from (f"  warning: {warning}" for warning in plugin.warnings)
    for (_, name), claimants in registry.collisions.items():
        yield f"{name!r} is claimed by {' and by '.join(map(str, claimants))}"
        choice = claimants[-1].distribution
        yield f"  remedy: choose in the config, plugins: {{prefer: {{{name}: {choice}}}}}"


def _contributions(plugin: Plugin) -> Iterator[str]:
    for kind, names in (plugin.names or {}).items():
        if names:
            yield textwrap.fill(
                ", ".join(sorted(names)),
                width=100,
                initial_indent=f"  {kind:<13}",
                subsequent_indent=" " * 15,
            )
