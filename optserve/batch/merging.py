"""``merge``: the batches of several machines become one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from optserve.batch.batch_record import BatchRecord, read_record
from optserve.batch.batch_run import Batch, closed
from optserve.batch.folder import BatchFolder
from optserve.batch.job_outcome import JobOutcome
from optserve.errors import ConfigError, Place

__all__ = ["merge"]


def merge(folders: Sequence[Path], *, out: Path | None = None) -> Batch:
    """One batch of the jobs of several, such as shards; sweeps are judged over all of their jobs.

    A job that none of them has is one that did not run, and fails. Raises ``ConfigError`` where
    two have one job, or a folder is no batch.
    """
    began = perf_counter()
    records = [read_record(folder) for folder in folders]
    homes = _homes(records)
    whole = list(dict.fromkeys(one for record in records for one in record.told["whole"]))
    sweeps = {sweep.name: sweep for record in records for sweep in record.sweeps}
    told = {
        "version": 1,
        "merged": [str(folder) for folder in folders],
        "shard": "",
        "whole": whole,
        "sweeps": [sweep.as_json() for sweep in sweeps.values()],
    }
    folder = BatchFolder.new(out, told)
    new = folder.folders_for([*homes])
    outcomes = {one: _missing(one) for one in whole}
    for name, record in homes.items():
        outcome = record.outcomes[name]
        if outcome.folder:
            shutil.copytree(record.folder / outcome.folder, new[name])
            outcome = replace(outcome, folder=new[name].name)
        outcomes[name] = outcome
    codes = [record.told["exit_code"] or 0 for record in records]
    return closed(
        folder,
        outcomes,
        [*sweeps.values()],
        perf_counter() - began,
        *(code for code in codes if code in (130, 143)),
    )


def _homes(records: Sequence[BatchRecord]) -> dict[str, BatchRecord]:
    """The record that each job is in."""
    homes = dict[str, BatchRecord]()
    for record in records:
        if "exit_code" not in record.told:
            raise ConfigError(
                f"the batch in {record.folder} was not finished",
                place=Place(str(record.folder / "batch.json")),
                remedy="run it again",
                code="unreadable-file",
            )
        for name in record.outcomes:
            if name in homes:
                raise ConfigError(
                    f"the job {name} is in two batches",
                    place=Place(str(record.folder / "batch.json")),
                    expected=f"each job once; it is in {homes[name].folder} too",
                    remedy="name each shard once, or give the configs different names",
                    code="contradiction",
                )
            homes[name] = record
    return homes


def _missing(name: str) -> JobOutcome:
    return JobOutcome(name, "", "not run", 1, message="in none of the batches that were merged")
