"""`optserve batch`: many configs, each a job in a supervised process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optserve.cli.batch_options import (
    Cache,
    CacheSize,
    ChangedSince,
    Configs,
    FailFast,
    Jobs,
    KeepGoing,
    LockedOption,
    MemoryOption,
    On,
    Only,
    Out,
    Previous,
    RerunFailed,
    Retries,
    Scheduler,
    Shard,
    Skip,
    Sweeps,
    Timeout,
    byte_count,
    shard_of,
)
from optserve.cli.failures import ending
from optserve.cli.live import watching
from optserve.cli.log import LogFormat, LogFormatOption
from optserve.cli.reporting import Github, Reporting, Reports
from optserve.cli.shared_options import (
    CONTEXT,
    AllowPath,
    Format,
    OutputFormat,
    Overrides,
    PluginFiles,
    Quiet,
    Seed,
    Threads,
)
from optserve.cli.streams import output_encoding, write_error, write_output
from optserve.cli.usage import WithDefault
from optserve.errors import ConfigError, OptserveError

if TYPE_CHECKING:
    from optserve.batch.batch_run import Batch
    from optserve.batch.choosing import JobSelection
    from optserve.batch.result_store import ResultStore

__all__ = ["batch_app"]

batch_app = typer.Typer(cls=WithDefault, no_args_is_help=True, context_settings={**CONTEXT})


@batch_app.command("run")
def run(
    *,
    configs: Configs,
    sweep: Sweeps,
    jobs: Jobs = None,
    keep_going: KeepGoing = False,
    fail_fast: FailFast = False,
    only: Only,
    skip: Skip,
    shard: Shard = None,
    rerun_failed: RerunFailed = False,
    previous: Previous = None,
    changed_since: ChangedSince = None,
    retries: Retries = 0,
    on: On = "local",
    scheduler: Scheduler = None,
    locked: LockedOption = False,
    timeout: Timeout = None,
    memory: MemoryOption = None,
    cache: Cache = None,
    cache_size: CacheSize = "1GiB",
    set_: Overrides,
    out: Out = None,
    output: OutputFormat = Format.text,
    seed: Seed = None,
    threads: Threads = None,
    report: Reports,
    github: Github = False,
    quiet: Quiet = False,
    log_format: LogFormatOption = LogFormat.text,
    plugin: PluginFiles,
    allow_path: AllowPath = False,
) -> None:
    """Run many configs, each in a supervised process, and report on them all.

    `optserve batch CONFIGS...` does the same. All are checked before anything runs. A job that is
    killed, crashes or hangs costs only itself. The exit code is the first of 1, 130, 143, 2, 6, 5,
    4, 3, 0 that one of the jobs ends with.
    """
    with ending(output), _plain_mathematics():
        from optserve.backends.threads import available_cores
        from optserve.batch.batch_run import run_batch
        from optserve.batch.executors import executor_of
        from optserve.batch.job import BatchOptions
        from optserve.batch.named_configs import config_files
        from optserve.config.sweep_plan import swept_on_command_line
        from optserve.jobs.record.artefacts import check_new

        if keep_going and fail_fast:
            raise ConfigError(
                "--keep-going and --fail-fast contradict each other",
                expected="one of the two, or none: then all run if no config is wrong",
                code="usage",
            )
        files: tuple[Path, ...] = ()
        with suppress(ConfigError):  # it is raised again where a report tells it
            files = config_files(configs)
        reporting = Reporting.of(report, github, plugin, files, out)
        if out is not None:
            check_new(out)
        cores = available_cores()
        at_a_time = jobs or cores
        options = BatchOptions(
            jobs=at_a_time,
            threads=threads or max(1, cores // at_a_time),
            timeout=timeout,
            memory=None if memory is None else byte_count(memory),
            keep_going=keep_going,
            fail_fast=fail_fast,
            overrides=(*set_,),
            sweeps=swept_on_command_line(sweep),
            seed=seed,
            plugin_files=(*plugin,),
            allow_path=allow_path,
            store=_store(cache, cache_size),
            retries=retries,
            conventions=_conventions(set_, sweep) if locked else None,
        )
        executor = executor_of(on, scheduler, at_a_time, plugin)
        selection = _selection(only, skip, shard_of(shard), rerun_failed, previous)
        if changed_since is not None:
            from optserve.batch.changed import changes_since

            selection = replace(selection, changes=changes_since(changed_since, plugin))
        with _telling(reporting), watching(quiet, log_format) as watcher:
            done = run_batch(
                config_files(configs),
                options,
                selection=selection,
                out=out,
                watcher=watcher,
                executor=executor,
            )
        _end(done, reporting, output)


@batch_app.command("merge")
def merge(
    *,
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIRS...", help="The folders of batches.", show_default=False),
    ],
    out: Out = None,
    output: OutputFormat = Format.text,
    report: Reports,
    github: Github = False,
) -> None:
    """Make one batch of several, such as the shards that ran on several machines.

    Sweeps are judged over all of their jobs. A job of which no shard is there fails. The exit code
    is that of the whole.
    """
    with ending(output):
        from optserve.batch.merging import merge as merged
        from optserve.jobs.record.artefacts import check_new

        reporting = Reporting.of(report, github, (), (), out)
        if out is not None:
            check_new(out)
        _end(merged(folders, out=out), reporting, output)


def _store(cache: Path | None, size: str) -> ResultStore | None:
    if cache is None:
        return None
    from optserve.batch.result_store import ResultStore

    return ResultStore.opened(cache, byte_count(size, "--cache-size"))


def _conventions(set_: Sequence[str], sweep: Sequence[str]) -> Mapping[str, str]:
    """Those that jobs are held against a lock with."""
    if set_ or sweep:
        raise ConfigError(
            f"{'--set' if set_ else '--sweep'} changes what is held against the lock",
            expected="--locked without it: the lock is that of the configs as they stand",
            code="usage",
        )
    from optserve.batch.lock.conventions import conventions

    return conventions()


def _selection(
    only: Sequence[str],
    skip: Sequence[str],
    shard: tuple[int, int],
    rerun_failed: bool,
    previous: Path | None,
) -> JobSelection:
    from optserve.batch.choosing import JobSelection, previous_batch

    before = previous_batch(previous) if rerun_failed or previous is not None else None
    seconds = None
    if previous is not None and before is not None:
        seconds = {name: one.wall for name, one in before.items() if one.wall is not None}
    return JobSelection(
        (*only,), (*skip,), before if rerun_failed else None, shard=shard, seconds=seconds
    )


def _end(done: Batch, reporting: Reporting, output: Format) -> None:
    """Print and report what a batch came to, and end with its exit code."""
    from optserve.batch.summary import summary
    from optserve.batch.told import ended_jobs
    from optserve.jobs.reasons import exit_code

    errors: list[OptserveError] = []
    if reporting.wanted:
        errors = reporting.write([*ended_jobs(done)])
    for failure in errors:
        write_error(failure.block(coded=True))
    code = exit_code([done.exit_code, *(one.exit_code for one in errors)])
    if output is Format.json:
        write_output(json.dumps({**done.record, "exit_code": code}, indent=1))
    else:
        write_output(summary(done, encoding=output_encoding()))
    raise typer.Exit(code)


@contextmanager
def _telling(reporting: Reporting) -> Iterator[None]:
    """What is raised inside is told of the batch before it goes on."""
    with reporting.telling(Path("batch")):
        yield


@contextmanager
def _plain_mathematics() -> Iterator[None]:
    """NumPy's products begin no threads of their own: jobs share the processors, and a process
    without threads can be forked."""
    if "numpy" not in sys.modules:
        for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ[name] = "1"
    yield
