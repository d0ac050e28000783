"""`optserve run`: descend, report, leave the result behind."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optserve.cli.batch_options import Cache
from optserve.cli.failures import ending
from optserve.cli.log import LogFormat, LogFormatOption
from optserve.cli.progress import shown_progress
from optserve.cli.reporting import Github, Reporting, Reports
from optserve.cli.shared_options import (
    AllowPath,
    ConfigFile,
    Format,
    OutputFormat,
    Overrides,
    PluginFiles,
    Quiet,
    RefitJobs,
    Seed,
    Threads,
)
from optserve.cli.streams import output_encoding, write_error, write_output
from optserve.collector import at_rest
from optserve.errors import OptserveError, OutputFailure

if TYPE_CHECKING:
    from optserve.jobs.problem import Problem
    from optserve.jobs.record.result import Result
    from optserve.jobs.watch import Progress

__all__ = ["run"]


def run(
    *,
    config: ConfigFile,
    set_: Overrides,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new folder for the result, not runs/NAME/NNNN."),
    ] = None,
    output: OutputFormat = Format.text,
    seed: Seed = None,
    threads: Threads = None,
    jobs: RefitJobs = 1,
    report: Reports,
    github: Github = False,
    quiet: Quiet = False,
    log_format: LogFormatOption = LogFormat.text,
    cache: Cache = None,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Run a config and report the result.

    The exit code tells how it went: 0 for a usable result of which every expectation holds, 2 for
    an error in the config, 3 not converged, 4 an expectation failed, 5 the numbers failed, 6 a
    plugin failed, 130 interrupted.
    """
    with ending(output):
        with at_rest(stays=True):
            from optserve.config import load
            from optserve.config.resolved import resolved_text
            from optserve.jobs.reasons import exit_code
            from optserve.jobs.record.artefacts import check_new

        reporting = Reporting.of(report, github, plugin, [config], out)
        with reporting.telling(config):
            if out is not None:
                check_new(out)
            problem = load(
                config, overrides=set_, allow_path=allow_path, seed=seed, plugin_files=plugin
            )
            text = resolved_text(problem)
            progress = shown_progress(quiet, log_format)
            found = None if cache is None else _given(problem, text, out, cache)
            result, saved, errors = found or _run(problem, text, out, threads, jobs, progress)
            if found is None and cache is not None and saved:
                _keep(problem, result, Path(saved).parent, cache)
        code = exit_code([result.exit_code, *(one.exit_code for one in errors)])
        if reporting.wanted:
            from optserve.jobs.record.artefacts import graph_text
            from optserve.jobs.record.ended import EndedJob

            parts = str(config), result, tuple(errors), saved, text
            job = EndedJob(problem.name, code, *parts, graph=graph_text(problem))
            errors += reporting.write([job])
        for failure in errors:
            write_error(failure.block(coded=True))
        code = exit_code([code, *(one.exit_code for one in errors)])
        if output is Format.json:
            write_output(_with_code(result, code))
        else:
            from optserve.reports.text import text_report

            write_output(text_report(result, saved, code, encoding=output_encoding()))
        raise typer.Exit(code)


def _run(
    problem: Problem,
    text: str,
    out: Path | None,
    threads: int | None,
    jobs: int,
    progress: AbstractContextManager[Progress | None],
) -> tuple[Result, str, list[OptserveError]]:
    """The result, the file that holds it, and why there is none where it could not be saved: it
    is shown all the same. ``text`` is the config; there are so many ``jobs`` for refits."""
    with at_rest(stays=True):
        from optserve.cli.processes import by_processes
        from optserve.jobs.interruption import Interruption
        from optserve.jobs.record.artefacts import graph_text, room
        from optserve.jobs.run import run as run_job

    # From here on a signal ends the job, and what was reached is saved.
    with Interruption(patience=None), room(problem.name, out=out) as place:
        with progress as shown:
            threads = threads if jobs == 1 else 1
            by = by_processes(jobs)
            result = run_job(problem, progress=shown, threads=threads, refits_by=by)
        try:
            return result, str(place.keep(result, text, graph_text(problem)) / "result.json"), []
        except OSError as error:
            why = error.strerror or str(error)
            remedy = "give another folder: --out DIR"
            return result, "", [OutputFailure(f"cannot save the result: {why}", remedy=remedy)]


def _given(
    problem: Problem, text: str, out: Path | None, cache: Path
) -> tuple[Result, str, list[OptserveError]] | None:
    """The result of an identical job that is in ``cache``, as ``_run`` gives it."""
    from optserve.batch.result_key import is_pure, key_of
    from optserve.batch.result_store import BOUND, ResultStore
    from optserve.batch.stored import stored_result
    from optserve.jobs.record.artefacts import room

    store = ResultStore.opened(cache, BOUND)
    if not is_pure(problem):
        return None
    with room(problem.name, out=out) as place:
        key = key_of(problem, store.around)
        result = stored_result(problem, store, key, place.folder)
        if result is None:
            return None
        place.write(result, text)
        return result, str(place.become() / "result.json"), []


def _keep(problem: Problem, result: Result, folder: Path, cache: Path) -> None:
    """Store what a run left in ``folder``, if another would leave the same."""
    from optserve.batch.result_key import is_pure, key_of, may_be_stored
    from optserve.batch.result_store import BOUND, ResultStore

    if is_pure(problem) and may_be_stored(result):
        store = ResultStore.opened(cache, BOUND)
        store.keep(key_of(problem, store.around), folder)
        store.trim()


def _with_code(result: Result, code: int) -> str:
    """The result as JSON; where something could not be written, with the exit code that says so."""
    if code == result.exit_code:
        return result.to_json()
    codes = [code, *result.termination.exit_codes]
    ending = result.termination.model_copy(update={"exit_code": code, "exit_codes": codes})
    return result.model_copy(update={"termination": ending}).to_json()
