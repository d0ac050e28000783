"""``simulate``: data drawn from a fitted model and fitted again: what the errors are worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from optserve.errors import ConfigError, Interrupted
from optserve.graph.aval import Array
from optserve.jobs.column_draws import ColumnDraws
from optserve.jobs.drawing import Drawing, refused
from optserve.jobs.packing import entry_label
from optserve.jobs.problem import Problem
from optserve.jobs.record.result import Result
from optserve.jobs.refitting import bare
from optserve.jobs.run import run

__all__ = ["Sets", "Simulated", "simulate", "wilson"]

SIGNALS = ("interrupted", "terminated")
"""The reasons of an end that came from outside."""


@dataclass(frozen=True)
class Simulated:
    """What fits of ``n`` data sets found, by the labels of the entries that vary.

    The sets were drawn at ``truth``. ``mean`` and ``spread`` are those of the estimates, ``bias``
    is mean less truth, with the standard error ``bias_error`` of so few sets. ``mean_error`` is the
    mean of the standard errors. ``coverage`` is the share of the intervals that hold the truth,
    ``profile_coverage`` that of the profile intervals; ``..._low`` and ``..._high`` are the ends of
    Wilson's 95% interval of the share (Wilson 1927), and ``..._of`` tells how many intervals there
    were. Of ``failures`` fits nothing else is
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
    coverage_low: Mapping[str, float]
    coverage_high: Mapping[str, float]
    coverage_of: Mapping[str, float]
    profile_coverage: Mapping[str, float]
    profile_coverage_low: Mapping[str, float]
    profile_coverage_high: Mapping[str, float]
    profile_coverage_of: Mapping[str, float]


class Sets:
    """The data sets that are drawn from ``problem`` at the estimates of ``fitted``, by ``seed``,
    and their fits, each as the problem says: from its starts, by its method, with its errors.
    They are drawn from the model of the fit, or from what ``problem.drawn`` says.

    Raises ``ConfigError`` for a model that nothing can be drawn from, and where there are no
    estimates.
    """

    def __init__(self, problem: Problem, fitted: Result, seed: int) -> None:
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
        drawn = problem.drawn
        if drawn is not None and drawn.columns:
            self.drawing: Drawing | ColumnDraws = ColumnDraws(problem, self.values)
        else:
            density = None if drawn is None else drawn.density
            self.drawing = Drawing(problem, self.values, spread, density)
            if drawn is not None:
                self._check_column(self.drawing, spread)
        self._check_derived()
        errors = replace(problem.errors, contours=())
        self.again = replace(bare(problem), starts=problem.starts, errors=errors)

    def _check_column(self, drawing: Drawing, spread: float | None) -> None:
        """Hold that the density is of what was observed, where the fit says what that is."""
        try:
            observed = Drawing(self.problem, self.values, spread).column
        except ConfigError:  # the fit alone says nothing to draw from
            observed = ""
        column = drawing.column
        if column not in self.problem.objective.data or column != (observed or column):
            raise ConfigError(
                f"the density is one of '{column}', which is not what was observed",
                place=drawing.objective.place,
                expected=f"a density of '{observed}'" if observed else "a column of the fit",
                code="no-simulation",
            )

    def _check_derived(self) -> None:
        """Hold that nothing that is read was computed of what is drawn, before it was."""
        problem, drawn = self.problem, self.drawing.columns
        further = problem.drawn.data if problem.drawn else {}
        for name in {**problem.objective.data, **further}:
            of = sorted(problem.derived.get(name, frozenset()) & drawn)
            if of and name not in drawn:
                raise refused(
                    f"'{name}' is derived of '{of[0]}', and stays as it was where that is drawn",
                    f"compute '{name}' in `define`, or draw it: `simulate: {{{name}: ...}}`",
                    problem.objective.place,
                )

    def fit(self, number: int, threads: int | None = None) -> Result:
        """The fit of the set of this number; it depends on the seed and the number alone."""
        data = self.drawing.data(self.seed, number)
        given = self.problem.objective.data
        objective = replace(self.problem.objective, data={name: data[name] for name in given})
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
) -> Simulated:
    """Draw ``n`` data sets from ``problem`` at the estimates of ``fitted``, and fit each: see
    ``Sets``. ``fits`` are those that others make, in the order of
    their numbers.

    ``shown`` is told of each.
    """
    sets = Sets(problem, fitted, seed)
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
    names = {one.name for one in fields(Simulated) if one.type == "Mapping[str, float]"}
    columns: dict[str, dict[str, float]] = {name: {} for name in names}
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
    least, most = wilson(share, len(ends))
    columns[f"{name}_low"][label], columns[f"{name}_high"][label] = least, most


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's interval (JASA 22, 209, 1927) of probability 0.95 for the chance of which a
    ``share`` of ``n`` came about.

    >>> wilson(1.0, 200), wilson(0.5, 10)  # doctest: +ELLIPSIS
    ((0.9811..., 1.0), (0.2365..., 0.7634...))
    """
    z = NormalDist().inv_cdf(0.975)
    middle = share + z * z / (2.0 * n)
    half = z * sqrt(share * (1.0 - share) / n + (z / (2.0 * n)) ** 2)
    scale = 1.0 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


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
