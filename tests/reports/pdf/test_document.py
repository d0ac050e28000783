"""The report on paper: all that the page tells, within the margins, on no empty sheet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from optserve.errors import ConfigError
from optserve.jobs.record.ended import EndedJob
from optserve.reports.content import (
    Figures,
    Grid,
    Heading,
    HowItEnded,
    Items,
    Paragraph,
    ReportPart,
    Verbatim,
    overview,
    parts_of,
)
from optserve.reports.html.pictures import Picture
from optserve.reports.html.svg import Band, Line, MatrixCells, Plot, Points
from optserve.reports.kinds import pdf as kind
from optserve.reports.pdf.document import laid_out
from optserve.reports.pdf.sheets import HEIGHT, MARGIN, WIDTH, Chart, PlacedText, Sheets
from tests.reports.jobs import HARD, JOBS, PASSES

LONG = EndedJob(
    "a name that goes on and on " * 8,
    0,
    "fits/fit.yaml",
    PASSES.result,
    saved="runs/" + "x" * 300,
    text="\n".join(f"key{number}: {'value ' * number}" for number in range(150)),
)


def measure(text: str, size: float, bold: bool, mono: bool) -> float:
    """Widths of letters of one width, without matplotlib."""
    return 0.6 * size * len(text)


def laid(*jobs: EndedJob) -> Sheets:
    return laid_out(jobs, measure)


def texts(sheets: Sheets) -> str:
    return " ".join(
        mark.text for marks in sheets.marks for mark in marks if isinstance(mark, PlacedText)
    )


def bare(text: str) -> str:
    return "".join(re.findall(r"[a-zA-Z0-9]+", text))


@pytest.mark.parametrize("jobs", [(), JOBS[:1], JOBS[1:2], JOBS[2:], JOBS, (LONG,)], ids=len)
def test_all_is_within_the_margins_and_no_sheet_is_empty(jobs: Sequence[EndedJob]) -> None:
    for marks in laid(*jobs).marks:
        assert marks
        for mark in marks:
            wide = (
                measure(mark.text.rstrip(), mark.size, mark.bold, mark.mono)
                if isinstance(mark, PlacedText)
                else mark.width
            )
            assert mark.x >= MARGIN
            assert mark.x + wide <= WIDTH - MARGIN + 1e-6
            assert MARGIN - 1.0 <= mark.y <= HEIGHT - MARGIN


def test_no_texts_lie_on_each_other() -> None:
    for marks in laid(*JOBS, LONG).marks:
        boxes = [
            (
                mark.x,
                mark.x + measure(mark.text, mark.size, mark.bold, mark.mono),
                mark.y,
                mark.size,
            )
            for mark in marks
            if isinstance(mark, PlacedText) and mark.text.strip()
        ]
        for number, (left, right, y, size) in enumerate(boxes):
            for other in boxes[number + 1 :]:
                apart = other[0] >= right - size or other[1] - other[3] <= left
                assert apart or abs(other[2] - y) >= 0.9 * min(size, other[3])


def told(parts: Sequence[ReportPart]) -> Iterator[str]:
    for part in parts:
        match part:
            case Heading(text, _) | Verbatim(text):
                yield text
            case Paragraph(span):
                yield span.text
            case HowItEnded(word, meaning, sentence, _):
                yield from (word.upper(), meaning, sentence)
            case Items(items) | Grid(items, _):
                yield from (span.text for item in items for span in item)
            case Figures(pictures):
                yield from (one.caption for one in pictures)


@pytest.mark.parametrize("job", [*JOBS, LONG], ids=["passes", "fails", "refused", "long"])
def test_every_word_of_the_page_is_on_paper(job: EndedJob) -> None:
    found = bare(texts(laid(job)))
    for text in told([*parts_of(job)]):
        if "\x1b" not in text and "\n" not in text:
            assert bare(text) in found


def test_several_jobs_are_listed_first() -> None:
    sheets = laid(*JOBS)
    first = " ".join(mark.text for mark in sheets.marks[0] if isinstance(mark, PlacedText))
    assert all(bare(text) in bare(first) for text in told([*overview(JOBS)]) if "\x1b" not in text)
    assert len(sheets.marks) > len(JOBS)


def test_a_heading_is_not_left_alone() -> None:
    for marks in laid(LONG).marks:
        lowest = min(marks, key=lambda one: one.y)
        assert not (isinstance(lowest, PlacedText) and lowest.size > 12.0)


def test_without_matplotlib_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="matplotlib, which is not installed") as caught:
        kind.pdf()
    assert 'pip install "optserve[report]"' in caught.value.remedy


def pictures() -> list[Picture]:
    x = np.linspace(0.0, 1.0, 5)
    gap = np.array([1.0, np.nan, 3.0, np.inf, 5.0])
    names = [f"a parameter with a long name {number}" for number in range(30)]
    matrix = np.clip(np.subtract.outer(np.arange(30.0), np.arange(30.0)) / 29.0, -1.0, 1.0)
    plots = [
        Plot([Line(x, scale * (x - 0.5), "$a_b$ \\frac"), Points(x, gap, HARD)], "t", "$x$", HARD)
        for scale in (1e-300, 1.0, 1e300)
    ]
    plots += [
        Plot([Line(x + 1.0, 10.0 ** (100.0 * x))], "t", "x", "y", log_x=True, log_y=True),
        Plot([Band(x, -gap, gap, "band"), Line(x, x, "line", dashed=True)], "t", "x", "y"),
        Plot([Points(np.arange(3.0), np.ones(3))], "t", "x", "y", names=["one", "two", "three"]),
        Plot([], "t", "x", "y"),
    ]
    cells = MatrixCells([[*row] for row in matrix.tolist()], names, "t")
    return [
        *(Picture(f"caption {HARD}", one) for one in plots),
        Picture("correlations", cells),
    ]


def test_all_kinds_of_pictures_are_drawn() -> None:
    pytest.importorskip("matplotlib")
    from optserve.reports.pdf.matplotlib_sheets import drawn

    marks: list[list[Any]] = [[Chart(MARGIN, 300.0, 240.0, 170.0, one)] for one in pictures()]
    content = drawn(marks, HARD)
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") == len(marks)


def test_the_same_jobs_make_the_same_bytes() -> None:
    pytest.importorskip("matplotlib")
    from optserve.reports.pdf.document import document

    jobs = [*JOBS, replace(LONG, text=f"# \u6f22\u5b57 {HARD}")]
    assert document(jobs) == document(jobs)
    assert document([]).startswith(b"%PDF-")
