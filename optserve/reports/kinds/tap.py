"""The Test Anything Protocol, version 14."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from optserve.jobs.record.ended import EndedJob, Finding, ReportWriter
from optserve.reports.visible import one_line

__all__ = ["tap"]


def tap() -> ReportWriter:
    """A line a case, and for one that does not hold a block of YAML that says why."""
    return lambda jobs: "\n".join(_lines(jobs)) + "\n"


def _lines(jobs: Sequence[EndedJob]) -> Iterator[str]:
    yield "TAP version 14"
    yield f"1..{sum(len(job.cases) for job in jobs)}"
    number = 0
    for job in jobs:
        for case in job.cases:
            number += 1
            told = _told(f"{job.name}: {case.name}")
            yield f"{'ok' if case.holds else 'not ok'} {number} - {told}"
            if not case.holds:
                yield from _block(case)
        yield from (f"# {job.name}: warning: {one_line(one.message)}" for one in job.warnings)


def _block(case: Finding) -> Iterator[str]:
    """What does not hold, in the subset of YAML that JSON is."""
    fields: dict[str, object] = {
        "message": case.message,
        "severity": "fail" if case.level == "failed" else "error",
        "rule": case.rule,
        "remedy": case.remedy,
        "file": case.place.file,
        "line": case.place.line,
    }
    yield "  ---"
    yield from (f"  {name}: {json.dumps(value)}" for name, value in fields.items() if value)
    yield "  ..."


def _told(text: str) -> str:
    r"""A description: ``#`` would begin a directive.

    >>> print(_told("fit #2"))
    fit \#2
    """
    return one_line(text).replace("\\", "\\\\").replace("#", "\\#")
