"""``run``: a problem is descended from each of its starts, and the best answer is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from optserve.backends.base import Backend
from optserve.backends.selection import choose
from optserve.errors import ConfigError, OptserveError
from optserve.frozen import replace
from optserve.graph.aval import Array
from optserve.jobs.demand import demand_of_job
from optserve.jobs.descent import Outcome, descend
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.expectations import check_paths
from optserve.jobs.interruption import Interruption
from optserve.jobs.limits import Limits
from optserve.jobs.method import method_of
from optserve.jobs.packing import Packing
from optserve.jobs.probes import probe_values
from optserve.jobs.problem import Problem
from optserve.jobs.reasons import Reason
from optserve.jobs.record import Findings, outline, record
from optserve.jobs.result import Result, numbers
from optserve.jobs.uncertainty import Uncertainty, no_uncertainty, uncertainty_of
from optserve.jobs.watch import Progress, Watch

if TYPE_CHECKING:  # a job without plugins that goes well does without these
    from optserve.jobs.blame import Blame
    from optserve.jobs.certificate import Certificate

__all__ = ["run"]

SAME_LOSS = 1e-10
"""Losses of two starts that differ by less, relatively, are the same minimum."""


def run(
    problem: Problem,
    *,
    progress: Progress | None = None,
    backends: Mapping[str, Backend] | None = None,
    threads: int | None = None,
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

    A numerical failure, an interrupt (Ctrl-C, SIGTERM) or a rule that fails its certificate is a
    result with an exit code. An ``OptserveError`` is raised for a problem that makes no sense.

    A line through four points:

    >>> from optserve.graph.aval import Aval
    >>> from optserve.graph.dim import Dim
    >>> from optserve.graph.tracer import trace
    >>> from optserve.jobs.parameters import Parameter
    >>> from optserve.jobs.problem import Objective
    >>> from optserve.optimizers import levenberg_marquardt
    >>> from optserve.primitives.vocabulary import builtin_vocabulary
    >>> scalar = Aval((), np.dtype(np.float64))
    >>> column = Aval((Dim.rows("data"),), np.dtype(np.float64))
    >>> def fit(a, b, x, y):
    ...     residual = y - (a + b * x)
    ...     return np.sum(residual**2), residual, y
    >>> traced = trace(fit, scalar, scalar, column, column, vocabulary=builtin_vocabulary())
    >>> def parameter(name):
    ...     return Parameter(name, *map(np.array, (0.0, -np.inf, np.inf, False)))
    >>> data = {"x": np.array([0.0, 1.0, 2.0, 3.0]), "y": np.array([1.1, 2.9, 5.2, 6.8])}
    >>> problem = Problem(
    ...     name="line",
    ...     parameters=(parameter("a"), parameter("b")),
    ...     objective=Objective(
    ...         "least_squares", traced.graph, data, residuals=("residual",), observed=True
    ...     ),
    ...     vocabulary=builtin_vocabulary(),
    ...     optimizer=levenberg_marquardt(),
    ... )
    >>> result = run(problem)
    >>> result.termination.reason, result.exit_code
    ('gradient', 0)
    >>> round(result.parameters["b"], 9), round(result.standard_errors["b"], 6)
    (1.94, 0.090554)
    """
    _check_supported(problem)
    with Interruption() as interruption:
        watch = Watch(interruption, progress)
        check_paths(problem.expectations, outline(problem))
        packing = Packing(problem.parameters, np.dtype(problem.precision))
        known = {**problem.backends, **(backends or {})}
        demand = demand_of_job(problem, packing)
        choice = choose(problem.backend, known, demand=demand, threads=threads)
        if choice.warning:
            problem = replace(problem, warnings=(*problem.warnings, choice.warning))
        evaluator = Evaluator(problem, packing, choice.backend)
        # Without anything to vary there is nothing to descend.
        optimizer = problem.optimizer if packing.size else None
        limits = Limits() if optimizer is None else Limits.of(problem.stop, optimizer, packing.size)
        starts = [packing.flat(start) for start in ({}, *problem.starts)]
        certificates = _certificates(problem, packing, starts[0])
        if all(certificate.passed for certificate in certificates):
            method = method_of(optimizer, evaluator, limits)
            outcomes = []
            for number, start in enumerate(starts, 1):
                outcomes.append(descend(method, start, limits, watch, (number, len(starts))))
                if watch.signal is not None:
                    break
        else:
            outcomes = [Outcome(start, reasons=[Reason.certificate]) for start in starts]
        findings = _findings(evaluator, limits, certificates, outcomes, watch)
        findings = replace(findings, backend_reason=choice.reason)
        return record(problem, findings)


def _check_supported(problem: Problem) -> None:
    """Refuse what would be ignored."""
    if problem.minibatch or problem.metrics or problem.held_out:
        raise ConfigError(
            "a job over minibatches, splits or metrics cannot run yet",
            remedy="leave out minibatch, metrics and split",
        )


def _certificates(problem: Problem, packing: Packing, start: Array) -> Sequence[Certificate]:
    if not problem.third_party:
        return ()
    from optserve.jobs.certificate import certify

    return certify(problem, packing, start)


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
    evaluator: Evaluator,
    limits: Limits,
    certificates: Sequence[Certificate],
    outcomes: Sequence[Outcome],
    watch: Watch,
) -> Findings:
    """Choose the best descent, and find out what there is to know of its end."""
    chosen = _best(outcomes)
    outcome = outcomes[chosen]
    with np.errstate(all="ignore"):
        uncertainty = _uncertainty(evaluator, outcome, limits, watch)
        return Findings(
            evaluator=evaluator,
            limits=limits,
            certificates=certificates,
            outcomes=outcomes,
            chosen=chosen,
            uncertainty=uncertainty,
            gradient=_gradient(evaluator, outcome),
            probes={} if outcome.best is None else probe_values(evaluator, outcome.best.point),
            blame=_blame(evaluator, outcome),
            signal=watch.signal,
            seconds=watch.seconds,
        )


def _uncertainty(
    evaluator: Evaluator, outcome: Outcome, limits: Limits, watch: Watch
) -> Uncertainty:
    if outcome.best is None or not outcome.reason.usable or watch.signal is not None:
        return no_uncertainty(evaluator, (watch.signal or outcome.reason).value)
    refused = ""
    if outcome.reason is Reason.evaluated:
        refused = "nothing was estimated, only evaluated"
    elif limits.tolerance and not outcome.reason.converged:
        refused = "the descent did not converge"
    try:
        return uncertainty_of(evaluator, outcome.best, refused)
    except OptserveError as error:  # a second derivative that a plugin does not have
        return no_uncertainty(evaluator, error.message)
    except np.linalg.LinAlgError as error:
        return no_uncertainty(evaluator, f"the information matrix has no inverse: {error}")


def _gradient(evaluator: Evaluator, outcome: Outcome) -> dict[str, object]:
    size = evaluator.packing.size
    if outcome.best is None:
        found = evaluator.packing.spread(np.full(size, np.nan))
    else:
        found = evaluator.natural_gradient(outcome.best.point, outcome.best.gradient)
    return {name: numbers(value) for name, value in found.items()}


def _blame(evaluator: Evaluator, outcome: Outcome) -> Blame | None:
    bad: Array | None = outcome.bad
    if outcome.reason.usable or bad is None:
        return None
    from optserve.jobs.blame import blame

    return blame(evaluator.problem, evaluator.packing, bad)
