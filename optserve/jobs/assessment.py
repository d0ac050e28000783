"""``assess``: the errors of the estimates, by each of the methods that a problem asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optserve.errors import DataFailure, OptserveError, PluginFailure
from optserve.jobs.descent.outcome import Outcome
from optserve.jobs.evidence.naming import listed
from optserve.jobs.evidence.uncertainty.refits import Refits, StoppedError
from optserve.jobs.evidence.uncertainty.uncertainty import (
    EstimateErrors,
    no_uncertainty,
    uncertainty_of,
)
from optserve.jobs.limits import Limits
from optserve.jobs.preparation import Prepared
from optserve.jobs.problem import ErrorMethod
from optserve.jobs.reasons import Reason
from optserve.jobs.refitting import Preparing, Refitting
from optserve.jobs.watch import Watch

if TYPE_CHECKING:  # most jobs do without
    from optserve.jobs.evidence.uncertainty.profiling import ProfileOf

__all__ = ["Profiles", "assess", "profiles_of"]

LOSS = "a loss is no likelihood: use least_squares or log_likelihood"


def assess(
    job: Prepared, outcome: Outcome, watch: Watch, preparing: Preparing
) -> dict[str, EstimateErrors]:
    """The errors of the estimates at the end of a descent, by the name of each method; the first
    are those of the result."""
    objective, methods = job.problem.objective, job.problem.errors.methods
    refits = Refitting(job.problem, preparing, watch)
    return {
        one.label_of(objective.kind, objective.weights): _by(one, job, outcome, watch, refits)
        for one in methods
    }


def _by(
    method: ErrorMethod, job: Prepared, outcome: Outcome, watch: Watch, refits: Refits
) -> EstimateErrors:
    evaluator = job.evaluator
    if outcome.best is None or not outcome.reason.usable or watch.signal is not None:
        return no_uncertainty(evaluator, (watch.signal or outcome.reason).value)
    if outcome.epochs is not None:
        return no_uncertainty(evaluator, "the steps saw batches: the end is no exact minimum")
    by_refits = method.kind in ("bootstrap", "jackknife")
    is_loss = evaluator.problem.objective.kind == "loss"
    refused = refusal(outcome, job.limits, is_loss and not by_refits)
    level = evaluator.problem.errors.level
    try:
        if by_refits and not refused:
            from optserve.jobs.evidence.uncertainty.resampling import resampled

            flat = outcome.evidence.flatness
            return resampled(evaluator, outcome.best, method, level, refits, flat)
        return uncertainty_of(evaluator, outcome.best, refused, method, level)
    except (PluginFailure, DataFailure):
        raise
    except OptserveError as error:  # a second derivative that a plugin does not have
        return no_uncertainty(evaluator, error.message)
    except np.linalg.LinAlgError as error:
        return no_uncertainty(evaluator, f"the information matrix has no inverse: {error}")


class Profiles(NamedTuple):
    """The profiles that are asked for, by the labels of their entries, and what is to be said."""

    found: Mapping[str, ProfileOf]
    told: Sequence[str]


def profiles_of(
    job: Prepared,
    outcome: Outcome,
    found: EstimateErrors,
    watch: Watch,
    preparing: Preparing,
) -> Profiles:
    """The profiles at the end of a descent, whose errors were ``found``."""
    asked = job.problem.errors.profile
    if not asked:
        return Profiles({}, [])
    from optserve.jobs.evidence.uncertainty.profiling import profiled

    names = listed([*asked])
    why = refusal(outcome, job.limits, job.problem.objective.kind == "loss")
    if outcome.best is None or watch.signal is not None or outcome.epochs is not None:
        why = (watch.signal or outcome.reason).value
    elif not why and job.problem.objective.penalties:
        why = "a penalty is part of the loss, whose rise is then no likelihood's"
    if why:
        return Profiles({}, [f"no profile of {names}: {why}"])
    assert outcome.best is not None
    made: dict[str, ProfileOf] = {}
    refits = Refitting(job.problem, preparing, watch)
    try:
        for label, one in profiled(job.evaluator, outcome.best, found, refits):
            made[label] = one
    except StoppedError as error:
        return Profiles(made, [f"not all profiles of {names} were made: {error}"])
    notes = [
        f"the profile interval of {label} has no end {why}"
        for label, one in made.items()
        for why in one.unavailable
    ]
    return Profiles(made, notes)


def refusal(outcome: Outcome, limits: Limits, is_loss: bool = False) -> str:
    """Why the end of a descent is no estimate, or nothing."""
    if outcome.reason is Reason.evaluated:
        return "nothing was estimated, only evaluated"
    if is_loss:
        return LOSS
    if limits.tolerance and not outcome.reason.converged:
        return "the descent did not converge"
    return "" if outcome.evidence.verified else "the end is not known to be a minimum"
