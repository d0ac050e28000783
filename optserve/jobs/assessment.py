"""``assess``: the errors of the estimates, by each of the methods that a problem asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optserve.errors import DataFailure, OptserveError, PluginFailure
from optserve.jobs.descent.descent_outcome import Outcome
from optserve.jobs.evidence.direction_names import listed
from optserve.jobs.evidence.evidence import DirectionKind
from optserve.jobs.evidence.uncertainty.estimate_errors import (
    EstimateErrors,
    no_uncertainty,
    uncertainty_of,
)
from optserve.jobs.evidence.uncertainty.refits import (
    EachRefit,
    Refits,
    RefitsBy,
    StoppedError,
    one_by_one,
)
from optserve.jobs.preparation import Prepared
from optserve.jobs.problem import ErrorMethod
from optserve.jobs.reasons import Reason
from optserve.jobs.refitting import Preparing, Refitting
from optserve.jobs.watch import Watch

if TYPE_CHECKING:  # most jobs do without
    from optserve.jobs.evidence.uncertainty.contouring import ContourOf
    from optserve.jobs.evidence.uncertainty.profiling import ProfileOf

__all__ = ["Profiles", "assess", "profiles_of"]

LOSS = "a loss is no likelihood: use least_squares or log_likelihood"


def assess(
    job: Prepared,
    outcome: Outcome,
    watch: Watch,
    preparing: Preparing,
    by: RefitsBy = one_by_one,
) -> dict[str, EstimateErrors]:
    """The errors of the estimates at the end of a descent, by the name of each method; the first
    are those of the result. Refits are made ``by`` whom they are given to."""
    objective, methods = job.problem.objective, job.problem.errors.methods
    refits, each = Refitting(job.problem, preparing, watch), by(watch.interruption)
    return {
        one.label_of(objective.kind, objective.weights): _by(one, job, outcome, watch, refits, each)
        for one in methods
    }


def _by(
    method: ErrorMethod,
    job: Prepared,
    outcome: Outcome,
    watch: Watch,
    refits: Refits,
    each: EachRefit,
) -> EstimateErrors:
    evaluator = job.evaluator
    why = _no_end(outcome, watch)
    if why or outcome.best is None:
        return no_uncertainty(evaluator, why)
    by_refits = method.kind in ("bootstrap", "jackknife")
    is_loss = evaluator.problem.objective.kind == "loss"
    refused = no_estimate(job, outcome, watch, is_loss=is_loss and not by_refits)
    level = evaluator.problem.errors.level
    try:
        if by_refits and not refused:
            from optserve.jobs.evidence.uncertainty.resampling import resampled

            open_ = outcome.evidence.flatness
            return resampled(evaluator, outcome.best, method, level, refits, open_, each)
        flat, held = _named(outcome, "flat"), _named(outcome, "at bound")
        return uncertainty_of(evaluator, outcome.best, refused, method, level, flat, held)
    except (PluginFailure, DataFailure):
        raise
    except OptserveError as error:  # a second derivative that a plugin does not have
        return no_uncertainty(evaluator, error.message)
    except np.linalg.LinAlgError as error:
        return no_uncertainty(evaluator, f"the information matrix has no inverse: {error}")


def _named(outcome: Outcome, kind: DirectionKind) -> set[str]:
    """The labels of what takes part in directions of a kind."""
    return {name for one in outcome.evidence.along(kind) for name in one.parameters}


class Profiles(NamedTuple):
    """The profiles that are asked for, by the labels of their entries, the contours, and what is to
    be said."""

    found: Mapping[str, ProfileOf]
    contours: Sequence[ContourOf]
    told: Sequence[str]


def profiles_of(
    job: Prepared,
    outcome: Outcome,
    found: EstimateErrors,
    watch: Watch,
    preparing: Preparing,
) -> Profiles:
    """The profiles and contours at the end of a descent, whose errors were ``found``."""
    asked = job.problem.errors
    if not asked.profile and not asked.contours:
        return Profiles({}, [], [])
    profiles: dict[str, ProfileOf] = {}
    contours: list[ContourOf] = []
    names = listed(
        [
            *(f"profile of {name}" for name in asked.profile),
            *(f"contour of {a} and {b}" for a, b in asked.contours),
        ]
    )
    why = no_estimate(job, outcome, watch, is_loss=job.problem.objective.kind == "loss")
    if not why and job.problem.objective.penalties:
        why = "a penalty is part of the loss, whose rise is then no likelihood's"
    if why or outcome.best is None:
        return Profiles({}, [], [f"no {names}: {why}"])
    refits = Refitting(job.problem, preparing, watch)
    told: list[str] = []
    try:
        if asked.profile:
            from optserve.jobs.evidence.uncertainty.profiling import profiled

            for label, one in profiled(job.evaluator, outcome.best, found, refits):
                profiles[label] = one
        if asked.contours:
            from optserve.jobs.evidence.uncertainty.contouring import contoured

            for contour in contoured(job.evaluator, outcome.best, found, refits):
                contours.append(contour)
    except StoppedError as error:
        told = [f"of {names} not all were made: {error}"]
    told += [
        f"the profile interval of {label} has no end {why}"
        for label, one in profiles.items()
        for why in one.unavailable
    ]
    told += [
        f"the contour of {' and '.join(one.labels)} does not close: {why}"
        for one in contours
        for why in one.unavailable
    ]
    return Profiles(profiles, contours, told)


def _no_end(outcome: Outcome, watch: Watch) -> str:
    """Why a descent has no end of which anything could be said, or nothing."""
    if outcome.best is None or not outcome.reason.usable or watch.signal is not None:
        return (watch.signal or outcome.reason).value
    if outcome.epochs is not None:
        return "the steps saw batches: the end is no exact minimum"
    return ""


def no_estimate(job: Prepared, outcome: Outcome, watch: Watch, *, is_loss: bool) -> str:
    """Why the end of a descent is no estimate, or nothing."""
    if why := _no_end(outcome, watch):
        return why
    if outcome.reason is Reason.evaluated:
        return "nothing was estimated, only evaluated"
    if is_loss:
        return LOSS
    if job.limits.tolerance and not outcome.reason.converged:
        return "the descent did not converge"
    return "" if outcome.evidence.verified else "the end is not known to be a minimum"
