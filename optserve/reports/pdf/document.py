"""``document``: the report of some jobs as sheets of paper, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from types import MappingProxyType

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
from optserve.reports.html.pictures import Picture
from optserve.reports.html.svg import MatrixCells
from optserve.reports.pdf.sheets import (
    LEADING,
    MARGIN,
    Chart,
    PlacedText,
    Rule,
    Shade,
    Sheets,
    TextWidth,
)
from optserve.reports.visible import visible

__all__ = ["document", "laid_out"]

BODY, SMALL, CODE = 9.5, 8.5, 7.5
"""Sizes of letters, in points: of text, of tables and captions, and of a config."""

TITLES = MappingProxyType({1: 20.0, 2: 13.0})

GAP = 14.0
"""Between columns of a table, and between pictures."""

SIDE = 34.0
"""Of a square of a matrix, at most."""

KEPT = 90.0
"""What has to fit below a heading on its sheet, at least."""

WHOLE = 360.0
"""What is kept on one sheet, at most."""

MOST_ROWS = 24
"""Rows of a table that is not broken."""


def document(jobs: Sequence[EndedJob]) -> bytes:
    """The file; the same jobs make the same bytes."""
    from optserve.reports.pdf.matplotlib_sheets import drawn, measure

    title = "no jobs" if not jobs else jobs[0].name if len(jobs) == 1 else passed(jobs)
    return drawn(laid_out(jobs, measure).marks, visible(title))


def laid_out(jobs: Sequence[EndedJob], measure: TextWidth) -> Sheets:
    """What stands where on the sheets that tell of ``jobs``, whose letters ``measure`` knows."""
    sheets = Sheets(measure)
    if len(jobs) != 1:
        _lay(sheets, [*overview(jobs)] if jobs else [Heading("optserve: no jobs", 1)])
    for job in jobs:
        sheets.turn()
        _lay(sheets, [*parts_of(job)])
    return sheets


def _lay(sheets: Sheets, parts: Sequence[ReportPart]) -> None:
    for part, following in zip_longest(parts, parts[1:]):
        match part:
            case Heading(text, level):
                _heading(sheets, text, level, following)
            case HowItEnded():
                _verdict(sheets, part)
            case Paragraph(text):
                sheets.skip(4.0)
                sheets.paragraph(_shown([text]), BODY)
            case Items(items):
                for item in items:
                    sheets.need(LEADING * BODY)
                    bullet = len(sheets.marks), sheets.y
                    sheets.paragraph(_shown(item), BODY, indent=12.0)
                    _bullet(sheets, *bullet)
                    sheets.skip(2.0)
            case Grid(rows, head):
                _grid(sheets, [_shown(row) for row in rows], head)
            case Figures(pictures):
                _figures(sheets, pictures)
            case Verbatim(text):
                _verbatim(sheets, visible(text))


def _heading(sheets: Sheets, text: str, level: int, following: ReportPart | None) -> None:
    size = TITLES[level]
    sheets.skip(14.0)
    below = min(_kept(sheets, following), WHOLE)
    sheets.need(LEADING * size + below)
    sheets.paragraph([Span(visible(text))], size, bold=True)
    if level > 1:
        sheets.put(Rule(MARGIN, sheets.y, sheets.width))
    sheets.y -= 4.0


def _kept(sheets: Sheets, part: ReportPart | None) -> float:
    """How much of what follows a heading has to be on its sheet."""
    match part:
        case Figures(pictures) if pictures:
            return _height(sheets, pictures[:2])
        case Grid(rows, head):
            return _grid_height(sheets, [_shown(row) for row in rows], head)
        case _:
            return KEPT


def _verdict(sheets: Sheets, part: HowItEnded) -> None:
    """The verdict on a shade, with a bar of its colour."""
    tone = "holds" if part.good else "fails"
    inner = sheets.width - 24.0
    first = [Span(f"{part.word.upper()}. ", "holds" if part.good else "fails"), Span(part.meaning)]
    lines = [
        *sheets.broken(first, BODY + 1.0, inner),
        *sheets.broken([Span(visible(part.told))], BODY + 1.0, inner),
    ]
    height = LEADING * (BODY + 1.0) * len(lines) + 12.0
    sheets.need(height)
    top = sheets.y
    sheets.put(Shade(MARGIN, top - height, sheets.width, height, "soft"))
    sheets.put(Shade(MARGIN, top - height, 4.0, height, tone))
    sheets.y -= 6.0
    for line in lines:
        sheets.line(line, BODY + 1.0, MARGIN + 14.0)
    sheets.y = top - height - 4.0


def _bullet(sheets: Sheets, number: int, y: float) -> None:
    """The dot of an item that began on the sheet of that number."""
    at = y - LEADING * BODY + 0.35 * BODY
    sheets.marks[number - 1].append(PlacedText(MARGIN + 2.0, at, "\u2022", BODY))


def _grid(sheets: Sheets, rows: Sequence[Sequence[Span]], head: bool) -> None:
    if not rows:
        return
    widths = _widths(sheets, rows, head)
    sheets.need(min(_grid_height(sheets, rows, head), WHOLE))
    for number, row in enumerate(rows):
        bold = head and number == 0
        lines, height = _row(sheets, row, widths, bold)
        if sheets.y - height < MARGIN:
            sheets.turn()
            if head and number:
                first, above = _row(sheets, rows[0], widths, True)
                _put_row(sheets, first, widths, above, True)
        _put_row(sheets, lines, widths, height, bold)
    sheets.y -= 4.0


def _grid_height(sheets: Sheets, rows: Sequence[Sequence[Span]], head: bool) -> float:
    """How high a table is; of a long one, more than fits on a sheet."""
    if len(rows) > MOST_ROWS:
        return KEPT
    widths = _widths(sheets, rows, head)
    return sum(_row(sheets, row, widths, head and not n)[1] for n, row in enumerate(rows))


def _row(
    sheets: Sheets, row: Sequence[Span], widths: Sequence[float], bold: bool
) -> tuple[list[list[list[Span]]], float]:
    """The lines of each cell, and how high they are together."""
    lines = [
        [*sheets.broken([cell], SMALL, width, bold=bold)]
        for cell, width in zip(row, widths, strict=False)
    ]
    return lines, LEADING * SMALL * max(1, *map(len, lines)) + 3.0


def _put_row(
    sheets: Sheets,
    lines: Sequence[Sequence[Sequence[Span]]],
    widths: Sequence[float],
    height: float,
    bold: bool,
) -> None:
    x, limit = MARGIN, MARGIN + LEADING * SMALL
    for cell, width in zip(lines, widths, strict=False):
        for number, line in enumerate(cell):
            y = sheets.y - LEADING * SMALL * (number + 1) + 0.35 * SMALL
            if y > limit - LEADING * SMALL:
                sheets.beside(line, SMALL, x, y, bold=bold)
        x += width + GAP
    sheets.y -= height
    sheets.put(Rule(MARGIN, sheets.y + 1.0, sheets.width))


def _widths(sheets: Sheets, rows: Sequence[Sequence[Span]], head: bool) -> list[float]:
    """Of each column what its longest cell takes; where all are too wide together, the widest are
    as wide as leaves room for the others."""
    count = max(map(len, rows))
    natural = [0.0] * count
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            wide = sheets.measure(cell.text, SMALL, head and number == 0, False) + 0.5
            natural[column] = max(natural[column], wide)
    room = sheets.width - GAP * (count - 1)
    if sum(natural) <= room:
        return natural
    left, narrow = room, 0.0
    for place, wide in enumerate(sorted(natural)):
        narrow = left / (count - place)
        if wide >= narrow:
            break
        left -= wide
    return [min(wide, narrow) for wide in natural]


def _figures(sheets: Sheets, pictures: Sequence[Picture]) -> None:
    """Two beside each other, with what they show below."""
    for first in range(0, len(pictures), 2):
        pair = pictures[first : first + 2]
        height = _height(sheets, pair)
        sheets.need(height)
        top, width = sheets.y, _width(sheets)
        for number, one in enumerate(pair):
            x = MARGIN + number * (width + GAP)
            high = _chart_height(one, width)
            sheets.put(Chart(x, top - high, width, high, one))
            y = top - high
            for line in _caption(sheets, one, width):
                y -= LEADING * SMALL
                sheets.beside(line, SMALL, x, y + 0.35 * SMALL)
        sheets.y = top - height


def _height(sheets: Sheets, pair: Sequence[Picture]) -> float:
    width = _width(sheets)
    return (
        max(
            _chart_height(one, width) + LEADING * SMALL * len([*_caption(sheets, one, width)])
            for one in pair
        )
        + 8.0
    )


def _caption(sheets: Sheets, one: Picture, width: float) -> Iterator[list[Span]]:
    return sheets.broken([Span(visible(one.caption), "faint")], SMALL, width)


def _width(sheets: Sheets) -> float:
    return 0.5 * (sheets.width - GAP)


def _chart_height(one: Picture, width: float) -> float:
    if isinstance(one.drawn, MatrixCells):
        return min(width, SIDE * len(one.drawn.labels) + 8.0)
    return 0.7 * width


def _verbatim(sheets: Sheets, text: str) -> None:
    each = sheets.measure("0" * 100, CODE, False, True) / 100.0
    letters = int((sheets.width - 12.0) / each)
    high = LEADING * CODE
    for line in text.expandtabs(4).split("\n"):
        pieces = [line[at : at + letters] for at in range(0, len(line), letters)] or [""]
        for piece in pieces:
            sheets.need(high)
            sheets.put(Shade(MARGIN, sheets.y - high, sheets.width, high, "soft"))
            sheets.y -= high
            sheets.put(PlacedText(MARGIN + 6.0, sheets.y + 0.35 * CODE, piece, CODE, mono=True))
    sheets.y -= 2.0


def _shown(spans: Sequence[Span]) -> list[Span]:
    return [Span(visible(one.text), one.tone) for one in spans]
