"""All of it as JSON: for each job what was found, and its result as ``result.json`` has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from json import dumps, loads
from typing import Any

from optserve.jobs.record.ended import EndedJob, Finding, ReportWriter, exit_code

__all__ = ["json"]


def json() -> ReportWriter:
    """Each job with its exit code, its verdict, what was found, and its result."""
    return _written


def _written(jobs: Sequence[EndedJob]) -> str:
    content = {"version": 1, "exit_code": exit_code(jobs), "jobs": [_job(job) for job in jobs]}
    return f"{dumps(content, indent=2)}\n"


def _job(job: EndedJob) -> Mapping[str, Any]:
    return {
        "name": job.name,
        "config": job.config,
        "exit_code": job.exit_code,
        "verdict": job.verdict,
        "saved": job.saved,
        "findings": [_finding(one) for one in job.findings],
        "sweep": None if job.sweep is None else asdict(job.sweep),
        "result": None if job.result is None else loads(job.result.to_json()),
    }


def _finding(one: Finding) -> Mapping[str, Any]:
    place = one.place
    return {
        "name": one.name,
        "rule": one.rule,
        "level": one.level,
        "message": one.message,
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "remedy": one.remedy,
    }
