"""``JobSelection``: which jobs of a batch run: by their ids, by how they ended before, by shard."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from optserve.batch.batch_record import read_record
from optserve.batch.changed import Changes
from optserve.batch.job import Job
from optserve.batch.job_outcome import JobOutcome
from optserve.config.suggest import choices
from optserve.errors import ConfigError

__all__ = ["ALL", "JobSelection", "matches", "previous_batch", "share"]


@dataclass(frozen=True)
class JobSelection:
    """Jobs whose ids match one of ``only``, where there are any, and none of ``skip``.

    ``failed_in`` are the outcomes of a batch of which those run again that did not pass, and
    ``changes`` leaves those that they concern. Of what is left, ``shard`` (the number of it, how
    many) takes a part; ``seconds`` are those that jobs took.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    failed_in: Mapping[str, JobOutcome] | None = None
    changes: Changes | None = None
    shard: tuple[int, int] = (1, 1)
    seconds: Mapping[str, float] | None = None

    @property
    def shard_text(self) -> str:
        """The shard as it is written, empty where there is one alone."""
        return f"{self.shard[0]}/{self.shard[1]}" if self.shard[1] > 1 else ""

    def of(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Those of ``jobs`` that run; raises ``ConfigError`` for a pattern that is nobody's."""
        for pattern in (*self.only, *self.skip):
            if not any(matches(pattern, job.id) for job in jobs):
                raise ConfigError(
                    f"no job matches '{pattern}'",
                    expected=f"ids, with * for any part of one: {choices([j.id for j in jobs], 6)}",
                    code="usage",
                )
        chosen = [
            job
            for job in jobs
            if (not self.only or any(matches(pattern, job.id) for pattern in self.only))
            and not any(matches(pattern, job.id) for pattern in self.skip)
        ]
        if self.failed_in is not None:
            before = self.failed_in
            chosen = [job for job in chosen if job.id in before and not before[job.id].passed]
        if self.changes is not None:
            chosen = [job for job in chosen if self.changes.concern(job)]
        ids = {*share([job.id for job in chosen], self.shard, self.seconds)}
        return [job for job in chosen if job.id in ids]


ALL = JobSelection()
"""All of them."""


def matches(pattern: str, id: str) -> bool:
    """Whether ``pattern`` is the id, that of its config, or with ``*`` and ``?`` fits it.

    >>> matches("fit", "fit[seed=0]"), matches("f*[seed=?]", "fit[seed=0]"), matches("fi", "fit")
    (True, True, False)
    """
    parts = re.split(r"([*?])", pattern)
    magic = {"*": ".*", "?": "."}
    wanted = re.compile("".join(magic.get(part) or re.escape(part) for part in parts))
    return any(wanted.fullmatch(one) for one in (id, id.partition("[")[0]))


def share(
    ids: Sequence[str], shard: tuple[int, int], seconds: Mapping[str, float] | None
) -> Sequence[str]:
    """The ids that one shard takes; together the shards take each once.

    Where it is known what jobs took, the longest go first, each to the shard that has least.

    >>> share(["a", "b", "c", "d", "e"], (2, 2), None)
    ['b', 'd']
    >>> share(["a", "b", "c", "d"], (1, 2), {"a": 9, "b": 4, "c": 3, "d": 2})
    ['a']
    """
    number, of = shard
    if seconds is None:
        return [*ids[number - 1 :: of]]
    known = sorted(seconds[one] for one in ids if one in seconds)
    usual = known[len(known) // 2] if known else 1.0
    loads, mine = [0.0] * of, []
    for one in sorted(ids, key=lambda one: (-seconds.get(one, usual), one)):
        least = loads.index(min(loads))
        loads[least] += seconds.get(one, usual)
        if least == number - 1:
            mine.append(one)
    return mine


def previous_batch(folder: Path | None) -> Mapping[str, JobOutcome]:
    """The outcomes of the batch in ``folder``, by default the last in ``runs/batch``, by id."""
    home = Path("runs/batch")
    if folder is None:
        numbered = [one for one in home.glob("[0-9]*") if (one / "batch.json").exists()]
        if not numbered:
            raise ConfigError(
                f"there is no batch in {home}",
                expected="the folder of a batch: --previous DIR",
                code="usage",
            )
        folder = max(numbered, key=lambda one: int(one.name) if one.name.isdecimal() else 0)
    return read_record(folder).outcomes
