"""One page of HTML that needs nothing else: of each job its verdict, numbers and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from optserve.jobs.record.ended import EndedJob, passed
from optserve.reports.content import (
    Figures,
    Grid,
    Heading,
    HowItEnded,
    Items,
    Paragraph,
    ReportPart,
    Span,
    Verbatim,
    overview,
    parts_of,
)
from optserve.reports.html.style import STYLE
from optserve.reports.visible import visible

__all__ = ["article", "page"]


def page(jobs: Sequence[EndedJob]) -> str:
    """The whole page; it loads nothing, and runs nothing."""
    title = jobs[0].name if len(jobs) == 1 else passed(jobs)
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
        title_, verdict, *table = overview(jobs)
        parts += [*_drawn(title_), *_drawn(verdict), "<nav>", *_all(table), "</nav>"]
    parts += [article(job, f"job{number}") for number, job in enumerate(jobs, 1)]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def article(job: EndedJob, anchor: str = "job1") -> str:
    """What there is to tell of one job, as an element ``article`` for the style sheet of a page."""
    return "\n".join([f'<article id="{anchor}">', *_all([*parts_of(job)]), "</article>"])


def _all(parts: Sequence[ReportPart]) -> Iterator[str]:
    for part in parts:
        yield from _drawn(part)


def _drawn(part: ReportPart) -> Iterator[str]:
    match part:
        case Heading(text, level):
            yield f"<h{level}>{_text(text)}</h{level}>"
        case HowItEnded(word, meaning, told, good):
            kind = "good" if good else "bad"
            first = f"<b>{word}</b>. {meaning}<br>" if meaning else f"<b>{word}</b>: "
            yield f'<div class="verdict {kind}">{first}{_text(told)}</div>'
        case Paragraph(text):
            kind = f' class="{text.tone}"' if text.tone else ""
            yield f"<p{kind}>{_text(text.text)}</p>"
        case Items(items):
            lines = ("".join(map(_span, item)) for item in items)
            yield f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"
        case Grid(rows, head):
            yield from _table([[_span(cell) for cell in row] for row in rows], head=head)
        case Figures(pictures):
            yield '<div class="figures">'
            for one in pictures:
                yield f"<figure>{one.svg}<figcaption>{_text(one.caption)}</figcaption></figure>"
            yield "</div>"
        case Verbatim(text):
            yield f"<pre>{_text(text)}</pre>"


def _table(rows: Sequence[Sequence[str]], *, head: bool) -> Iterator[str]:
    """A table of cells that are HTML already."""
    yield '<div class="wide"><table>'
    for number, row in enumerate(rows):
        tag = "th" if head and number == 0 else "td"
        cells = (f"<{tag}{_long(cell)}>{cell}</{tag}>" for cell in row)
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</table></div>"


def _long(cell: str) -> str:
    """What lets a cell break into lines."""
    return ' class="long"' if len(cell) > 48 else ""


def _span(span: Span) -> str:
    told = _text(span.text)
    if span.job is not None:
        return f'<a href="#job{span.job}">{told}</a>'
    return f'<span class="{span.tone}">{told}</span>' if span.tone else told


def _text(text: str) -> str:
    return escape(visible(text))
