"""``Parcel`` and ``Reply``: what is sent of a job that runs elsewhere, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optserve.batch.job import BatchOptions, Job
from optserve.batch.pool import Done

__all__ = ["Parcel", "Reply"]


@dataclass(frozen=True)
class Parcel:
    """What is sent of the job of ``number``: its config as it was read, what holds for it, the
    folder that its files are named from, and the digests of all that its result depends on, where
    they are known.
    """

    number: int
    job: Job
    options: BatchOptions
    home: str
    digests: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """How the job of ``number`` ended, and the files that it left, by their path in its folder.

    It ``is_lost`` where what supervises jobs there was killed, so that nobody knows.
    """

    number: int
    done: Done[int]
    files: Mapping[str, bytes] = field(default_factory=dict)
    host: str = ""
    is_lost: bool = False
