"""The graph of a loss: what it computes, and which data it asks for."""

from __future__ import annotations

import numpy as np
import pytest

from optserve.errors import ConfigError, OptserveError
from optserve.jobs.problem import Problem
from tests.config.evaluation import Load, evaluate


def names_of_inputs(problem: Problem) -> list[str]:
    return [variable.name for variable in problem.objective.graph.inputs]


def test_a_loss_with_data(problem: Load) -> None:
    made = problem("data: {read: d.csv}\nparameters: {b: 2}\nloss: sum((y - b * x)**2)\n")
    assert evaluate(made) == (1.0,)
    assert evaluate(made, 3.0) == ((2 - 3) ** 2 + (4 - 6) ** 2 + (7 - 9) ** 2,)
    assert made.objective.kind == "loss"
    assert (made.rows_read, made.rows_used) == (3, 3)
    assert (made.name, made.precision, made.seed, made.backend) == ("fit", "float64", 0, "auto")


def test_a_loss_without_data(problem: Load) -> None:
    made = problem("parameters: {x: -1.2, y: 1}\nloss: (1 - x)**2 + 100 * (y - x**2)**2\n")
    np.testing.assert_allclose(evaluate(made)[0], 24.2)
    assert made.objective.data == {}
    assert made.rows_read is None


def test_least_squares_of_a_comparison(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\nparameters: {b: 2}\n"
        "least_squares: {observed: y, predicted: b * x, sigma: 0.5}\n"
    )
    loss, residual, observed = evaluate(made)
    np.testing.assert_allclose(residual, [0.0, 0.0, 2.0])
    np.testing.assert_allclose(observed, [2.0, 4.0, 7.0])
    assert loss == 4.0
    objective = made.objective
    assert (objective.residuals, objective.sigma, objective.observed) == (("residual",), True, True)


def test_least_squares_of_named_residuals_and_a_penalty(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\n"
        "parameters: {b: {init: [2, 1], penalty: {l2: 0.25}}, c: {init: 3, penalty: {l2: 1}}}\n"
        "least_squares:\n  line: y - b[0] * x\n  prior: b[1] - c\n"
    )
    loss, *residuals = evaluate(made)
    assert made.objective.residuals == ("line", "prior", "penalty.b", "penalty.c")
    assert made.objective.penalties == {"penalty.b", "penalty.c"}
    np.testing.assert_allclose(residuals[0], [0.0, 0.0, 1.0])
    np.testing.assert_allclose(residuals[2], [1.0, 0.5])
    np.testing.assert_allclose(loss, sum(np.sum(residual**2) for residual in residuals))
    assert not made.objective.observed


def test_a_log_likelihood_is_maximized(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\nparameters: {b: {init: 2, penalty: {l2: 0.5}}}\n"
        "log_likelihood: -(y - b * x)**2\n"
    )
    loss, likelihood = evaluate(made)
    np.testing.assert_allclose(likelihood, [0.0, 0.0, -1.0])
    assert loss == 1.0 + 0.5 * 4.0


def test_penalties_add_to_a_loss(problem: Load) -> None:
    made = problem("parameters: {b: {init: [3, 4], penalty: {l2: 0.5}}}\nloss: sum(b)\n")
    assert evaluate(made) == (7.0 + 12.5,)


def test_only_what_is_used_is_read(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\nparameters: {b: 2}\ndefine: {unused: sum(k * y)}\nloss: sum(b * x)\n"
    )
    assert list(made.objective.data) == ["x"]
    assert names_of_inputs(made) == ["b", "x"]
    with pytest.raises(ConfigError, match=r"d\.csv:2:5: the column 'note' has a missing value"):
        problem("data: {read: d.csv}\nparameters: {b: 2}\nloss: sum(b * note)\n")


def test_unused_parameters_stay_and_are_told(problem: Load) -> None:
    made = problem("parameters: {a: 1, b: 2}\nloss: b**2\n")
    assert names_of_inputs(made) == ["a", "b"]
    [warning] = made.warnings
    assert warning.endswith("fit.yaml:2:14: the loss does not depend on the parameter 'a'")


def test_every_form_of_define(problem: Load) -> None:
    made = problem(
        "data: {read: d.csv}\n"
        "parameters: {b: 2}\n"
        "define:\n"
        "  two: 2\n"
        "  line: b * x\n"
        "  square(t): t**two\n"
        "  step(s, t): {half: s / 2, return: half + t}\n"
        "  shifted: {compose: [{subtract: 1}, {multiply: 3}]}\n"
        "  other: {pipe: [{multiply: 3}, {subtract: 1}]}\n"
        "loss: sum(square(line)) + step(4, b) + shifted(b) + 10 * other(b)\n"
    )
    assert evaluate(made) == (4 * (1 + 4 + 9) + 4.0 + 11 * (3 * 2 - 1),)


def test_a_table_without_rows_is_constant(problem: Load) -> None:
    made = problem(
        "data: {d: {read: d.csv}, c: {read: w.csv, rows: false}}\n"
        "parameters: {b: 2}\nloss: sum(d.x) * sum(c.w) * b\n"
    )
    assert evaluate(made) == (6 * 2.5 * 2,)
    assert (made.rows_used, made.rows_read) == (3, 3)
    assert {v.name: str(v.aval) for v in made.objective.graph.inputs} == {
        "b": "float64[]",
        "d.x": "float64[d]",
        "c.w": "float64[2]",
    }


def test_two_tables_keep_their_rows_apart(problem: Load) -> None:
    text = "data: {a: {read: d.csv}, b: {read: d.csv}}\nparameters: {p: 2}\n"
    assert evaluate(problem(f"{text}loss: p * sum(a.x) + sum(b.y)\n")) == (25.0,)
    with pytest.raises(OptserveError, match="broadcast"):
        problem(f"{text}loss: p * sum(a.x + b.y)\n")


def test_a_column_may_be_taken_in_two_kinds(problem: Load) -> None:
    columns = "{k: {take: k, as: integer}, f: k, X: [x, k], g: {take: k, as: category}}"
    made = problem(
        f"data: {{read: d.csv, columns: {columns}}}\nparameters: {{b: [1, 10]}}\n"
        "loss: sum(b[k]) + sum(b[g]) + sum(f) + sum(X)\n"
    )
    assert evaluate(made) == (12 + 12 + 1 + (6 + 1),)
    dtypes = {name: array.dtype.name for name, array in made.objective.data.items()}
    assert dtypes == {"k": "int64", "f": "float64", "X": "float64", "g": "int64"}


def test_inline_data(problem: Load) -> None:
    made = problem(
        "data: {inline: {x: [1, 2.5], g: [b, a]}, columns: {x: x, g: {take: g, as: category}}}\n"
        "parameters: {b: [1, 10]}\nloss: sum(x * b[g])\n"
    )
    assert evaluate(made) == (10 * 1 + 1 * 2.5,)


def test_places_of_the_config_are_on_the_graph(problem: Load) -> None:
    made = problem("parameters: {b: 1}\nloss: >-\n  exp(b) +\n  log(b)\n")
    places = {
        equation.primitive.name: equation.place for equation in made.objective.graph.equations
    }
    exp, log = places["exp"], places["log"]
    assert exp is not None
    assert log is not None
    assert (exp.line, exp.column, log.line, log.column) == (4, 3, 5, 3)
