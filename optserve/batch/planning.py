"""``planned``: the jobs of a batch, before any of them is looked at closely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optserve.batch.job import BatchOptions, Job
from optserve.batch.swept import Together
from optserve.config.schema.sweep import Sweep
from optserve.config.sweep_plan import Planned, plan
from optserve.config.written import Read, read_config
from optserve.errors import ConfigErrors, OptserveError, Place

__all__ = ["Group", "Refused", "names_of", "planned"]


@dataclass(frozen=True)
class Refused:
    """A config of which not even the jobs are known."""

    id: str
    config: Path
    error: OptserveError


@dataclass(frozen=True)
class Group:
    """All jobs of one config, and what is asked of them together, where they are a sweep."""

    jobs: tuple[Job, ...]
    sweep: Together | None = None


def planned(configs: Sequence[Path], options: BatchOptions) -> Sequence[Group | Refused]:
    """What each config stands for, in order."""
    several = len(configs) > 1
    read = [_read(path, options, several) for path in configs]
    names = names_of(
        [
            (path, one.name if isinstance(one, Read) else path.stem)
            for path, one in zip(configs, read, strict=True)
        ]
    )
    return [
        _group(name, one, options, several) if isinstance(one, Read) else Refused(name, path, one)
        for path, name, one in zip(configs, names, read, strict=True)
    ]


def names_of(configs: Sequence[tuple[Path, str]]) -> Sequence[str]:
    """A name for each pair of a file and the name of the config in it.

    Where two have one name, they are told apart by their files.

    >>> names_of([(Path("a/fit.yaml"), "fit"), (Path("b.yaml"), "b")])
    ['fit', 'b']
    >>> names_of([(Path("a/fit.yaml"), "fit"), (Path("b/fit.yaml"), "fit")])
    ['a/fit', 'b/fit']
    """
    often = Counter(name for _, name in configs)
    return [name if often[name] == 1 else path.with_suffix("").as_posix() for path, name in configs]


def _read(path: Path, options: BatchOptions, several: bool) -> Read | OptserveError:
    try:
        return read_config(path, overrides=options.overrides, allow_path=options.allow_path)
    except OptserveError as error:
        return _of_config(error, path, several)


def _group(name: str, read: Read, options: BatchOptions, several: bool) -> Group | Refused:
    try:
        sweep, jobs = plan(read, options.sweeps)
    except OptserveError as error:
        return Refused(name, read.file, _of_config(error, read.file, several))
    made = tuple(_job(name, one, sweep) for one in jobs)
    settings = {job.id: job.settings for job in made}
    if sweep is not None:
        return Group(made, Together(name, settings, sweep.expect, sweep.best))
    return Group(made, Together(name, settings) if options.sweeps else None)


def _of_config(error: OptserveError, path: Path, several: bool) -> OptserveError:
    """``error`` of the config ``path``, which it names where its place is in what was set: that
    stands for ``several`` configs, and may be right for the others."""
    for one in error.errors if isinstance(error, ConfigErrors) else (error,):
        if several and one.place is not None and one.place.file in ("--set", "sweep"):
            one.message = f"{one.message}, in {path}"
    return error.at(Place(str(path)))


def _job(name: str, one: Planned, sweep: Sweep | None) -> Job:
    wanted = dict.fromkeys(sweep.expect) if sweep is not None else {}
    if sweep is not None and sweep.best is not None:
        wanted[sweep.best.metric] = None
    xfail = one.read.text_of("xfail")
    return Job(f"{name}{one.label}", one.read, one.settings, (*wanted,), xfail, one.label)
