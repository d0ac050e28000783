"""``simulate``: data drawn from a fitted model and fitted again: what the errors are worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np

from optserve.errors import ConfigError, Interrupted
from optserve.graph.aval import Array
from optserve.jobs.drawing import Drawing
from optserve.jobs.packing import entry_label
from optserve.jobs.problem import Problem
from optserve.jobs.record.result import Result
from optserve.jobs.refitting import bare
from optserve.jobs.run import run

__all__ = ["Sets", "Simulated", "simulate"]

SIGNALS = ("interrupted", "terminated")
"""The reasons of an end that came from outside."""


@dataclass(frozen=True)
class Simulated:
    """What fits of ``n`` data sets found, by the labels of the entries that vary.

    The sets were drawn at ``truth``. ``mean`` and ``spread`` are those of the estimates, ``bias``
    is mean less truth, with the standard error ``bias_error`` of so few sets. ``mean_error`` is the
    mean of the standard errors. ``coverage`` is the share of the intervals that hold the truth,
    ``profile_coverage`` that of the profile intervals; ``..._error`` are their binomial standard
    errors, and ``..._of`` tells how many intervals there were. Of ``failures`` fits nothing else is
    counted; ``reasons`` says why they failed.
    """

    n: int
    failures: int
    reasons: Mapping[str, int]
    level: float
    method: str
    truth: Mapping[str, float]
    mean: Mapping[str, float]
    bias: Mapping[str, float]
    bias_error: Mapping[str, float]
    spread: Mapping[str, float]
    mean_error: Mapping[str, float]
    coverage: Mapping[str, float]
    coverage_error: Mapping[str, float]
    coverage_of: Mapping[str, float]
    profile_coverage: Mapping[str, float]
    profile_coverage_error: Mapping[str, float]
    profile_coverage_of: Mapping[str, float]


class Sets:
    """The data sets that are drawn from ``problem`` at the estimates of ``fitted``, by ``seed``,
    and their fits, each as the problem says: from its starts, by its method, with its errors.
    ``drawn`` is a problem of the same parameters and data whose likelihood is drawn from instead.

    Raises ``ConfigError`` for a model that nothing can be drawn from, and where there are no
    estimates.
    """

    def __init__(
        self, problem: Problem, fitted: Result, seed: int, drawn: Problem | None = None
    ) -> None:
        if (signal := fitted.termination.reason) in SIGNALS:
            raise Interrupted(f"{signal} before anything was drawn", signal)
        if fitted.loss is None or not {*fitted.termination.exit_codes} <= {0, 4}:
            raise ConfigError(
                f"there are no estimates to draw at: {fitted.termination.message}",
                expected="a fit that ends with code 0 or 4",
                code="no-simulation",
            )
        self.problem, self.seed = problem, seed
        self.values = {
            one.name: np.asarray(fitted.parameters[one.name], one.init.dtype)
            for one in problem.parameters
        }
        spread = None if fitted.fit is None else fitted.fit.residual_standard_error
        self.drawing = Drawing(drawn or problem, self.values, spread)
        if drawn is not None:
            self._check_column(spread)
        errors = replace(problem.errors, contours=())
        self.again = replace(bare(problem), starts=problem.starts, errors=errors)

    def _check_column(self, spread: float | None) -> None:
        """Hold that the density is of what was observed, where the fit says what that is."""
        try:
            observed = Drawing(self.problem, self.values, spread).column
        except ConfigError:  # the fit alone says nothing to draw from
            observed = ""
        column = self.drawing.column
        if column not in self.problem.objective.data or column != (observed or column):
            raise ConfigError(
                f"the density is one of '{column}', which is not what was observed",
                place=self.drawing.problem.objective.place,
                expected=f"a density of '{observed}'" if observed else "a column of the fit",
                code="no-simulation",
            )

    def fit(self, number: int, threads: int | None = None) -> Result:
        """The fit of the set of this number; it depends on the seed and the number alone."""
        column = self.drawing.column
        made = self.drawing.data(self.seed, number)[column]
        given = self.problem.objective.data
        data = {**given, column: made.astype(np.asarray(given[column]).dtype)}
        objective = replace(self.problem.objective, data=data)
        return run(replace(self.again, objective=objective), threads=threads)


def simulate(
    problem: Problem,
    fitted: Result,
    n: int,
    seed: int = 0,
    *,
    threads: int | None = None,
    shown: Callable[[int, int], None] = lambda number, of: None,
    fits: Iterable[Result] | None = None,
    drawn: Problem | None = None,
) -> Simulated:
    """Draw ``n`` data sets from ``problem`` at the estimates of ``fitted``, and fit each: see
    ``Sets``, which tells of ``drawn`` too. ``fits`` are those that others make, in the order of
    their numbers.

    ``shown`` is told of each.
    """
    sets = Sets(problem, fitted, seed, drawn)
    found: list[Result] = []
    reasons: Counter[str] = Counter()
    made = (sets.fit(number, threads) for number in range(n)) if fits is None else fits
    for number, result in enumerate(made):
        shown(number + 1, n)
        if (signal := result.termination.reason) in SIGNALS:
            raise Interrupted(f"{signal} after {number} of {n} data sets", signal)
        if why := _failed(result):
            reasons[why] += 1
        else:
            found.append(result)
    return _simulated(problem, sets.values, fitted, n, found, reasons)


def _failed(result: Result) -> str:
    """Why a fit has no errors, or nothing."""
    if result.termination.exit_code != 0:
        return result.termination.reason
    if result.uncertainty == "none":
        return next(iter(result.unavailable.values()), "no errors")
    return ""


def _simulated(
    problem: Problem,
    values: Mapping[str, Array],
    fitted: Result,
    n: int,
    found: list[Result],
    reasons: Mapping[str, int],
) -> Simulated:
    columns: dict[str, dict[str, float]] = {
        name: {}
        for name in (
            *("truth", "mean", "bias", "bias_error", "spread", "mean_error"),
            *("coverage", "coverage_error", "coverage_of"),
            *("profile_coverage", "profile_coverage_error", "profile_coverage_of"),
        )
    }
    count = len(found)
    for one in problem.parameters:
        for position in np.flatnonzero(~one.fixed):
            label = entry_label(one.name, one.shape, int(position))
            truth = float(values[one.name].flat[position])
            columns["truth"][label] = truth
            if count < 2:
                continue
            estimates = _of(found, "parameters", one.name, int(position))
            errors = _of(found, "standard_errors", one.name, int(position))
            spread = float(estimates.std(ddof=1))
            columns["mean"][label] = float(estimates.mean())
            columns["bias"][label] = float(estimates.mean()) - truth
            columns["bias_error"][label] = spread / sqrt(count)
            columns["spread"][label] = spread
            columns["mean_error"][label] = float(np.nanmean(errors)) if _any(errors) else np.nan
            ends = np.stack([_ends(result.intervals[one.name], int(position)) for result in found])
            _covered(columns, "coverage", label, ends, truth)
            if label in found[0].profiles:
                kept = [one.profiles[label].interval for one in found]
                _covered(columns, "profile_coverage", label, np.array(kept, float), truth)
    return Simulated(n, n - count, dict(reasons), fitted.level, _method(found), **columns)


def _covered(
    columns: dict[str, dict[str, float]], name: str, label: str, ends: Array, truth: float
) -> None:
    """The share of the intervals (n, 2) that hold the truth.

    One end alone that is none is infinite; where there is no interval at all, none is counted.
    """
    ends = ends[~np.isnan(ends).all(axis=1)]
    columns[f"{name}_of"][label] = len(ends)
    if not len(ends):
        return
    low, high = np.where(np.isnan(ends), [-np.inf, np.inf], ends).T
    share = float(np.mean((low <= truth) & (truth <= high)))
    columns[name][label] = share
    columns[f"{name}_error"][label] = sqrt(share * (1.0 - share) / len(ends))


def _of(found: list[Result], part: str, name: str, position: int) -> Array:
    return np.array(
        [np.asarray(getattr(one, part)[name], np.float64).flat[position] for one in found]
    )


def _ends(intervals: Any, position: int) -> Array:
    ends: Array = np.asarray(intervals, np.float64).reshape(-1, 2)[position]
    return ends


def _any(errors: Array) -> bool:
    return not bool(np.isnan(errors).all())


def _method(found: list[Result]) -> str:
    return found[0].uncertainty if found else "none"
