"""`optserve simulate`: what the error bars of a config are worth, by data drawn from its model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optserve.cli.failures import ending
from optserve.cli.finished import check_unchanged, finished
from optserve.cli.shared_options import (
    AllowPath,
    ConfigFile,
    Format,
    OutputFormat,
    Overrides,
    PluginFiles,
    Threads,
)
from optserve.cli.streams import output_encoding, write_error, write_output

if TYPE_CHECKING:
    from optserve.config.schema.uncertainty import Simulate
    from optserve.jobs.simulation import Simulated

__all__ = ["simulate"]


def simulate(
    *,
    config: ConfigFile,
    set_: Overrides,
    n: Annotated[
        int | None, typer.Option("--n", metavar="N", min=2, help="How many data sets.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="Draws them.")] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="RUN", help="Draw at the estimates of this run."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes that fit sets at the same time.")
    ] = 1,
    output: OutputFormat = Format.text,
    threads: Threads = None,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Draw data from the fitted model, fit each set, and count.

    The config is fitted first, unless --from names a run of it. Data are drawn from its model, or
    as `simulate` says: from a density, or by expressions with random terms for columns. Then
    comes, of each parameter, the bias, the spread beside the mean standard error, and the share of
    the intervals that hold the truth, with Wilson's 95% interval of the share. What
    `simulate: {expect: ...}` asks for and does not hold ends with exit code 4. The numbers are the
    same to the bit for any number of --jobs.
    """
    with ending(output):
        from dataclasses import replace

        from optserve.config import load
        from optserve.config.schema.uncertainty import Simulate
        from optserve.jobs.interruption import Interruption
        from optserve.jobs.run import run as run_job
        from optserve.jobs.simulation import Sets
        from optserve.jobs.simulation import simulate as simulated_of
        from optserve.reports.simulated import simulated_text

        problem = load(config, overrides=set_, allow_path=allow_path, plugin_files=plugin)
        asked = Simulate.model_validate(problem.metadata["config"].get("simulate") or {})
        problem = replace(problem, expectations=())
        with Interruption(patience=None) as interruption:
            if from_ is None:
                fitted = run_job(problem, threads=threads if jobs == 1 else 1)
            else:
                fitted = finished(from_).result
                check_unchanged(fitted, problem.metadata["data"])
            count = asked.n if n is None else n
            seed = asked.seed if seed is None else seed
            if jobs == 1:
                found = simulated_of(problem, fitted, count, seed, threads=threads)
            else:
                from optserve.cli.processes import fits_by_processes

                sets = Sets(problem, fitted, seed)
                fits = fits_by_processes(
                    lambda number: sets.fit(number, 1), count, jobs, interruption
                )
                found = simulated_of(problem, fitted, count, seed, fits=fits)
        wrong = _wrong(asked, found)
        if output is Format.json:
            write_output(_json(found, wrong))
        else:
            write_output(simulated_text(problem.name, found, output_encoding()))
            for line in wrong:
                write_error(f"fails: {line}")
        raise typer.Exit(4 if wrong else 0)


def _wrong(asked: Simulate, found: Simulated) -> list[str]:
    """The expectations that do not hold."""
    from optserve.jobs.record.expectations import beyond

    told = []
    for path, limits in asked.expect.items():
        value = _value(found, path)
        outside = beyond(value, limits.min, limits.max)
        if outside:
            told.append(f"{path} is {'unknown' if value is None else f'{value:.6g}'}: {outside}")
    return told


def _value(found: Simulated, path: str) -> float | None:
    part, _, label = path.partition(".")
    value: Any = getattr(found, part)
    return value.get(label) if isinstance(value, Mapping) else float(value)


def _json(found: Simulated, wrong: list[str]) -> str:
    import json
    from dataclasses import asdict
    from math import isfinite

    def known(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: known(one) for key, one in value.items()}
        return None if isinstance(value, float) and not isfinite(value) else value

    return json.dumps({**known(asdict(found)), "fails": wrong}, indent=2)
