"""Descents in loops against descents step by step: the same to the bit."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from optserve.backends.backend import Backend, Compiled
from optserve.backends.numpy import numpy_backend
from optserve.graph.graph import Graph
from optserve.jobs.descent.descent import descend
from optserve.jobs.descent.descent_outcome import Outcome
from optserve.jobs.descent.looped import Loops
from optserve.jobs.descent.method import DescentMethod, method_of
from optserve.jobs.evaluator import Evaluator
from optserve.jobs.interruption import Interruption
from optserve.jobs.limits import Limits
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem, StoppingRule
from optserve.jobs.reasons import Reason
from optserve.jobs.run import run
from optserve.jobs.watch import Snapshot, Watch
from optserve.optimizers import (
    Optimizer,
    adam,
    chain,
    clip,
    clip_by_global_norm,
    cosine,
    exponential_decay,
    gradient_descent,
    lbfgs,
    momentum,
    step_decay,
    weight_decay,
)
from optserve.primitives.tracing import verify
from tests.jobs.problems import least_squares, log_likelihood, parameter, problem, rosenbrock

PLAIN = numpy_backend(1)


def _looped(graph: Graph) -> Compiled | None:
    return PLAIN.compile(verify(graph))


LOOPING = replace(PLAIN, name="looping", loop=_looped)
"""Stands in for a backend with loops of its own: NumPy runs any scan, slowly."""


def method_for(made: Problem, backend: Backend) -> tuple[DescentMethod, Limits, Packing]:
    packing = Packing(made.parameters, np.dtype(made.precision))
    assert made.optimizer is not None
    limits = Limits.of(made.stop, made.optimizer, packing.size)
    return method_of(made.optimizer, Evaluator(made, packing, backend), limits), limits, packing


def outcome_of(made: Problem, backend: Backend) -> Outcome:
    method, limits, packing = method_for(made, backend)
    assert (method.loop is not None) == (backend is LOOPING)
    return descend(method, packing.flat({}), limits, Watch(Interruption()))


def parts(outcome: Outcome) -> list[Any]:
    """All of an outcome but for its times, as bytes where these are numbers."""
    best = outcome.best
    arrays: Sequence[Any] = [
        *(() if best is None else best),
        outcome.bad,
        outcome.point,
        outcome.change,
        *outcome.state,
    ]
    history = [(e.evaluation, e.loss, e.gradient) for e in outcome.history.entries()]
    shown = [None if one is None else (np.asarray(one).dtype, _bytes(one)) for one in arrays]
    counts = (outcome.evaluations, outcome.steps, outcome.rejected)
    return [outcome.reasons, counts, shown, np.array(repr(history)).tobytes()]


def _bytes(value: Any) -> bytes:
    return np.ascontiguousarray(value).tobytes()


def same(made: Problem) -> Outcome:
    """The outcome, which is the same in loops and step by step."""
    stepwise, looped = outcome_of(made, PLAIN), outcome_of(made, LOOPING)
    assert parts(looped) == parts(stepwise)
    return looped


METHODS = [
    gradient_descent(1e-3),
    gradient_descent(cosine(1e-3, end=1e-5, warmup=10)),
    momentum(3e-4, decay=0.95),
    momentum(exponential_decay(3e-4, 0.9, every=50), nesterov=True),
    adam(0.05),
    adam(step_decay(0.05, 0.5, every=100)),
    chain((clip_by_global_norm(1.0),), adam(0.02)),
    chain((clip(0.5), weight_decay(1e-3)), gradient_descent(0.01)),
]


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", METHODS, ids=lambda one: one.name)
def test_every_traced_method_takes_the_same_steps(optimizer: Optimizer, precision: Any) -> None:
    made = problem(
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        [parameter(name, at, precision=precision) for name, at in [("x", -1.2), ("y", 1.0)]],
        optimizer=optimizer,
        stop=StoppingRule(steps=300),
        precision=precision,
    )
    found = same(made)
    assert found.reasons == [Reason.steps]
    assert found.evaluations == 301


def bowl(**fields: Any) -> Problem:
    return problem(lambda x: np.sum(x * x), [parameter("x", [3.0, -4.0])], **fields)


def basin(**fields: Any) -> Problem:
    return problem(lambda x: 1e6 + np.sum(x * x), [parameter("x", [0.3, -0.4])], **fields)


REASONS = [
    (bowl(optimizer=gradient_descent(0.25), stop=StoppingRule(gradient=1e-3)), [Reason.gradient]),
    (basin(optimizer=gradient_descent(0.01), stop=StoppingRule(loss=0.04)), [Reason.loss]),
    (
        bowl(optimizer=gradient_descent(0.01), stop=StoppingRule(loss=0.04, steps=60)),
        [Reason.steps],
    ),
    (bowl(optimizer=gradient_descent(0.25), stop=StoppingRule(step=1e-3)), [Reason.step]),
    (
        basin(optimizer=gradient_descent(0.01), stop=StoppingRule(loss=0.04, step=0.5)),
        [Reason.loss, Reason.step],
    ),
    (bowl(optimizer=momentum(0.4, decay=0.99), stop=StoppingRule(steps=57)), [Reason.steps]),
    (bowl(optimizer=gradient_descent(0.5), stop=StoppingRule(gradient=1e-9, steps=1)), None),
    (bowl(optimizer=gradient_descent(100.0)), [Reason.diverged]),
    (rosenbrock(gradient_descent(1.0)), None),
    (
        problem(lambda x: x + np.log(x), [parameter("x", 0.25)], optimizer=adam(0.1)),
        [Reason.non_finite],
    ),
    (
        problem(lambda x: np.exp(x**2), [parameter("x", 2.0)], optimizer=gradient_descent(1e20)),
        [Reason.diverged, Reason.non_finite],
    ),
    (
        problem(lambda x: np.log(x), [parameter("x", -1.0)], optimizer=adam(0.1)),
        [Reason.non_finite],
    ),
    (  # a loss of minus infinity is none
        problem(lambda x: np.log(x), [parameter("x", 0.0)], optimizer=adam(0.1)),
        [Reason.non_finite],
    ),
    (  # held by a bound, where the projected gradient vanishes
        problem(
            lambda x, y: (x - 3) ** 2 + y**2,
            [parameter("x", 0.0, high=1.0), parameter("y", 1.0, low=-5.0)],
            optimizer=gradient_descent(0.1),
            stop=StoppingRule(gradient=1e-6),
        ),
        [Reason.gradient],
    ),
    (
        problem(
            lambda x: np.sum(x * x),
            [parameter("x", [3.0, -4.0], precision="float32")],
            optimizer=gradient_descent(0.2),
            stop=StoppingRule(gradient=1e-4, loss=1e-5, step=1e-5),
            precision="float32",
        ),
        None,
    ),
]


@pytest.mark.parametrize(("made", "reasons"), REASONS)
def test_every_reason_to_stop_is_found_at_the_same_step(
    made: Problem, reasons: list[Reason] | None
) -> None:
    found = same(made)
    assert reasons is None or found.reasons == reasons


def test_rows_are_summed_the_same() -> None:
    x = np.linspace(-1, 2, 5000)
    made = log_likelihood(
        lambda a, b, x, y: -np.logaddexp(0.0, (1 - 2 * y) * (a + b * x)),
        [parameter("a", 0.0), parameter("b", 0.0, low=-1.0, high=1.0)],
        {"x": x, "y": np.where(np.sin(37 * x) < x, 1.0, 0.0)},
        optimizer=adam(0.05),
        stop=StoppingRule(steps=40, gradient=1e-3),
    )
    assert same(made).evaluations > 3


def test_least_squares_without_a_tolerance_go_in_loops() -> None:
    fields = {"x": [0.0, 1.0, 2.0], "y": [1.0, 2.0, 4.0]}
    made = least_squares(
        lambda a, b, x, y: y - a * np.exp(b * x),
        [parameter("a", 1.0), parameter("b", 0.1)],
        fields,
        optimizer=adam(0.01),
        stop=StoppingRule(steps=100),
    )
    assert same(made).reasons == [Reason.steps]


def test_what_needs_python_between_the_steps_goes_step_by_step() -> None:
    assert method_for(rosenbrock(lbfgs()), LOOPING)[0].loop is None
    tired = replace(adam(0.1), verdict=lambda state: "stalled" if state[0] > 3 else "")
    assert method_for(rosenbrock(tired), LOOPING)[0].loop is None
    modified = chain((weight_decay(1e-3),), tired)
    assert method_for(rosenbrock(modified), LOOPING)[0].loop is None
    refusing = replace(PLAIN, loop=lambda graph: None)
    method, limits, packing = method_for(
        rosenbrock(adam(0.1), stop=StoppingRule(steps=5)), refusing
    )
    found = descend(method, packing.flat({}), limits, Watch(Interruption()))
    assert (method.loop, found.evaluations) == (None, 6)


def test_calls_grow_and_return_soon() -> None:
    method, limits, packing = method_for(
        rosenbrock(adam(0.01), stop=StoppingRule(steps=10**9)), LOOPING
    )
    assert method.loop is not None
    start = packing.flat({})
    walk = Loops(method.loop, method.judge, start, method.init(start), method.rest)
    lengths, times = [], []
    for _ in range(12):
        began = perf_counter()
        lengths.append(len(walk.on(None, None).losses))
        times.append(perf_counter() - began)
    assert lengths[0] == 1
    assert max(lengths) > 20
    assert sorted(times)[-2] < 0.2  # a tenth of a second on a quiet machine
    assert all(after <= 64 * before for before, after in pairwise(lengths))
    assert method.loop is not None
    assert limits.steps == 10**9


def test_a_limit_of_time_and_a_signal_end_a_loop() -> None:
    found = outcome_of(
        bowl(optimizer=gradient_descent(1e-12), stop=StoppingRule(seconds=0.3)), LOOPING
    )
    assert found.reasons == [Reason.seconds]
    assert 0.3 <= found.seconds < 1.0
    seen: list[Snapshot] = []

    def interrupt(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)

    made = bowl(
        optimizer=gradient_descent(1e-12),
        stop=StoppingRule(seconds=60.0),
        backend="looping",
        backends={"looping": LOOPING},
    )
    result = run(made, progress=interrupt)
    assert result.termination.reason == "interrupted"
    assert len(seen) == 3
    assert [one.step for one in seen] == sorted({one.step for one in seen})
    assert result.seconds < 2.0
    assert result.history[0][-1].evaluation == result.evaluations > 100


def test_small_changes_that_are_no_convergence_do_not_end_each_call() -> None:
    made = bowl(optimizer=gradient_descent(1e-5), stop=StoppingRule(loss=0.01, steps=2000))
    method, limits, packing = method_for(made, LOOPING)
    assert method.loop is not None
    loop, calls = method.loop, 0

    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return loop(*arguments)

    counting = replace(method, loop=counted)
    found = descend(counting, packing.flat({}), limits, Watch(Interruption()))
    assert (found.reasons, found.evaluations) == ([Reason.steps], 2001)
    assert calls < 300
    assert same(made).reasons == [Reason.steps]


def test_starts_share_one_loop() -> None:
    made = rosenbrock(
        adam(0.05),
        stop=StoppingRule(steps=50),
        starts=({"x": np.array(2.0)},),
        backend="looping",
        backends={"looping": LOOPING},
    )
    looped, stepwise = run(made), run(replace(made, backend="numpy", backends={}))
    assert looped.loss == stepwise.loss
    assert [one.loss for one in looped.starts] == [one.loss for one in stepwise.starts]
