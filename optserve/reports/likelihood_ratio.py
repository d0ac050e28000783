"""The likelihood-ratio test of two runs, of which one holds what the other estimates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any

from optserve.jobs.evidence.uncertainty.randomness import chance_of_larger_f, chance_of_more
from optserve.reports.entries import entries, label_of
from optserve.reports.numbers import compact

if TYPE_CHECKING:
    from optserve.jobs.record.result import Result

__all__ = ["LikelihoodRatio", "NoTestError", "likelihood_ratio"]

WORSE = 1e-6
"""By how much of a unit the larger model may fit worse, by rounding."""

_HALF = "of one parameter held at a bound the p is half of this (Self & Liang 1987)"


class NoTestError(Exception):
    """Why two runs have no likelihood-ratio test."""


@dataclass(frozen=True)
class LikelihoodRatio:
    """Twice the fall of the log likelihood, or that of the sum of squares, by which chi-square with
    ``dof`` degrees of freedom makes ``p``; of least squares without sigma it is F, of ``dof`` and
    ``residual_dof``. ``held`` names what the smaller model holds, and ``cautions`` say why not to
    believe it."""

    statistic: float
    dof: int
    p: float
    held: Sequence[str]
    smaller_is_first: bool
    residual_dof: int | None = None
    cautions: tuple[str, ...] = ()

    def sentences(self) -> Iterator[str]:
        """The test, and what not to trust of it."""
        which = ("one", "two") if self.smaller_is_first else ("two", "one")
        dofs = f"{self.dof}" if self.residual_dof is None else f"{self.dof}, {self.residual_dof}"
        law = "chi-square" if self.residual_dof is None else "F"
        shown = ", ".join(self.held[:6]) + (", ..." if len(self.held) > 6 else "")
        yield (
            f"{which[0]} is {which[1]} with {shown} held: "
            f"{law}({dofs}) {compact(self.statistic, 5)}, p {compact(self.p, 3)}"
        )
        yield from self.cautions


def likelihood_ratio(
    one: Result, two: Result, apart: str, bounds: Mapping[str, Any]
) -> LikelihoodRatio:
    """The test of two results of one model and the same data; ``apart`` says what makes other
    models of them, if anything, and ``bounds`` has the two of each parameter that has any.

    Wilks 1938: in the smaller model twice the fall of log L is chi-square, with as many degrees of
    freedom as there are directions less. Of least squares with sigma it is the fall of the sum of
    squares; without, F is that over its degrees of freedom, over s^2 of the larger model (Seber &
    Wild 1989, section 5.3). Raises ``NoTestError`` where there is none.
    """
    _check_alike(one, two, apart)
    free = [_free(result) for result in (one, two)]
    if free[0] == free[1]:
        raise NoTestError("both estimate the same parameters: neither is part of the other")
    if not (free[0] < free[1] or free[1] < free[0]):
        raise NoTestError(
            f"neither is part of the other: each holds what the other estimates "
            f"({_some(free[0] - free[1])}; {_some(free[1] - free[0])})"
        )
    smaller_is_first = free[0] < free[1]
    small, large = (one, two) if smaller_is_first else (two, one)
    values = _entries(small.parameters), _entries(large.parameters)
    for label in values[0].keys() - free[0] - free[1]:
        if values[0][label] != values[1][label]:
            raise NoTestError(f"'{label}' is held at two values")
    held = sorted(free[0] ^ free[1], key=[*values[0]].index)
    dof = _directions(large) - _directions(small)
    if dof < 1:
        raise NoTestError("the data determine no more of the larger model than of the smaller one")
    cautions = [*_cautions(small, large, held, values[0], bounds, dof)]
    fall, residual_dof = _fall(small, large)
    if fall < 0.0:
        raise NoTestError(
            "the larger model fits worse than the smaller one, which is part of it: its minimum is "
            "not the lowest; start it at the estimates of the other"
        )
    if residual_dof is None:
        p = chance_of_more(fall, dof) or 0.0
        return LikelihoodRatio(fall, dof, p, held, smaller_is_first, None, tuple(cautions))
    ratio = fall / dof
    p = chance_of_larger_f(ratio, dof, residual_dof)
    return LikelihoodRatio(ratio, dof, p, held, smaller_is_first, residual_dof, tuple(cautions))


def _check_alike(one: Result, two: Result, apart: str) -> None:
    if one.objective != two.objective or one.objective == "loss":
        raise NoTestError(
            "a loss is no likelihood"
            if "loss" in (one.objective, two.objective)
            else "one is least squares, the other a log likelihood"
        )
    digests = [{name: of.get("sha256") for name, of in run.data.items()} for run in (one, two)]
    if digests[0] != digests[1]:
        raise NoTestError("they are fits of different data")
    rows = [(run.used.rows_used, run.fit and run.fit.observations) for run in (one, two)]
    if rows[0] != rows[1]:
        raise NoTestError(f"they are fits of {_count(one)} and of {_count(two)} rows")
    if apart:
        raise NoTestError(
            f"they differ in {apart}, so that it is not known whether one is part of the other; "
            "a config of the larger one, with `fixed: true` of what the smaller one leaves out, is"
        )
    for name, run in (("one", one), ("two", two)):
        if not run.termination.converged or not run.evidence.verified:
            raise NoTestError(f"{name} ends at no verified minimum")
        if run.log_prior is not None:
            raise NoTestError(f"{name} has priors: its loss is no likelihood")
        if run.aic is None and _free(run):
            raise NoTestError(f"{name} has no likelihood to compare: {_no_aic(run)}")
        if run.used.precision != "float64":
            raise NoTestError(f"{name} has the precision of {run.used.precision}")


def _count(run: Result) -> str:
    return str(run.used.rows_used if run.fit is None else run.fit.observations)


def _no_aic(run: Result) -> str:
    reasons = [why for why in run.unavailable.values() if why != "fixed"]
    return reasons[0] if reasons else "it is penalized, a weighted sample, or a perfect fit"


def _fall(small: Result, large: Result) -> tuple[float, int | None]:
    """By how much the larger model fits better, and the degrees of freedom of the unit, if that is
    estimated; what is nothing but rounding is 0."""
    unit, residual_dof = 1.0, None
    if large.fit is not None and large.fit.residual_standard_error is not None:
        unit = large.fit.residual_standard_error**2
        residual_dof = large.fit.degrees_of_freedom
    fall = (_deviance(small) - _deviance(large)) / unit
    return (0.0 if -WORSE <= fall < 0.0 else fall), residual_dof


def _deviance(run: Result) -> float:
    if run.fit is not None:
        return run.fit.sum_of_squares
    assert run.log_likelihood is not None
    return -2.0 * run.log_likelihood


def _directions(run: Result) -> int:
    """In how many directions the data tell something of the parameters: AIC counts them."""
    if run.fit is not None:
        return run.fit.observations - run.fit.degrees_of_freedom
    return 0 if run.aic is None else round((run.aic - _deviance(run)) / 2.0)


def _cautions(
    small: Result,
    large: Result,
    held: Sequence[str],
    values: Mapping[str, float],
    bounds: Mapping[str, Any],
    dof: int,
) -> Iterator[str]:
    at = [label for label in held if values[label] in _bounds_of(label, bounds)]
    if at:
        told = (
            f"{_some(at)} {'is' if len(at) == 1 else 'are'} held at a bound, where the chi-square "
        )
        told += "is wrong: p is too large"
        yield f"{told}; {_HALF}" if len(held) == 1 else told
    ends = [
        name
        for run in (small, large)
        for name, why in run.unavailable.items()
        if "at a bound" in why
    ]
    if ends:
        yield f"{_some(dict.fromkeys(ends))} ends at a bound, where the chi-square is wrong"
    if dof != len(held):
        yield f"{len(held)} entries are held, and the data tell of {dof} directions more"


def _bounds_of(label: str, bounds: Mapping[str, Any]) -> list[float]:
    """The bounds of an entry that are one number for the whole parameter, or of a scalar."""
    name = label.partition("[")[0]
    found = bounds.get(label, bounds.get(name, ()))
    return [float(end) for end in found if isinstance(end, int | float)]


def _free(run: Result) -> set[str]:
    """The entries that vary: those that have a gradient."""
    return {label for label, value in _entries(run.gradient).items() if value == value}


def _entries(parts: Mapping[str, Any]) -> dict[str, float]:
    """Each entry by its label."""
    return {
        label_of(name, index): nan if number is None else float(number)
        for name, value in parts.items()
        for index, number in entries(value)
    }


def _some(labels: Iterable[str]) -> str:
    shown = [*labels]
    return ", ".join(shown[:4]) + (", ..." if len(shown) > 4 else "")
