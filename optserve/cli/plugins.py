"""Plugins as text: who contributes what, and what did not load."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optserve.registry import Plugin, Registry

__all__ = ["contributions", "listing"]


def listing(registry: Registry) -> Iterator[str]:
    """Every plugin with the names that it contributes."""
    for plugin in registry.plugins:
        yield from _heading(plugin)
        yield from _names(plugin)
        yield from (f"  warning: {warning}" for warning in plugin.warnings)
    for (_, name), claimants in registry.collisions.items():
        yield f"{name!r} is claimed by {' and by '.join(map(str, claimants))}"
        choice = claimants[-1].distribution
        yield f"  remedy: choose in the config, plugins: {{prefer: {{{name}: {choice}}}}}"


def contributions(plugin: Plugin, registry: Registry) -> Iterator[str]:
    """One plugin with all that it contributes, a line each."""
    yield from _heading(plugin)
    for kind, names in (plugin.names or {}).items():
        for name in sorted(names):
            entry = getattr(registry, kind, {}).get(name)
            doc = "" if entry is None else _first_line(entry.value)
            yield "  " + textwrap.shorten(f"{kind[:-1]} {name}: {doc}", 98, placeholder=" ...")
    yield from (f"  warning: {warning}" for warning in plugin.warnings)


def _heading(plugin: Plugin) -> Iterator[str]:
    yield f"{plugin}  ({plugin.module})"
    if plugin.failure is not None:
        place = f" at {plugin.failure.place}" if plugin.failure.place else ""
        yield f"  did not load{place}: {plugin.failure.message}"


def _names(plugin: Plugin) -> Iterator[str]:
    for kind, names in (plugin.names or {}).items():
        if names and plugin.failure is None:
            yield textwrap.fill(
                ", ".join(sorted(names)),
                width=100,
                initial_indent=f"  {kind:<13}",
                subsequent_indent=" " * 15,
            )


def _first_line(value: object) -> str:
    doc = getattr(value, "doc", "") or getattr(value, "__doc__", "") or ""
    return doc.strip().splitlines()[0] if doc.strip() else "(not documented)"
