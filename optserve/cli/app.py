"""The application: its commands, and `--version`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.main import get_command

from optserve.cli.command import Command, Group

__all__ = ["COMMANDS", "Commands", "app"]

COMMANDS = ("run", "check", "explain", "primitives", "plugins", "schema", "init")
"""Each is the function of that name in the module of that name."""

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Commands(Mapping[str, Any]):
    """The commands by name. One is imported and built when it is asked for: a job needs one only.

    >>> Commands()["init"].name
    'init'
    """

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_SETTINGS)
        alone.command(cls=Command)(getattr(import_module(f"optserve.cli.{name}"), name))
        return get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class _Application(Group):
    """The group of all commands."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.commands = Commands()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)


def _show_version(wanted: bool) -> None:
    if wanted:
        from optserve import __version__

        typer.echo(f"optserve {__version__}")
        raise typer.Exit


def _application(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Declare a loss in a YAML file; have it differentiated, descended and reported."""


# Plain help: rich takes longer to import than everything else that a command needs.
app = typer.Typer(
    cls=_Application,
    callback=_application,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
)
