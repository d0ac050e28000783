"""The folder of a batch: ``batch.json``, ``batch.csv``, and a folder a job with its result."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from optserve.batch.job_outcome import JobOutcome
from optserve.batch.process import Process
from optserve.cache import write_whole
from optserve.jobs.record.artefacts import folder_name, remove_leftovers, room

__all__ = ["BatchFolder", "batch_csv"]

BETWEEN = 5.0
"""Seconds between two times that what is done is written to the disk."""

LONGEST_NAME = 200
"""Characters of the name of a folder; file systems take 255 bytes."""


class BatchFolder:
    """Where a batch writes: ``path`` is new, and holds a record from the first moment on."""

    def __init__(self, path: Path, record: Mapping[str, Any]) -> None:
        self.path = path
        self.record = dict(record)
        self._next = perf_counter() + BETWEEN
        self._syncing: Process | None = None

    @staticmethod
    def new(out: Path | None, record: Mapping[str, Any]) -> BatchFolder:
        """``out``, or the next number in ``runs/batch``; raises ``ConfigError`` where none can be
        made."""
        with room("batch", out=out) as place:
            write_whole(place.folder / "batch.json", _json(record))
            return BatchFolder(place.become(), record)

    def folders_for(self, ids: Sequence[str]) -> Mapping[str, Path]:
        """The folder of each job, by its id."""
        names = [folder_name(one)[:LONGEST_NAME] for one in ids]
        often = Counter(names)
        return {
            one: self.path / (name if often[name] == 1 else f"{name}-{number:04d}")
            for number, (one, name) in enumerate(zip(ids, names, strict=True), 1)
        }

    def write(self, outcomes: Sequence[JobOutcome], exit_code: int | None = None) -> None:
        """Write the record of what is done so far, if it is time to; of all, with an exit code."""
        if exit_code is None and perf_counter() < self._next:
            return
        self._next = perf_counter() + BETWEEN
        self.record |= {
            "exit_code": exit_code,
            "jobs": [outcome.as_json() for outcome in outcomes],
        }
        write_whole(self.path / "batch.json", _json(self.record))
        if threading.active_count() > 1:  # of an executor: then nothing is forked
            _to_disk(self.path)
        elif self._syncing is None or self._syncing.has_ended():
            self._end_sync()
            self._syncing = Process(lambda send: _to_disk(self.path))
        if exit_code is not None:
            write_whole(self.path / "batch.csv", batch_csv(outcomes).encode())
            remove_leftovers(self.path)
            self._end_sync()
            _to_disk(self.path)

    def _end_sync(self) -> None:
        if self._syncing is not None:
            [*self._syncing.wait()]
            self._syncing = None


def batch_csv(outcomes: Sequence[JobOutcome]) -> str:
    """A line a job: its id, how it ended, and every metric in a column of its own."""
    metrics = {
        f"metrics.{split}.{name}": (split, name)
        for outcome in outcomes
        for split, found in outcome.metrics.items()
        for name in found
    }
    plain = (
        "id",
        "config",
        "ended",
        "exit_code",
        "reason",
        "loss",
        "evaluations",
        "steps",
        "cached",
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    swept = list(dict.fromkeys(path for outcome in outcomes for path in outcome.settings))
    writer.writerow([*plain, "seconds", "wall", "memory", *swept, *metrics])
    for outcome in outcomes:
        cells = [getattr(outcome, name) for name in (*plain, "seconds", "wall", "memory")]
        cells += [outcome.settings.get(path) for path in swept]
        cells += [outcome.metrics.get(split, {}).get(name) for split, name in metrics.values()]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()


def _json(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, indent=1).encode() + b"\n"


def _to_disk(folder: Path) -> None:
    """Have the disk of ``folder`` brought up to date."""
    if sys.platform == "linux":
        import ctypes

        descriptor = os.open(folder, os.O_RDONLY)
        ctypes.CDLL(None).syncfs(descriptor)
    else:
        os.sync()
