"""`optserve plot`: one picture of a run, as letters or as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optserve.cli.failures import ending
from optserve.cli.finished import RunFolder, check_new_file, write_file
from optserve.cli.streams import write_output

__all__ = ["plot"]


def plot(
    *,
    run: RunFolder,
    picture: Annotated[
        str,
        typer.Argument(
            metavar="PICTURE",
            help="fit, residuals, outputs.NAME, profiles.NAME, contours.A,B, correlation, loss or "
            "gradient; by default the first that there is.",
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Write it to a new file.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let --out take the place of a file that is there.")
    ] = False,
) -> None:
    """Show one picture of a run.

    Without --out it is drawn with letters; a file is SVG, light and dark as the screen that shows
    it. Nothing is computed again.
    """
    with ending():
        from shutil import get_terminal_size

        from optserve.errors import ConfigError
        from optserve.fitting.plotting import plot as plotted
        from optserve.jobs.record.artefacts import read_run

        found = plotted(read_run(run), picture)
        if out is not None:
            if out.suffix != ".svg":
                raise ConfigError(
                    f"--out {out} is no name of an SVG",
                    expected="a file that ends in .svg",
                    code="usage",
                )
            check_new_file(out, replace=replace)
            write_file(out, found.svg)
            write_output(f"wrote {out}")
            return
        told = found.text(min(max(get_terminal_size().columns, 40), 100))
        write_output(f"{told}\n\nalso: {', '.join(found.others)}" if found.others else told)
