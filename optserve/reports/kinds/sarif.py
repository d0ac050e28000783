"""SARIF 2.1.0, the format of static analyses, as GitHub's code scanning and editors read it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from optserve.errors import Place
from optserve.jobs.record.ended import EndedJob, Finding, ReportWriter, exit_code
from optserve.reports.fingerprints import fingerprint

__all__ = ["sarif"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_RULES = {
    "termination": "The descent ends at a minimum, with finite numbers.",
    "expectation": "An expectation of the config holds.",
    "warning": "Something not to trust without a look.",
}
LONGEST = 500
"""Letters of a line up to which it is shown: one that holds data may be as long as the data."""

_LEVELS = {"warning": "warning", "failed": "error", "error": "error"}


def sarif() -> ReportWriter:
    """A result for each case that does not hold, and for each warning."""
    return lambda jobs: f"{json.dumps(_log(jobs), indent=2)}\n"


def _log(jobs: Sequence[EndedJob]) -> Mapping[str, Any]:
    told = [(job, one) for job in jobs for one in job.findings if not one.holds]
    rules = list(dict.fromkeys(one.rule for _, one in told))
    code = exit_code(jobs)
    run = {
        "tool": {"driver": {"name": "optserve", **_version(), "rules": [*map(_rule, rules)]}},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": code != 1, "exitCode": code}],
        "results": [_result(job, one, rules.index(one.rule)) for job, one in told],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _version() -> Mapping[str, str]:
    from optserve import __version__

    return {"version": __version__}


def _rule(rule: str) -> Mapping[str, Any]:
    text = _RULES.get(rule, f"What is wrong has the code {rule}, which docs/errors.md explains.")
    return {"id": rule, "shortDescription": {"text": text}}


def _result(job: EndedJob, one: Finding, index: int) -> Mapping[str, Any]:
    remedy = f"\nRemedy: {one.remedy}" if one.remedy else ""
    return {
        "ruleId": one.rule,
        "ruleIndex": index,
        "level": _LEVELS[one.level],
        "message": {"text": f"{job.name}: {one.message}{remedy}"},
        "locations": [_location(one, job)],
        "partialFingerprints": {"optserve/v1": fingerprint(job, one)},
        "properties": {"job": job.name, "name": one.name},
    }


def _location(one: Finding, job: EndedJob) -> Mapping[str, Any]:
    logical = [{"name": one.name, "fullyQualifiedName": f"{job.name}/{one.name}"}]
    if not one.place.file:
        return {"logicalLocations": logical}
    physical: dict[str, Any] = {"artifactLocation": _artifact(one.place.file)}
    if region := _region(one.place):
        physical["region"] = region
    return {"physicalLocation": physical, "logicalLocations": logical}


def _artifact(file: str) -> Mapping[str, str]:
    """A path from the root of the repository on, or a whole address of a file outside of it."""
    uri = quote(file, safe="/:")
    if file.startswith("/"):
        return {"uri": PurePosixPath(file).as_uri()}
    return {
        "uri": uri if ":" not in uri.partition("/")[0] else f"./{uri}",
        "uriBaseId": "%SRCROOT%",
    }


def _region(place: Place) -> Mapping[str, Any]:
    if not place.line:
        return {}
    region: dict[str, Any] = {"startLine": place.line}
    if place.column:
        region |= {"startColumn": place.column, "endColumn": place.column + max(place.width, 1)}
    if 0 < len(place.excerpt) <= LONGEST:
        region["snippet"] = {"text": place.excerpt}
    return region
