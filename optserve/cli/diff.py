"""`optserve diff`: how the results of two runs differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optserve.cli.ending import ending
from optserve.cli.streams import output_encoding, write_output

__all__ = ["diff"]


def diff(
    *,
    one: Annotated[
        Path,
        typer.Argument(metavar="RUN_A", help="The folder of a run.", show_default=False),
    ],
    two: Annotated[
        Path,
        typer.Argument(metavar="RUN_B", help="The folder of another one.", show_default=False),
    ],
) -> None:
    """Show how the results of two runs differ.

    Estimates in joint standard errors, losses, metrics, how they ended, versions, and the lines of
    the configs. Nothing is judged: the exit code is 0.
    """
    with ending():
        from optserve.jobs.record.artefacts import read_config_text, read_run
        from optserve.reports.comparison import comparison

        folders = [run.parent if run.name == "result.json" else run for run in (one, two)]
        first, second = map(read_run, folders)
        texts = read_config_text(folders[0]), read_config_text(folders[1])
        write_output(comparison(first, second, texts, encoding=output_encoding()))
