"""``prepare``: all that a job does before its first step, and that can be refused."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optserve.backends.backend import Backend
from optserve.backends.backend_choice import Choice, choose
from optserve.graph.aval import Array
from optserve.graph.streamed import is_streamed
from optserve.jobs.consistency import check_stop, check_streamed
from optserve.jobs.demand import demand_of_job, rows_of
from optserve.jobs.descent.descent import descend
from optserve.jobs.descent.descent_outcome import Outcome
from optserve.jobs.descent.method import DescentMethod, method_of
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.limits import Limits
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem
from optserve.jobs.record.expectations import check_paths
from optserve.jobs.record.outline import expected_of, outline
from optserve.jobs.watch import Watch
from optserve.optimizers.base import Optimizer
from optserve.transforms.foreign import Faults

if TYPE_CHECKING:  # a job without splits of its data does without
    from optserve.jobs.splits import Splits

__all__ = ["Descents", "Prepared", "prepare"]

Descents = Callable[[Array, Watch, tuple[int, int]], Outcome]
"""(start (p,), what looks on, (number of the start, of how many)) -> how it ended."""


@dataclass(frozen=True)
class Prepared:
    """A job before its first step.

    ``problem`` is what was given, with the warnings of the ``choice`` of its backend; ``starts``
    are coordinates (p,). ``compile`` does now what is compiled at the first step else.
    """

    problem: Problem
    choice: Choice
    evaluator: Evaluator
    splits: Splits | None
    descents: Descents
    limits: Limits
    starts: Sequence[Array]
    compile: Callable[[], object]


def prepare(
    problem: Problem,
    *,
    backends: Mapping[str, Backend] | None = None,
    threads: int | None = None,
    faults: Faults | None = None,
    packing: Packing | None = None,
) -> Prepared:
    """The job of ``problem``; raises an ``OptserveError`` for one that makes no sense.

    ``faults`` notes what plugins do wrong; ``packing`` is that of its parameters, if it is
    known. See ``run`` for the other arguments.
    """
    if problem.expectations:
        check_paths(problem.expectations, outline(expected_of(problem)))
    packing = packing or _packing(problem)
    choice = _choice(problem, packing, {**problem.backends, **(backends or {})}, threads)
    if choice.warning:
        problem = replace(problem, warnings=(*problem.warnings, choice.warning))
    backend = choice.backend if faults is None else _watched(choice.backend, problem, faults)
    evaluator = Evaluator(problem, packing, backend)
    # Without anything to vary there is nothing to descend.
    optimizer = problem.optimizer if packing.size else None
    if optimizer is not None:
        for array in problem.objective.arrays:
            if is_streamed(array):
                array.expect_passes()
    splits = _splits(evaluator)
    descents, limits, compiled = _descents(evaluator, optimizer, splits)
    starts = [packing.flat(start) for start in ({}, *problem.starts)]
    return Prepared(problem, choice, evaluator, splits, descents, limits, starts, compiled)


def _packing(problem: Problem) -> Packing:
    """How the parameters lie in one vector; the same for all problems that share them."""
    precision = problem.precision
    return problem.shared.of(
        ("packing", precision),
        lambda: Packing(problem.parameters, np.dtype(precision)),
        problem.parameters,
    )


def _choice(
    problem: Problem, packing: Packing, known: Mapping[str, Backend], threads: int | None
) -> Choice:
    """Which backend computes; problems of one structure and size choose the same.

    All that choose one of a name share it, whatever their sizes, with all that it has compiled.
    """
    rows = tuple(rows_of(problem).items())
    what = problem.backend, rows, problem.stop, problem.minibatch, len(problem.starts), threads

    def shared(backend: Backend) -> Backend:
        key = "backend", backend.name, threads, *known
        return problem.shared.of(key, lambda: backend, *known.values())

    def choose_one() -> Choice:
        demand = demand_of_job(problem, packing)
        choice = choose(problem.backend, known, demand=demand, threads=threads)
        return replace(choice, backend=shared(choice.backend))

    given = problem.objective.graph, packing.layout, problem.optimizer
    return problem.shared.of(("choice", *what, *known), choose_one, *given, *known.values())


def _watched(backend: Backend, problem: Problem, faults: Faults) -> Backend:
    if not problem.third_party:
        return backend
    from optserve.jobs.evidence.plugin_faults import watching

    return watching(backend, faults)


def _splits(evaluator: Evaluator) -> Splits | None:
    """The losses and metrics of the splits of the data, where there are any."""
    problem = evaluator.problem
    if problem.metrics is None and not problem.held_out and problem.minibatch is None:
        return None
    from optserve.jobs.splits import Splits

    return Splits(evaluator)


def _descents(
    evaluator: Evaluator, optimizer: Optimizer | None, splits: Splits | None
) -> tuple[Descents, Limits, Callable[[], object]]:
    """What descends from a start, over all rows or over minibatches, until when, and
    what compiles it."""
    problem, limits, batching = evaluator.problem, Limits(), None
    stop, size = problem.stop, evaluator.packing.size
    if optimizer is not None and problem.minibatch is not None:
        from optserve.jobs.descent.batching import Batching

        assert splits is not None
        batching = Batching(evaluator, splits)
        limits = Limits.of(stop, optimizer, size, batching.batches.count)
    elif optimizer is not None:
        check_stop(stop, None)
        objective = problem.objective
        check_streamed(optimizer, objective.data, objective.graph, len(objective.residuals))
        limits = Limits.of(stop, optimizer, size)

    @functools.cache
    def method() -> DescentMethod:  # nothing is compiled where a certificate fails
        return method_of(optimizer, evaluator, limits, batching)

    def descended(start: Array, watch: Watch, number: tuple[int, int]) -> Outcome:
        return descend(method(), start, limits, watch, number)

    return descended, limits, method
