"""The reports that a command writes for other programs: ``--report KIND=FILE``, ``--github``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optserve.cli.streams import write_error
from optserve.errors import OptserveError, OutputFailure

if TYPE_CHECKING:
    from optserve.jobs.record.ended import EndedJob
    from optserve.reports.report_files import ReportFiles

__all__ = ["Github", "Reporting", "Reports"]

Reports = Annotated[
    list[str],
    typer.Option(
        "--report",
        metavar="KIND=FILE",
        default_factory=list,
        show_default=False,
        help="Write a report for another program: junit, sarif, gitlab, openmetrics, markdown, "
        "html, pdf, tap, json, or a kind of a plugin. May be repeated.",
    ),
]

Github = Annotated[
    bool,
    typer.Option(
        "--github",
        help="Annotate the lines of the config in a GitHub workflow, and write the step's summary.",
    ),
]


@dataclass(frozen=True)
class Reporting:
    """What is to be written of jobs, beside what a person reads."""

    files: ReportFiles | None = None
    github: bool = False

    @staticmethod
    def of(
        reports: Sequence[str],
        github: bool,
        plugin_files: Sequence[Path],
        configs: Sequence[Path] = (),
        out: Path | None = None,
    ) -> Reporting:
        """What the options ask for; raises ``ConfigError`` where that cannot be written, or would
        replace one of the ``configs``, or be in the new folder ``out``."""
        if not reports:
            return Reporting(github=github)
        from optserve.reports.report_files import report_files

        return Reporting(report_files(reports, plugin_files, configs, out), github)

    @property
    def wanted(self) -> bool:
        """Whether anything is to be written."""
        return self.files is not None or self.github

    @contextmanager
    def telling(self, config: Path) -> Iterator[None]:
        """What is raised inside is told of the job of ``config`` before it goes on."""
        try:
            yield
        except Exception as error:
            from optserve.jobs.record.ended import EndedJob

            job = EndedJob.of_error(config.stem, _as_told(error), config=str(config))
            for failure in self.write([job]):
                write_error(failure.block(coded=True))
            raise

    def write(self, jobs: Sequence[EndedJob]) -> list[OptserveError]:
        """Write all of it; returns what went wrong."""
        errors = [*self.files.write(jobs)] if self.files is not None else []
        if self.github:
            from optserve.reports.github import append_summary, workflow_commands

            for line in workflow_commands(jobs):
                write_error(line)  # the runner reads both streams, and stdout may have to be JSON
            try:
                append_summary(jobs)
            except OutputFailure as error:
                errors.append(error)
        return errors


def _as_told(error: Exception) -> OptserveError:
    """The error, or a fault of ours as one."""
    if isinstance(error, OptserveError):
        return error
    told = OptserveError(f"internal error: {type(error).__name__}: {error}", code="internal")
    told.exit_code = 1
    return told
