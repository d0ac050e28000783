"""``Job``: one config of a batch; ``Options``: what holds for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Job", "Options", "named_jobs"]


@dataclass(frozen=True)
class Options:
    """What holds for every job of a batch.

    ``jobs`` run at a time, each on ``threads``. A job may take ``timeout`` seconds, and ``memory``
    bytes more than the process that it begins in has; ``None`` where there is no limit.
    """

    jobs: int = 1
    threads: int = 1
    timeout: float | None = None
    memory: int | None = None
    keep_going: bool = False
    fail_fast: bool = False
    overrides: tuple[str, ...] = ()
    seed: int | None = None
    plugin_files: tuple[Path, ...] = ()
    allow_path: bool = False


@dataclass(frozen=True)
class Job:
    """A config to run. ``id`` tells it apart from the others, and is the same in every batch."""

    id: str
    config: Path
    overrides: tuple[str, ...] = ()


def named_jobs(configs: Iterable[tuple[Path, str]]) -> Sequence[Job]:
    """A job for each pair of a file and the name of the config in it.

    Where two have one name, they are told apart by their files.

    >>> [job.id for job in named_jobs([(Path("a/fit.yaml"), "fit"), (Path("b.yaml"), "b")])]
    ['fit', 'b']
    >>> [job.id for job in named_jobs([(Path("a/fit.yaml"), "fit"), (Path("b/fit.yaml"), "fit")])]
    ['a/fit', 'b/fit']
    """
    configs = list(configs)
    often = Counter(name for _, name in configs)
    return [
        Job(name if often[name] == 1 else path.with_suffix("").as_posix(), path)
        for path, name in configs
    ]
