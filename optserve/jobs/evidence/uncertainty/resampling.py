"""Errors by refits: the bootstrap, of samples of the rows, and the jackknife, without each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import inf, sqrt

import numpy as np

from optserve.graph.aval import Array, resolve_shape
from optserve.graph.dim import Dim
from optserve.graph.streamed import Streamed
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.covariance import BIAS, Covariance
from optserve.jobs.evidence.uncertainty.estimate_errors import (
    EstimateErrors,
    by_delta_method,
    no_uncertainty,
)
from optserve.jobs.evidence.uncertainty.fit import Fit, counting
from optserve.jobs.evidence.uncertainty.information import Information
from optserve.jobs.evidence.uncertainty.minimum import FreeMinimum, NoCovarianceError
from optserve.jobs.evidence.uncertainty.refits import (
    EachRefit,
    Refit,
    Refits,
    StoppedError,
)
from optserve.jobs.known_points import Evaluated
from optserve.jobs.problem import ErrorMethod
from optserve.optimizers.tall import triangle
from optserve.transforms.rows_apart import keeps_rows_apart
from optserve.transforms.simplify import prune

__all__ = ["resampled"]

LEAST = 0.5
"""The share of refits that must come to a minimum."""


def resampled(
    evaluator: Evaluator,
    best: Evaluated,
    method: ErrorMethod,
    level: float,
    refits: Refits,
    flat: int = 0,
    each: EachRefit | None = None,
) -> EstimateErrors:
    """The errors at ``best`` by refits of other samples of the rows, from the estimates on.

    The bootstrap (Efron & Tibshirani 1993, chapters 6 and 13): rows, or clusters of them, drawn
    with replacement; standard deviations, and percentiles as intervals. The jackknife (chapter 11):
    (n - 1) / n times the sum of the squared deviations of n estimates, each without a row. A refit
    fails that is no minimum, or is flat in more than the ``flat`` directions of the fit itself.
    ``each`` makes them all, if they are not made one by one.
    """
    every = np.ones(best.point.shape, bool)
    minimum = FreeMinimum(evaluator, best, every)
    fit = _fit(minimum)
    try:
        samples = _Samples(evaluator, best.point, method)
        if not samples.columns:
            return no_uncertainty(evaluator, "there are no rows to draw", fit)
        found = [*_refitted(evaluator, best, samples, refits, flat, each)]
    except (StoppedError, NoCovarianceError) as error:
        return no_uncertainty(evaluator, str(error), fit)
    good = [one for one in found if not one.why]
    reasons = Counter(one.why for one in found if one.why)
    failed = len(found) - len(good)
    told = f"{failed} of {len(found)} refits failed" if failed else ""
    told += f": {reasons.most_common(1)[0][0]}" if failed else ""
    is_jackknife = method.kind == "jackknife"
    if len(good) < max(2, LEAST * len(found)) or (failed and is_jackknife):
        made = no_uncertainty(evaluator, told or f"{len(found)} refits tell of no spread", fit)
        return replace(made, refits=len(found), failed=failed)
    points = np.stack([evaluator.packing.flat(one.values) for one in good]).astype(np.float64)
    count = len(good)
    scale = sqrt((count - 1) / count) if is_jackknife else 1.0 / sqrt(count - 1)
    root = scale * triangle(points - points.mean(axis=0)).T
    covariance = Covariance(
        information=_information(minimum),
        root=root,
        dof=count - 1.0 if is_jackknife else inf,
        kind=method.kind,
        method=samples.method,
        told=samples.told,
        scaled=f"times (n - 1) / n, n = {count}" if is_jackknife else "as it is",
        left_out=(
            *samples.left_out,
            *([BIAS] if minimum.has_penalties else []),
            *([told] if told else []),
        ),
    )
    made = by_delta_method(evaluator, best.point, every, covariance, fit, level)
    made = _on_natural_scale(made, good, scale, None if is_jackknife else level)
    warnings = (*made.warnings, *([f"{method.kind}: {told}, and are left out"] if told else []))
    if samples.together:
        warnings += (f"{method.kind}: {samples.together}",)
    return replace(made, warnings=warnings, refits=len(found), failed=failed)


class _Samples:
    """Samples of the rows of a problem: ``count`` of them, and words for what they are."""

    def __init__(self, evaluator: Evaluator, point: Array, method: ErrorMethod) -> None:
        problem = evaluator.problem
        inputs = problem.objective.graph.inputs[len(problem.parameters) :]
        self.data = problem.objective.data
        self.method_asked = method
        self.columns: dict[str, str] = {}
        for variable, (name, array) in zip(inputs, self.data.items(), strict=True):
            shape = variable.aval.shape
            if shape and isinstance(shape[0], Dim):
                if isinstance(array, Streamed):
                    raise NoCovarianceError(
                        "rows of streamed data are not drawn: `in_memory: true` holds them"
                    )
                self.columns[name] = shape[0].name
        self.sizes = {table: len(self.data[name]) for name, table in self.columns.items()}
        self.rows = {
            table: np.flatnonzero(_counting(evaluator, point, table, size))
            for table, size in self.sizes.items()
        }
        self.together = _together(evaluator, [*self.sizes])
        self.left_out: tuple[str, ...] = ("that rows may depend on each other",)
        if method.kind == "jackknife":
            if len(self.sizes) > 1:
                raise NoCovarianceError("a jackknife is of the rows of one table")
            self.count = sum(len(rows) for rows in self.rows.values())
            self.method, self.told = "jackknife", "of the estimates without each row"
            return
        self.count = method.n
        self.method, drawn = "bootstrap", "rows"
        if method.groups is not None:
            if {*self.sizes} != {method.table}:
                raise NoCovarianceError(
                    f"clusters of `{method.column}` are of rows of {method.table}, and there are "
                    f"rows of {', '.join(self.sizes)}"
                )
            drawn = f"clusters of `{method.column}`"
            self.left_out = ("that clusters may depend on each other",)
        self.told = (
            f"of the estimates of {method.n} samples of {drawn}, drawn with replacement by the "
            f"seed {method.seed}"
        )

    def drawn(self, number: int) -> Mapping[str, Array]:
        """The data of one sample."""
        which = {
            table: self._rows(number, place, rows)
            for place, (table, rows) in enumerate(sorted(self.rows.items()))
        }
        return {
            name: array[which[self.columns[name]]] if name in self.columns else array
            for name, array in self.data.items()
        }

    def _rows(self, number: int, place: int, rows: Array) -> Array:
        """Which of the ``rows`` of a table that count a sample has; they depend on the seed and the
        numbers alone."""
        method = self.method_asked
        if method.kind == "jackknife":
            return np.delete(rows, number)
        words = np.random.Philox(key=[method.seed % 2**64, number * 64 + place])
        if method.groups is None:
            drawn: Array = rows[words.random_raw(rows.size) % np.uint64(rows.size)]
            return drawn
        groups = method.groups[rows]
        known = np.unique(groups)
        chosen = known[words.random_raw(known.size) % np.uint64(known.size)]
        return np.concatenate([rows[groups == one] for one in chosen])


def _counting(evaluator: Evaluator, point: Array, table: str, size: int) -> Array:
    """Which rows (n,) of a table count: all but those in which weights are 0 or sigma infinite."""
    objective = evaluator.problem.objective
    if objective.weightless:
        shape = objective.graph.outputs[1].aval.shape
        if shape[0] == Dim.rows(table):
            each = counting(evaluator, point, resolve_shape(shape, evaluator.row_counts))
            found: Array = np.any(each.reshape(size, -1), axis=1)
            return found
    return np.ones(size, bool)


def _refitted(
    evaluator: Evaluator,
    best: Evaluated,
    samples: _Samples,
    refits: Refits,
    flat: int,
    each: EachRefit | None,
) -> Iterable[Refit]:
    start = evaluator.packing.natural(best.point)

    def refit(number: int) -> Refit:
        made = refits(data=samples.drawn(number), start=start, number=(number + 1, samples.count))
        if made.flat > flat and not made.why:
            return made._replace(why="the rows do not determine the parameters")
        return made

    if each is None:
        return map(refit, range(samples.count))
    return each(refit, samples.count)


def _on_natural_scale(
    made: EstimateErrors, good: list[Refit], scale: float, level: float | None
) -> EstimateErrors:
    """``made`` with the spread of the natural values themselves, and their percentiles where there
    is a ``level``."""
    errors, intervals = dict(made.standard_errors), dict(made.intervals)
    for name, error in made.standard_errors.items():
        values = np.stack([one.values[name] for one in good]).astype(np.float64)
        known = ~np.isnan(error)
        deviations = values - values.mean(axis=0)
        spread = scale * np.sqrt(np.sum(np.square(deviations), axis=0))
        errors[name] = np.where(known, spread, np.nan)
        if level is not None:
            ends = np.quantile(values, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
            intervals[name] = np.where(known[..., None], np.moveaxis(ends, 0, -1), np.nan)
    notes = made.notes
    if level is not None:
        notes = (*(one for one in notes if "made on the scale" not in one),)
        warnings = (*(one for one in made.warnings if "cut at a bound" not in one),)
        made = replace(made, warnings=warnings)
    return replace(made, standard_errors=errors, intervals=intervals, notes=notes)


def _together(evaluator: Evaluator, tables: list[str]) -> str:
    """Why samples of rows are no data that could have been met, if the loss tells."""
    objective = evaluator.problem.objective
    if objective.kind == "loss":
        return ""
    names = objective.residuals if objective.kind == "least_squares" else ("log_likelihood",)
    outputs = tuple(
        atom
        for name, atom in zip(names, objective.graph.outputs[1:], strict=False)
        if name not in objective.penalties | objective.priors
    )
    graph = prune(replace(objective.graph, outputs=outputs))
    if all(keeps_rows_apart(graph, Dim.rows(table)) for table in tables):
        return ""
    return "the loss takes rows together, as of a series, and samples of rows break what binds them"


def _fit(minimum: FreeMinimum) -> Fit | None:
    possible = minimum.is_least_squares and minimum.evaluator.forms_jacobian
    return minimum.fit if possible and minimum.has_finite_jacobian else None


def _information(minimum: FreeMinimum) -> Information:
    """What the data tell of the coordinates; all of them, where that is not known."""
    try:
        if minimum.evaluator.problem.objective.kind != "loss" and minimum.evaluator.forms_jacobian:
            return minimum.bread
    except NoCovarianceError:
        pass
    size = minimum.point.size
    one = np.ones(size)
    return Information(one, np.eye(size), one, np.zeros((size, 0)), one, minimum.epsilon)
