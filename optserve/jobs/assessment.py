"""``assess``: the errors of the estimates, by each of the methods that a problem asks for."""

from __future__ import annotations

import numpy as np

from optserve.errors import DataFailure, OptserveError, PluginFailure
from optserve.jobs.descent.outcome import Outcome
from optserve.jobs.evidence.uncertainty.uncertainty import (
    Uncertainty,
    no_uncertainty,
    uncertainty_of,
)
from optserve.jobs.limits import Limits
from optserve.jobs.preparation import Prepared
from optserve.jobs.problem import ErrorMethod
from optserve.jobs.reasons import Reason
from optserve.jobs.watch import Watch

__all__ = ["assess"]

LOSS = "a loss is no likelihood: use least_squares or log_likelihood"


def assess(job: Prepared, outcome: Outcome, watch: Watch) -> dict[str, Uncertainty]:
    """The errors of the estimates at the end of a descent, by the name of each method; the first
    are those of the result."""
    kind = job.problem.objective.kind
    methods = job.problem.errors.methods
    return {one.label_of(kind): _by(one, job, outcome, watch) for one in methods}


def _by(method: ErrorMethod, job: Prepared, outcome: Outcome, watch: Watch) -> Uncertainty:
    evaluator = job.evaluator
    if outcome.best is None or not outcome.reason.usable or watch.signal is not None:
        return no_uncertainty(evaluator, (watch.signal or outcome.reason).value)
    if outcome.epochs is not None:
        return no_uncertainty(evaluator, "the steps saw batches: the end is no exact minimum")
    refused = refusal(outcome, job.limits, evaluator.problem.objective.kind == "loss")
    level = evaluator.problem.errors.level
    try:
        return uncertainty_of(evaluator, outcome.best, refused, method, level)
    except (PluginFailure, DataFailure):
        raise
    except OptserveError as error:  # a second derivative that a plugin does not have
        return no_uncertainty(evaluator, error.message)
    except np.linalg.LinAlgError as error:
        return no_uncertainty(evaluator, f"the information matrix has no inverse: {error}")


def refusal(outcome: Outcome, limits: Limits, is_loss: bool = False) -> str:
    """Why the end of a descent is no estimate, or nothing."""
    if outcome.reason is Reason.evaluated:
        return "nothing was estimated, only evaluated"
    if is_loss:
        return LOSS
    if limits.tolerance and not outcome.reason.converged:
        return "the descent did not converge"
    return "" if outcome.evidence.verified else "the end is not known to be a minimum"
