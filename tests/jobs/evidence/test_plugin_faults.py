"""What a plugin does wrong while a job runs ends it with code 6, with the best point saved."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optserve.backends.numpy import numpy_backend
from optserve.graph.primitive import Primitive
from optserve.jobs.evidence.rules.certificate import certify
from optserve.jobs.packing import Packing
from optserve.jobs.problem import BatchPlan, Problem, StoppingRule
from optserve.jobs.run import run
from optserve.optimizers import Optimizer, adam, lbfgs
from optserve.plugin import aligned, opaque
from optserve.primitives.arithmetic import square
from tests.jobs.problems import least_squares, parameter, problem

X = np.linspace(-2.0, 2.0, 9)


class Failing:
    """The square of a number, which fails in some way after a number of calls."""

    def __init__(self, fault: Callable[[Any], Any], *, calls: int) -> None:
        self.fault = fault
        self.left = calls

    def value(self, x: Any) -> Any:
        self.left -= 1
        return self.fault(x) if self.left < 0 else np.square(x)

    def primitive(self) -> Primitive:
        return opaque(
            "odd_square",
            self.value,
            shape=lambda x: x,
            pullback=lambda ct, out, x: (2.0 * ct * x,),
            axes=aligned,
            doc="The square of a number, for a while.",
        )


def job(primitive: Primitive, optimizer: Optimizer | None = None, **fields: Any) -> Problem:
    return problem(
        lambda a, x: np.sum(primitive(a * x - 1.5 * x)) + square(a - 1.0) ** 2,
        [parameter("a", 0.5)],
        {"x": X},
        optimizer=optimizer or lbfgs(),
        plugin=[primitive],
        **fields,
    )


def calls_of_a_whole_run() -> tuple[int, int]:
    """How often the value is computed before the first step, and in all."""
    counted = Failing(np.square, calls=10**9)
    made = job(counted.primitive())
    packing = Packing(made.parameters, np.dtype(np.float64))
    certify(made, packing, packing.flat({}))
    before = 10**9 - counted.left
    assert run(made).exit_code == 0
    return before, 10**9 - counted.left - before


def interrupt(x: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda x: sys.exit(0), r"exited the process \(SystemExit: 0\)"),
        (lambda x: 1 // 0, "raised ZeroDivisionError"),
        (interrupt, "raised KeyboardInterrupt"),
        (lambda x: np.ones(4), r"gave float64\[4\] where float64\[rows\] was promised"),
        (lambda x: np.square(x, dtype=np.float32), r"gave float32\[9\] where"),
        (lambda x: (x, x), "gave 2 results in place of 1"),
        (lambda x: None, "gave a NoneType where"),
    ],
    ids=["exits", "raises", "interrupts", "shape", "dtype", "two", "nothing"],
)
def test_a_plugin_that_fails_in_the_middle_is_named(
    fault: Callable[[Any], Any], words: str
) -> None:
    before, total = calls_of_a_whole_run()
    assert total > before + 10
    for calls in (before + 4, (before + total) // 2, total - 1):
        result = run(job(Failing(fault, calls=calls).primitive()))
        assert result.exit_code == 6
        assert result.termination.reason == "plugin"
        assert result.failure is not None
        assert result.failure.primitive == "odd_square"
        assert result.failure.provider == "optserve-odd 0.1.0"
        assert re.search(words, result.termination.message), result.termination.message
        assert result.loss is not None
        assert result.parameters["a"] != 0.5


def test_a_value_that_always_exits_is_refused_before_the_first_step() -> None:
    result = run(job(Failing(lambda x: sys.exit(0), calls=0).primitive()))
    assert result.exit_code == 6
    assert "odd_square" in result.termination.message
    assert "SystemExit" in result.termination.message


def failing_jobs(primitive: Primitive) -> dict[str, Problem]:
    """Jobs of each kind that use it."""
    inside = [parameter("a", 0.5)]

    def loss(a: Any, x: Any) -> Any:
        return np.mean(primitive(a * x - 1.5 * x))

    return {
        "evaluated": problem(loss, inside, {"x": X}, optimizer=None, plugin=[primitive]),
        "traced": problem(loss, inside, {"x": X}, optimizer=adam(), plugin=[primitive]),
        "minibatches": problem(
            loss,
            inside,
            {"x": X},
            optimizer=adam(learning_rate=0.1),
            minibatch=BatchPlan(rows=3),
            stop=StoppingRule(epochs=50),
            plugin=[primitive],
        ),
        "least squares": least_squares(
            lambda a, x: primitive(a * x) - x, inside, {"x": X}, plugin=[primitive]
        ),
    }


@pytest.mark.parametrize("kind", failing_jobs(Failing(np.square, calls=0).primitive()))
def test_every_kind_of_job_ends_as_the_plugins_failure(kind: str) -> None:
    counted = Failing(np.square, calls=10**9)
    made = failing_jobs(counted.primitive())[kind]
    packing = Packing(made.parameters, np.dtype(np.float64))
    certify(made, packing, packing.flat({}), numpy_backend(1))
    before = 10**9 - counted.left
    run(made)
    total = 10**9 - counted.left - before
    # The first run of all may make a call more, to learn how long one takes.
    for calls in {before, (before + total) // 2, total - 2}:
        result = run(failing_jobs(Failing(lambda x: sys.exit(0), calls=calls).primitive())[kind])
        assert result.exit_code == 6, (calls, before, total)
        assert "odd_square" in result.termination.message
        if calls > before + 10:
            assert result.termination.reason == "plugin"
            assert result.loss is not None
