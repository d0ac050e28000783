"""`optserve diff`: how the results of two runs differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optserve.cli.failures import ending
from optserve.cli.streams import output_encoding, write_output

if TYPE_CHECKING:
    from optserve.jobs.record.result import Result

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
    the configs. Where one run holds parameters that the other estimates there is the
    likelihood-ratio test, or why there is none. Nothing is judged: the exit code is 0.
    """
    with ending():
        from optserve.jobs.record.artefacts import read_config_text, read_run
        from optserve.reports.comparison import comparison

        folders = [run.parent if run.name == "result.json" else run for run in (one, two)]
        first, second = map(read_run, folders)
        texts = read_config_text(folders[0]), read_config_text(folders[1])
        told = comparison(first, second, texts, encoding=output_encoding())
        write_output("\n".join([told, "", *_tested(first, second, folders)]))


def _tested(one: Result, two: Result, folders: list[Path]) -> Iterator[str]:
    """The lines of the likelihood-ratio test, or why there is none."""
    from optserve.reports.likelihood_ratio import NoTestError, likelihood_ratio

    files = [folder / "config.resolved.yaml" for folder in folders]
    yield "  the likelihood-ratio test:"
    try:
        if not all(file.is_file() for file in files):
            raise NoTestError("a run has left no config")
        from optserve.config.nesting import models_apart

        apart = models_apart(*files)
        test = likelihood_ratio(one, two, apart.what, apart.bounds)
    except NoTestError as error:
        yield f"    there is none: {error}"
        return
    yield from (f"    {sentence}" for sentence in test.sentences())
