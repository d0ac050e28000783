"""The sentence that tells how a descent ended, with its numbers."""

from __future__ import annotations

from math import isnan

from optserve.jobs.descent.descent_outcome import Outcome
from optserve.jobs.limits import Limits
from optserve.jobs.reasons import Reason

__all__ = ["sentence"]

_EXPLAINED = frozenset(
    {
        Reason.unbounded,
        Reason.runs_away,
        Reason.flat,
        Reason.saddle,
        Reason.unreached,
        Reason.unexamined,
    }
)
"""Reasons of which the evidence says all."""


def sentence(outcome: Outcome, limits: Limits, what: str = "") -> str:
    """How ``outcome`` ended, for a person; ``what`` was not finite, where that ended it.

    >>> from optserve.jobs.known_points import Evaluated
    >>> from optserve.jobs.evidence.evidence import Evidence
    >>> import numpy as np
    >>> best, found = Evaluated(np.zeros(1), 0.0, np.zeros(1)), Evidence(True, "", distance=4.3e-13)
    >>> outcome = Outcome(np.zeros(1), best, [Reason.gradient], 25, 24, evidence=found)
    >>> sentence(outcome, Limits(gradient=1e-8))
    'converged: gradient 4.3e-13 <= 1e-08'
    >>> outcome.reasons = [Reason.steps]
    >>> sentence(outcome, Limits(gradient=1e-14, steps=24))
    'not converged: gradient 4.3e-13 > 1e-14 after 24 steps'
    """
    reason = outcome.reason
    words: str = reason.value
    distance = outcome.evidence.distance
    measure = None if isnan(distance) else distance
    after = _after(outcome)
    if reason is Reason.gradient:
        goal = f" <= {limits.gradient:g}" if limits.gradient else ""
        return f"converged: gradient {measure or 0.0:.2g}{goal}"
    if reason is Reason.loss:
        return f"converged: change of the loss {outcome.change:.2g} <= {limits.loss:g} of itself"
    if reason is Reason.step:
        return f"converged: step {outcome.change:.2g} <= {limits.step:g}"
    if reason is Reason.precision:
        return words + _beside(measure)
    if reason is Reason.stalled:
        found = outcome.evidence.sentence
        told = f"{words}; {found}" if found.startswith("not examined") else found
        return f"not converged: {told}{_beside(measure)}"
    if reason in _EXPLAINED:
        return f"not converged: {outcome.evidence.sentence}"
    if reason is Reason.non_finite:
        return f"{what or words} {'at the start' if outcome.steps == 0 else after}"
    if reason is Reason.evaluated:
        return words
    if reason is Reason.aborted and limits.abort is not None:
        lowest = "not finite" if outcome.best is None else f"{outcome.best.loss:.6g}"
        return f"aborted {after}: the lowest loss is {lowest}, above {limits.abort.above:g}"
    if reason in {Reason.plugin, Reason.data}:
        return f"{words}, {after}"
    if reason in {Reason.interrupted, Reason.terminated, Reason.diverged}:
        return f"{words} {after}"
    if reason is Reason.plateau and limits.plateau is not None:
        metric, patience = limits.plateau.metric, limits.plateau.patience
        return f"{metric} has not improved for {patience} epochs: ended {after}"
    if not limits.tolerance:
        return f"ended {after}"
    missed = f"gradient {measure:.2g} > {limits.gradient:g}" if measure and limits.gradient else ""
    return f"not converged: {missed or 'no tolerance met'} {after}"


def _after(outcome: Outcome) -> str:
    if outcome.reason is Reason.seconds:
        return f"after {outcome.seconds:.3g} s and {outcome.steps} steps"
    if outcome.epochs is not None:
        epochs = f"{outcome.epochs} epoch{'' if outcome.epochs == 1 else 's'}"
        return f"after {epochs}, {outcome.steps} steps"
    return f"after {outcome.steps} step{'' if outcome.steps == 1 else 's'}"


def _beside(measure: float | None) -> str:
    return "" if measure is None else f" (gradient {measure:.2g})"
