"""The table of parameters: estimates with their errors, or values with their gradient."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING, Any

from optserve.reports.entries import (
    count_of,
    entries,
    has_numbers,
    label_of,
    range_text,
    shape_of,
)
from optserve.reports.numbers import (
    compact,
    error_text,
    estimate_text,
    interval_text,
    shape_text,
)
from optserve.reports.text_table import table
from optserve.reports.uncertainties import further_errors

if TYPE_CHECKING:
    from optserve.jobs.record.result import Result

__all__ = ["estimate_rows", "estimates"]

LISTED = 12
"""Entries of an array that are listed one by one; of a larger one the range is shown."""


def estimates(result: Result, encoding: str = "utf-8") -> list[str]:
    """One line an entry of a parameter, aligned."""
    rows = estimate_rows(result)
    return table(rows, encoding=encoding) if rows else []


def estimate_rows(result: Result) -> list[list[str]]:
    """The cells of a head and of a row an entry of a parameter; nothing without parameters.

    With standard errors: estimate, error, interval, start. Without: estimate and start. Evaluated
    once: value and gradient.
    """
    if not result.parameters:
        return []
    if result.termination.reason == "evaluated":
        rows = [["parameter", "value", "gradient"]]
        for name, value in result.parameters.items():
            rows += _evaluated(name, value, result.gradient.get(name))
        return rows
    known = any(map(has_numbers, result.standard_errors.values()))
    start = {} if result.start is None else result.starts[result.start].parameters
    rows = [["parameter", _head(result), *(_error_heads(result) if known else []), "start"]]
    for name, value in result.parameters.items():
        if known:
            rows += _with_errors(result, name, value, start.get(name))
        else:
            rows += _alone(name, value, start.get(name))
    return rows


def _head(result: Result) -> str:
    """What the values are: those of a descent that was cut short estimate nothing."""
    if result.evaluations == 0:
        return "value"
    usable = result.termination.exit_code in (0, 3, 4)
    return (result.estimate or "estimate") if usable else "best point"


def _error_heads(result: Result) -> list[str]:
    law = "normal" if result.dof is None else f"t, {result.dof:g} dof"
    if [*result.uncertainties][:1] == ["bootstrap"]:
        law = "percentiles"
    further = further_errors(result).values()
    return ["std. error", f"{100 * result.level:g}% interval ({law})", *further]


def _with_errors(result: Result, name: str, value: Any, start: Any) -> Iterator[list[str]]:
    errors = result.standard_errors.get(name)
    others = [result.uncertainties[one].standard_errors for one in further_errors(result)]
    if _is_large(value):
        ranges = [range_text(one.get(name)) for one in others]
        cells = [range_text(value), range_text(errors), "", *ranges, range_text(start)]
        yield [f"{name} {shape_text(shape_of(value))}", *cells]
        return
    others_at = [dict(entries(one.get(name))) for one in others]
    error_at = dict(entries(errors))
    start_at = dict(entries(start))
    interval_at = _pairs(result.intervals.get(name))
    for index, number in entries(value):
        error = error_at.get(index)
        interval = interval_at.get(index)
        yield [
            label_of(name, index),
            _estimate(number, error),
            result.unavailable.get(name, "") if error is None else error_text(error),
            "" if error is None or interval is None else interval_text(*interval, error),
            *("" if one.get(index) is None else error_text(one[index]) for one in others_at),
            _number(start_at.get(index)),
        ]


def _alone(name: str, value: Any, start: Any) -> Iterator[list[str]]:
    if _is_large(value):
        cells = [range_text(value), range_text(start)]
        yield [f"{name} {shape_text(shape_of(value))}", *cells]
        return
    start_at = dict(entries(start))
    for index, number in entries(value):
        yield [label_of(name, index), _estimate(number, None), _number(start_at.get(index))]


def _evaluated(name: str, value: Any, gradient: Any) -> Iterator[list[str]]:
    if _is_large(value):
        cells = [range_text(value), range_text(gradient)]
        yield [f"{name} {shape_text(shape_of(value))}", *cells]
        return
    gradient_at = dict(entries(gradient))
    for index, number in entries(value):
        yield [label_of(name, index), _number(number), _number(gradient_at.get(index))]


def _estimate(number: float | None, error: float | None) -> str:
    return "not finite" if number is None else estimate_text(number, error)


def _number(number: float | None) -> str:
    return "" if number is None else compact(number, 8)


def _is_large(value: Any) -> bool:
    return count_of(value) > LISTED


def _pairs(intervals: Any) -> dict[tuple[int, ...], tuple[float, float]]:
    """The intervals, whose last axis holds their two ends, by the index of their estimate.

    >>> _pairs([[1.0, 2.0], [0.0, None]]), _pairs([None, None])
    ({(0,): (1.0, 2.0), (1,): (0.0, inf)}, {})
    """
    ends = dict(entries(intervals))
    pairs = {}
    for *index, end in ends:
        low, high = ends[*index, 0], ends[*index, 1]
        if end == 0 and (low is not None or high is not None):
            pairs[*index,] = (-inf if low is None else low, inf if high is None else high)
    return pairs
