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

        from optserve.config.suggest import choices, did_you_mean
        from optserve.errors import ConfigError
        from optserve.jobs.record.artefacts import read_run
        from optserve.reports.html.pictures import pictures_of
        from optserve.reports.html.style import PICTURE
        from optserve.reports.html.svg import alone
        from optserve.reports.text_plot import text_plot

        pictures = pictures_of(read_run(run))
        name = picture or next(iter(pictures), "")
        if name not in pictures:
            raise ConfigError(
                f"the run has no picture {name!r}" if name else "the run has nothing to draw",
                expected=f"one of {choices(pictures)}" if pictures else "a run with a history",
                remedy=did_you_mean(name, pictures),
                code="usage",
            )
        found = pictures[name]
        if out is not None:
            if out.suffix != ".svg":
                raise ConfigError(
                    f"--out {out} is no name of an SVG",
                    expected="a file that ends in .svg",
                    code="usage",
                )
            check_new_file(out, replace=replace)
            write_file(out, alone(found.svg, PICTURE))
            write_output(f"wrote {out}")
            return
        width = min(max(get_terminal_size().columns, 40), 100)
        others = ", ".join(one for one in pictures if one != name)
        told = f"{found.caption}\n\n{text_plot(found.drawn, width)}"
        write_output(f"{told}\n\nalso: {others}" if others else told)
