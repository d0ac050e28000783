"""OpenMetrics 1.0, the text that Prometheus collects and GitLab compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from optserve.jobs.record.ended import EndedJob, ReportWriter
from optserve.reports.entries import count_of, entries, label_of

__all__ = ["openmetrics"]

LISTED = 100
"""Entries of an array up to which each is a sample of its own."""

Sample = tuple[Mapping[str, str], float]


def openmetrics() -> ReportWriter:
    """The numbers of each job as gauges: loss, seconds, estimates, errors, metrics, and cases."""
    return lambda jobs: "\n".join([*_lines(jobs), "# EOF"]) + "\n"


def _lines(jobs: Sequence[EndedJob]) -> Iterator[str]:
    yield from _family("optserve_job", "How a job ended, in words.", _infos(jobs), kind="info")
    yield from _family("optserve_exit_code", "The exit code.", _each(jobs, lambda j: j.exit_code))
    for name, meaning, unit, attribute in _OF_RESULT:
        samples = [
            ({"job": job.name}, value)
            for job in jobs
            if job.result is not None
            if (value := getattr(job.result, attribute)) is not None
        ]
        yield from _family(name, meaning, samples, unit=unit)
    cases = [
        ({"job": job.name, "case": case.name}, float(case.holds))
        for job in jobs
        for case in job.cases
    ]
    yield from _family("optserve_case_holds", "1 where a case holds, 0 where not.", cases)
    counts = _each(jobs, lambda job: len(job.warnings))
    yield from _family("optserve_warnings", "How many warnings there are.", counts)
    for name, meaning, attribute in _BY_PARAMETER:
        values = [
            ({"job": job.name, "name": label}, value)
            for job in jobs
            if job.result is not None
            for label, value in _entries(getattr(job.result, attribute))
        ]
        yield from _family(name, meaning, values)
    metrics = [
        ({"job": job.name, "split": split, "name": name}, value)
        for job in jobs
        if job.result is not None
        for split, found in job.result.metrics.items()
        for name, value in found.items()
        if value is not None
    ]
    yield from _family("optserve_metric", "A metric of a split of the data.", metrics)


_OF_RESULT = (
    ("optserve_loss", "What was minimized, at the best point.", "", "loss"),
    ("optserve_duration_seconds", "How long the job took.", "seconds", "seconds"),
    ("optserve_memory_bytes", "The largest memory of the process.", "bytes", "memory"),
    ("optserve_evaluations", "How often the loss was evaluated.", "", "evaluations"),
    ("optserve_steps", "How many steps the method made.", "", "steps"),
)
_BY_PARAMETER = (
    ("optserve_parameter", "An estimate.", "parameters"),
    ("optserve_standard_error", "The standard error of an estimate.", "standard_errors"),
)


def _each(jobs: Sequence[EndedJob], number: Any) -> Sequence[Sample]:
    return [({"job": job.name}, number(job)) for job in jobs]


def _infos(jobs: Sequence[EndedJob]) -> Sequence[Sample]:
    infos = []
    for job in jobs:
        labels = {"job": job.name, "config": job.config}
        if job.result is not None:
            used = job.result.used
            labels |= {
                "reason": job.result.termination.reason,
                "optimizer": used.optimizer,
                "backend": used.backend,
                "precision": used.precision,
                "version": str(job.result.environment.get("optserve", "")),
            }
        infos.append((labels, 1.0))
    return infos


def _entries(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if count_of(value) <= LISTED:
            for index, number in entries(value):
                if number is not None:
                    yield label_of(name, index), number


def _family(
    name: str, meaning: str, samples: Sequence[Sample], *, kind: str = "gauge", unit: str = ""
) -> Iterator[str]:
    if not samples:
        return
    yield f"# TYPE {name} {kind}"
    if unit:
        yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {meaning}"
    for labels, value in samples:
        told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{name}{'_info' if kind == 'info' else ''}{{{told}}} {_number(value)}"


def _number(value: float) -> str:
    if not isfinite(value):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
    return repr(float(value)) if value != int(value) else str(int(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
