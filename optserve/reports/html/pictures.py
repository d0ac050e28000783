"""The pictures of a result: which there are is told by what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.evidence.uncertainty.fitted import OWN
from optserve.jobs.evidence.uncertainty.student_t import student_t_quantile
from optserve.jobs.record.parts import OutputFound
from optserve.jobs.record.result import Result
from optserve.reports.html.svg import Band, ChartMark, Line, MatrixCells, Plot, Points

__all__ = [
    "Picture",
    "contour_pictures",
    "correlation_picture",
    "fit_pictures",
    "history_pictures",
    "output_pictures",
    "pictures_of",
    "profile_pictures",
]

LARGEST_MATRIX = 40
"""Estimates up to which their correlations are a picture."""

NEAR = 1.25
"""How far beyond its limit the root of a profile is drawn."""

STARTS = 6
"""Starts of which the way is drawn: the first ones."""


class Picture(NamedTuple):
    """What is drawn, what it shows, and its ``name`` among the pictures of a result."""

    caption: str
    drawn: Plot | MatrixCells
    name: str = ""

    @property
    def svg(self) -> str:
        """The element ``svg``."""
        return self.drawn.svg


def pictures_of(result: Result) -> Mapping[str, Picture]:
    """All pictures of a result, by their names, in the order of the page."""
    every = (
        *fit_pictures(result),
        *output_pictures(result),
        *profile_pictures(result),
        *contour_pictures(result),
        *correlation_picture(result),
        *history_pictures(result),
    )
    return {one.name: one for one in every}


def fit_pictures(result: Result) -> Iterator[Picture]:
    """What was observed beside what is predicted, and the residuals.

    Over the one column that the prediction is made of, if it is one; else over the prediction.
    """
    table = result.fitted
    if not table:
        return
    residual = np.asarray(table["residual"], np.float64)
    unit = "residual / sigma" if "sigma" in table else "residual"
    if "observed" not in table:
        yield _residuals(np.arange(residual.size, dtype=float), residual, "number", unit, result)
        return
    given = [name for name in table if name not in OWN]
    name = given[0] if len(given) == 1 else ""
    observed, predicted = (np.asarray(table[one], np.float64) for one in ("observed", "predicted"))
    if name and _is_function(table[name], predicted):
        x = np.asarray(table[name], np.float64)
        yield Picture(
            f"Observed and predicted, over {name}{_and_band(result)}.",
            Plot(
                [*_curve(result, name, x, predicted), Points(x, observed, "observed", 1)],
                title=f"observed and predicted over {name}",
                x_label=name,
                y_label="observed",
            ),
            "fit",
        )
        yield _residuals(x, residual, name, unit)
    else:
        ends = np.array([np.nanmin(predicted), np.nanmax(predicted)])
        yield Picture(
            "Observed over predicted; the line is where they are equal.",
            Plot(
                [Line(ends, ends, dashed=True, colour=5), Points(predicted, observed, colour=1)],
                title="observed over predicted",
                x_label="predicted",
                y_label="observed",
            ),
            "fit",
        )
        yield _residuals(predicted, residual, "predicted", unit)


def output_pictures(result: Result) -> Iterator[Picture]:
    """Each output that is an array along one axis, with its band."""
    for name, output in result.outputs.items():
        value = np.asarray(output.value, np.float64)
        if value.ndim != 1 or value.size < 2:
            continue
        x_label, x = _axis_of(output, value.size)
        yield Picture(
            f"{name}, over {x_label}, with its {100 * output.level:g}% interval at each entry.",
            Plot(
                _with_band(x, output), title=f"{name} over {x_label}", x_label=x_label, y_label=name
            ),
            f"outputs.{name}",
        )


def profile_pictures(result: Result) -> Iterator[Picture]:
    """How the loss rises around each estimate that has a profile, with the limit at its ends."""
    for label, one in result.profiles.items():
        near = np.abs(np.asarray(one.rise)) <= NEAR * one.limit
        values, rise = np.asarray(one.values)[near], np.square(np.asarray(one.rise)[near])
        ends = np.array([values.min(), values.max()])
        limit = np.full(2, one.limit**2)
        yield Picture(
            f"The profile of {label}: by how much the best loss rises where {label} is held; "
            f"the interval of {100 * one.level:g}% is where it is below the line.",
            Plot(
                [
                    Line(ends, limit, dashed=True, colour=5),
                    Line(values, rise, colour=0),
                    Points(values, rise, colour=0),
                ],
                title=f"profile of {label}",
                x_label=label,
                y_label="rise",
            ),
            f"profiles.{label}",
        )


def contour_pictures(result: Result) -> Iterator[Picture]:
    """The edge of the joint region of each pair of entries that has one, around the estimates."""
    for label, one in result.contours.items():
        if not one.lines:
            continue
        first, second = one.labels
        drawn = [
            Line(np.asarray(x, np.float64), np.asarray(y, np.float64), around=True)
            for x, y in one.lines
        ]
        told = "inside of the line" if one.closed else "at the line, which does not close"
        yield Picture(
            f"The contour of {first} and {second}: their joint region of {100 * one.level:g}%, by "
            f"the profile of the loss, is {told}; the dot is the estimate.",
            Plot(
                [
                    *drawn,
                    Points(np.array(one.estimate[:1]), np.array(one.estimate[1:]), colour=1),
                ],
                title=f"contour of {first} and {second}",
                x_label=first,
                y_label=second,
            ),
            f"contours.{label}",
        )


def correlation_picture(result: Result) -> Iterator[Picture]:
    """The correlations of the estimates, where there are two or more and not too many."""
    if result.correlation is not None and 2 <= len(result.labels) <= LARGEST_MATRIX:
        yield Picture(
            "Correlations of the estimates, from -1 to 1.",
            MatrixCells(result.correlation, result.labels, title="correlations of the estimates"),
            "correlation",
        )


def history_pictures(result: Result) -> Iterator[Picture]:
    """The loss and the gradient on the way, a line a start; over minibatches the losses of batches
    and of the validation rows, by epoch."""
    epochs = any(entry.epoch is not None for entries in result.history for entry in entries)
    if epochs:
        kinds = (("batch_loss", "batches"), ("loss", "train"), ("validation_loss", "validation"))
        lines = [_way(result, "epoch", what, label) for what, label in kinds]
        yield from _history([one for found in lines for one in found], "loss", "epoch")
        return
    for what in ("loss", "gradient"):
        yield from _history(_way(result, "evaluation", what), what, "evaluation")


def _way(result: Result, across: str, what: str, label: str = "") -> list[Line]:
    """What was known on the way of each start."""
    lines = []
    for number, entries in enumerate(result.history[:STARTS]):
        pairs = [(getattr(one, across), getattr(one, what)) for one in entries]
        known = np.array([(a, b) for a, b in pairs if a is not None and b is not None], float)
        if len(known) > 1:
            start = f"start {number + 1}" if len(result.history) > 1 else ""
            told = " ".join(filter(None, [label, start]))
            lines.append(Line(known[:, 0], known[:, 1], told, number))
    return lines


def _history(lines: list[Line], what: str, across: str) -> Iterator[Picture]:
    if not lines:
        return
    words = "The loss" if what == "loss" else "The scale-free gradient"
    several = len({one.colour for one in lines}) < len(lines)
    marks = [replace(one, colour=n) if several else one for n, one in enumerate(lines)]
    log = all(bool(np.all(one.y > 0.0)) for one in lines)
    title = f"{what} by {across}"
    drawn = Plot(marks, title=title, x_label=across, y_label=what, log_y=log)
    yield Picture(f"{words}, by {across}.", drawn, what)


def _curve(result: Result, name: str, x: Array, predicted: Array) -> list[ChartMark]:
    """The prediction with its band: at the places of an output over the same column, else those of
    the data."""
    for output in result.outputs.values():
        if [*output.at] == [name] and np.shape(output.at[name]) == np.shape(output.value):
            value = np.interp(x, *_sorted(output.at[name], output.value))
            spread = float(np.ptp(predicted)) or 1.0
            inside = (x >= np.min(output.at[name])) & (x <= np.max(output.at[name]))
            if inside.any() and np.abs(value - predicted)[inside].max() <= 0.05 * spread:
                return _with_band(np.asarray(output.at[name], np.float64), output, "predicted")
    order = np.argsort(x, kind="stable")
    line = Line(x[order], predicted[order], "predicted", 0)
    error = result.fitted.get("standard_error")
    if error is None:
        return [line]
    half = student_t_quantile(result.level, np.inf if result.dof is None else result.dof) * error
    low, high = (predicted - half)[order], (predicted + half)[order]
    return [Band(x[order], low, high, f"{100 * result.level:g}% interval", 0), line]


def _with_band(x: Array, output: OutputFound, label: str = "") -> list[ChartMark]:
    value = np.asarray(output.value, np.float64)
    low, high = np.asarray(output.interval, np.float64).T
    band = Band(x, low, high, f"{100 * output.level:g}% interval" if label else "", 0)
    return [*([band] if np.isfinite(low).any() else []), Line(x, value, label, 0)]


def _residuals(
    x: Array, residual: Array, x_label: str, unit: str, result: Result | None = None
) -> Picture:
    """The residuals; of a ``result`` with several terms each term in a colour of its own."""
    terms = np.asarray(result.fitted["term"]) if result and "term" in result.fitted else None
    ends = np.array([np.nanmin(x), np.nanmax(x)])
    marks: list[ChartMark] = [Line(ends, np.zeros(2), dashed=True, colour=5)]
    if terms is None:
        marks.append(Points(x, residual, colour=1))
    else:
        for number, term in enumerate(dict.fromkeys(terms.tolist())):
            own = terms == term
            marks.append(Points(x[own], residual[own], str(term), number))
    return Picture(
        f"Residuals over {x_label}: a pattern in them is what the model misses.",
        Plot(marks, title=f"residuals over {x_label}", x_label=x_label, y_label=unit),
        "residuals",
    )


def _and_band(result: Result) -> str:
    known = "standard_error" in result.fitted
    return ", with the interval of the prediction" if known else ""


def _axis_of(output: OutputFound, size: int) -> tuple[str, Array]:
    """The first array of ``at`` that has an entry for each of the value's, or their numbers."""
    for name, given in output.at.items():
        if np.shape(given) == (size,):
            return name, np.asarray(given, np.float64)
    return "index", np.arange(size, dtype=np.float64)


def _is_function(x: Array, predicted: Array) -> bool:
    """Whether equal ``x`` have equal predictions, so that a line through these means something."""
    x = np.asarray(x, np.float64)
    order = np.lexsort((predicted, x))
    same = np.diff(x[order]) == 0.0
    spread = float(np.nanmax(predicted) - np.nanmin(predicted))
    return bool(np.all(np.abs(np.diff(predicted[order]))[same] <= 1e-9 * (spread or 1.0)))


def _sorted(x: Any, y: Any) -> tuple[Array, Array]:
    order = np.argsort(x)
    return np.asarray(x, np.float64)[order], np.asarray(y, np.float64)[order]
