"""Plots as SVG: points, lines, bands and steps over two axes, and matrices of colours.

Nothing but text is made, without styles: their colours are those of the classes in the page's style
sheet, which is how they turn with its light and its dark side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10, trunc

import numpy as np

from optserve.graph.aval import Array
from optserve.reports.numbers import compact

__all__ = [
    "AxisScale",
    "Band",
    "ChartMark",
    "Line",
    "MatrixCells",
    "Plot",
    "Points",
    "alone",
    "heights",
    "matrix",
    "plot",
    "scales",
    "short",
]

WIDTH, HEIGHT = 480, 280
"""Of a plot, in the units of its text, which is 12 high."""

LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 44
"""The margins of a plot."""

MOST = 2000
"""Points of a mark that are drawn, evenly chosen where there are more."""


@dataclass(frozen=True)
class Points:
    """A dot for each of n pairs; ``label`` is what the legend says, and ``colour`` a number."""

    x: Array
    y: Array
    label: str = ""
    colour: int = 0


@dataclass(frozen=True)
class Line:
    """A line through n pairs in order; ``dashed`` is for what only guides the eye, and ``around``
    for a line that comes back to where it was, as no function of ``x`` does."""

    x: Array
    y: Array
    label: str = ""
    colour: int = 0
    dashed: bool = False
    around: bool = False


@dataclass(frozen=True)
class Band:
    """What lies between ``low`` and ``high`` (n,) along ``x`` (n,)."""

    x: Array
    low: Array
    high: Array
    label: str = ""
    colour: int = 0


ChartMark = Points | Line | Band


@dataclass(frozen=True)
class MatrixCells:
    """A matrix of numbers from -1 to 1; see ``matrix``."""

    values: Sequence[Sequence[float | None]]
    labels: Sequence[str]
    title: str

    @property
    def svg(self) -> str:
        """As an element ``svg``."""
        return matrix(self.values, self.labels, title=self.title)


@dataclass(frozen=True)
class Plot:
    """Marks over two axes; see ``plot``."""

    marks: Sequence[ChartMark]
    title: str
    x_label: str
    y_label: str
    log_x: bool = False
    log_y: bool = False
    names: Sequence[str] = ()

    @property
    def svg(self) -> str:
        """As an element ``svg``."""
        return plot(
            self.marks,
            title=self.title,
            x_label=self.x_label,
            y_label=self.y_label,
            log_x=self.log_x,
            log_y=self.log_y,
            names=self.names,
        )


class AxisScale:
    """From numbers to places along one side of a plot; with ``log`` by their powers of ten."""

    def __init__(self, values: Array, start: float, end: float, log: bool, pad: float) -> None:
        values = values[np.isfinite(values) & ((values > 0.0) | (not log))]
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        if not values.size and log:
            low, high = 1.0, 10.0
        self.log = log
        self.low, self.high = (log10(low), log10(high)) if log else (low, high)
        if self.high - self.low <= 1e-12 * max(abs(self.low), abs(self.high), 1e-290):
            around = 0.5 if log else 0.5 * abs(self.low) or 0.5
            self.low, self.high = self.low - around, self.high + around
        room = pad * (self.high - self.low)
        self.low, self.high = self.low - room, self.high + room
        self.start, self.end = start, end

    def __call__(self, values: Array) -> Array:
        with np.errstate(all="ignore"):
            values = np.log10(values) if self.log else values
        share = (values - self.low) / (self.high - self.low)
        found: Array = self.start + share * (self.end - self.start)
        return found

    def ticks(self) -> list[tuple[float, str]]:
        """Places of about five round numbers, and how these are written."""
        if not self.log or self.high - self.low < 0.7:
            low, high = (10**self.low, 10**self.high) if self.log else (self.low, self.high)
            numbers = _round_numbers(low, high)
            return [(float(self(np.array(one))), compact(one, 6)) for one in numbers]
        powers = range(floor(self.low), ceil(self.high) + 1)
        if self.high - self.low >= 3.0:
            chosen = [(n, 1) for n in powers[:: max(1, len(powers) // 6)]]
        else:
            chosen = [(n, digit) for n in powers for digit in (1, 2, 5)]
        return [
            (float(self(np.array(digit * 10.0**n))), f"{digit}e{n}")
            for n, digit in chosen
            if self.low <= n + log10(digit) <= self.high
        ]


def plot(
    marks: Sequence[ChartMark],
    *,
    title: str,
    x_label: str,
    y_label: str,
    log_x: bool = False,
    log_y: bool = False,
    names: Sequence[str] = (),
) -> str:
    """The marks over two axes, in order, as an element ``svg``.

    ``title`` is for who cannot see it. Where ``log_x`` or ``log_y``, numbers that are not positive
    are left out. ``names`` are written below the axis at 0, 1 and so on, in place of numbers.

    >>> x = np.arange(3.0)
    >>> text = plot([Line(x, x**2, "squares")], title="squares", x_label="x", y_label="y")
    >>> text.count("<polyline"), "squares" in text
    (1, True)
    """
    ends = (LEFT, WIDTH - RIGHT), (HEIGHT - BOTTOM, TOP)
    x, y = scales(marks, *ends, log_x=log_x, log_y=log_y, named=bool(names))
    ticks = [(float(x(np.array(number))), name) for number, name in enumerate(map(escape, names))]
    parts = [*_axes(y, ticks or x.ticks(), x_label, y_label)]
    for mark in marks:
        parts += _drawn(mark, x, y)
    labelled = [mark for mark in marks if mark.label]
    labelled = labelled if len(labelled) > 1 else []
    height = HEIGHT + 18 * len(labelled)
    return _svg(WIDTH, height, title, [*parts, *_legend(labelled)])


def scales(
    marks: Sequence[ChartMark],
    across: tuple[float, float],
    upwards: tuple[float, float],
    *,
    log_x: bool,
    log_y: bool,
    named: bool,
) -> tuple[AxisScale, AxisScale]:
    """Where the numbers of ``marks`` are, between two places ``across`` and two ``upwards``."""
    xs = np.concatenate([np.ravel(mark.x) for mark in marks] or [np.zeros(0)])
    ys = np.concatenate([np.ravel(one) for mark in marks for one in heights(mark)] or [xs])
    return (
        AxisScale(xs, *across, log_x, 0.12 if named else 0.03),
        AxisScale(ys, *upwards, log_y, 0.06),
    )


def matrix(values: Sequence[Sequence[float | None]], labels: Sequence[str], *, title: str) -> str:
    """Numbers from -1 to 1 as a square of colours, and as text where there is room for it."""
    count = len(labels)
    side = min(44.0, 396.0 / max(count, 1))
    left = min(8 + 7 * max(map(len, labels), default=0), 150)
    parts = []
    for row, numbers in enumerate(values):
        top = 8 + row * side
        name = escape(labels[row][:20])
        if side >= 12:
            parts.append(_text(left - 6, top + side / 2 + 4, name, "end"))
        for column, value in enumerate(numbers):
            if value is None:
                continue
            at = left + column * side
            told = f"{labels[row]}, {labels[column]}: {value:.4f}"
            sign = "pos" if value >= 0 else "neg"
            parts.append(
                f'<rect class="cell {sign}" x="{at:.1f}" y="{top:.1f}" width="{side:.1f}" '
                f'height="{side:.1f}" fill-opacity="{0.75 * min(abs(value), 1.0) ** 1.5:.3f}">'
                f"<title>{escape(told)}</title></rect>"
            )
            if side >= 36:
                parts.append(_text(at + side / 2, top + side / 2 + 4, short(value), "middle"))
    size = count * side
    return _svg(left + size + 8, size + 16, title, parts)


def alone(svg: str, style: str) -> str:
    """An element ``svg`` as a file of its own, with the ``style`` of its classes.

    >>> text = alone(matrix([[1.0]], ["a"], title="one"), "rect { fill: none }")
    >>> text.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox='), "<style>" in text
    (True, True)
    """
    head, rest = svg.split(">", 1)
    head = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    paper = '<rect width="100%" height="100%" style="fill: var(--paper)"/>'
    return f"{head}><style>{style}</style>{paper}{rest}\n"


def short(value: float) -> str:
    """Two digits, or three that are cut off where two would make a 1 of what is less.

    >>> short(-0.8470), short(-0.9988), short(1.0)
    ('-0.85', '-0.998', '1.00')
    """
    if 0.995 <= abs(value) < 1.0 - 1e-9:
        return f"{trunc(value * 1000.0) / 1000.0:.3f}"
    return f"{value:.2f}"


def heights(mark: ChartMark) -> tuple[Array, ...]:
    """The numbers of a mark along its upright axis."""
    return (mark.low, mark.high) if isinstance(mark, Band) else (mark.y,)


def _drawn(mark: ChartMark, x: AxisScale, y: AxisScale) -> Iterator[str]:
    every = max(1, -(-len(mark.x) // MOST))
    across = x(np.asarray(mark.x, np.float64)[::every])
    sides = [y(np.asarray(one, np.float64)[::every]) for one in heights(mark)]
    seen = np.isfinite(across) & np.all([np.isfinite(one) for one in sides], axis=0)
    if isinstance(mark, Points):
        radius = 3.0 if len(across) <= 200 else 1.8
        for a, b in zip(across[seen], sides[0][seen], strict=True):
            yield f'<circle class="c{mark.colour % 6}" cx="{a:.1f}" cy="{b:.1f}" r="{radius}"/>'
        return
    for run in np.split(np.arange(len(seen)), np.flatnonzero(~seen)):  # a gap ends a line
        run = run[seen[run]]
        if not run.size:
            continue
        if isinstance(mark, Band):
            low, high = sides
            edge = [*zip(across[run], high[run], strict=True)]
            edge += [*zip(across[run], low[run], strict=True)][::-1]
            yield f'<polygon class="band c{mark.colour % 6}" points="{_pairs(edge)}"/>'
        else:
            dashed = " dashed" if mark.dashed else ""
            pairs = _pairs(zip(across[run], sides[0][run], strict=True))
            yield f'<polyline class="line{dashed} c{mark.colour % 6}" points="{pairs}"/>'


def _axes(
    y: AxisScale, ticks: Sequence[tuple[float, str]], x_label: str, y_label: str
) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for at, text in y.ticks():
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield _text(LEFT - 6, at + 4, text, "end")
    for at, text in ticks:
        yield f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{bottom}"/>'
        yield _text(at, bottom + 16, text, "middle")
    size = f'width="{right - LEFT}" height="{bottom - TOP}"'
    yield f'<rect class="frame" x="{LEFT}" y="{TOP}" {size}/>'
    yield _text((LEFT + right) / 2, bottom + 36, escape(x_label), "middle")
    middle = (TOP + bottom) / 2
    yield (
        f'<text x="14" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle})">{escape(y_label)}</text>'
    )


def _legend(marks: Sequence[ChartMark]) -> Iterator[str]:
    for number, mark in enumerate(marks):
        y, colour = HEIGHT + 8 + 18 * number, mark.colour % 6
        if isinstance(mark, Points):
            yield f'<circle class="c{colour}" cx="{LEFT + 10}" cy="{y}" r="3"/>'
        elif isinstance(mark, Band):
            yield f'<rect class="band c{colour}" x="{LEFT}" y="{y - 5}" width="20" height="10"/>'
        else:
            dashed = " dashed" if mark.dashed else ""
            pairs = f"{LEFT},{y} {LEFT + 20},{y}"
            yield f'<polyline class="line{dashed} c{colour}" points="{pairs}"/>'
        yield _text(LEFT + 28, y + 4, escape(mark.label), "start")


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    told = escape(title, quote=True)
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{told}" '
        f'style="max-width: {1.4 * width:.0f}px">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'


def _pairs(pairs: object) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in pairs)  # type: ignore[attr-defined]


def _round_numbers(low: float, high: float) -> list[float]:
    """About five round numbers between two.

    >>> _round_numbers(0.03, 0.97)
    [0.2, 0.4, 0.6, 0.8]
    """
    rough = (high - low) / 6
    power = 10.0 ** floor(log10(rough))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= rough)
    count = floor(high / step + 1e-9) - ceil(low / step - 1e-9) + 1
    first = ceil(low / step - 1e-9)
    return [round((first + n) * step, 12 - floor(log10(step))) for n in range(count)]
