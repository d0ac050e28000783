"""By what a finding is known again in the next report."""

from __future__ import annotations

import hashlib

from optserve.jobs.record.ended import EndedJob, Finding

__all__ = ["fingerprint"]


def fingerprint(job: EndedJob, finding: Finding) -> str:
    """32 hexadecimal digits of the job, the file and what the finding is about.

    Neither its line nor its numbers count, so that it stays the same where a line is added above.
    """
    parts = job.name, finding.place.file, finding.rule, finding.name
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:32]
