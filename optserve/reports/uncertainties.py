"""Which errors a result has: what covariance is meant, how it is scaled, what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING

from optserve.reports.numbers import interval_text

if TYPE_CHECKING:
    from optserve.jobs.record.result import Result

__all__ = ["contours_lines", "further_errors", "profiles_lines", "uncertainties_lines"]

ORDINARY = ({"gauss_newton"}, {"hessian"}, set[str]())
"""The methods that need no telling: those that are taken where none is asked for."""


def uncertainties_lines(result: Result) -> Iterator[str]:
    """A sentence each method, unless there is the ordinary one alone."""
    if {*result.uncertainties} in ORDINARY:
        return
    for name, one in result.uncertainties.items():
        if not one.covariance:  # a warning says why
            continue
        told = [f"{name}: {one.covariance}"]
        told += [one.scaled] if one.scaled else []
        if one.refits is not None:
            told.append(f"{one.refits} refits, {one.failed or 'none'} failed")
        if one.left_out:
            told.append(f"leaves out {'; '.join(one.left_out)}")
        yield ", ".join(told)


def profiles_lines(result: Result) -> Iterator[str]:
    """The interval of each entry by the profile of the loss."""
    for label, one in result.profiles.items():
        low, high = one.interval
        width = max((abs(end - one.estimate) for end in (low, high) if end is not None), default=0)
        error = width / one.limit or abs(one.estimate) or 1.0
        ends = interval_text(-inf if low is None else low, inf if high is None else high, error)
        yield f"{label}  {100 * one.level:g}% {ends} by the profile"


def contours_lines(result: Result) -> Iterator[str]:
    """The ends of each joint region, of those that close."""
    for one in result.contours.values():
        if not one.closed:  # a warning says why
            continue
        told = []
        [line] = one.lines
        for label, estimate, values in zip(one.labels, one.estimate, line, strict=True):
            width = max(abs(value - estimate) for value in values)
            ends = interval_text(min(values), max(values), width / one.limit)
            told.append(f"{label} {ends}")
        yield f"{', '.join(told)}: the joint {100 * one.level:g}% region by the profile"


def further_errors(result: Result) -> dict[str, str]:
    """The methods beside the first that have errors, and the heads of their columns."""
    others = [*result.uncertainties.items()][1:]
    return {name: f"s.e. {name}" for name, one in others if one.covariance}
