"""The options of `optserve batch`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from optserve.errors import ConfigError

__all__ = [
    "Cache",
    "CacheSize",
    "ChangedSince",
    "Configs",
    "FailFast",
    "Jobs",
    "KeepGoing",
    "LockedOption",
    "MemoryOption",
    "On",
    "Only",
    "Out",
    "Previous",
    "RerunFailed",
    "Retries",
    "Scheduler",
    "Shard",
    "Skip",
    "Sweeps",
    "Timeout",
    "byte_count",
    "shard_of",
]

_UNITS = (("KiB", 10), ("MiB", 20), ("GiB", 30))

Configs = Annotated[
    list[str],
    typer.Argument(
        metavar="CONFIGS...",
        help="Files, globs such as 'fits/**/*.yaml', or folders: the .yaml files in them.",
        show_default=False,
    ),
]

Jobs = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Jobs at a time; by default as many as there are processors."
    ),
]

KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Run the others where a config is wrong.")
]

FailFast = Annotated[
    bool, typer.Option("--fail-fast", help="Begin no further job once one has failed.")
]

Timeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", min=0.1, help="At most so long for a job.")
]

MemoryOption = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="At most so much memory for a job, as in 500MiB, beside that of optserve itself.",
    ),
]

Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A new folder for the batch, not runs/batch/NNNN."),
]

Sweeps = Annotated[
    list[str],
    typer.Option(
        "--sweep",
        metavar="KEY=VALUE,...",
        default_factory=list,
        show_default=False,
        help="Run every config with each of the values, as in seed=0,1,2; of several options with "
        "every combination.",
    ),
]

Only = Annotated[
    list[str],
    typer.Option(
        "--only",
        metavar="PATTERN",
        default_factory=list,
        show_default=False,
        help="Only jobs of this id or config name, with * and ?. May be repeated.",
    ),
]

Skip = Annotated[
    list[str],
    typer.Option(
        "--skip",
        metavar="PATTERN",
        default_factory=list,
        show_default=False,
        help="No jobs of this id or config name, with * and ?. May be repeated.",
    ),
]

Shard = Annotated[
    str | None,
    typer.Option(metavar="K/N", help="Only the K-th of N parts of the jobs, for N machines."),
]

RerunFailed = Annotated[
    bool,
    typer.Option("--rerun-failed", help="Only jobs that did not pass in the previous batch."),
]

Previous = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The previous batch, by default the last in runs/batch; where it is given, shards "
        "are of equal length by what its jobs took.",
    ),
]


Cache = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Give the results of identical jobs from this folder, and store what is new there.",
    ),
]

CacheSize = Annotated[
    str,
    typer.Option(metavar="SIZE", help="At most so much in the cache; what was used last stays."),
]


ChangedSince = Annotated[
    str | None,
    typer.Option(
        metavar="REF",
        help="Only jobs whose config, what it extends, data or plugins have changed since this "
        "commit or branch of git.",
    ),
]

LockedOption = Annotated[
    bool,
    typer.Option(
        "--locked",
        help="Hold every job against the optserve.lock beside its config, before any runs; exit "
        "code 4 where a derivative, a rule or a convention has changed.",
    ),
]

On = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Where jobs run: local, which is in processes of this machine; dask; or an executor "
        "of a plugin.",
    ),
]

Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Of a scheduler that runs, as in tcp://host:8786; by default --on dask begins "
        "workers on this machine, as many as --jobs.",
    ),
]

Retries = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        max=100,
        help="Run a job again, so often, whose process was killed from outside or found no memory; "
        "never for its numbers.",
    ),
]


def byte_count(written: str, option: str = "--memory") -> int:
    """A size in bytes.

    >>> byte_count("1.5 GiB"), byte_count("500MiB")
    (1610612736, 524288000)
    """
    for unit, power in _UNITS:
        number = written.strip().removesuffix(unit).strip()
        if number != written.strip() and re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", number):
            size = int(float(number) * (1 << power))
            if size > 0:
                return size
    raise ConfigError(
        f"{option} {written} is no size",
        expected="a number and a unit: KiB, MiB or GiB",
        remedy=f"{option} 500MiB",
        code="usage",
    )


def shard_of(written: str | None) -> tuple[int, int]:
    """The number of a shard, and how many there are.

    >>> shard_of("2/5"), shard_of(None)
    ((2, 5), (1, 1))
    """
    if written is None:
        return 1, 1
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", written.strip())
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigError(
            f"--shard {written} is no part of a whole",
            expected="K/N with K from 1 to N, as in --shard 2/5",
            code="usage",
        )
    return int(found[1]), int(found[2])
