"""Sheets as a PDF, by matplotlib; nothing else of optserve imports it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.reports.html.svg import (
    MOST,
    Band,
    ChartMark,
    MatrixCells,
    Plot,
    Points,
    heights,
    scales,
    short,
)
from optserve.reports.pdf.sheets import (
    HEIGHT,
    MARGIN,
    WIDTH,
    Chart,
    PlacedMark,
    PlacedText,
    Rule,
    Shade,
)
from optserve.reports.visible import one_line

with suppress(ModuleNotFoundError):  # the kind `pdf` says so before anything is drawn
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle
    from matplotlib.textpath import TextToPath

__all__ = ["drawn", "measure"]

INCH = 72.0

COLOURS = ("#0072b2", "#c04f00", "#007a5a", "#a8477f", "#946200", "#59636e")
"""Those of the page, on paper."""

TONES = MappingProxyType(
    {
        "": "#000000",
        "holds": "#116329",
        "fails": "#a40e26",
        "warning": "#7d4e00",
        "faint": "#444444",
        "soft": "#f3f5f7",
        "rule": "#bbbbbb",
    }
)

TICK = 7.0
"""The size of letters of a picture."""

SANS, MONO = "DejaVu Sans", "DejaVu Sans Mono"
"""Fonts that come with matplotlib, so that a report looks the same everywhere."""


@lru_cache(maxsize=50_000)
def measure(text: str, size: float, bold: bool, mono: bool) -> float:
    """How wide a text is, in points."""
    font = FontProperties(
        family=MONO if mono else SANS, weight="bold" if bold else "normal", size=size
    )
    with _quietly():
        width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return float(width)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without a word on letters that the font does not have: they become empty boxes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        yield


def drawn(sheets: Sequence[Sequence[PlacedMark]], title: str) -> bytes:
    """The file of some sheets, each with its number at its foot."""
    file = BytesIO()
    told = {"Title": f"{title} - optserve", "CreationDate": None, "Creator": "optserve"}
    with mpl.rc_context(), _quietly():
        mpl.rcdefaults()  # whatever a person has set for pictures of their own
        mpl.rcParams.update({"pdf.fonttype": 42, "font.family": [SANS], "text.usetex": False})
        with PdfPages(file, metadata=told) as pages:
            for number, marks in enumerate(sheets, 1):
                pages.savefig(_sheet(marks, title, f"{number} of {len(sheets)}"))
    return file.getvalue()


def _sheet(marks: Sequence[PlacedMark], title: str, number: str) -> Any:
    figure = Figure(figsize=(WIDTH / INCH, HEIGHT / INCH))
    foot = 0.5 * MARGIN
    cut = _cut(title, WIDTH - 2.0 * MARGIN - 100.0)
    _letters(figure, PlacedText(MARGIN, foot, f"{cut} - optserve", TICK, "faint"))
    end = WIDTH - MARGIN - measure(number, TICK, False, False)
    _letters(figure, PlacedText(end, foot, number, TICK, "faint"))
    for one in marks:
        match one:
            case PlacedText():
                _letters(figure, one)
            case Rule(x, y, width):
                line = Line2D(
                    [x / WIDTH, (x + width) / WIDTH],
                    [y / HEIGHT] * 2,
                    color=TONES["rule"],
                    linewidth=0.5,
                )
                figure.add_artist(line)
            case Shade(x, y, width, height, tone):
                box = Rectangle(
                    (x / WIDTH, y / HEIGHT),
                    width / WIDTH,
                    height / HEIGHT,
                    facecolor=TONES[tone],
                    linewidth=0.0,
                    zorder=-1,
                )
                figure.add_artist(box)
            case Chart():
                _chart(figure, one)
    return figure


def _letters(figure: Any, one: PlacedText) -> None:
    figure.text(
        one.x / WIDTH,
        one.y / HEIGHT,
        one.text,
        fontsize=one.size,
        color=TONES[one.tone],
        fontweight="bold" if one.bold else "normal",
        fontfamily=MONO if one.mono else SANS,
        va="baseline",
        parse_math=False,
    )


def _chart(figure: Any, one: Chart) -> None:
    chart = one.picture.drawn
    if isinstance(chart, MatrixCells):
        _matrix(figure, one, chart)
    else:
        _plot(figure, one, chart)


def _axes(figure: Any, x: float, y: float, width: float, height: float) -> Any:
    axes = figure.add_axes((x / WIDTH, y / HEIGHT, width / WIDTH, height / HEIGHT))
    axes.tick_params(labelsize=TICK, length=0.0, pad=3.0)
    for side in axes.spines.values():
        side.set_color(TONES["faint"])
        side.set_linewidth(0.6)
    return axes


def _plot(figure: Any, place: Chart, chart: Plot) -> None:
    """The marks in an area from 0 to 1 on both sides, where the scales put them."""
    x, y = scales(
        chart.marks,
        (0.0, 1.0),
        (0.0, 1.0),
        log_x=chart.log_x,
        log_y=chart.log_y,
        named=bool(chart.names),
    )
    labelled = [mark for mark in chart.marks if mark.label]
    labelled = labelled if len(labelled) > 1 else []
    upright = y.ticks()
    left = 18.0 + max((measure(text, TICK, False, False) for _, text in upright), default=0.0)
    below = 30.0 + 11.0 * len(labelled) + (4.0 if labelled else 0.0)
    axes = _axes(
        figure,
        place.x + left,
        place.y + below,
        place.width - left - 6.0,
        place.height - below - 6.0,
    )
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.0)
    ticks = [(float(x(np.array(number))), name) for number, name in enumerate(chart.names)]
    ticks = _apart(ticks or x.ticks(), place.width - left - 6.0)
    axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
    axes.set_yticks([at for at, _ in upright], [text for _, text in upright])
    axes.grid(color=TONES["rule"], linewidth=0.4, alpha=0.7)
    axes.set_axisbelow(True)
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_parse_math(False)
    axes.set_xlabel(
        _cut(chart.x_label, place.width - left - 6.0), fontsize=TICK, labelpad=2.0, parse_math=False
    )
    axes.set_ylabel(
        _cut(chart.y_label, place.height - below - 6.0), fontsize=TICK, parse_math=False
    )
    axes.yaxis.set_label_coords(-(left - 8.0) / (place.width - left - 6.0), 0.5)
    for mark in chart.marks:
        _mark(
            axes, mark, x(_chosen(mark.x, mark)), [y(_chosen(one, mark)) for one in heights(mark)]
        )
    for number, mark in enumerate(labelled):
        _legend(figure, place, mark, 11.0 * (len(labelled) - 1 - number) + 6.0, left)


def _chosen(values: Array, mark: ChartMark) -> Array:
    every = max(1, -(-len(mark.x) // MOST))
    return np.asarray(values, np.float64)[::every]


def _apart(ticks: Sequence[tuple[float, str]], width: float) -> list[tuple[float, str]]:
    """Ticks whose texts do not touch: every one, every second, ..."""
    for every in range(1, len(ticks) + 1):
        chosen = [*ticks[::every]]
        ends = [
            (at * width - 0.5 * wide, at * width + 0.5 * wide)
            for at, wide in ((at, measure(text, TICK, False, False)) for at, text in chosen)
        ]
        if all(one[1] + 4.0 <= other[0] for one, other in pairwise(ends)):
            return chosen
    return [*ticks[:1]]


def _mark(axes: Any, mark: ChartMark, across: Array, sides: Sequence[Array]) -> None:
    colour = COLOURS[mark.colour % len(COLOURS)]
    across = np.where(np.isfinite(across), across, np.nan)
    if isinstance(mark, Band):
        low, high = (np.where(np.isfinite(one), one, np.nan) for one in sides)
        known = np.isfinite(low) & np.isfinite(high) & np.isfinite(across)
        axes.fill_between(
            across, low, high, where=known, facecolor=colour, alpha=0.22, linewidth=0.0
        )
        return
    [side] = sides
    side = np.where(np.isfinite(side), side, np.nan)
    if isinstance(mark, Points):
        size = 3.2 if len(across) <= 200 else 1.8
        axes.plot(across, side, "o", color=colour, markersize=size, markeredgewidth=0.0)
        return
    style = (0, (4.0, 3.0)) if mark.dashed else "solid"
    axes.plot(across, side, color=colour, linewidth=0.9 if mark.dashed else 1.3, linestyle=style)


def _legend(figure: Any, place: Chart, mark: ChartMark, above: float, left: float) -> None:
    """A sample of a mark, and its label."""
    x, y = place.x + left, place.y + above
    colour = COLOURS[mark.colour % len(COLOURS)]
    if isinstance(mark, Band):
        box = Rectangle(
            (x / WIDTH, (y - 1.0) / HEIGHT),
            16.0 / WIDTH,
            7.0 / HEIGHT,
            facecolor=colour,
            alpha=0.22,
            linewidth=0.0,
        )
        figure.add_artist(box)
    elif isinstance(mark, Points):
        figure.add_artist(
            Line2D(
                [(x + 8.0) / WIDTH],
                [(y + 2.5) / HEIGHT],
                marker="o",
                color=colour,
                markersize=3.5,
                markeredgewidth=0.0,
                linestyle="none",
            )
        )
    else:
        style = (0, (4.0, 3.0)) if mark.dashed else "solid"
        figure.add_artist(
            Line2D(
                [x / WIDTH, (x + 16.0) / WIDTH],
                [(y + 2.5) / HEIGHT] * 2,
                color=colour,
                linewidth=1.3,
                linestyle=style,
            )
        )
    _letters(figure, PlacedText(x + 21.0, y, _cut(mark.label, place.width - left - 21.0), TICK))


def _matrix(figure: Any, place: Chart, chart: MatrixCells) -> None:
    """Squares whose colour is the sign, and how strong it is the size, of a correlation."""
    count = len(chart.labels)
    size = min(TICK, 0.75 * (place.width - 60.0) / max(count, 1))
    names = [_cut(one, 0.3 * place.width, size) for one in chart.labels]
    left = 8.0 + max((measure(one, size, False, False) for one in names), default=0.0)
    side = min(place.width - left - 4.0, place.height - 8.0)
    axes = _axes(figure, place.x + left, place.y + place.height - side - 4.0, side, side)
    axes.set_xlim(0.0, count)
    axes.set_ylim(count, 0.0)
    axes.set_xticks([])
    axes.set_yticks(np.arange(count) + 0.5, names, fontsize=size)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    for row, numbers in enumerate(chart.values):
        for column, value in enumerate(numbers):
            if value is None:
                continue
            strength = 0.75 * min(abs(value), 1.0) ** 1.5
            colour = COLOURS[0] if value >= 0 else COLOURS[1]
            axes.add_patch(
                Rectangle((column, row), 1.0, 1.0, facecolor=colour, alpha=strength, linewidth=0.0)
            )
            if side / count >= 22.0:
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    short(value),
                    fontsize=TICK,
                    ha="center",
                    va="center",
                    parse_math=False,
                )


def _cut(text: str, width: float, size: float = TICK) -> str:
    """As much of a text as there is room for."""
    text = one_line(text)
    if measure(text, size, False, False) <= width:
        return text
    while text and measure(f"{text}..", size, False, False) > width:
        text = text[:-1]
    return f"{text}.."
