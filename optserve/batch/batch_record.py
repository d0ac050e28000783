"""``read_record``: what a batch has written, read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optserve.batch.job_outcome import JobOutcome
from optserve.batch.swept import Together
from optserve.errors import ConfigError, Place

__all__ = ["BatchRecord", "read_record"]


@dataclass(frozen=True)
class BatchRecord:
    """What ``batch.json`` in ``folder`` holds: ``told``, its outcomes by id, and its sweeps."""

    folder: Path
    told: Mapping[str, Any]
    outcomes: Mapping[str, JobOutcome]
    sweeps: tuple[Together, ...]


def read_record(folder: Path) -> BatchRecord:
    """The record of the batch in ``folder``; raises ``ConfigError`` where there is none."""
    file = folder / "batch.json"
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        outcomes = [JobOutcome.of_json(one) for one in told.get("jobs", ())]
        sweeps = tuple(Together.of_json(one) for one in told["sweeps"])
        if told["version"] != 1:
            raise ValueError(f"version {told['version']}")
    except OSError as error:
        raise ConfigError(
            f"cannot read {file}: {error.strerror}",
            expected="the folder of a batch",
            code="unreadable-file",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"this is no record of a batch: {error}",
            place=Place(str(file)),
            expected="the batch.json of this version of optserve",
            code="unreadable-file",
        ) from None
    return BatchRecord(folder, told, {one.id: one for one in outcomes}, sweeps)
