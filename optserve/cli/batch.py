"""`optserve batch`: many configs, each a job in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optserve.cli.ending import ending
from optserve.cli.options import (
    AllowPath,
    Format,
    OutputFormat,
    Overrides,
    PluginFiles,
    Seed,
    Threads,
)
from optserve.cli.streams import output_encoding, write_error, write_output
from optserve.errors import ConfigError

if TYPE_CHECKING:
    from optserve.batch.outcome import Outcome
    from optserve.batch.run import Watcher

__all__ = ["batch"]

_UNITS = (("KiB", 10), ("MiB", 20), ("GiB", 30))


def batch(
    *,
    configs: Annotated[
        list[str],
        typer.Argument(
            metavar="CONFIGS...",
            help="Files, globs such as 'fits/**/*.yaml', or folders: the .yaml files in them.",
            show_default=False,
        ),
    ],
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Jobs at a time; by default as many as there are processors."
        ),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Run the others where a config is wrong.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Begin no further job once one has failed.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.1, help="At most so long for a job.")
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="At most so much memory for a job, as in 500MiB, beside that of optserve itself.",
        ),
    ] = None,
    set_: Overrides,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new folder for the batch, not runs/batch/NNNN."),
    ] = None,
    output: OutputFormat = Format.text,
    seed: Seed = None,
    threads: Threads = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Run many configs, each in a process of its own, and report on them all.

    All are checked before anything runs. A job that is killed, crashes or hangs costs only itself.
    The exit code is the first of 1, 130, 143, 2, 6, 5, 4, 3, 0 that one of the jobs ends with.
    """
    with ending(output), _plain_mathematics():
        from optserve.backends.threads import available_cores
        from optserve.batch.job import Options
        from optserve.batch.run import run_batch
        from optserve.batch.selection import config_files
        from optserve.batch.summary import summary
        from optserve.jobs.record.artefacts import check_new

        if keep_going and fail_fast:
            raise ConfigError(
                "--keep-going and --fail-fast contradict each other",
                expected="one of the two, or none: then all run if no config is wrong",
                code="usage",
            )
        if out is not None:
            check_new(out)
        cores = available_cores()
        at_a_time = jobs or cores
        options = Options(
            jobs=at_a_time,
            threads=threads or max(1, cores // at_a_time),
            timeout=timeout,
            memory=None if memory is None else _bytes(memory),
            keep_going=keep_going,
            fail_fast=fail_fast,
            overrides=(*set_,),
            seed=seed,
            plugin_files=(*plugin,),
            allow_path=allow_path,
        )
        done = run_batch(config_files(configs), options, out=out, watcher=_watcher(quiet))
        if output is Format.json:
            write_output(json.dumps(done.record, indent=1))
        else:
            write_output(summary(done, encoding=output_encoding()))
        raise typer.Exit(done.exit_code)


@contextmanager
def _plain_mathematics() -> Iterator[None]:
    """NumPy's products begin no threads of their own: jobs share the processors, and a process
    without threads can be forked."""
    if "numpy" not in sys.modules:
        for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ[name] = "1"
    yield


def _watcher(quiet: bool) -> Watcher | None:
    if quiet:
        return None
    from optserve.batch.summary import job_line

    def show(outcome: Outcome, done: int, of: int) -> None:
        write_error(job_line(outcome, done, of))

    return show


def _bytes(written: str) -> int:
    """A size in bytes.

    >>> _bytes("1.5 GiB"), _bytes("500MiB")
    (1610612736, 524288000)
    """
    for unit, power in _UNITS:
        number = written.strip().removesuffix(unit).strip()
        if number != written.strip():
            try:
                size = float(number)
            except ValueError:
                break
            if 0 < size < 1 << 20:
                return int(size * (1 << power))
    raise ConfigError(
        f"--memory {written} is no size",
        expected="a number and a unit: KiB, MiB or GiB",
        remedy="--memory 500MiB",
        code="usage",
    )
