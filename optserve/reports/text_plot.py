"""Small plots of letters, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType

import numpy as np

from optserve.graph.aval import Array
from optserve.reports.html.svg import Band, ChartMark, Line, MatrixCells, Plot, heights
from optserve.reports.numbers import compact

__all__ = ["text_plot"]

DOTS = ("o", "x", "+", "*", "#", "%")
"""Points of one colour each."""

LINES = MappingProxyType({False: ".", True: "-"})
"""Lines, and such as only guide the eye."""


def text_plot(drawn: Plot | MatrixCells, width: int = 72, height: int = 18) -> str:
    """The picture as lines of at most ``width`` letters, in ASCII.

    >>> x = np.linspace(0.0, 2.0, 9)
    >>> print(text_plot(Plot([Line(x, x**2)], "squares", "x", "y"), 24, 6))
    y
    4 |                  ..
      |                ..
      |              ..
      |           ...
      |      .....
    0 |......
       0                  2
       x
    """
    if isinstance(drawn, MatrixCells):
        return "\n".join(_table(drawn))
    if not drawn.marks:
        return f"{drawn.title}: there is nothing to draw"
    xs = _finite([np.ravel(one.x) for one in drawn.marks], drawn.log_x)
    ys = _finite([one for mark in drawn.marks for one in heights(mark)], drawn.log_y)
    if not xs.size or not ys.size:
        return f"{drawn.title}: there is nothing to draw"
    ends = [_shown(end, drawn.log_y) for end in (_high(ys), _low(ys))]
    left = max(map(len, ends))
    columns = max(8, width - left - 3)
    grid = np.full((height, columns), " ")
    across = _Axis(_low(xs), _high(xs), columns, drawn.log_x)
    along = _Axis(_low(ys), _high(ys), height, drawn.log_y)
    for mark in drawn.marks:
        _draw(grid, mark, across, along)
    lines = [drawn.y_label]
    for number, row in enumerate(grid[::-1]):
        tick = ends[0] if number == 0 else ends[1] if number == height - 1 else ""
        lines.append(f"{tick:>{left}} |{''.join(row)}".rstrip())
    first, last = _shown(_low(xs), drawn.log_x), _shown(_high(xs), drawn.log_x)
    lines.append(f"{' ' * (left + 2)}{first}{last:>{max(1, columns - len(first))}}".rstrip())
    lines.append(f"{' ' * (left + 2)}{drawn.x_label}")
    lines += [f"{' ' * (left + 2)}{_sign(one)} {one.label}" for one in drawn.marks if one.label]
    return "\n".join(lines)


class _Axis:
    """From numbers to columns or rows."""

    def __init__(self, low: float, high: float, count: int, log: bool) -> None:
        self.low, self.width = low, (high - low) or 1.0
        self.count, self.log = count, log

    def __call__(self, values: Array) -> Array:
        """The places, -1 for what has none."""
        with np.errstate(all="ignore"):
            values = np.log10(values) if self.log else np.asarray(values, np.float64)
            share = (values - self.low) / self.width
        known = np.isfinite(share) & (share >= -1e-9) & (share <= 1.0 + 1e-9)
        return np.where(known, np.rint(np.where(known, share, 0.0) * (self.count - 1)), -1).astype(
            int
        )

    @property
    def places(self) -> Array:
        """The numbers at its places."""
        values = self.low + self.width * np.linspace(0.0, 1.0, self.count)
        return np.power(10.0, values) if self.log else values


def _draw(grid: Array, mark: ChartMark, across: _Axis, along: _Axis) -> None:
    x = np.asarray(mark.x, np.float64)
    if not isinstance(mark, Line | Band):
        _put(grid, across(x), along(np.asarray(mark.y)), _sign(mark))
        return
    if isinstance(mark, Line) and mark.around:
        steps = np.linspace(0.0, 1.0, across.count, endpoint=False)
        ways = [
            np.ravel(one[:-1, None] + steps * np.diff(one)[:, None])
            for one in (x, np.asarray(mark.y, np.float64))
        ]
        _put(grid, across(ways[0]), along(ways[1]), _sign(mark))
        return
    order = np.argsort(x, kind="stable")
    at = across.places
    columns = np.arange(at.size)
    inside = (at >= x[order[0]]) & (at <= x[order[-1]])
    sides = [np.interp(at, x[order], np.asarray(one)[order]) for one in heights(mark)]
    if isinstance(mark, Band):
        low, high = (along(np.clip(one, *_range(along))) for one in sides)
        for column in columns[inside]:
            grid[low[column] : high[column] + 1, column] = _sign(mark)
        return
    _put(grid, columns[inside], along(sides[0])[inside], _sign(mark))


def _put(grid: Array, columns: Array, rows: Array, sign: str) -> None:
    known = (columns >= 0) & (rows >= 0)
    grid[rows[known], columns[known]] = sign


def _range(axis: _Axis) -> tuple[float, float]:
    ends = axis.places[[0, -1]]
    return float(ends[0]), float(ends[1])


def _sign(mark: ChartMark) -> str:
    if isinstance(mark, Line):
        return LINES[mark.dashed]
    return ":" if isinstance(mark, Band) else DOTS[mark.colour % len(DOTS)]


def _finite(parts: Sequence[Array], log: bool) -> Array:
    values = np.concatenate([np.ravel(np.asarray(one, np.float64)) for one in parts])
    values = values[np.isfinite(values) & ((values > 0.0) | (not log))]
    found: Array = np.log10(values) if log else values
    return found


def _low(values: Array) -> float:
    return float(values.min())


def _high(values: Array) -> float:
    return float(values.max())


def _shown(value: float, log: bool) -> str:
    return compact(10.0**value if log else value, 4)


def _table(cells: MatrixCells) -> Iterator[str]:
    width = max(7, *(len(one) + 1 for one in cells.labels))
    yield cells.title
    yield " " * width + "".join(f"{one:>{width}}" for one in cells.labels)
    for label, row in zip(cells.labels, cells.values, strict=True):
        shown = ("" if one is None else f"{one:.3f}" for one in row)
        yield f"{label:<{width}}" + "".join(f"{one:>{width}}" for one in shown)
