"""What a GitHub workflow is told: annotations at the lines of a config, and the step's summary."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from optserve.errors import OutputFailure
from optserve.jobs.record.ended import EndedJob, Finding
from optserve.reports.kinds.markdown import markdown

__all__ = ["append_summary", "workflow_commands"]

MOST = 10
"""Annotations of one kind that are shown of a step; GitHub drops the others without a word."""

LONGEST = 60_000
"""Bytes of a message; GitHub takes 64 KiB."""

SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names the file of a step's summary."""

LARGEST = 1024 * 1024
"""Bytes of the summary of a step, beyond which GitHub shows none of it."""

_COMMANDS = {"warning": "warning", "failed": "error", "error": "error"}


def workflow_commands(jobs: Sequence[EndedJob]) -> Iterator[str]:
    """A workflow command a line: an error for each case that does not hold, then the warnings.

    Of more than ten of one kind the last one says how many are not shown.

    >>> from optserve.errors import ConfigError, Place
    >>> error = ConfigError("100% wrong", place=Place("fit.yaml", 3, 7), code="wrong-value")
    >>> [*workflow_commands([EndedJob.of_error("fit", error, config="fit.yaml")])]
    ['::error file=fit.yaml,line=3,col=7,title=fit%3A wrong-value::100%25 wrong']
    """
    told = [(job, one) for job in jobs for one in job.findings if not one.holds]
    for kind in ("error", "warning"):
        of_kind = [(job, one) for job, one in told if _COMMANDS[one.level] == kind]
        shown = of_kind if len(of_kind) <= MOST else of_kind[: MOST - 1]
        yield from (_command(kind, job, one) for job, one in shown)
        if len(shown) < len(of_kind):
            more = f"{len(of_kind) - len(shown)} more of {len(of_kind)}: see the step's summary"
            yield f"::{kind} title=optserve::{more}"


def append_summary(jobs: Sequence[EndedJob], environment: Mapping[str, str] = os.environ) -> None:
    """Add the report in Markdown to the summary of the step, where there is one.

    What is too long for it is cut, and says so. Raises ``OutputFailure`` where the file
    cannot be written.
    """
    named = environment.get(SUMMARY)
    if not named:
        return
    try:
        with Path(named).open("ab") as file:
            file.write(_cut(str(markdown()(jobs)).encode(), LARGEST - file.tell() - 1))
    except OSError as error:
        why = error.strerror or str(error)
        raise OutputFailure(f"cannot write the summary {named}: {why}") from error


def _command(kind: str, job: EndedJob, one: Finding) -> str:
    fields = {
        "file": one.place.file,
        "line": str(one.place.line or ""),
        "col": str(one.place.column or ""),
        "title": f"{job.name}: {one.name}",
    }
    told = ",".join(f"{name}={_property(text)}" for name, text in fields.items() if text)
    remedy = f"\nremedy: {one.remedy}" if one.remedy else ""
    return f"::{kind} {told}::{_data(f'{one.message}{remedy}')}"


def _data(text: str) -> str:
    """A message on one line, as the runner reads it."""
    short = text.encode("utf-8", "backslashreplace")[:LONGEST].decode("utf-8", "ignore")
    return short.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cut(content: bytes, room: int) -> bytes:
    """``content``, or as many of its lines as there is room for."""
    if len(content) <= room:
        return content
    last = b"\n\nThe rest does not fit into the summary of a step.\n"
    kept = content[: max(room - len(last), 0)].rpartition(b"\n")[0]
    return kept + last if kept else b""
