"""``sigma`` of least squares: known before the fit, positive, infinite where nothing counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optserve.config.problem import load
from optserve.errors import ConfigError
from optserve.jobs.run import run
from tests.config.evaluation import Load

DATA = "data: {inline: {x: [0, 1, 2, 3], y: [1, 3, 5.2, 7], s: [0.1, -0.1, 0.1, 0.2]}}\n"
LINE = "parameters: {a: 0, b: 0}\nleast_squares: {observed: y, predicted: a + b * x, sigma: '%s'}\n"


def refused(problem: Load, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        problem(text)
    return caught.value


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        ("s", "sigma is -0.1 in row 2"),
        ("sqrt(s)", "sigma is nan in row 2"),
        ("s - 0.1", "sigma is 0 in row 1"),
        ("0", "sigma is 0"),
        ("-inf", "sigma is -inf"),
        ("inf", "sigma is infinite in every row, and nothing counts"),
        ("inf * x", "sigma is nan in row 1"),
        ("where(x < 9, inf, s)", "sigma is infinite in every row, and nothing counts"),
    ],
)
def test_what_is_no_standard_deviation_is_refused(problem: Load, sigma: str, message: str) -> None:
    error = refused(problem, DATA + LINE % sigma)
    assert error.message == message
    assert error.place is not None
    assert error.place.line == 4
    assert "standard deviation" in error.expected


@pytest.mark.parametrize("sigma", ["abs(a) + 0.1", "0.1 * model", "a"])
def test_one_that_depends_on_a_parameter_is_refused(problem: Load, sigma: str) -> None:
    error = refused(problem, f"{DATA}define: {{model: a + b * x}}\n{LINE % sigma}")
    assert "sigma depends on the parameter 'a'" in error.message
    assert f"`log_likelihood: -log({sigma}) - " in error.remedy


def test_the_remedy_is_the_likelihood_that_was_meant(problem: Load) -> None:
    text = DATA + "parameters: {a: 0, b: 1, noise: {init: 1, transform: log}}\n"
    line = "least_squares: {observed: y, predicted: a + b * x, sigma: noise}\n"
    _, remedy, _ = refused(problem, text + line).remedy.split("`")
    result = run(problem(f"{text}{remedy} + 0 * x\n"))
    x, y = np.arange(4.0), np.array([1, 3, 5.2, 7])
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    assert result.exit_code == 0
    assert result.parameters["noise"] == pytest.approx(np.sqrt(np.mean(residual**2)), rel=1e-5)


def test_one_that_depends_on_what_is_fixed_is_known(problem: Load) -> None:
    text = DATA + (
        "parameters: {a: 0, b: 0, noise: {init: 0.5, fixed: true}}\n"
        "least_squares: {observed: y, predicted: a + b * x, sigma: noise}\n"
    )
    result, plain = run(problem(text)), run(problem(DATA + LINE % "0.5"))
    assert result.standard_errors["a"] == pytest.approx(plain.standard_errors["a"])
    assert refused(problem, text.replace("init: 0.5", "init: -0.5")).message == "sigma is -0.5"


def test_rows_of_infinite_sigma_do_not_count(problem: Load) -> None:
    result = run(problem(DATA + LINE % "where(s > 0, s, inf)"))
    alone = run(problem(DATA.replace("}}\n", "}, where: s > 0}\n") + LINE % "s"))
    assert result.fit is not None
    assert alone.fit is not None
    assert (result.fit.observations, result.fit.degrees_of_freedom) == (3, 1)
    assert result.fit.sum_of_squares == pytest.approx(alone.fit.sum_of_squares)
    assert result.standard_errors == pytest.approx(alone.standard_errors)
    assert "residuals of infinite sigma do not count: 1" in result.notes


@pytest.mark.parametrize("chosen", ["where: x > 0", "split: {validation: 0.25, seed: 1}"])
def test_the_row_is_that_of_the_file(problem: Load, chosen: str) -> None:
    text = DATA.replace("}}\n", f"}}, {chosen}}}\n") + LINE % "s"
    assert refused(problem, text).message == "sigma is -0.1 in row 2"


def test_a_sigma_for_each_of_several_columns(problem: Load) -> None:
    text = DATA.replace("}}\n", "}, columns: {x: x, Y: [y, x]}}\n") + (
        "parameters: {a: 0, b: 0}\n"
        "least_squares: {observed: Y, predicted: 'a + b * x[:, None]', sigma: '[0.5, inf]'}\n"
    )
    assert problem(text).objective.weightless == 4


def test_streamed_data_are_gone_through(problem: Load, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).uniform(1.0, 2.0, (70_000, 20))
    rows[65_600, 2] = 0.0
    np.save(tmp_path / "long.npy", rows)
    columns = "columns: {x: 0, y: 1, s: 2, X: {take: '2:20'}}"
    text = f"data: {{read: long.npy, in_memory: false, {columns}}}\noptimizer: lbfgs\n{LINE}"
    for sigma in ("s", "X[:, 0]"):
        assert refused(problem, text % sigma).message == "sigma is 0 in row 65601"
    assert problem(text % "where(s > 0, s, inf)").objective.weightless == 1
    assert problem(text % "mean(s) + 0 * s").objective.weightless == 0


INFINITE = {"x": [0, 1, 2, 3], "y": [1, 3, 5.2, 70], "s": [0.1, 0.1, 0.2, np.inf]}


@pytest.mark.parametrize("way", ["inline", ".inf", "mapping", "csv", "npy", "columns", "drop"])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_column_that_sigma_names_may_be_infinite(
    problem: Load, tmp_path: Path, way: str, precision: str
) -> None:
    arrays = {name: np.array(column, float) for name, column in INFINITE.items()}
    rows = [",".join(map(str, row)) for row in zip(*INFINITE.values(), strict=True)]
    (tmp_path / "d.csv").write_text("\n".join(["x,y,s", *rows]) + "\n", encoding="utf-8")
    np.save(tmp_path / "d.npy", np.stack([*arrays.values()], axis=1))
    written = ", ".join(f"{name}: {column}" for name, column in INFINITE.items())
    line = f"precision: {precision}\n{LINE % 's'}"
    texts = {
        "inline": f"data: {{inline: {{{written}}}}}\n",
        ".inf": f"data: {{inline: {{{written.replace('inf', '.inf')}}}}}\n",
        "csv": "data: {read: d.csv}\n",
        "npy": "data: {read: d.npy, columns: {x: 0, y: 1, s: 2}}\n",
        "drop": "data: {read: d.csv, missing: drop, where: x >= 0}\n",
    }
    if way in texts:
        made = problem(texts[way] + line)
    else:
        config = {
            "version": 1,
            "precision": precision,
            "parameters": {"a": 0, "b": 0},
            "least_squares": {"observed": "y", "predicted": "a + b * x", "sigma": "s"},
        }
        given = {"data": {"inline": INFINITE}} if way == "mapping" else {}
        made = load({**config, **given}, data=None if given else arrays)
    result = run(made)
    assert result.exit_code == 0
    assert result.fit is not None
    assert (result.fit.observations, result.fit.degrees_of_freedom) == (3, 1)
    slope, _ = np.polyfit(arrays["x"][:3], arrays["y"][:3], 1, w=1.0 / arrays["s"][:3])
    assert result.parameters["b"] == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("least_squares: {observed: y, predicted: a + b * s, sigma: x + 1}", "inf"),
        ("least_squares: {observed: y, predicted: a + b * x, sigma: 2 * s}", "inf"),
        ("loss: sum((y - a - b * x)**2 * s)", "inf"),
    ],
)
def test_no_other_column_may_be_infinite(problem: Load, line: str, what: str) -> None:
    data = f"data: {{inline: {INFINITE}}}\n".replace("'", "")
    error = refused(problem, f"{data}parameters: {{a: 0, b: 0}}\n{line}\n")
    assert f"the column 's' has '{what}' in row 4" in error.message
    assert "a finite number" in error.expected


@pytest.mark.parametrize("cell", ["-inf", "nan", "x"])
def test_a_column_that_sigma_names_holds_numbers(problem: Load, cell: str) -> None:
    data = f"data: {{inline: {INFINITE}}}\n".replace("'", "").replace("inf", cell)
    error = refused(problem, data + LINE % "s")
    assert "the column 's' has" in error.message
