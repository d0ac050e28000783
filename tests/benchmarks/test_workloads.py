"""The workloads at tiny sizes: what is measured is right, and what limits name is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.peers import COMPILE
from benchmarks.problem import Problem
from benchmarks.runners import Process
from benchmarks.workload import Work
from benchmarks.workloads import (
    NAMES,
    auto,
    curve,
    embedding,
    gemm,
    gmm,
    load,
    logistic,
    mlp,
    rosenbrock,
    scan,
    threads,
    verdict,
)
from benchmarks.workloads.compile import many_equations
from optserve.graph.interpret import interpret
from optserve.jobs.run import run

PROBLEMS = {
    "curve": curve.problem(100),
    "logistic": logistic.problem(100),
    "gmm": gmm.problem(1),
    "embedding": embedding.problem(50, 20),
    "gemm": gemm.problem(16),
    "scan": scan.problem,
    "many equations": Problem(many_equations, curve.parameters, lambda: curve.data(10)),
}

every_backend = pytest.mark.parametrize("backend", COMPILE)


@pytest.mark.parametrize("name", NAMES)
def test_limits_name_contenders_and_labels_tell_them_apart(name: str) -> None:
    workload = load(name)
    assert workload.name == name
    labels = [contender.label for contender in workload.contenders]
    assert len(set(labels)) == len(labels)
    names = {contender.name for contender in workload.contenders}
    for limit in workload.limits:
        assert {limit.contender, *limit.against} <= names


@every_backend
@pytest.mark.parametrize("name", PROBLEMS)
def test_gradients_are_those_of_the_interpreter(name: str, backend: str) -> None:
    problem = PROBLEMS[name]
    problem.check(COMPILE[backend](problem.gradient_graph(), 1)(*problem.arguments))


@pytest.mark.parametrize(
    ("problem", "work"),
    [
        (PROBLEMS["curve"], curve.by_hand),
        (PROBLEMS["logistic"], logistic.by_hand),
        (PROBLEMS["curve"], curve.in_c),
        (PROBLEMS["logistic"], logistic.in_c),
        (PROBLEMS["curve"], curve.for_numba),
        (PROBLEMS["logistic"], logistic.for_numba),
    ],
)
def test_what_is_written_by_hand_agrees(problem: Problem, work: Callable[[int], Work]) -> None:
    if work in (curve.in_c, logistic.in_c) and shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    if work in (curve.for_numba, logistic.for_numba) and find_spec("numba") is None:
        pytest.skip("numba is not installed")
    problem.check(work(100)())


def test_a_wrong_gradient_is_refused() -> None:
    problem = PROBLEMS["curve"]
    value, *gradients = interpret(problem.gradient_graph(), *problem.arguments)
    with pytest.raises(AssertionError):
        problem.check([value, *(1.001 * gradient for gradient in gradients)])


def test_the_mixture_has_the_published_value() -> None:
    problem = gmm.problem(copies=1)
    value, *gradients = interpret(problem.gradient_graph(), *problem.arguments)
    # From ADBench's own data, by HIPS autograd 1.9.1; the sign is that of a maximum.
    assert value == pytest.approx(25649.6526211973, rel=1e-12)
    norm = np.sqrt(sum(np.sum(gradient**2) for gradient in gradients))
    assert norm == pytest.approx(2662.3986013124218, rel=1e-9)


@every_backend
def test_steps_of_adam_agree_with_those_written_by_hand(backend: str) -> None:
    mlp.check(mlp.by_optserve(backend, 1)())


@every_backend
def test_a_descent_agrees_with_plain_floats(backend: str) -> None:
    rosenbrock.check(rosenbrock.by_optserve(50, backend)())


def test_bits_are_compared_before_threads_are_timed() -> None:
    assert len(threads.by_llvm(100, 2)()) == 6


def test_jobs_of_the_choice_of_a_backend_are_those_that_it_predicts() -> None:
    problem = auto.job("curve, 500 rows", 5, "auto")
    result = run(problem)
    assert (result.steps, result.used.backend) == (5, "numpy")
    assert "about 5 times" in result.used.backend_reason
    assert auto.alone("rosenbrock", 5, "llvm") > 0.0


@pytest.mark.parametrize("examines", [False, True])
def test_a_descent_ends_with_and_without_an_examination(examines: bool) -> None:
    _, config, overrides = verdict.JOBS[0]
    outcome = verdict.by_optserve(config, overrides, examines=examines)()
    verdict.check(outcome)
    assert (outcome.evidence.evaluations > 0) == examines


def test_a_contender_runs_in_a_process_of_its_own() -> None:
    workload = load("small")
    [contender] = [c for c in workload.contenders if c.label == "numpy, 1 thread"]
    process = Process(workload, contender)
    try:
        assert process.first() > process.run() > 0.0  # that of 200 evaluations, that of one
    finally:
        process.close()


@pytest.mark.skipif(find_spec("autograd") is not None, reason="autograd is installed")
def test_a_peer_that_is_not_installed_is_absent() -> None:
    workload = load("small")
    [contender] = [c for c in workload.contenders if c.label == "autograd, 1 thread"]
    process = Process(workload, contender)
    try:
        with pytest.raises(ImportError, match="autograd"):
            process.first()
    finally:
        process.close()
