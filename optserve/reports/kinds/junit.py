"""JUnit's XML, as Jenkins, GitLab, GitHub's actions and Azure read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optserve.jobs.record.ended import EndedJob, Finding, ReportWriter
from optserve.reports.visible import visible

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

__all__ = ["junit"]


def junit() -> ReportWriter:
    """A test suite a job: a case for how it ended, and one for each expectation.

    Elements and attributes are those of the schema of Jenkins's xunit plugin (junit-10.xsd).
    """
    return _written


def _written(jobs: Sequence[EndedJob]) -> str:
    import xml.etree.ElementTree as ET

    root = ET.Element("testsuites", {"name": "optserve", **_counts(jobs)})
    for job in jobs:
        suite = ET.SubElement(root, "testsuite", {"name": visible(job.name), **_counts([job])})
        if properties := _properties(job):
            holder = ET.SubElement(suite, "properties")
            for name, value in properties:
                ET.SubElement(holder, "property", name=name, value=visible(value))
        for case in job.cases:
            suite.append(_case(job, case))
        if job.warnings:
            lines = "\n".join(f"warning: {one.message}" for one in job.warnings)
            ET.SubElement(suite, "system-err").text = visible(lines)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _counts(jobs: Sequence[EndedJob]) -> dict[str, str]:
    levels = Counter(case.level for job in jobs for case in job.cases)
    return {
        "tests": str(levels.total()),
        "failures": str(levels["failed"]),
        "errors": str(levels["error"]),
        "skipped": "0",
        "time": f"{sum(job.seconds for job in jobs):.3f}",
    }


def _properties(job: EndedJob) -> list[tuple[str, str]]:
    found = [("config", job.config), ("exit_code", str(job.exit_code)), ("saved", job.saved)]
    if job.result is not None:
        used = job.result.used
        found += [
            ("loss", "" if job.result.loss is None else repr(job.result.loss)),
            ("reason", job.result.termination.reason),
            ("optimizer", used.optimizer),
            ("backend", used.backend),
            ("precision", used.precision),
            ("seed", str(used.seed)),
            ("optserve", str(job.result.environment.get("optserve", ""))),
        ]
    return [(name, value) for name, value in found if value]


def _case(job: EndedJob, case: Finding) -> ET.Element:
    import xml.etree.ElementTree as ET

    seconds = job.seconds if case.rule == "termination" else 0.0
    element = ET.Element(
        "testcase", name=visible(case.name), classname=visible(job.name), time=f"{seconds:.3f}"
    )
    if case.place.file:
        element.set("file", visible(case.place.file))
    if case.place.line:
        element.set("line", str(case.place.line))
    if not case.holds:
        tag = "failure" if case.level == "failed" else "error"
        told = ET.SubElement(element, tag, message=visible(case.message), type=case.rule)
        at = f"at {case.place}" if case.place.file else ""
        remedy = f"remedy: {case.remedy}" if case.remedy else ""
        told.text = visible("\n".join(filter(None, [case.message, at, remedy])))
    return element
