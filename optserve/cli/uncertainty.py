"""`optserve uncertainty`: the errors of a run that is over, by other methods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optserve.cli.failures import ending
from optserve.cli.finished import RunFolder
from optserve.cli.progress import shown_progress
from optserve.cli.shared_options import (
    AllowPath,
    Format,
    OutputFormat,
    PluginFiles,
    Quiet,
    RefitJobs,
    Threads,
)
from optserve.cli.streams import output_encoding, write_output

if TYPE_CHECKING:
    from optserve.config.overrides import Option
    from optserve.jobs.record.result import Result

__all__ = ["uncertainty"]

SAME = 1e-6
"""By how much of a standard error, or of itself, an estimate may differ that is found again."""


def uncertainty(
    *,
    run: RunFolder,
    method: Annotated[
        list[str],
        typer.Option(
            metavar="METHOD",
            default_factory=list,
            show_default=False,
            help="As in a config: sandwich, '{cluster: firm}', '{bootstrap: {n: 200}}'. "
            "May be repeated.",
        ),
    ],
    profile: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            default_factory=list,
            show_default=False,
            help="A parameter that gets an interval by its profile. May be repeated.",
        ),
    ],
    contour: Annotated[
        list[str],
        typer.Option(
            metavar="A,B",
            default_factory=list,
            show_default=False,
            help="Two entries that get a joint region by their profile. May be repeated.",
        ),
    ],
    level: Annotated[
        float | None, typer.Option(metavar="P", help="The probability of the intervals.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new folder for the result.")
    ] = None,
    output: OutputFormat = Format.text,
    threads: Threads = None,
    jobs: RefitJobs = 1,
    quiet: Quiet = False,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Find the errors of a run that is over, by other methods.

    The fit is taken up at its estimates, and must come to rest there again: errors stand at
    verified minima only. The config of the run and its data must be where they were.
    """
    with ending(output):
        from dataclasses import replace

        from optserve.cli.finished import check_unchanged, finished
        from optserve.cli.processes import by_processes
        from optserve.config import load
        from optserve.config.resolved import resolved_text
        from optserve.jobs.interruption import Interruption
        from optserve.jobs.record.artefacts import check_new, graph_text, save
        from optserve.jobs.run import run as run_job
        from optserve.reports.text import text_report

        if out is not None:
            check_new(out)
        _, result, config = finished(run)
        problem = load(
            config,
            overrides=_overrides(method, profile, contour, level, result.level),
            allow_path=allow_path,
            plugin_files=plugin,
            seed=result.used.seed,
        )
        check_unchanged(result, problem.metadata["data"])
        started = problem.at(result.parameters)
        problem = replace(started, starts=())
        with Interruption(patience=None), shown_progress(quiet) as progress:
            threads, by = threads if jobs == 1 else 1, by_processes(jobs)
            found = run_job(problem, progress=progress, threads=threads, refits_by=by)
        _check_found_again(result, found)
        saved = ""
        if out:
            graph = graph_text(problem)
            saved = str(save(found, config=resolved_text(problem), graph=graph, out=out))
        if output is Format.json:
            write_output(found.to_json())
        else:
            write_output(text_report(found, saved, encoding=output_encoding()))
        raise typer.Exit(found.exit_code)


def _overrides(
    method: list[str],
    profile: list[str],
    contour: list[str],
    level: float | None,
    before: float,
) -> list[str | Option]:
    """What is asked for, as it would be set in the config; what it expects is left out. ``before``
    is the level of the run."""
    import json

    from optserve.config.overrides import Option

    # Lists of the right length, whose entries the options then replace, each at a place of its own.
    blank = {"method": ["auto"] * (len(method) or 1), "level": before}
    blank |= {"profile": ["_"] * len(profile), "contours": [["_"]] * len(contour)}
    asked = f"uncertainty={json.dumps(blank)}"
    pairs = [json.dumps([label.strip() for label in one.split(",")]) for one in contour]
    given = [("--method", f"method[{i}]", text) for i, text in enumerate(method)]
    given += [("--profile", f"profile[{i}]", text) for i, text in enumerate(profile)]
    given += [("--contour", f"contours[{i}]", text) for i, text in enumerate(pairs)]
    given += [] if level is None else [("--level", "level", repr(level))]
    options = [Option(name, f"uncertainty.{path}", text) for name, path, text in given]
    return ["expect=null", "baseline=null", asked, *options]


def _check_found_again(before: Result, now: Result) -> None:
    """Refuse errors of other estimates than those of the run."""
    import numpy as np

    from optserve.errors import ConfigError

    for name, value in before.parameters.items():
        was, found = (np.asarray(one, np.float64) for one in (value, now.parameters[name]))
        error = np.nan_to_num(np.asarray(before.standard_errors[name], np.float64))
        allowed = SAME * np.maximum(np.abs(was), error) + 1e-3 * error
        if (np.abs(found - was) > allowed).any():
            raise ConfigError(
                f"the estimates of the run are not found again: '{name}' moves",
                expected="a run that ended at a minimum, with the data and plugins that are here",
                remedy="run the config again, with `uncertainty` in it",
                code="usage",
            )
