"""`optserve report`: reports of a run that is over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optserve.cli.failures import ending
from optserve.cli.reporting import Reports
from optserve.cli.shared_options import PluginFiles
from optserve.cli.streams import write_error, write_output

__all__ = ["report"]


def report(
    *,
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="The folder of a run, such as runs/NAME/0001."),
    ],
    reports: Reports,
    plugin: PluginFiles,
) -> None:
    """Write reports of a run that is over.

    By default this is RUN/report.html, a page that needs no network: verdict, estimates, pictures
    of the fit and of the descent, the config, versions and digests. It shows what the run left;
    nothing is computed again.
    """
    with ending():
        from optserve.jobs.reasons import exit_code
        from optserve.jobs.record.artefacts import (
            read_config_text,
            read_graph_text,
            read_run,
        )
        from optserve.jobs.record.ended import EndedJob
        from optserve.reports.report_files import report_files

        folder = run.parent if run.name == "result.json" else run
        result = read_run(folder)
        job = EndedJob(
            result.name,
            result.exit_code,
            result.config,
            result,
            saved=str(folder / "result.json"),
            text=read_config_text(folder),
            graph=read_graph_text(folder),
        )
        wanted = reports or [f"html={folder / 'report.html'}"]
        errors = report_files(wanted, plugin).write([job])
        for error in errors:
            write_error(error.block(coded=True))
        if not errors:
            write_output("\n".join(f"wrote {text.partition('=')[2]}" for text in wanted))
        raise typer.Exit(exit_code([0, *(error.exit_code for error in errors)]))
