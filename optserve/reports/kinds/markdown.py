"""Markdown, for a comment, a wiki or the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from optserve.jobs.record.ended import EndedJob, ReportWriter, passed
from optserve.reports.estimates import estimate_rows
from optserve.reports.text import facts, quality
from optserve.reports.visible import one_line

__all__ = ["markdown"]

_MARKED = re.compile(r"([\\`*_{}\[\]<>#|~])")


def markdown() -> ReportWriter:
    """For each job its verdict, what does not hold, its estimates, and how good the fit is."""
    return lambda jobs: "\n".join(_lines(jobs)) + "\n"


def _lines(jobs: Sequence[EndedJob]) -> Iterator[str]:
    if len(jobs) > 1:
        yield f"# optserve: {passed(jobs)}"
        yield ""
        rows = [
            [_sign(job), job.name, job.verdict, f"{job.seconds:.3g} s", str(job.exit_code)]
            for job in jobs
        ]
        yield from _table([["", "job", "verdict", "time", "exit"], *rows])
        yield ""
    for number, job in enumerate(jobs):
        yield from _job(job, last=number == len(jobs) - 1)


def _job(job: EndedJob, *, last: bool) -> Iterator[str]:
    yield f"## {_sign(job)} {_escaped(job.name)}"
    yield ""
    yield _escaped(job.verdict)
    yield ""
    told = [*(one for one in job.cases if not one.holds), *job.warnings]
    for one in told:
        word = "warning" if not one.is_case else "fails"
        place = f" (`{one.place}`)" if one.place.line else ""
        remedy = f" Remedy: {_escaped(one.remedy)}." if one.remedy else ""
        yield f"- **{word}** {_escaped(one.name)}: {_escaped(one.message)}{place}.{remedy}"
    if told:
        yield ""
    if job.result is not None:
        rows = estimate_rows(job.result)
        if rows:
            yield from _table(rows)
            yield ""
        yield _escaped(", ".join(quality(job.result)))
        yield ""
        yield from (f"- {label}: {_escaped(fact)}" for label, fact in facts(job.result))
        yield f"- exit code: {job.exit_code}"
        if job.saved:
            yield f"- result: `{job.saved}`"
    if not last:
        yield ""


def _sign(job: EndedJob) -> str:
    return "✅" if job.exit_code == 0 else "❌"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *rest = rows
    yield f"| {' | '.join(map(_escaped, head))} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(map(_escaped, row))} |" for row in rest)


def _escaped(text: str) -> str:
    r"""``text`` as it is, whatever stands in it.

    >>> print(_escaped("W[0] is *not* <b>"))
    W\[0\] is \*not\* \<b\>
    """
    return _MARKED.sub(r"\\\1", one_line(text))
