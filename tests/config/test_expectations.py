"""``expect``: what can never hold is refused, lists are compared entry by entry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from optserve.config import load
from optserve.errors import ConfigError
from optserve.jobs.run import run

LINE: dict[str, Any] = {
    "version": 1,
    "name": "line",
    "data": {"inline": {"x": [1, 2, 3, 4], "y": [1.1, 1.9, 3.2, 3.9]}},
    "parameters": {"p": {"shape": [2], "init": 1}, "W": {"shape": [1, 2], "init": 1}},
    "least_squares": {"observed": "y", "predicted": "p[0] + p[1] * x + sum(W) - W[0, 1]"},
}


def with_expectation(path: str, check: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**LINE, "expect": {path: check}, **changes}


@pytest.mark.parametrize(
    ("path", "check", "told"),
    [
        ("loss", {"min": 2, "max": 1}, "no value of loss can be at least 2 and at most 1"),
        ("seconds", {"max": -1}, "seconds is never negative"),
        ("standard_errors.p", {"max": -1}, "never negative"),
        ("loss", {"near": 0, "rel": 1e-6}, "`rel` is relative to `near`, which is 0"),
        ("parameters.p", {"near": [0, 1], "rel": 0.1}, "`rel` is relative to `near`, which is 0"),
        ("loss", {"near": 5, "abs": 1, "max": 3}, "within `min` and `max`"),
        ("parameters.p", {"near": [1, 2, 3], "abs": 1}, r"has the shape \(2,\), and `near`"),
        ("parameters.W[0]", {"near": [[1, 2]], "abs": 1}, r"has the shape \(2,\), and `near`"),
        ("loss", {"near": [1], "abs": 1}, r"has the shape \(\), and `near`"),
        ("termination", {"one_of": ["gradeint"]}, "no job ends for the reason 'gradeint'"),
        ("termination", {"max": 1}, "the termination is a word"),
        ("steps", {"one_of": ["many"]}, "steps is never 'many'"),
        ("steps", {"one_of": []}, "may be is empty"),
    ],
)
def test_what_can_never_hold_is_refused(path: str, check: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        load(with_expectation(path, check))
    assert caught.value.place is not None
    assert caught.value.expected


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"least_squares": None, "loss": "sum((y - p[0] * x)**2)"}, "a loss is no likelihood"),
        ({"optimizer": "none"}, "nothing is estimated"),
        ({"parameters": {**LINE["parameters"], "p": {"init": [1, 2], "fixed": True}}}, "is fixed"),
    ],
)
def test_a_standard_error_where_there_will_be_none(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=rf"`standard_errors.p` will have no value: .*{told}"):
        load(
            {
                key: value
                for key, value in with_expectation(
                    "standard_errors.p", {"max": 1}, **changes
                ).items()
                if value is not None
            }
        )


@pytest.mark.parametrize(
    ("path", "near", "holds"),
    [
        ("parameters.p", [0.05, 0.97], True),
        ("parameters.p", [0.05, 7], False),
        ("parameters.W", [[1, 1]], True),
        ("parameters.W[0]", [1, 1], True),
        ("parameters.W", 1, True),
    ],
)
def test_lists_are_compared_entry_by_entry(path: str, near: Any, holds: bool) -> None:
    result = run(load(with_expectation(path, {"near": near, "abs": 1.5})))
    assert [found.holds for found in result.expectations] == [holds]
    told = json.loads(result.to_json())["expectations"][0]["checks"]["near"]
    assert told == near
