"""One page of HTML that needs nothing else: of each job its verdict, numbers and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from optserve.jobs.record.ended import EndedJob, exit_code, passed
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
from optserve.reports.html.style import STYLE
from optserve.reports.html.sweeps import sweep_pictures
from optserve.reports.numbers import compact
from optserve.reports.output_lines import output_cells
from optserve.reports.text import facts, quality
from optserve.reports.visible import visible

__all__ = ["article", "page"]

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

_KEPT = ("optserve", "python", "numpy", "platform", "machine", "cores", "threads")


def page(jobs: Sequence[EndedJob]) -> str:
    """The whole page; it loads nothing, and runs nothing."""
    many = passed(jobs)
    title = jobs[0].name if len(jobs) == 1 else many
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)} - optserve</title>",
        f"<style>{STYLE}</style></head><body>",
    ]
    if len(jobs) > 1:
        parts += _overview(jobs, many)
    parts += [article(job, f"job{number}") for number, job in enumerate(jobs, 1)]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def article(job: EndedJob, anchor: str = "job1") -> str:
    """What there is to tell of one job, as an element ``article`` for the style sheet of a page."""
    return "\n".join([f'<article id="{anchor}">', *_article(job), "</article>"])


def _overview(jobs: Sequence[EndedJob], many: str) -> Iterator[str]:
    word, _ = _MEANINGS.get(exit_code(jobs), ("Failed", ""))
    kind = "good" if exit_code(jobs) == 0 else "bad"
    yield f'<h1>optserve</h1><p class="verdict {kind}"><b>{word}</b>: {many}.</p>'
    yield "<nav>"
    rows = [
        [f'<a href="#job{number}">{_text(job.name)}</a>', _word(job), _text(job.verdict)]
        for number, job in enumerate(jobs, 1)
    ]
    yield from _table([["job", "", "verdict"], *rows])
    yield "</nav>"


def _word(job: EndedJob) -> str:
    word, _ = _MEANINGS.get(job.exit_code, ("Failed", ""))
    return f'<span class="{"holds" if job.exit_code == 0 else "fails"}">{word}</span>'


def _article(job: EndedJob) -> Iterator[str]:
    word, meaning = _MEANINGS.get(job.exit_code, ("Failed", ""))
    kind = "good" if job.exit_code == 0 else "bad"
    if job.exit_code == 0 and job.result is not None:
        reason = job.result.termination.reason
        meaning = _AS_LONG if reason in ("steps", "epochs", "seconds") else meaning
    yield f"<h1>{_text(job.name)}</h1>"
    yield f'<div class="verdict {kind}"><b>{word}</b>. {meaning}<br>{_text(job.verdict)}</div>'
    wrong = [one for one in job.cases if not one.holds]
    if wrong:
        yield "<h2>What fails</h2>"
        yield from _list(
            f'<span class="fails">{_text(one.name)}</span>: {_text(one.message)}'
            f"{_at(str(one.place) if one.place.line else '')}"
            f"{f' Remedy: {_text(one.remedy)}.' if one.remedy else ''}"
            for one in wrong
        )
    if job.warnings:
        yield "<h2>Warnings</h2>"
        yield from _list(
            f'<span class="warning">Warning</span>: {_text(one.message)}'
            f"{_at(str(one.place) if one.place.line else '')}"
            for one in job.warnings
        )
    if job.sweep is not None:
        yield from _section("The sweep", sweep_pictures(job.sweep))
    if job.result is not None:
        yield from _of_result(job.result)
    if job.text:
        yield f"<h2>Config</h2><pre>{_text(_cut(job.text.rstrip()))}</pre>"
        told = "As it ran: what it extends and --set are merged into it, and comments say so."
        yield f'<p class="faint">{told}</p>'
    if job.result is not None:
        yield from _origin(job, job.result)


def _of_result(result: Result) -> Iterator[str]:
    rows = estimate_rows(result)
    if rows:
        yield "<h2>Estimates</h2>"
        yield from _table([[_text(cell) for cell in row] for row in rows])
    yield f"<p>{_text(', '.join(quality(result)))}.</p>"
    yield from _section("Fit", fit_pictures(result))
    if result.outputs:
        yield "<h2>Outputs</h2>"
        rows = [
            [name, ", ".join(filter(None, output_cells(one)))]
            for name, one in result.outputs.items()
        ]
        yield from _table([[_text(cell) for cell in row] for row in rows], head=False)
        yield from _figures(output_pictures(result))
    yield from _section("Profiles", profile_pictures(result))
    yield from _section("Contours", contour_pictures(result))
    yield from _section("Correlations", correlation_picture(result))
    shown = {"output", "corr."}
    told = [f"{_text(name)}: {_text(fact)}" for name, fact in facts(result) if name not in shown]
    if told:
        yield "<h2>Evidence</h2>"
        yield from _list(told)
    yield from _section("Descent", history_pictures(result))
    if len(result.starts) > 1:
        yield "<h2>Starts</h2>"
        starts = [
            [
                str(number),
                "none" if one.loss is None else compact(one.loss, 8),
                str(one.evaluations),
                _text(one.message),
            ]
            for number, one in enumerate(result.starts, 1)
        ]
        yield from _table([["start", "loss", "evaluations", "how it ended"], *starts])
    if result.expectations:
        yield "<h2>Expectations</h2>"
        rows = [
            [
                _text(one.path),
                _text(", ".join(map(_check, one.checks.items()))),
                '<span class="holds">holds</span>'
                if one.holds
                else f'<span class="fails">fails: {_text(one.message)}</span>',
            ]
            for one in result.expectations
        ]
        yield from _table([["number", "expected", ""], *rows])


def _origin(job: EndedJob, result: Result) -> Iterator[str]:
    """What it ran with: enough to run it again, and to see what may differ where it does."""
    yield "<h2>Where this comes from</h2>"
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
    yield from _table([[_text(cell) for cell in row] for row in rows if row[1]], head=False)


def _section(title: str, pictures: Iterable[Picture]) -> Iterator[str]:
    made = [*pictures]
    if made:
        yield f"<h2>{title}</h2>"
        yield from _figures(made)


def _figures(pictures: Iterable[Picture]) -> Iterator[str]:
    yield '<div class="figures">'
    for one in pictures:
        yield f"<figure>{one.svg}<figcaption>{_text(one.caption)}</figcaption></figure>"
    yield "</div>"


def _table(rows: Sequence[Sequence[str]], *, head: bool = True) -> Iterator[str]:
    """A table of cells that are HTML already."""
    yield '<div class="wide"><table>'
    for number, row in enumerate(rows):
        tag = "th" if head and number == 0 else "td"
        cells = (f"<{tag}{_long(cell)}>{cell}</{tag}>" for cell in row)
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</table></div>"


def _cut(text: str) -> str:
    """A text with the beginning of each line, which may hold a whole table."""
    lines = (f"{one[:LONGEST]} ..." if len(one) > LONGEST else one for one in text.splitlines())
    return "\n".join(lines)


def _long(cell: str) -> str:
    """What lets a cell break into lines."""
    return ' class="long"' if len(cell) > 48 else ""


def _list(items: Iterable[str]) -> Iterator[str]:
    yield f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _check(item: tuple[str, Any]) -> str:
    """A check as a person writes it."""
    name, value = item
    shown = value if isinstance(value, list | tuple) else [value]
    return f"{name} {', '.join(map(str, shown))}"


def _at(place: str) -> str:
    return f' <span class="faint">({_text(place)})</span>' if place else ""


def _text(text: str) -> str:
    return escape(visible(text))
