"""`optserve plugin`: plugins that are installed, and packages of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optserve.cli.failures import ending
from optserve.cli.plugin_new import new
from optserve.cli.plugins import contributions, listing
from optserve.cli.shared_options import CONTEXT, Format, PluginFiles
from optserve.cli.streams import write_output
from optserve.errors import ConfigError, PluginError

if TYPE_CHECKING:
    from optserve.testing.package import Checked

__all__ = ["plugin_app"]

plugin_app = typer.Typer(
    no_args_is_help=True,
    context_settings={**CONTEXT},
)
plugin_app.command("new")(new)


@plugin_app.command("check")
def check_one(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="A folder with a pyproject.toml, a Python file, or an installed package.",
        ),
    ] = ".",
    output: Annotated[
        Format, typer.Option("--format", metavar="text|json", help="How to print what was found.")
    ] = Format.text,
) -> None:
    """Check a package before it is published.

    What it declares, imports and prints; its names and documentation; whether its primitives keep
    every promise, and would be certified in a run. Ends with code 6 where something is wrong.
    """
    with ending(output):
        from optserve.testing.package import check_package

        checked = check_package(target)
        code = 0 if checked.passed else PluginError.exit_code
        if output is Format.json:
            write_output(json.dumps(_described(checked, code), indent=2))
        else:
            write_output("\n".join(_told(checked)))
        if code:
            raise typer.Exit(code)


@plugin_app.command("list")
def list_all(*, plugin: PluginFiles) -> None:
    """List the plugins and what they contribute.

    Says why one did not load, and then ends with code 6.
    """
    with ending():
        from optserve.registry import load

        registry = load(files=plugin)
        write_output("\n".join(listing(registry)))
        if registry.failures:
            raise typer.Exit(PluginError.exit_code)


@plugin_app.command("info")
def info(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed package.")],
    *,
    plugin: PluginFiles,
) -> None:
    """Show one plugin: what it contributes, each with its documentation."""
    with ending():
        from optserve.registry import load
        from optserve.registry.plugin_source import canonical

        registry = load(files=plugin)
        found = [one for one in registry.plugins if canonical(one.distribution) == canonical(name)]
        if not found:
            raise ConfigError(
                f"no plugin is called {name!r}",
                expected=", ".join(sorted({one.distribution for one in registry.plugins})),
                remedy="`optserve plugin list` shows what is installed",
                code="not-installed",
            )
        for one in found:
            write_output("\n".join(contributions(one, registry)))
            if one.failure is not None:
                raise typer.Exit(PluginError.exit_code)


def _described(checked: Checked, code: int) -> dict[str, Any]:
    return {
        "name": checked.name,
        "version": checked.version,
        "contributed": checked.contributed,
        "findings": [
            {key: value for key, value in vars(one).items() if value} for one in checked.findings
        ],
        "exit_code": code,
    }


def _told(checked: Checked) -> Iterator[str]:
    yield f"{checked.name} {checked.version}".rstrip()
    for kind, names in checked.contributed.items():
        yield f"  {kind}: {', '.join(names)}"
    yield from (finding.block for finding in checked.findings)
    errors = sum(one.level == "error" for one in checked.findings)
    warnings = len(checked.findings) - errors
    if not errors:
        yield "ok: nothing is wrong" if not warnings else f"ok, with {_count(warnings, 'warning')}"
    else:
        yield f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
