"""The pictures of a sweep: what its jobs came to, over each setting that varies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.record.ended import EndedSweep, SweptJob
from optserve.reports.html.pictures import Picture
from optserve.reports.html.svg import ChartMark, Line, Plot, Points

__all__ = ["sweep_pictures"]

LOGARITHMIC = 30.0
"""The largest number over the smallest, from which on both are told by their powers of ten."""

NAMES = 12
"""Settings that are no numbers up to which they are written below the axis, cut to ``LETTERS``."""

LETTERS = 12


def sweep_pictures(sweep: EndedSweep) -> Iterator[Picture]:
    """A picture for each setting of which there are several values, over which jobs are compared.

    A dot is a job; a line goes through the medians, where several jobs have one value.
    """
    jobs = [one for one in sweep.jobs if one.value is not None]
    for path in dict.fromkeys(path for one in jobs for path in one.settings):
        own = [one for one in jobs if path in one.settings]
        if len({_text(one.settings[path]) for one in own}) > 1:
            yield _picture(sweep.by, path, own)


def _picture(by: str, path: str, jobs: Sequence[SweptJob]) -> Picture:
    settings = [one.settings[path] for one in jobs]
    names = [] if all(map(_is_number, settings)) else [*dict.fromkeys(map(_text, settings))]
    x = np.array([names.index(_text(one)) if names else one for one in settings], np.float64)
    y = np.array([one.value for one in jobs], np.float64)
    passed = np.array([one.passed for one in jobs])
    marks: list[ChartMark] = []
    across = np.unique(x)
    if len(across) < len(x):
        medians = np.array([np.median(y[x == one]) for one in across])
        marks.append(Line(across, medians, "median", 5, dashed=True))
    marks += [
        Points(x[chosen], y[chosen], label, colour)
        for label, colour, chosen in (("passed", 0, passed), ("failed", 1, ~passed))
        if chosen.any()
    ]
    shown = [name if len(name) <= LETTERS else f"{name[: LETTERS - 2]}.." for name in names]
    drawn = Plot(
        marks,
        title=f"{by} over {path}",
        x_label=path,
        y_label=by,
        log_x=not names and _is_wide(x),
        log_y=_is_wide(y),
        names=shown if len(shown) <= NAMES else (),
    )
    return Picture(f"{by} of each job, over {path}.", drawn)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_wide(values: Array) -> bool:
    return bool(np.all(values > 0.0)) and float(values.max()) > LOGARITHMIC * float(values.min())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
