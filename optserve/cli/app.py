"""The application: its commands, and `--version`."""

from __future__ import annotations

from typing import Annotated

import typer

from optserve.cli.check import check
from optserve.cli.command import Command, Group
from optserve.cli.explain import explain
from optserve.cli.init import init
from optserve.cli.plugins import plugins
from optserve.cli.primitives import primitives
from optserve.cli.run import run
from optserve.cli.schema import schema

__all__ = ["app"]


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
    cls=Group,
    callback=_application,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for _command in (run, check, explain, primitives, plugins, schema, init):
    app.command(cls=Command)(_command)
