"""``run``: a problem is descended from each of its starts, and the best answer is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from optserve.backends.backend import Backend
from optserve.backends.blas import one_thread
from optserve.errors import (
    ConfigError,
    DataFailure,
    NumericalFailure,
    PluginFailure,
)
from optserve.graph.aval import Array
from optserve.jobs.assessment import Profiles, assess, profiles_of
from optserve.jobs.descent.descent_outcome import Outcome
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.evidence.uncertainty.estimate_errors import EstimateErrors, no_uncertainty
from optserve.jobs.evidence.uncertainty.refits import RefitsBy, one_by_one
from optserve.jobs.interruption import Interruption
from optserve.jobs.natural_gradient import natural_gradient
from optserve.jobs.packing import Packing
from optserve.jobs.preparation import Descents, Prepared, prepare
from optserve.jobs.problem import Problem
from optserve.jobs.reasons import Reason
from optserve.jobs.record.job_record import Findings, record
from optserve.jobs.record.parts import numbers
from optserve.jobs.record.probes import probe_values
from optserve.jobs.record.result import Result
from optserve.jobs.refitting import Preparing
from optserve.jobs.watch import Progress, Watch
from optserve.transforms.foreign import Faults

if TYPE_CHECKING:  # a job without plugins that goes well does without these
    from optserve.jobs.evidence.blame import Blame
    from optserve.jobs.evidence.rules.certificate import Certificate
    from optserve.jobs.evidence.uncertainty.output_errors import OutputErrors
    from optserve.jobs.splits import Splits

__all__ = ["run"]

T = TypeVar("T")

SAME_LOSS = 1e-10
"""Losses of two starts that differ by less, relatively, are the same minimum."""


def run(
    problem: Problem,
    *,
    progress: Progress | None = None,
    backends: Mapping[str, Backend] | None = None,
    threads: int | None = None,
    refits_by: RefitsBy = one_by_one,
) -> Result:
    """Descend ``problem`` from each of its starts; the best usable end is the result.

    Parameters
    ----------
    problem:
        What to minimize, from where, by which method, until when.
    progress:
        Is shown a ``Snapshot`` ten times a second at most.
    backends:
        More to choose from by name, besides the problem's own and those that ship with optserve.
    threads:
        How many share the rows of the data; by default as many as this process may use. The bits
        of a result do not depend on it.
    refits_by:
        Who makes the refits of a bootstrap or a jackknife, if not this process one by one. Code of
        plugins may remember what it did before, so that a problem with some is refitted here.

    A numerical failure, an interrupt (Ctrl-C, SIGTERM) or a rule that fails its certificate is a
    result with an exit code. An ``OptserveError`` is raised for a problem that makes no sense.

    A signal is not kept from the program: its own handlers are called when the run has ended. Where
    it has none, the result tells of the signal, and the next run ends the program in the usual way:
    by ``KeyboardInterrupt`` after Ctrl-C.

    A line through four points:

    >>> from optserve.graph.aval import Aval
    >>> from optserve.graph.dim import Dim
    >>> from optserve.primitives.tracing import trace
    >>> from optserve.jobs.parameters import JobParameter
    >>> from optserve.jobs.problem import Objective
    >>> from optserve.optimizers import levenberg_marquardt
    >>> scalar = Aval((), np.dtype(np.float64))
    >>> column = Aval((Dim.rows("data"),), np.dtype(np.float64))
    >>> def fit(a, b, x, y):
    ...     residual = y - (a + b * x)
    ...     return np.sum(residual**2), residual, y
    >>> traced = trace(fit, scalar, scalar, column, column)
    >>> def parameter(name):
    ...     return JobParameter(name, *map(np.array, (0.0, -np.inf, np.inf, False)))
    >>> data = {"x": np.array([0.0, 1.0, 2.0, 3.0]), "y": np.array([1.1, 2.9, 5.2, 6.8])}
    >>> problem = Problem(
    ...     name="line",
    ...     parameters=(parameter("a"), parameter("b")),
    ...     objective=Objective(
    ...         "least_squares", traced.graph, data, residuals=("residual",), observed=True
    ...     ),
    ...     optimizer=levenberg_marquardt(),
    ... )
    >>> result = run(problem)
    >>> result.termination.reason, result.exit_code
    ('gradient', 0)
    >>> round(result.parameters["b"], 9), round(result.standard_errors["b"], 6)
    (1.94, 0.090554)
    """
    if not isinstance(problem, Problem):
        raise ConfigError(
            f"what is to run is a {type(problem).__name__}",
            expected="a problem, as `optserve.load` makes one of a config",
            remedy="optserve.run(optserve.load(config))",
            code="usage",
        )
    with Interruption().deferring() as interruption:
        watch = Watch(interruption, progress, problem.stop.seconds)
        faults = Faults(lambda: interruption.reason is not None)
        job = prepare(problem, backends=backends, threads=threads, faults=faults)
        problem, evaluator, starts = job.problem, job.evaluator, job.starts
        watch.deadline.setup += job.choice.setup
        evaluator.deadline = watch.deadline
        certificates = _certificates(evaluator, starts[0])
        if all(certificate.passed for certificate in certificates):
            outcomes = []
            for number, start in enumerate(starts, 1):
                outcomes.append(_descended(job.descents, start, watch, (number, len(starts))))
                failed = faults.first is not None or outcomes[-1].reason is Reason.data
                if watch.signal is not None or failed or watch.deadline.is_over:
                    break
        else:
            outcomes = [Outcome(start, reasons=[Reason.certificate]) for start in starts]

        def preparing(other: Problem, packing: Packing | None) -> Prepared:
            made = prepare(other, backends=backends, threads=threads, packing=packing)
            made.evaluator.deadline = watch.deadline
            return made

        by = one_by_one if problem.third_party else refits_by
        findings = _findings(job, certificates, outcomes, watch, faults, preparing, by)
        result = record(problem, findings)
        interruption.told = findings.signal
    return result


def _descended(descents: Descents, start: Array, watch: Watch, number: tuple[int, int]) -> Outcome:
    """How a descent ended; a number that does not exist ends it as one that is not finite does.

    Data that cannot be read before anything is computed are an error, and no result.
    """
    first = number[0] == 1
    try:
        return descents(start, watch, number)
    except NumericalFailure as failure:  # of whole numbers, which have no NaN
        return Outcome(start, reasons=[Reason.non_finite], failure=failure)
    except (PluginFailure, DataFailure) as failure:
        if isinstance(failure, DataFailure) and first:
            raise
        outcome = Outcome(start)
        outcome.fail(failure)
        return outcome


def _certificates(evaluator: Evaluator, start: Array) -> Sequence[Certificate]:
    if not evaluator.problem.third_party:
        return ()
    from optserve.jobs.evidence.rules.certificate import certify

    return certify(evaluator.problem, evaluator.packing, start, evaluator.backend)


def _best(outcomes: Sequence[Outcome]) -> int:
    """The first of the usable descents whose loss is the lowest, but for rounding."""
    best = min(outcomes, key=lambda one: (not one.reason.usable, one.loss))
    limit = best.loss + SAME_LOSS * abs(best.loss)
    return next(
        number
        for number, one in enumerate(outcomes)
        if one is best or (one.reason.usable == best.reason.usable and one.loss <= limit)
    )


def _findings(
    job: Prepared,
    certificates: Sequence[Certificate],
    outcomes: Sequence[Outcome],
    watch: Watch,
    faults: Faults,
    preparing: Preparing,
    by: RefitsBy,
) -> Findings:
    """Choose the best descent, and find out what there is to know of its end.

    What a plugin or the data fail at then is left out, and the job has failed all the same.
    """
    problem, evaluator, limits = job.problem, job.evaluator, job.limits
    chosen = _best(outcomes)
    outcome = outcomes[chosen]

    def spared(found: Callable[[], T], otherwise: T) -> T:
        try:
            return found()
        except PluginFailure as failure:
            faults.note(failure)
            return otherwise
        except DataFailure as failure:
            outcome.fail(failure)
            return otherwise
        except NumericalFailure as failure:  # a whole number that does not exist
            missing.append(f"{failure.message}{f' ({failure.place})' if failure.place else ''}")
            return otherwise

    missing: list[str] = []

    def probed() -> Mapping[str, Any]:
        return {} if outcome.best is None else probe_values(evaluator, outcome.best.point)

    nothing: Mapping[str, Any] = {}
    with np.errstate(all="ignore"):
        with one_thread():
            failed = no_uncertainty(evaluator, Reason.plugin.value)
            uncertainties = spared(
                lambda: assess(job, outcome, watch, preparing, by), {"none": failed}
            )
            uncertainty = next(iter(uncertainties.values()))
        profiled = spared(
            lambda: profiles_of(job, outcome, uncertainty, watch, preparing), Profiles({}, [], [])
        )
        log_likelihood = spared(lambda: _log_likelihood(evaluator, outcome), None)
        log_prior = spared(lambda: _log_prior(evaluator, outcome), None)
        gradient = spared(lambda: _gradient(evaluator, outcome), nothing)
        metrics = spared(lambda: _metrics(job.splits, outcome), nothing)
        probes = spared(probed, nothing)
        outputs: Mapping[str, OutputErrors] = {}
        if problem.outputs:
            outputs = spared(lambda: _outputs(evaluator, outcome, uncertainty), nothing)
        if faults.first is not None:
            outcome.fail(faults.first)
        failures = job.splits.failures.values() if job.splits else ()
        return Findings(
            evaluator=evaluator,
            limits=limits,
            certificates=certificates,
            outcomes=outcomes,
            chosen=chosen,
            uncertainties=uncertainties,
            profiles=profiled.found,
            contours=profiled.contours,
            log_likelihood=log_likelihood,
            log_prior=log_prior,
            gradient=gradient,
            metrics=metrics,
            probes=probes,
            outputs=outputs,
            fitted=spared(lambda: _fitted(evaluator, outcome, uncertainty), nothing),
            blames=[_blame(evaluator, one) for one in outcomes],
            signal=watch.signal,
            seconds=watch.seconds,
            missing=[*failures, *missing, *profiled.told],
            backend_reason=job.choice.reason,
        )


def _gradient(evaluator: Evaluator, outcome: Outcome) -> Mapping[str, Any]:
    size = evaluator.packing.size
    late = bool(evaluator.packing.transformed) and not evaluator.deadline.fits(
        "natural gradient", 1
    )
    if outcome.best is None or late:
        found = evaluator.packing.spread(np.full(size, np.nan))
    else:
        found = natural_gradient(evaluator, outcome.best.point, outcome.best.gradient)
    return {name: numbers(value) for name, value in found.items()}


def _log_likelihood(evaluator: Evaluator, outcome: Outcome) -> float | None:
    objective = evaluator.problem.objective
    if objective.kind != "log_likelihood" or outcome.best is None:
        return None
    if objective.penalties or objective.priors:
        from optserve.jobs.log_densities import log_likelihood

        return log_likelihood(evaluator, outcome.best.point)
    return -outcome.best.loss


def _log_prior(evaluator: Evaluator, outcome: Outcome) -> float | None:
    if not evaluator.problem.objective.priors or outcome.best is None:
        return None
    from optserve.jobs.log_densities import log_prior

    return log_prior(evaluator, outcome.best.point)


def _metrics(splits: Splits | None, outcome: Outcome) -> Mapping[str, Mapping[str, float]]:
    if splits is None or outcome.best is None:
        return {}
    from optserve.jobs.splits import TRAINING

    splits.failures.clear()
    found = splits.at(outcome.best.point).tree()
    if "loss" in found.get(TRAINING, {}):  # to the last bit as the result has it
        return {**found, TRAINING: {**found[TRAINING], "loss": outcome.best.loss}}
    return found


def _outputs(
    evaluator: Evaluator, outcome: Outcome, uncertainty: EstimateErrors
) -> Mapping[str, OutputErrors]:
    from optserve.jobs.evidence.uncertainty.output_errors import outputs_at

    point = None if outcome.best is None else outcome.best.point
    return outputs_at(evaluator, point, uncertainty)


def _fitted(
    evaluator: Evaluator, outcome: Outcome, uncertainty: EstimateErrors
) -> Mapping[str, Array]:
    if evaluator.problem.objective.kind != "least_squares" or outcome.best is None:
        return {}
    from optserve.jobs.evidence.uncertainty.fitted import fitted_at

    return fitted_at(evaluator, outcome.best, uncertainty)


def _blame(evaluator: Evaluator, outcome: Outcome) -> Blame | None:
    if isinstance(outcome.failure, PluginFailure):
        from optserve.jobs.evidence.plugin_faults import of_plugin

        return of_plugin(outcome.failure, evaluator.problem)
    if outcome.failure is not None:
        from optserve.jobs.evidence.blame import of_failure

        return of_failure(outcome.failure)
    bad: Array | None = outcome.bad
    if outcome.reason.usable or bad is None:
        return None
    from optserve.jobs.evidence.blame import blame

    return blame(evaluator.problem, evaluator.packing, bad)
