"""GitLab's code quality report: a list of issues beside the lines of a merge request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from optserve.jobs.record.ended import EndedJob, ReportWriter
from optserve.reports.fingerprints import fingerprint

__all__ = ["gitlab"]

_SEVERITIES = {"warning": "minor", "failed": "major", "error": "critical"}


def gitlab() -> ReportWriter:
    """An issue for each case that does not hold, and for each warning, at its line."""
    return lambda jobs: f"{json.dumps(_issues(jobs), indent=2)}\n"


def _issues(jobs: Sequence[EndedJob]) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "description": f"{job.name}: {one.message}",
            "check_name": f"optserve/{one.rule}",
            "fingerprint": fingerprint(job, one),
            "severity": _SEVERITIES[one.level],
            "location": {
                "path": one.place.file or job.name,
                "lines": {"begin": max(one.place.line, 1)},
            },
        }
        for job in jobs
        for one in job.findings
        if not one.holds
    ]
