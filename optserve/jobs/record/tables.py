"""The tables that a job leaves as CSV: its history, the fit row by row, outputs that are arrays."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.descent.history import HistoryEntry
from optserve.jobs.record.parts import OutputFound
from optserve.jobs.record.result import Result

__all__ = [
    "beside",
    "history_csv",
    "output_csv",
    "read_fitted",
    "read_history",
    "table_csv",
]


def history_csv(result: Result) -> str:
    """A line an evaluation; over minibatches a line an epoch, with what was known after it."""
    epochs = any(entry.epoch is not None for entries in result.history for entry in entries)
    head = "start,evaluation,loss,gradient,seconds"
    lines = [head + (",epoch,batch_loss,validation_loss" if epochs else "")]
    for start, entries in enumerate(result.history, 1):
        for entry in entries:
            evaluation, loss, gradient, seconds, *rest = entry
            shown = [f"{start},{evaluation}", _cell(loss), _cell(gradient), f"{seconds:.6f}"]
            lines.append(",".join([*shown, *(map(_cell, rest) if epochs else ())]))
    return "\n".join(lines) + "\n"


def read_history(path: Path) -> list[list[HistoryEntry]]:
    """What ``history_csv`` wrote: of each start its entries; nothing where there is no file."""
    found: dict[int, list[HistoryEntry]] = {}
    for row in _rows(path):
        start, *cells = row.values()
        evaluation, loss, gradient, seconds, *rest = map(_number, cells)
        epoch, *losses = rest or [None]
        entry = HistoryEntry(
            int(evaluation or 0),
            loss,
            gradient,
            seconds or 0.0,
            None if epoch is None else int(epoch),
            *losses,
        )
        found.setdefault(int(start), []).append(entry)
    return [found.get(start, []) for start in range(1, max(found, default=0) + 1)]


def read_fitted(path: Path) -> dict[str, Array]:
    """The table of a fit that ``table_csv`` wrote; nothing where there is no file."""
    columns: dict[str, list[str]] = {}
    for row in _rows(path):
        for name, cell in row.items():
            columns.setdefault(name, []).append(cell)
    return {
        name: np.array(cells)
        if name == "term"
        else np.array([float(cell) if cell else np.nan for cell in cells])
        for name, cells in columns.items()
    }


def output_csv(output: OutputFound) -> str:
    """A line an entry: where it was computed, its value, standard error, and interval.

    The columns of ``at`` are those arrays that have an entry for each of the value's first axis;
    further axes have columns of their own, with the number of the entry along them.
    """
    value = np.asarray(output.value, np.float64)
    each = value.size // max(len(value), 1)
    at: dict[str, Array] = {}
    for name, given in output.at.items():
        array = np.asarray(given, np.float64)
        if array.shape == value.shape[:1]:
            at[name] = np.repeat(array, each)
        elif array.shape == value.shape:
            at[name] = np.ravel(array)
    columns: dict[str, Array] = {}
    if value.ndim > 1 or not at:
        for axis, numbers in enumerate(np.indices(value.shape)):
            columns[f"index{axis}" if value.ndim > 1 else "index"] = np.ravel(numbers)
    columns["value"] = np.ravel(value)
    columns["standard_error"] = np.ravel(np.asarray(output.standard_error, np.float64))
    ends = np.reshape(np.asarray(output.interval, np.float64), (-1, 2))
    return table_csv(beside(at, {**columns, "low": ends[:, 0], "high": ends[:, 1]}, "at"))


def beside(
    given: Mapping[str, Array], computed: Mapping[str, Array], prefix: str
) -> Mapping[str, Array]:
    """The columns that are given, then those that are computed; where a given one has the name of
    a computed one, it has ``prefix`` before its own.

    >>> [*beside({"x": np.ones(1), "low": np.ones(1)}, {"low": np.zeros(1)}, "data")]
    ['x', 'data.low', 'low']
    """
    return {
        **{f"{prefix}.{name}" if name in computed else name: one for name, one in given.items()},
        **computed,
    }


def table_csv(columns: Mapping[str, Array]) -> str:
    """A head, and a line a row; an empty cell where a number is none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    cells = [_cells(column) for column in columns.values()]
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue()


def _cells(column: Array) -> Sequence[Any]:
    values = column.tolist()
    return ["" if value != value else value for value in values]


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
