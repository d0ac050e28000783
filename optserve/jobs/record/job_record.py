"""Putting the record of a job together from what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from optserve.graph.aval import Array
from optserve.jobs.descent.descent_outcome import Outcome
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.criteria import criteria_of
from optserve.jobs.evidence.uncertainty.estimate_errors import EstimateErrors
from optserve.jobs.limits import Limits
from optserve.jobs.problem import ErrorsAsked, Expectation, Objective, Problem
from optserve.jobs.reasons import EXPECTATION_FAILED, PRECEDENCE, Reason, exit_codes, in_order
from optserve.jobs.record.environment import environment, peak_memory
from optserve.jobs.record.expectations import check
from optserve.jobs.record.parts import FitFound, numbers
from optserve.jobs.record.result import Result
from optserve.jobs.record.sentences import sentence

if TYPE_CHECKING:
    from optserve.jobs.evidence.blame import Blame
    from optserve.jobs.evidence.rules.certificate import Certificate
    from optserve.jobs.evidence.uncertainty.contouring import ContourOf
    from optserve.jobs.evidence.uncertainty.output_errors import OutputErrors
    from optserve.jobs.evidence.uncertainty.profiling import ProfileOf

__all__ = ["Findings", "judged_again", "record"]

LARGEST_MATRIX = 100
"""Entries of the parameters up to which their covariance is part of the record."""


@dataclass(frozen=True)
class Findings:
    """What a job found: how each descent ended, and what is known at the best point.

    ``log_likelihood`` is that of the best point, without penalties and priors, where it is what was
    asked for; ``log_prior`` the log density of the parameters beforehand, where they have one.
    ``chosen`` is the number of the best descent, from 0; ``signal`` the signal that came, if any;
    ``backend_reason`` why it ran on the backend that it did. ``blames`` tell of each descent what
    was not finite, if anything; ``missing`` says what else has no value, and why.
    """

    evaluator: Evaluator
    limits: Limits
    certificates: Sequence[Certificate]
    outcomes: Sequence[Outcome]
    chosen: int
    signal: Reason | None
    uncertainties: Mapping[str, EstimateErrors]
    profiles: Mapping[str, ProfileOf]
    contours: Sequence[ContourOf]
    gradient: Mapping[str, Any]
    probes: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float]]
    outputs: Mapping[str, OutputErrors]
    fitted: Mapping[str, Array]
    blames: Sequence[Blame | None]
    seconds: float
    log_likelihood: float | None = None
    log_prior: float | None = None
    backend_reason: str = ""
    missing: Sequence[str] = ()

    @property
    def uncertainty(self) -> EstimateErrors:
        """The errors of the result: the first of those that were asked for."""
        return next(iter(self.uncertainties.values()))

    @property
    def outcome(self) -> Outcome:
        """The best descent."""
        return self.outcomes[self.chosen]

    @property
    def blame(self) -> Blame | None:
        """What made the numbers of the best descent not finite."""
        return self.blames[self.chosen]

    def told(self, number: int) -> str:
        """How the descent of this number ended, from 0."""
        blame = self.blames[number]
        message = sentence(self.outcomes[number], self.limits, blame.what if blame else "")
        return f"{message}: {blame.message}" if blame else message

    @property
    def reasons(self) -> list[Reason]:
        """All that apply, in order of precedence."""
        return in_order([*self.outcome.reasons, *([self.signal] if self.signal else [])])


def record(problem: Problem, findings: Findings) -> Result:
    """The result of a job, its expectations checked."""
    codes = exit_codes(findings.reasons, tolerance=findings.limits.tolerance, expectations=True)
    found = Result.model_validate(_tree(problem, findings, codes))
    return judged(found, problem.expectations, codes) if problem.expectations else found


def judged(found: Result, expectations: Sequence[Expectation], codes: Sequence[int]) -> Result:
    """A result with what is expected of it checked; ``codes`` are the exit codes that apply
    otherwise."""
    seen = found.model_dump() if expectations else {}
    seen["fit"] = seen.get("fit") or dict.fromkeys(FitFound.model_fields)
    checked = [check(expectation, seen) for expectation in expectations]
    if not all(one.holds for one in checked):
        others = {*codes} - {0}
        codes = sorted(others | {EXPECTATION_FAILED}, key=PRECEDENCE.index)
    ending = found.termination.model_copy(update={"exit_code": codes[0], "exit_codes": [*codes]})
    return found.model_copy(update={"termination": ending, "expectations": checked})


def judged_again(found: Result, expectations: Sequence[Expectation]) -> Result:
    """A result that was judged before, by what is expected of it now."""
    others = [code for code in found.termination.exit_codes if code != EXPECTATION_FAILED]
    return judged(found, expectations, others or [0])


def _tree(problem: Problem, findings: Findings, codes: Sequence[int]) -> dict[str, Any]:
    """The fields of the result; expectations, and what they make of exit codes, are still to
    come."""
    outcome, packing = findings.outcome, findings.evaluator.packing
    best = outcome.best
    values = packing.natural(outcome.start if best is None else best.point)
    reasons = findings.reasons
    return {
        "name": problem.name,
        "objective": problem.objective.kind,
        "termination": {
            "reason": reasons[0].name,
            "message": _message(findings),
            "reasons": [reason.name for reason in reasons],
            "converged": reasons[0].converged,
            "exit_code": codes[0],
            "exit_codes": [*codes],
        },
        "evidence": outcome.evidence,
        "loss": None if best is None else best.loss,
        "log_likelihood": findings.log_likelihood,
        "log_prior": findings.log_prior,
        "estimate": "posterior mode" if problem.objective.priors else None,
        "parameters": dict(values),
        "levels": {name: list(texts) for name, texts in problem.levels.items()},
        "uncertainties": {
            name: _by_method(one)
            for name, one in findings.uncertainties.items()
            if one.kind != "none" or problem.errors.methods != ErrorsAsked().methods
        },
        **_uncertainty(findings.uncertainty, _of_priors(problem.objective, findings.uncertainty)),
        "profiles": {
            label: {
                **vars(one),
                "interval": numbers(np.array(one.interval)),
                "values": [*one.values],
                "rise": [*one.rise],
                "unavailable": [*one.unavailable],
            }
            for label, one in findings.profiles.items()
        },
        "contours": {
            ",".join(one.labels): {
                **vars(one),
                "labels": [*one.labels],
                "estimate": [*one.estimate],
                "lines": [[[*values] for values in line] for line in one.lines],
                "unavailable": [*one.unavailable],
            }
            for one in findings.contours
        },
        "gradient": dict(findings.gradient),
        **criteria_of(problem.objective, findings.uncertainty, findings.log_likelihood)._asdict(),
        "probes": dict(findings.probes),
        "outputs": dict(findings.outputs),
        "metrics": {split: dict(found) for split, found in findings.metrics.items()},
        "start": None if best is None else findings.chosen,
        "starts": [_start(findings, number) for number in range(len(findings.outcomes))],
        "evaluations": sum(one.evaluations for one in findings.outcomes),
        "steps": sum(one.steps for one in findings.outcomes),
        "epochs": outcome.epochs,
        "seconds": findings.seconds,
        "memory": peak_memory(),
        "used": _used(problem, findings),
        "plugins": list(findings.certificates),
        "failure": findings.blame,
        "warnings": _warnings(problem, findings),
        "expectations": [],
        "config": problem.metadata.get("file", ""),
        "data": {name: dict(one) for name, one in problem.metadata.get("data", {}).items()},
        "environment": environment(findings.evaluator.backend.threads),
        "history": [list(one.history.entries()) for one in findings.outcomes],
        "fitted": dict(findings.fitted),
        "checkpoint": _checkpoint(findings),
    }


def _message(findings: Findings) -> str:
    failed = [certificate for certificate in findings.certificates if not certificate.passed]
    if failed:
        return "; ".join(certificate.sentence for certificate in failed)
    if findings.signal and findings.signal not in findings.outcome.reasons:
        return (
            f"{findings.signal.value}; the best start {sentence(findings.outcome, findings.limits)}"
        )
    return findings.told(findings.chosen)


def _of_priors(objective: Objective, found: EstimateErrors) -> list[str]:
    """What priors make of the objective and of the error bars."""
    notes = []
    if objective.squares:
        notes.append("least squares with priors that are no squares: maximized as a likelihood")
    if objective.priors and found.method != "none":
        notes.append("error bars are from the curvature of the posterior at its mode")
    return notes


def _uncertainty(found: EstimateErrors, before: Sequence[str] = ()) -> dict[str, Any]:
    small, fit = 0 < len(found.labels) <= LARGEST_MATRIX, found.fit
    return {
        "standard_errors": dict(found.standard_errors),
        "intervals": dict(found.intervals),
        "unavailable": dict(found.unavailable),
        "uncertainty": found.method,
        "level": found.level,
        "dof": found.dof,
        "labels": list(found.labels),
        "covariance": [numbers(row) for row in found.covariance] if small else None,
        "correlation": [numbers(row) for row in found.correlation] if small else None,
        "fit": fit,
        "notes": [*before, *found.notes, *(() if fit is None else fit.notes)],
    }


def _by_method(found: EstimateErrors) -> dict[str, Any]:
    return {
        "covariance": found.told,
        "scaled": found.scaled,
        "left_out": list(found.left_out),
        "standard_errors": dict(found.standard_errors),
        "intervals": dict(found.intervals),
        "unavailable": dict(found.unavailable),
        "level": found.level,
        "dof": found.dof,
        "refits": found.refits,
        "failed": found.failed,
    }


def _start(findings: Findings, number: int) -> dict[str, Any]:
    outcome = findings.outcomes[number]
    values = findings.evaluator.packing.natural(outcome.start)
    return {
        "parameters": dict(values),
        "loss": None if outcome.best is None else outcome.best.loss,
        "reason": outcome.reason.name,
        "message": findings.told(number),
        "evaluations": outcome.evaluations,
        "steps": outcome.steps,
        "rejected": outcome.rejected,
        "seconds": outcome.seconds,
    }


def _used(problem: Problem, findings: Findings) -> dict[str, Any]:
    called = findings.evaluator.called_out()
    return {
        "optimizer": "none" if problem.optimizer is None else problem.optimizer.name,
        "optimizer_given": problem.optimizer_given,
        "backend": findings.evaluator.backend.name,
        "backend_given": problem.backend != "auto",
        "backend_reason": findings.backend_reason,
        "precision": problem.precision,
        "seed": problem.seed,
        "rows_used": problem.rows_used,
        "rows_read": problem.rows_read,
        "equations": None if called is None else called.of,
        "equations_on_numpy": None if called is None else len(called.equations),
    }


def _warnings(problem: Problem, findings: Findings) -> list[str]:
    warnings = [*problem.warnings, *findings.uncertainty.warnings, *findings.missing]
    warnings += [
        f"no errors by {name}: {'; '.join(dict.fromkeys(one.unavailable.values()))}"
        for name, one in findings.uncertainties.items()
        if name != "none" and one.kind == "none" and findings.outcome.reason.usable
        if problem.errors.methods != ErrorsAsked().methods and one.unavailable
    ]
    for number, outcome in enumerate(findings.outcomes, 1):
        which = f"start {number}: " if len(findings.outcomes) > 1 else ""
        if number - 1 != findings.chosen and not outcome.reason.usable:
            warnings.append(f"{which}{findings.told(number - 1)}")
    warnings += [
        f"the rule of {one.primitive} could not be measured at the start: not certified"
        for one in findings.certificates
        if one.passed and not one.measured
    ]
    warnings += [
        f"the rule of {one.primitive} takes long, and was looked at near the start only"
        for one in findings.certificates
        if one.passed and one.partial
    ]
    return warnings


def _checkpoint(findings: Findings) -> dict[str, Any]:
    """Where the method would go on: of the descent that a signal ended, else of the best one."""
    number = len(findings.outcomes) - 1 if findings.signal else findings.chosen
    outcome = findings.outcomes[number]
    counts = {"version": 1, "start": number, "evaluations": outcome.evaluations}
    states = {f"state_{index:03d}": np.asarray(one) for index, one in enumerate(outcome.state)}
    return {
        **{name: np.int64(count) for name, count in counts.items()},
        "point": outcome.start if outcome.point is None else outcome.point,
        "best": outcome.start if outcome.best is None else outcome.best.point,
        **states,
    }
