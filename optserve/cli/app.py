"""The application: its commands, and `--version`."""

from __future__ import annotations

import copy
import sys
from typing import Annotated

import typer

from optserve.cli.baseline import baseline_app
from optserve.cli.batch import batch_app
from optserve.cli.check import check
from optserve.cli.diff import diff
from optserve.cli.explain import explain
from optserve.cli.init import init
from optserve.cli.lock import lock
from optserve.cli.plot import plot
from optserve.cli.plugin import plugin_app
from optserve.cli.predict import predict
from optserve.cli.primitives import primitives
from optserve.cli.report import report
from optserve.cli.run import run
from optserve.cli.schema import schema
from optserve.cli.shared_options import CONTEXT
from optserve.cli.simulate import simulate
from optserve.cli.uncertainty import uncertainty
from optserve.cli.usage import Commands

__all__ = ["COMMANDS", "app", "app_of"]

COMMANDS = (
    run,
    predict,
    uncertainty,
    simulate,
    report,
    plot,
    diff,
    check,
    lock,
    explain,
    primitives,
    schema,
    init,
)

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown" if sys.stdout is not None and sys.stdout.isatty() else None,
    context_settings={**CONTEXT},
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(batch_app, name="batch", help="Run many configs, each in a supervised process.")
app.add_typer(baseline_app, name="baseline", help="What jobs found when they were right.")
app.add_typer(plugin_app, name="plugin", help="List plugins, and write and check one of your own.")


def _show_version(wanted: bool) -> None:
    if wanted:
        from optserve import __version__

        typer.echo(f"optserve {__version__}")
        raise typer.Exit


@app.callback()
def application(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Declare a loss in a YAML file; have it differentiated, descended and reported."""


def app_of(name: str) -> typer.Typer:
    """The application with the command of this name alone, where it has one; else all of it.

    Typer makes every command that there is before it looks at which one is meant.
    """
    named = [
        one for one in app.registered_commands if getattr(one.callback, "__name__", "") == name
    ]
    if not named:
        return app
    alone = copy.copy(app)
    alone.registered_commands, alone.registered_groups = named, []
    return alone
