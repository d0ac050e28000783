"""``Job``: one config of a batch, with its settings; ``BatchOptions``: what holds for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optserve.batch.result_store import ResultStore
from optserve.config.written import Read

__all__ = ["BatchOptions", "Job"]


@dataclass(frozen=True)
class BatchOptions:
    """What holds for every job of a batch.

    ``jobs`` run at a time, each on ``threads``. A job may take ``timeout`` seconds, and ``memory``
    bytes more than the process that it begins in has; ``None`` where there is no limit. ``sweeps``
    are values by path, of which every combination is run of every config. ``store`` has the
    results of jobs that ran before. A job that is lost without a fault of its own is run again, at
    most ``retries`` times. Where ``conventions`` are given, the numerical ones, jobs are held
    against the lock files beside their configs.
    """

    jobs: int = 1
    threads: int = 1
    timeout: float | None = None
    memory: int | None = None
    keep_going: bool = False
    fail_fast: bool = False
    overrides: tuple[str, ...] = ()
    sweeps: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    seed: int | None = None
    plugin_files: tuple[Path, ...] = ()
    allow_path: bool = False
    store: ResultStore | None = None
    retries: int = 0
    conventions: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Job:
    """A config to run. ``id`` tells it apart from the others, and is the same in every batch.

    ``settings`` are the values by path that a sweep gave it, ``wanted`` the paths of its result
    that are looked at when all jobs of the sweep are done, ``xfail`` why it must fail; ``label`` is
    the part of the id that tells it apart from others of its config.
    """

    id: str
    read: Read
    settings: Mapping[str, Any] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    xfail: str = ""
    label: str = ""

    @property
    def config(self) -> Path:
        """The file of the config."""
        return self.read.file
