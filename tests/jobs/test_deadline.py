"""``stop.seconds`` holds: what is predicted to take longer is not begun, and the report says so."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.backends.backend import Backend, Compiled
from optserve.backends.backend_choice import choose
from optserve.backends.numpy import compile_graph
from optserve.graph.graph import Graph
from optserve.jobs import deadline
from optserve.jobs.deadline import Deadline
from optserve.jobs.demand import demand_of_job
from optserve.jobs.packing import Packing
from optserve.jobs.problem import Problem, StoppingRule
from optserve.jobs.run import run
from optserve.optimizers import Optimizer, adam, lbfgs, levenberg_marquardt
from tests.jobs.problems import least_squares, log_likelihood, parameter

NOISE = 0.4
"""Seconds that a busy machine may add."""


@dataclass
class Slow:
    """A backend that takes its time, and notes the longest that a call took."""

    seconds: float
    setup: float = 0.0
    longest: float = 0.0
    calls: int = 0
    graphs: list[Graph] = field(default_factory=list)

    def compile(self, graph: Graph) -> Compiled:
        compiled = compile_graph(graph)
        self.graphs.append(graph)
        fresh = True

        def called(*arguments: Any) -> tuple[Any, ...]:
            nonlocal fresh
            began = time.perf_counter()
            time.sleep(self.seconds + (self.setup if fresh else 0.0))
            found = compiled(*arguments)
            self.longest = max(self.longest, time.perf_counter() - began)
            self.calls += 1
            fresh = False
            return found

        return called


def curve(optimizer: Optimizer, seconds: float, **fields: Any) -> Problem:
    """A growth curve, whose rate has a scale of its own; ``slow`` computes it."""
    x = np.linspace(0.0, 4.0, 50)
    y = 2.0 * np.exp(-0.7 * x) + 0.01 * np.sin(9.0 * x)
    return least_squares(
        lambda a, b, x, y: y - a * np.exp(-b * x),
        [parameter("a", 1.0), parameter("b", 0.1)],
        {"x": x, "y": y},
        optimizer=optimizer,
        stop=StoppingRule(seconds=seconds),
        backend="slow",
        **fields,
    )


METHODS = {"lbfgs": lbfgs(), "levenberg_marquardt": levenberg_marquardt(), "adam": adam(1e-3)}


@pytest.mark.parametrize("limit", [0.3, 0.6])
@pytest.mark.parametrize("method", METHODS)
def test_a_slow_evaluation_ends_a_descent_one_evaluation_late(method: str, limit: float) -> None:
    slow = Slow(0.07)
    made = curve(METHODS[method], limit)
    began = time.perf_counter()
    result = run(made, backends={"slow": Backend("slow", slow.compile)})
    took = time.perf_counter() - began
    assert took <= limit + 0.2 + slow.longest + NOISE
    if result.termination.reason == "seconds":
        assert result.evidence.sentence == "not examined: the time was up"
        assert not result.evidence.verified
        assert set(result.unavailable) == {"a", "b"}


def test_a_graph_is_not_compiled_for_an_examination_when_the_limit_is_near() -> None:
    """A descent that takes half of the time leaves none for compiling what curvatures take."""
    slow = Slow(0.001, setup=0.5)
    made = curve(lbfgs(), 1.0)
    result = run(made, backends={"slow": Backend("slow", slow.compile)})
    assert result.seconds <= 1.0 + 0.2 + slow.longest + NOISE
    assert result.exit_code == 3
    assert result.unavailable["a"] == "the descent did not converge"


def test_error_bars_that_do_not_fit_in_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def quadratic(a: Any, x: Any) -> Any:
        return -((x - a) ** 2)

    made = log_likelihood(quadratic, [parameter("a", 1.0)], {"x": [1.0, 2.0]})
    made = replace(made, stop=StoppingRule(seconds=30.0))
    assert run(made).standard_errors["a"] > 0.0
    fits = Deadline.fits

    def late(self: Deadline, graph: str = "", cost: float = 0.0, operations: float = 0.0) -> bool:
        return not (graph == "product" and operations) and fits(self, graph, cost, operations)

    monkeypatch.setattr(Deadline, "fits", late)
    result = run(made)
    assert (result.exit_code, result.unavailable["a"]) == (0, "the time was up")


def test_no_large_matrix_is_taken_apart_when_the_limit_is_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    data = {"x": rng.standard_normal((200, 40)), "y": rng.standard_normal(200)}

    def linear(w: Any, x: Any, y: Any) -> Any:
        return y - x @ w

    made = least_squares(
        linear, [parameter("w", np.zeros(40))], data, stop=StoppingRule(seconds=20.0)
    )
    assert run(made).exit_code == 0
    monkeypatch.setattr(deadline, "OPERATIONS", 1.0)  # so slow that it would take days
    found = run(replace(made, optimizer=lbfgs(), stop=StoppingRule(seconds=0.5)))
    assert found.seconds <= 0.5 + 0.2 + NOISE
    assert found.evidence.verified or found.evidence.sentence.endswith("the time was up")


def test_a_jacobian_that_would_take_longer_than_all_the_time_is_not_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    data = {"x": rng.standard_normal((100, 50)), "y": rng.standard_normal(100)}

    def linear(w: Any, x: Any, y: Any) -> Any:
        return y - np.exp(0.1 * x @ w)

    made = least_squares(
        linear, [parameter("w", np.zeros(50))], data, stop=StoppingRule(seconds=20.0)
    )
    assert run(made).exit_code == 0
    monkeypatch.setattr(deadline, "OPERATIONS", 1e4)  # so slow that a step would take a minute
    late = run(made)
    assert late.seconds <= 2.0 + NOISE
    assert (late.exit_code, late.termination.reason, late.evaluations) == (3, "seconds", 1)
    assert late.loss == pytest.approx(float(np.sum((data["y"] - 1.0) ** 2)))
    assert not late.evidence.verified
    assert run(replace(made, stop=StoppingRule())).exit_code == 0


def test_a_start_is_not_begun_once_the_time_is_up() -> None:
    slow = Slow(0.2)
    starts = tuple({"a": np.array(float(one))} for one in range(20))
    made = curve(levenberg_marquardt(), 0.3, starts=starts)
    result = run(made, backends={"slow": Backend("slow", slow.compile)})
    assert result.seconds <= 0.3 + 0.2 + slow.longest + NOISE


def test_auto_does_not_compile_for_as_long_as_the_job_may_take() -> None:
    rng = np.random.default_rng(0)
    data = {"x": rng.standard_normal(500_000), "y": rng.standard_normal(500_000)}
    made = least_squares(
        lambda a, b, x, y: y - a * np.exp(-b * x) * np.tanh(b * x),
        [parameter("a", 1.0), parameter("b", 0.1)],
        data,
        optimizer=lbfgs(),
    )
    packing = Packing(made.parameters, np.dtype(np.float64))
    hasty = replace(made, stop=StoppingRule(seconds=0.02))
    long, short = (choose("auto", demand=demand_of_job(one, packing)) for one in (made, hasty))
    if len(long.estimates) == 1:
        pytest.skip("one backend is installed")
    assert (long.backend.name, short.backend.name) == ("llvm", "numpy")
    assert short.reason.endswith("and stop.seconds is 0.02")


def test_without_a_limit_everything_fits() -> None:
    assert Deadline(lambda: 1e9).fits("gradient", 1e9, 1e30)


def test_the_longest_of_the_last_evaluations_predicts() -> None:
    now = [0.0]
    found = Deadline(lambda: now[0], 100.0)
    for seconds in (9.0, 1.0, 4.0, 1.0):
        found.note("gradient", 1, seconds)
    assert found.needed("gradient", 1) == pytest.approx(3.2)
    assert found.setup == 8.0
    assert found.needed("product", 3) == pytest.approx(3 * (8.0 + 3.2))


def test_what_is_begun_teaches_how_long_it_takes() -> None:
    now = [0.0]
    found = Deadline(lambda: now[0], 100.0)
    found.note("gradient", 1, 1.0)
    found.note("gradient", 1, 1.0)
    found.setup = 0.0
    for _ in range(3):
        assert found.fits("product", 3)
        now[0] += 6.0
    assert found.needed("product", 3) == pytest.approx(3.0 * 2.0)


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_streamed_data_end_in_time(method: str, tmp_path: Path) -> None:
    """Each evaluation passes over the whole file, and so do the products of an examination."""
    rows = 200_000
    rng = np.random.default_rng(0)
    np.save(tmp_path / "t.npy", rng.standard_normal((rows, 2)))
    config = {
        "version": 1,
        "data": {
            "read": str(tmp_path / "t.npy"),
            "in_memory": False,
            "columns": {"x": {"take": 0}, "y": {"take": 1}},
        },
        "parameters": {"a": 0.1, "b": 0.2, "c": 1.5},
        "least_squares": "y - a - b * exp(0.1 * c * x)",
        "optimizer": method,
        "stop": {"seconds": 0.4},
    }
    made = optserve.load(config, allow_path=True)
    slow = Slow(0.05)
    result = run(replace(made, backend="slow"), backends={"slow": Backend("slow", slow.compile)})
    assert result.seconds <= 0.4 + 0.2 + slow.longest + NOISE
    assert slow.calls > 1
