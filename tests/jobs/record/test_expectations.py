from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optserve.errors import ConfigError, Place
from optserve.jobs.problem import Expectation
from optserve.jobs.record.expectations import check
from optserve.jobs.result_paths import look_up
from optserve.jobs.run import run
from optserve.jobs.watch import Snapshot
from optserve.optimizers import lbfgs
from tests.jobs.problems import parameter, problem, rosenbrock

TREE: dict[str, Any] = {
    "loss": 0.5,
    "parameters": {"net": {"W": 1.0}, "net.W": [[1.0, 2.0], [3.0, 4.0]], "b": 2.0},
    "standard_errors": {"b": None},
    "termination": {"reason": "gradient"},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("loss", 0.5),
        ("parameters.b", 2.0),
        ("parameters.net.W", [[1.0, 2.0], [3.0, 4.0]]),  # the longest literal key wins
        ("parameters.net.W[1]", [3.0, 4.0]),
        ("parameters.net.W[1][0]", 3.0),
        ("termination.reason", "gradient"),
    ],
)
def test_paths(path: str, value: Any) -> None:
    assert look_up(TREE, path) == value


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("losss", "did you mean 'loss'"),
        ("parameters.nett", "did you mean 'parameters.net.W'"),
        ("parameters.c", r"expected: parameters\.b, parameters\.net\.W"),
        ("parameters.net.W[2]", "an index below 2"),
        ("parameters.net.W[1", "an index below 2"),
        ("parameters.net.W[-1]", "an index below 2"),
        ("parameters.b[0]", "no index here"),
        ("parameters.b.x", "nothing further"),
        ("loss.", "names nothing|nothing further"),
    ],
)
def test_a_path_that_names_nothing_is_an_error_with_a_place(path: str, words: str) -> None:
    if path == "loss.":
        assert look_up(TREE, path) == 0.5
        return
    with pytest.raises(ConfigError, match=words) as caught:
        look_up(TREE, path, Place("fit.yaml", 9, 3))
    assert str(caught.value).startswith("fit.yaml:9:3: ")


@pytest.mark.parametrize(
    ("path", "checks", "wrong"),
    [
        ("loss", {"max": 0.5}, ""),
        ("loss", {"max": 0.4}, "above max 0.4"),
        ("loss", {"min": 0.6}, "below min 0.6"),
        ("loss", {"near": 0.5000001, "rel": 1e-6}, ""),
        ("loss", {"near": 0.6, "abs": 0.01}, "off near 0.6 by 0.1, more than 0.01"),
        ("loss", {"near": 0.0, "rel": 1e-3}, "off near 0 by 0.5"),
        ("parameters.net.W", {"min": 1}, ""),
        ("parameters.net.W", {"max": 3}, "above max 3"),
        ("parameters.net.W", {"near": [[1, 2], [3, 4.5]], "abs": 0.1}, "by 0.5, more than 0.1"),
        ("parameters.net.W", {"near": [1, 2], "abs": 0.1}, "its shape is"),
        ("standard_errors.b", {"max": 1.0}, "there is no value"),
        ("termination", {"one_of": ["gradient", "precision"]}, ""),
        ("termination", {"one_of": ["steps"]}, "not one of steps"),
        ("termination", {"max": 1}, "not a number"),
    ],
)
def test_checks(path: str, checks: dict[str, Any], wrong: str) -> None:
    found = check(Expectation(path, checks), TREE)
    assert found.holds == (not wrong)
    assert wrong in found.message


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1))
def test_near_is_within_the_larger_of_its_tolerances(a: float, b: float, rel: float) -> None:
    found = check(Expectation("x", {"near": b, "rel": rel, "abs": 1.0}), {"x": a})
    assert found.holds == (abs(a - b) <= max(rel * abs(b), 1.0))


def test_a_job_whose_expectations_fail_ends_with_code_4() -> None:
    expectations = (
        Expectation("loss", {"max": 1e-10}),
        Expectation("parameters.x", {"near": 2.0, "rel": 0.1}, Place("fit.yaml", 12, 3)),
    )
    result = run(rosenbrock(lbfgs(), expectations=expectations))
    assert [found.holds for found in result.expectations] == [True, False]
    assert result.termination.exit_codes == [4]
    assert result.expectations[1].place is not None
    assert result.expectations[1].place.line == 12


def test_a_path_that_names_nothing_is_refused_before_anything_runs() -> None:
    calls: list[Snapshot] = []
    made = rosenbrock(lbfgs(), expectations=(Expectation("parameters.z", {"max": 1}),))
    with pytest.raises(ConfigError, match=r"`parameters\.z` names nothing"):
        run(made, progress=calls.append)
    made = problem(
        lambda w: w @ w,
        [parameter("w", [1.0, 2.0])],
        optimizer=lbfgs(),
        expectations=(Expectation("gradient.w[2]", {"max": 1}),),
    )
    with pytest.raises(ConfigError, match="an index below 2"):
        run(made)


def test_every_root_of_the_config_language_is_in_the_result() -> None:
    roots = ["loss", "parameters.x", "standard_errors.x", "gradient.x", "steps", "evaluations"]
    roots += ["seconds", "memory", "intervals.x[0]", "used.backend"]
    expectations = tuple(Expectation(root, {"min": -1e99}) for root in roots)
    result = run(rosenbrock(lbfgs(), expectations=expectations))
    found = {one.path: one.found for one in result.expectations}
    assert found["loss"] == result.loss
    assert found["gradient.x"] == result.gradient["x"]
    assert found["memory"] > 1e6
    assert found["standard_errors.x"] is None
