"""Gates proven by mutation: each changed number is caught by exactly the gate that looks at it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from optserve.batch.job_outcome import JobOutcome, of_result
from optserve.batch.swept import Together, judged
from optserve.config import load
from optserve.config.schema.sweep import Statistic
from optserve.jobs.problem import Problem
from optserve.jobs.record.job_record import judged_again
from optserve.jobs.record.result import Result
from optserve.jobs.result_paths import look_up
from optserve.jobs.run import run

CONFIG: dict[str, Any] = {
    "version": 1,
    "data": {
        "inline": {
            "x": [i / 4 for i in range(24)],
            "y": [2 + i / 16 + (i * 7 % 5) / 10 for i in range(24)],
        },
        "split": {"validation": 0.25},
    },
    "parameters": {"a": 0, "b": 1, "c": {"shape": [2], "init": [0.1, 0.2]}},
    "least_squares": {"observed": "y", "predicted": "a + b * x + c[0] * x**2 + c[1] * x**3"},
    "metrics": {"mae": "mean(abs(y - a - b * x))"},
    "outputs": {"top": "a + b"},
}

EXACT = (
    *("loss", "parameters.a", "parameters.b", "parameters.c", "standard_errors.a", "aic"),
    *("standard_errors.c", "intervals.b", "fit.residual_standard_error", "outputs.top.value"),
    *("outputs.top.standard_error", "metrics.train.mae", "metrics.validation.mae"),
)

LOWER = ("fit.r_squared", "metrics.validation.loss", "fit.runs_p", "fit.degrees_of_freedom")

UPPER = ("seconds", "memory", "evaluations", "steps", "bic", "metrics.train.loss")


@pytest.fixture(scope="module")
def gated() -> tuple[Problem, Result]:
    """A problem with a gate for each of these numbers, and a result that passes all of them."""
    found = run(load(CONFIG)).model_dump()
    expect: dict[str, Any] = {
        path: {"near": look_up(found, path), "rel": 1e-4, "abs": 1e-9} for path in EXACT
    }
    expect |= {path: {"min": low(look_up(found, path))} for path in LOWER}
    expect |= {path: {"max": 10 * abs(look_up(found, path))} for path in UPPER}
    expect["termination"] = {"one_of": ["gradient", "precision"]}
    problem = load({**CONFIG, "expect": expect})
    result = run(problem)
    assert result.exit_code == 0, [one.message for one in result.expectations]
    return problem, result


def low(value: float) -> float:
    return value - 0.01 * abs(value)


def beyond(random: Random, whole: bool, checks: Mapping[str, float], near: float) -> float:
    """A number that the gate must not let through, however little it is beyond, or none at all."""
    far = 10 ** random.uniform(-9, 3)
    if not whole and random.random() < 0.1:
        return random.choice((math.nan, math.inf if "max" in checks else -math.inf))
    if "min" in checks:
        least = float(checks["min"]) - far * max(1e-3, abs(checks["min"]))
        return math.floor(least) if whole else least
    if "max" in checks:
        most = float(checks["max"]) + far * max(1e-3, abs(checks["max"]))
        return math.ceil(most) if whole else most
    allowed = float(max(checks["rel"] * abs(near), checks["abs"]))
    return float(near) + random.choice((-1, 1)) * allowed * (1.001 + far)


def within(random: Random, whole: bool, checks: Mapping[str, float], near: float) -> float:
    """A number that is just as good."""
    if "min" in checks:
        good = float(checks["min"]) + random.random() * abs(checks["min"])
        return math.ceil(good) if whole else good
    if "max" in checks:
        good = random.random() * float(checks["max"])
        return math.floor(good) if whole else good
    allowed = float(max(checks["rel"] * abs(near), checks["abs"]))
    return float(near) + random.uniform(-0.99, 0.99) * allowed


def changed(result: Result, path: str, value: Any, index: int) -> Result:
    """The result with another number at ``path``: of an array, its entry ``index``."""
    tree: Any = {name: getattr(result, name) for name in Result.model_fields}
    names = path.split(".")

    def put(found: Any, rest: list[str]) -> Any:
        if not rest:
            if not isinstance(found, list):
                return value
            return [value if number == index else one for number, one in enumerate(found)]
        if isinstance(found, Mapping):
            return {**found, rest[0]: put(found[rest[0]], rest[1:])}
        return found.model_copy(update={rest[0]: put(getattr(found, rest[0]), rest[1:])})

    return result.model_copy(update={names[0]: put(tree[names[0]], names[1:])})


def test_each_of_200_changes_is_caught_by_exactly_its_gate(gated: tuple[Problem, Result]) -> None:
    problem, result = gated
    random, caught = Random(0), set()
    gates = {one.path: one.checks for one in problem.expectations if one.path != "termination"}
    for number in range(200):
        path = [*gates][number % len(gates)]
        found = look_up(result.model_dump(), path)
        index = random.randrange(len(found)) if isinstance(found, list) else 0
        value = found[index] if isinstance(found, list) else found
        limits: Any = gates[path]
        near: Any = limits.get("near", 0.0)
        near = near[index] if isinstance(near, list) else near
        for choose, fails in ((beyond, [path]), (within, [])):
            chosen = choose(random, isinstance(value, int), limits, near)
            now = judged_again(changed(result, path, chosen, index), problem.expectations)
            wrong = [one.path for one in now.expectations if not one.holds]
            assert wrong == fails, (number, path, value, chosen)
            assert now.exit_code == (4 if fails else 0)
            told = of_result(now, Path("run"))
            assert [one.partition(" is ")[0] for one in told["fails"]] == fails
            assert told["exit_code"] == now.exit_code
        caught.add(path)
    assert caught == {*EXACT, *LOWER, *UPPER}


def test_another_reason_to_end_is_caught_by_its_gate(gated: tuple[Problem, Result]) -> None:
    problem, result = gated
    ended = result.termination.model_copy(update={"reason": "plateau"})
    now = judged_again(result.model_copy(update={"termination": ended}), problem.expectations)
    assert [one.path for one in now.expectations if not one.holds] == ["termination"]


def test_each_of_200_changed_jobs_of_a_sweep_is_caught_by_exactly_its_statistic(
    tmp_path: Path,
) -> None:
    random = Random(1)
    rates, seeds = (0.01, 0.1, 1.0), (0, 1, 2, 3, 4)
    jobs = {f"[{r},{s}]": {"rate": r, "seed": s} for r in rates for s in seeds}
    expect = {
        "loss": Statistic(over="seed", statistic="max", max=1.0),
        "values.a": Statistic(over="seed", statistic="min", min=0.0),
        "values.b": Statistic(statistic="q50", max=1.0),
    }
    sweep = Together("s", jobs, expect)

    def outcomes(changes: Mapping[tuple[str, str], float]) -> dict[str, JobOutcome]:
        return {
            job: JobOutcome(
                job,
                "s.yaml",
                "result",
                0,
                loss=changes.get((job, "loss"), 0.5),
                values={one: changes.get((job, one), 0.5) for one in ("values.a", "values.b")},
            )
            for job in jobs
        }

    def failing(changes: Mapping[tuple[str, str], float]) -> list[tuple[str, Any]]:
        found = judged(sweep, outcomes(changes), tmp_path).expectations
        return [(one.path, one.settings.get("rate")) for one in found if not one.holds]

    assert failing({}) == []
    for _ in range(200):
        job, far = random.choice([*jobs]), 10 ** random.uniform(-9, 3)
        path, value = random.choice((("loss", 1 + far), ("values.a", -far), ("loss", math.nan)))
        assert failing({(job, path): value}) == [(path, jobs[job]["rate"])]
        most = random.sample([*jobs], 8)  # of fifteen: the median is one of theirs
        assert failing({(one, "values.b"): 1 + far for one in most}) == [("values.b", None)]
        assert failing({(one, "values.b"): 1 + far for one in most[:7]}) == []
