"""Starts that are expressions of data: computed over the training rows, of the shape of the
parameter, and refused where they are no such thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optserve
from optserve.errors import OptserveError
from optserve.jobs.problem import Problem
from tests.config.evaluation import Load

DATA = """\
data:
  inline: {y: [1.0, 2.0, 4.0, 9.0], g: [a, b, a, c], normal: [5, 6, 7, 8]}
  columns: {y: y, g: {take: g, as: category}, normal: normal}
"""


def start(problem: Problem, name: str = "p") -> Any:
    return next(one.init for one in problem.parameters if one.name == name)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("mean(y)", 4.0),
        ("{init: mean(y), shape: [2]}", [4.0, 4.0]),
        ("{init: half / 2, transform: log}", 1.0),
        ("{init: y - middle, shape: ['rows(data)']}", [-3.0, -2.0, 0.0, 5.0]),
        ('"segment_sum(y, g, levels(g))"', [5.0, 2.0, 9.0]),
        ('{init: "[mean(y), 0]", fixed: "[1]"}', [4.0, 0.0]),
        ("eye(levels(g))", np.eye(3)),
        ("1/4", 0.25),
        ("2 * pi", 2 * np.pi),
        ("pi", np.pi),
        ("rows(data)", 4.0),
        ('"(normal)[1]"', 6.0),
        ("{init: {normal: {mean: 2, std: 0}}}", 2.0),
        ("ones", 1.0),
    ],
)
def test_a_start_is_the_value_of_its_expression(problem: Load, written: str, expected: Any) -> None:
    made = problem(
        f"{DATA}parameters: {{q: 1, p: {written}}}\n"
        "define: {middle: mean(y), half: middle / 2, varying: q * middle}\n"
        "loss: sum((y - q * varying)**2) + sum(p**2)\n"
    )
    np.testing.assert_allclose(start(made), expected)
    assert start(made).shape == np.shape(expected)


def test_a_start_is_of_the_training_rows_and_of_constants(problem: Load) -> None:
    made = problem(
        "data:\n"
        "  d: {inline: {y: [1, 2, 30], fold: [train, train, test]}, split: {column: fold}}\n"
        "  given: {rows: false, inline: {w: [7, 8]}}\n"
        "parameters: {p: mean(d.y), q: given.w}\n"
        "loss: sum((d.y - p)**2) + sum(q**2)\n"
    )
    assert start(made).tolist() == 1.5
    assert start(made, "q").tolist() == [7.0, 8.0]


def test_other_data_start_elsewhere_and_equal_data_share_what_is_made() -> None:
    config = {"version": 1, "parameters": {"p": "mean(y)"}, "loss": "sum((y - p)**2)"}
    first, same, other = (
        optserve.load(config, data={"y": np.array([0.0, last])}) for last in (2.0, 2.0, 4.0)
    )
    assert [start(one).tolist() for one in (first, same, other)] == [1.0, 1.0, 2.0]
    assert first.parameters is same.parameters
    assert optserve.run(other).parameters["p"] == pytest.approx(2.0)


def test_a_start_is_computed_block_by_block(problem: Load, tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text("y\n" + "".join(f"{i}\n" for i in range(1000)))
    text = "data: {read: long.csv, in_memory: false}\nloss: mean((y - p)**2)\nparameters:\n  p: "
    assert start(problem(f"{text}mean(y) + max(y)")) == 499.5 + 999
    with pytest.raises(OptserveError, match="all rows of y are needed at once"):
        problem(f"{text}median(y)")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("q", "the start of 'p' depends on the parameter 'q'"),
        ("varying + 1", "the value 'varying', which depends on a parameter"),
        ("f(1)", "depends on the parameter 'q'"),
        ("normal", "'normal' is an initializer, and a value too"),
        ("glorot", "no initializer is called 'glorot'.*did you mean 'glorot_normal'"),
        ("yy", "no value is called 'yy'.*did you mean 'y'"),
        ("mean(yy)", "no value is called 'yy'.*did you mean 'y'"),
        ("y", r'an entry for each row.*shape: \["rows\(data\)"\]'),
        ("{init: y, shape: [3]}", r"the values have the shape \(4,\)"),
        ("y > 1", "the start of 'p' is bool"),
        ("[mean(y), 0]", r'in quotes as a whole: "\[mean'),
        ("log(-mean(y))", "not finite"),
        ("{init: mean(y), bounds: [5, 6]}", "outside of its bounds"),
        ("{init: -mean(y), transform: log}", "where the transform log is not defined"),
        ("{init: x.y, shape: [2]}", "no value is called 'x.y'"),
    ],
)
def test_what_is_no_start_is_refused(problem: Load, written: str, message: str) -> None:
    with pytest.raises(OptserveError, match=f"(?s)fit.yaml:5:.*{message}"):
        problem(
            f"{DATA}parameters: {{q: 1, p: {written}}}\n"
            "define: {varying: q * 2, f(t): t * q}\n"
            "loss: sum((y - q * varying)**2) + sum(p**2)\n"
        )


def test_a_function_is_no_value_of_its_name(problem: Load) -> None:
    made = problem(
        "data: {inline: {y: [1.0, 2.0, 4.0, 9.0]}}\n"
        "parameters: {mean: mean(y), std: f(y),"
        " b: {prior: {normal: {mean: 0, std: std(y)}}, init: 1}}\n"
        "define: {f(t): std(t)}\n"
        "least_squares: {observed: y, predicted: mean + b * std, sigma: 1}\n"
    )
    assert start(made, "mean") == 4.0
    assert start(made, "std") == np.std([1.0, 2.0, 4.0, 9.0])
    assert made.objective.kind == "least_squares"


def test_an_entry_for_each_row_has_none_for_those_held_out(problem: Load) -> None:
    with pytest.raises(OptserveError, match="over the training rows alone"):
        problem(
            "data: {inline: {y: [1, 2, 4, 9]}, split: {test: 0.5}}\n"
            "parameters: {p: {init: y, shape: ['rows(data)']}}\n"
            "loss: sum((y - p[row(data)])**2)\n"
        )
