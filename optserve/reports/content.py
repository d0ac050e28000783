"""What a report for people tells of a job, in order, as parts that are drawn on a page or on paper.

The page of HTML and the PDF draw the same parts: neither knows what a result holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from optserve.jobs.record.ended import EndedJob, Finding, exit_code, passed
from optserve.jobs.record.result import Result
from optserve.reports.estimates import estimate_rows
from optserve.reports.html.pictures import (
    Picture,
    contour_pictures,
    correlation_picture,
    fit_pictures,
    history_pictures,
    output_pictures,
    profile_pictures,
)
from optserve.reports.html.sweeps import sweep_pictures
from optserve.reports.numbers import compact
from optserve.reports.output_lines import output_cells
from optserve.reports.text import facts, quality

__all__ = [
    "Figures",
    "Grid",
    "Heading",
    "HowItEnded",
    "Items",
    "Paragraph",
    "ReportPart",
    "Span",
    "Tone",
    "Verbatim",
    "overview",
    "parts_of",
]

Tone = Literal["", "holds", "fails", "warning", "faint"]
"""How a text is meant, which its colour tells beside its words."""

_MEANINGS = {
    0: ("Passed", "The answer can be used."),
    1: ("Failed", "Something failed that is no fault of the config; or the result was not saved."),
    2: ("Refused", "The config is wrong, and nothing ran."),
    3: ("Not converged", "These are no estimates: no minimum was found, and there are no errors."),
    4: ("Failed", "There is an answer, and it is not as it is expected to be."),
    5: ("Failed", "The numbers failed: they are not finite, or grew without end."),
    6: ("Failed", "A plugin did not load, failed, or has a derivative that is wrong."),
    130: ("Interrupted", "What was reached until then is shown."),
    143: ("Terminated", "What was reached until then is shown."),
}
_AS_LONG = "It descended as long as was asked; whether it came to a minimum was not asked."
"""What 0 means where a limit ended the descent, and there was no tolerance to meet."""

LONGEST = 2000
"""Letters of a line of the config that are shown."""

MOST_LINES = 80
"""Lines of the graph of a loss that are shown."""

_KEPT = ("optserve", "python", "numpy", "platform", "machine", "cores", "threads")


class Span(NamedTuple):
    """A text of one tone, and the number of the job that it leads to, if it leads to one."""

    text: str
    tone: Tone = ""
    job: int | None = None


@dataclass(frozen=True)
class Heading:
    """The title of what follows; ``level`` 1 is that of a job, or of all."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class HowItEnded:
    """A word, what it means, and how it ended in a sentence."""

    word: str
    meaning: str
    told: str
    good: bool


@dataclass(frozen=True)
class Paragraph:
    """A text of its own."""

    text: Span


@dataclass(frozen=True)
class Items:
    """A list; each of its items is made of spans."""

    items: Sequence[Sequence[Span]]


@dataclass(frozen=True)
class Grid:
    """A table; its first row names the columns where it has a ``head``."""

    rows: Sequence[Sequence[Span]]
    head: bool = True


@dataclass(frozen=True)
class Figures:
    """Pictures beside each other."""

    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Verbatim:
    """A text in letters of one width, whose lines are kept."""

    text: str


ReportPart = Heading | HowItEnded | Paragraph | Items | Grid | Figures | Verbatim


def overview(jobs: Sequence[EndedJob]) -> Iterator[ReportPart]:
    """What is told of several jobs together, before each."""
    code = exit_code(jobs)
    word, _ = _MEANINGS.get(code, ("Failed", ""))
    yield Heading("optserve", 1)
    yield HowItEnded(word, "", f"{passed(jobs)}.", code == 0)
    rows = [
        [Span(job.name, job=number), _word(job), Span(job.verdict)]
        for number, job in enumerate(jobs, 1)
    ]
    yield Grid([_plain(["job", "", "verdict"]), *rows])


def parts_of(job: EndedJob) -> Iterator[ReportPart]:
    """What is told of one job."""
    word, meaning = _MEANINGS.get(job.exit_code, ("Failed", ""))
    if job.exit_code == 0 and job.result is not None:
        reason = job.result.termination.reason
        meaning = _AS_LONG if reason in ("steps", "epochs", "seconds") else meaning
    yield Heading(job.name, 1)
    yield HowItEnded(word, meaning, job.verdict, job.exit_code == 0)
    wrong = [one for one in job.cases if not one.holds]
    if wrong:
        yield Heading("What fails")
        yield Items([_found(Span(one.name, "fails"), one) for one in wrong])
    if job.warnings:
        yield Heading("Warnings")
        yield Items([_found(Span("Warning", "warning"), one) for one in job.warnings])
    if job.sweep is not None:
        yield from _section("The sweep", sweep_pictures(job.sweep))
    if job.result is not None:
        yield from _of_result(job.result)
    if job.text:
        yield Heading("Config")
        yield Verbatim(_cut(job.text.rstrip()))
        told = "As it ran: what it extends and --set are merged into it, and comments say so."
        yield Paragraph(Span(told, "faint"))
    if job.graph:
        yield Heading("The loss")
        yield Verbatim(_first_lines(job.graph.rstrip()))
        yield Paragraph(
            Span("As it was traced: an equation a line, each of one primitive.", "faint")
        )
    if job.result is not None:
        yield from _origin(job, job.result)


def _of_result(result: Result) -> Iterator[ReportPart]:
    rows = estimate_rows(result)
    if rows:
        yield Heading("Estimates")
        yield Grid([_plain(row) for row in rows])
    yield Paragraph(Span(f"{', '.join(quality(result))}."))
    yield from _section("Fit", fit_pictures(result))
    if result.outputs:
        yield Heading("Outputs")
        rows = [
            [name, ", ".join(filter(None, output_cells(one)))]
            for name, one in result.outputs.items()
        ]
        yield Grid([_plain(row) for row in rows], head=False)
        yield Figures([*output_pictures(result)])
    yield from _section("Profiles", profile_pictures(result))
    yield from _section("Contours", contour_pictures(result))
    yield from _section("Correlations", correlation_picture(result))
    shown = {"output", "corr."}
    told = [[Span(f"{name}: {fact}")] for name, fact in facts(result) if name not in shown]
    if told:
        yield Heading("Evidence")
        yield Items(told)
    yield from _section("Descent", history_pictures(result))
    if len(result.starts) > 1:
        yield Heading("Starts")
        starts = [
            [
                str(number),
                "none" if one.loss is None else compact(one.loss, 8),
                str(one.evaluations),
                one.message,
            ]
            for number, one in enumerate(result.starts, 1)
        ]
        head = ["start", "loss", "evaluations", "how it ended"]
        yield Grid([_plain(row) for row in (head, *starts)])
    if result.expectations:
        yield Heading("Expectations")
        held = [
            [
                Span(one.path),
                Span(", ".join(map(_check, one.checks.items()))),
                Span("holds", "holds") if one.holds else Span(f"fails: {one.message}", "fails"),
            ]
            for one in result.expectations
        ]
        yield Grid([_plain(["number", "expected", ""]), *held])


def _origin(job: EndedJob, result: Result) -> Iterator[ReportPart]:
    """What it ran with: enough to run it again, and to see what may differ where it does."""
    yield Heading("Where this comes from")
    used, environment = result.used, result.environment
    rows = [
        ["config", job.config],
        ["result", job.saved],
        ["exit code", str(job.exit_code)],
        ["time", f"{result.seconds:.3g} s, {result.evaluations} evaluations, {result.steps} steps"],
        ["method", f"{used.optimizer}, {used.precision}, seed {used.seed}"],
        ["backend", f"{used.backend}: {used.backend_reason}".rstrip(": ")],
        ["rows", "" if used.rows_used is None else f"{used.rows_used} of {used.rows_read}"],
        ["versions", ", ".join(f"{name} {environment.get(name, '')}" for name in _KEPT)],
        *(
            ["plugin", f"{one.distribution} {one.version}: {one.primitive}"]
            for one in result.plugins
        ),
        *(
            [f"data {name}", f"{one.get('file', '')} sha256 {one.get('sha256', '')}"]
            for name, one in result.data.items()
        ),
    ]
    yield Grid([_plain(row) for row in rows if row[1]], head=False)


def _section(title: str, pictures: Iterable[Picture]) -> Iterator[ReportPart]:
    made = [*pictures]
    if made:
        yield Heading(title)
        yield Figures(made)


def _found(name: Span, one: Finding) -> list[Span]:
    """A finding: what it is about, what is told of it, where, and what to do."""
    found = [name, Span(f": {one.message}")]
    if one.place.line:
        found += [Span(" "), Span(f"({one.place})", "faint")]
    return [*found, Span(f" Remedy: {one.remedy}.")] if one.remedy else found


def _word(job: EndedJob) -> Span:
    word, _ = _MEANINGS.get(job.exit_code, ("Failed", ""))
    return Span(word, "holds" if job.exit_code == 0 else "fails")


def _plain(row: Sequence[str]) -> list[Span]:
    return [Span(cell) for cell in row]


def _cut(text: str) -> str:
    """A text with the beginning of each line, which may hold a whole table."""
    lines = (f"{one[:LONGEST]} ..." if len(one) > LONGEST else one for one in text.splitlines())
    return "\n".join(lines)


def _first_lines(text: str) -> str:
    lines = _cut(text).splitlines()
    if len(lines) <= MOST_LINES:
        return "\n".join(lines)
    more = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], f"... and {more} more lines, which graph.txt has"])


def _check(item: tuple[str, Any]) -> str:
    """A check as a person writes it."""
    name, value = item
    shown = value if isinstance(value, list | tuple) else [value]
    return f"{name} {', '.join(map(str, shown))}"
